import shutil

import pyarrow as pa
import pytest

from data_builders import IMPORTERS
from data_builders.importers.parts import Parts, alone, blocks_folder
from nasbench.errors import InvalidArgumentError

SOURCE = {"sha256": "7a"}
TABLE = pa.table({"a": [0.5 * i for i in range(500)], "b": [str(i) for i in range(500)]})
BLOCK = TABLE.replace_schema_metadata({"end": "17"})


def never():
    raise AssertionError("a block is made again")


def test_one_import_at_a_time_uses_blocks(tmp_path):
    with alone(tmp_path / "work" / "nb101"), alone(tmp_path / "work" / "nb301"):
        with (
            pytest.raises(InvalidArgumentError, match=r"another import uses .*nb101.*--work"),
            alone(tmp_path / "work" / "nb101"),
        ):
            pass
        assert not (tmp_path / "work" / "nb101").exists()
    assert not list((tmp_path / "work").iterdir())


def test_two_imports_of_one_archive_do_not_meet(official, tmp_path):
    archive = official.folder(tmp_path / "archive", "tss", official.records("tss", [7]))
    importer, work = IMPORTERS.load("nats")(), tmp_path / "work"
    first = importer.tables([archive], work=work)
    next(first)
    with pytest.raises(InvalidArgumentError, match="another import uses"):
        next(importer.tables([archive], work=work))
    assert len(list(first)) == 3
    assert len(list(importer.tables([archive], work=work))) == 4


