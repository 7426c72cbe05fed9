"""What lies at the place of a new table is replaced only if somebody says so."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.errors import InvalidArgumentError, SchemaError, UnreadableTableError
from nasbench.tables.draft import Draft
from nasbench.tables.places import check_place, digest_at, refuse_taken, table_path
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table


@pytest.fixture
def written(content, tmp_path):
    """``written(change)`` writes the toy after a change, and returns what the table says."""

    def write(change=None, *, path=tmp_path / "toy.parquet", **options):
        toy = content()
        if change:
            toy = change(toy) or toy
        runs, archs = toy.tables()
        return write_table(path, Draft(toy.metadata, runs, archs, toy.columns), **options)

    return write


def better(toy):
    toy.runs[0]["valid_accuracy"][0] += 1


def retold(toy):
    return replace(toy, metadata=replace(toy.metadata, title="told otherwise", source="elsewhere"))


def newer(toy):
    return replace(toy, metadata=replace(toy.metadata, version=2))


def other_latency(toy):
    toy.archs[0]["latency_toy_ms"] = 9.5


def without_archs(toy):
    return replace(toy, archs=None)


DIFFERENT = {
    "numbers": (better, "holds toy@1 with other numbers"),
    "numbers of architectures": (other_latency, "holds toy@1 with other numbers"),
    "no numbers of architectures": (without_archs, "holds toy@1 with other numbers"),
    "texts": (retold, "holds toy@1 with the same numbers but another source, title"),
    "version": (newer, "holds toy@1, not toy@2"),
}


def state(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


@pytest.mark.parametrize(("change", "message"), DIFFERENT.values(), ids=DIFFERENT)
def test_another_table_is_replaced_only_if_it_is_said(written, tmp_path, change, message):
    written()
    before = state(tmp_path)
    with pytest.raises(InvalidArgumentError, match=f"{message}: say --replace .replace=True."):
        written(change)
    assert state(tmp_path) == before
    made = written(change, replace=True)
    table = Table(tmp_path / "toy.parquet")
    table.check()
    assert table.metadata == made
    assert archs_file(table.path).exists() == (change is not without_archs)


def test_the_same_table_is_already_there(written, tmp_path):
    made = written()
    before = state(tmp_path)
    for replace_ in (False, True):
        assert written(replace=replace_) == made
        assert state(tmp_path) == before


def test_a_table_whose_writing_was_interrupted_is_completed(written, tmp_path):
    made, path = written(), tmp_path / "toy.parquet"
    for file in (archs_file(path), path):
        file.unlink()
        assert written() == made
        Table(path).check()
    path.unlink()
    with pytest.raises(InvalidArgumentError, match="holds numbers of another table, not toy@1"):
        written(other_latency)
    written()
    written(other_latency, path=tmp_path / "b" / "toy.parquet")
    archs_file(tmp_path / "b" / "toy.parquet").replace(archs_file(path))  # the partner before it
    written()
    Table(path).check()


def test_a_table_with_a_damaged_byte_is_written_again(written, tmp_path):
    written()
    path = tmp_path / "toy.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(UnreadableTableError):
        Table(path).check()
    written()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["toy.parquet", "toy.archs.parquet"])
@pytest.mark.parametrize("kind", ["parquet", "text", "folder", "link"])
def test_what_is_no_table_is_never_replaced(written, tmp_path, name, kind):
    path = tmp_path / name
    if kind == "parquet":
        pq.write_table(pa.table({"mine": [1, 2]}), path)
    elif kind == "text":
        path.write_text("mine")
    elif kind == "link":
        path.symlink_to("a disk that is not there")
    else:
        path.mkdir()
    for change in (None, without_archs):
        for replace_ in (False, True):
            with pytest.raises(InvalidArgumentError, match=rf"{name} is no table of this suite"):
                written(change, replace=replace_)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("end", [".archs", ".parquet"])
def test_no_id_ends_like_the_files_of_a_table(written, tmp_path, end):
    def ends(toy):
        return replace(toy, metadata=replace(toy.metadata, id=f"toy{end}"))

    with pytest.raises(SchemaError, match=f"must not end in '{end}'"):
        written(ends)
    assert not list(tmp_path.iterdir())


def test_a_version_has_a_file_of_its_own(written, tmp_path):
    plain, second = tmp_path / "toy.parquet", tmp_path / "toy@2.parquet"
    assert table_path(tmp_path, "toy", 2) == plain
    written()
    assert table_path(tmp_path, "toy", 1) == plain
    assert table_path(tmp_path, "toy", 2) == second
    written(newer, path=second)
    assert digest_at(second) != digest_at(plain)
    plain.unlink()
    assert table_path(tmp_path, "toy", 2) == second


def test_work_that_would_end_in_replacing_is_not_begun(tmp_path):
    refuse_taken(tmp_path / "scores.parquet", "a table of scores")
    (tmp_path / "scores.parquet").touch()
    with pytest.raises(InvalidArgumentError, match=r"scores.parquet exists.*--replace"):
        refuse_taken(tmp_path / "scores.parquet", "a table of scores")
    (tmp_path / "link.parquet").symlink_to("a disk that is not there")
    with pytest.raises(InvalidArgumentError, match=r"link.parquet exists"):
        refuse_taken(tmp_path / "link.parquet", "a table of scores")


@pytest.mark.parametrize("name", ["toy.parquet", "toy.archs.parquet"])
def test_work_that_could_not_be_written_is_not_begun(written, tmp_path, name):
    path = tmp_path / "toy.parquet"
    check_place(path, "a table", replace=False)
    written()
    check_place(path, "a table", replace=True)
    with pytest.raises(InvalidArgumentError, match="a table would replace it: say so with --repl"):
        check_place(path, "a table", replace=False)
    for file in (path, archs_file(path)):
        file.unlink()
    (tmp_path / name).write_text("mine")
    for replace_ in (False, True):
        with pytest.raises(InvalidArgumentError, match=f"{name} is no table .* is never replaced"):
            check_place(path, "a table", replace=replace_)