@pytest.mark.parametrize("name", ["nb101", "nb301", "nats", "nb201", "fcnet", "nbgraph"])
def test_a_folder_that_holds_anything_else_is_never_touched(tmp_path, name):
    files = {
        "nb101": "nasbench_full.tfrecord",
        "nb301": "a.zip",
        "nats": "a.pickle.pbz2",
        "nb201": "a.pth",
        "fcnet": "fcnet_protein_structure_data.hdf5",
        "nbgraph": "cora0.bench",
    }
    ends = f"-{files[name]}" if name in ("nats", "nb201") else ""
    folder = tmp_path / f"{name}{ends}-blocks"
    archive = folder / files[name]
    folder.mkdir()
    archive.write_bytes(b"\x80\4mine" if name in ("nb201", "nbgraph") else b"mine")
    (folder / "source.json").write_text("{}")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InvalidArgumentError, match=f"{archive.name} in it.* never deleted: move"):
        next(IMPORTERS.load(name)().tables([archive], work=tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_what_users_have_does_not_meet_the_blocks(official, tmp_path):
    work = tmp_path / "work"
    archive = official.folder(work / "nats-a", "tss", official.records("tss", [7]))
    for _ in range(2):
        assert len(list(IMPORTERS.load("nats")().tables([archive], work=work))) == 4
        assert sorted(path.name for path in work.iterdir()) == ["nats-a"]
        assert len(list(archive.iterdir())) == 2
        archive = archive.rename(work / "a")
        archive = archive.rename(work / "nats-a")


def test_links_are_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    Parts(tmp_path / "mine", SOURCE).get(0, lambda: BLOCK)
    (tmp_path / "nb101-blocks").symlink_to(tmp_path / "mine")
    with pytest.raises(InvalidArgumentError, match="no folder"):
        blocks_folder(tmp_path, "nb101")
    with pytest.raises(InvalidArgumentError, match="no folder"):
        Parts(tmp_path / "nb101-blocks", {})
    assert len(list((tmp_path / "mine").iterdir())) == 2


def test_blocks_are_kept_until_they_are_removed(tmp_path):
    folder = blocks_folder(tmp_path, "nb101")
    assert Parts(folder, SOURCE).get(3, lambda: BLOCK).equals(BLOCK)
    again = Parts(blocks_folder(tmp_path, "nb101"), SOURCE)
    assert again.get(3, never).equals(BLOCK, check_metadata=True)
    again.remove()
    assert not folder.exists()


def test_a_block_counts_for_its_number_and_its_source_only(tmp_path):
    folder = tmp_path / "blocks"
    Parts(folder, SOURCE).get(3, lambda: TABLE)
    block = (folder / "000003.arrow").read_bytes()
    (folder / "000004.arrow").write_bytes(block)
    assert Parts(folder, SOURCE).get(4, lambda: BLOCK).equals(BLOCK, check_metadata=True)
    other = Parts(folder, {"sha256": "8b"})
    assert not folder.exists()
    other.get(0, lambda: TABLE)
    (folder / "000003.arrow").write_bytes(block)
    assert other.get(3, lambda: BLOCK).equals(BLOCK, check_metadata=True)


def test_every_damaged_block_is_made_again(tmp_path):
    parts = Parts(tmp_path / "blocks", SOURCE)
    parts.get(0, lambda: BLOCK)
    path = tmp_path / "blocks/000000.arrow"
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 97), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        made = []
        parts.get(0, lambda made=made: made.append(0) or BLOCK)
        assert made == [0]
        assert path.read_bytes() == whole
    for rest in (b"", whole[:20], whole[:-1], whole + b"\0"):
        path.write_bytes(rest)
        assert parts.get(0, lambda: BLOCK).equals(BLOCK)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("kind", ["tss folder", "tss file"])
def test_tables_do_not_depend_on_damage_of_stored_blocks(official, tmp_path, kind):
    records = official.records("tss", [7, 8])
    archive = tmp_path / "a.pickle.pbz2"
    if kind == "tss file":
        official.file(archive, "tss", records)
    else:
        official.folder(archive, "tss", records)
    importer, work = IMPORTERS.load("nats")(), tmp_path / "work"
    expected = [(table.runs, table.archs) for table in importer.tables([archive], work=work)]
    stopped = importer.tables([archive], work=work)
    next(stopped)
    stopped.close()
    stored = sorted((work / "nats-a.pickle.pbz2-blocks").glob("*.arrow"))
    assert len(stored) == 4 + (kind == "tss file")
    for number, path in enumerate(stored):
        content = bytearray(path.read_bytes())
        content[60 + 100 * number] ^= 4
        path.write_bytes(content)
    found = [(table.runs, table.archs) for table in importer.tables([archive], work=work)]
    assert found == expected
    stopped = importer.tables([archive], work=work)
    next(stopped)
    stopped.close()
    (work / "nats-a.pickle.pbz2-blocks/000002.arrow").unlink()
    found = [(table.runs, table.archs) for table in importer.tables([archive], work=work)]
    assert found == expected
    assert not list(work.iterdir())


@pytest.mark.parametrize("left", ["nothing", "label", "block", "other label", "no label"])
def test_what_a_kill_leaves_is_used_or_deleted(tmp_path, left):
    folder = blocks_folder(tmp_path, "nb101")
    folder.mkdir()
    if left == "label":
        (folder / ".source.json.k2_x.nasbench-tmp").write_bytes(b"{")
    elif left == "block":
        Parts(folder, SOURCE).get(0, lambda: BLOCK)
        (folder / ".000001.arrow.k2_x.nasbench-tmp").write_bytes(b"\0" * 40)
    elif left == "other label":
        Parts(folder, {}).get(0, lambda: TABLE)
        (folder / ".source.json.k2_x.nasbench-tmp").write_bytes(b"{")
    elif left == "no label":  # the label is deleted last
        Parts(folder, SOURCE).get(0, lambda: BLOCK)
        (folder / "source.json").unlink()
        (folder / "000000.arrow").unlink()
    parts = Parts(blocks_folder(tmp_path, "nb101"), SOURCE)
    assert parts.get(0, lambda: BLOCK).equals(BLOCK)
    parts.remove()
    assert not list(tmp_path.iterdir())


def test_a_folder_in_which_a_file_was_put_meanwhile_stays(tmp_path):
    folder = blocks_folder(tmp_path, "nb101")
    parts = Parts(folder, SOURCE)
    parts.get(0, lambda: BLOCK)
    (folder / "mine").write_bytes(b"")
    parts.remove()
    assert (folder / "mine").exists()
    with pytest.raises(InvalidArgumentError, match="mine in it"):
        blocks_folder(tmp_path, "nb101")
    (folder / "mine").unlink()
    shutil.rmtree(folder)
    assert blocks_folder(tmp_path, "nb101") == folder
