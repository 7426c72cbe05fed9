"""The importer of NAS-Bench-201 on archives that torch.save writes."""

import bz2
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch

import nasbench
from data_builders.importer import Progress, silent
from data_builders.importers import nb201
from data_builders.importers.nats import blocks
from data_builders.importers.nb201 import NB201Importer
from nasbench import Budget
from nasbench.errors import ArchiveError, InvalidArgumentError, NotRecordedError
from nasbench.spaces.nb201 import NB201
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SHARED = Path(os.environ["NASBENCH_SHARED"])
PUBLISHED = SHARED / "data/published/NATS-tss-v1_0-3ffb9-simple"
FILES = {"1.0": "NAS-Bench-201-v1_0-e61699.pth", "1.1": "NAS-Bench-201-v1_1-096897.pth"}
SETS = {
    "cifar10-valid": ("cifar10-valid", {"valid": "x-valid", "test": "ori-test"}),
    "cifar10": ("cifar10", {"test": "ori-test"}),
    "cifar100": ("cifar100", {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}),
    "ImageNet16-120": (
        "imagenet16",
        {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"},
    ),
}
SPACE = NB201()
Records = dict[int, dict[str, Any]]


def content(official: Any, records: Records, **more: Any) -> dict[str, Any]:
    """What the archive is, before it is saved."""
    return {
        "meta_archs": official.cells,
        "arch2infos": records,
        "evaluated_indexes": set(records),
        **more,
    }


def save(path: Path, archive: Any, *, zipped: bool = False) -> Path:
    torch.save(archive, path, _use_new_zipfile_serialization=zipped)
    return path


def v11(official: Any, indices: Any, make_state: Callable[..., Any]) -> Records:
    """Records as of v1.1: 12 epochs on all training sets; 1, 2 or 3 seeds for 200 epochs."""
    less = {name: [111, 777] if name == "cifar10-valid" else [111] for name in SETS}
    records = {}
    for index in indices:
        full = dict.fromkeys(SETS, [777, 888, 999][: 1 + index % 3])
        text = official.cells[index]
        records[index] = {
            "less": make_state(index, text, 12, less),
            "full": make_state(index, text, 200, full),
        }
    return records


def v10(official: Any, indices: Any, make_state: Callable[..., Any]) -> Records:
    """Records as of v1.0: no times, and 12 epochs on half of CIFAR-10 only."""
    records = {}
    for index in indices:
        text = official.cells[index]
        full = dict.fromkeys(SETS, [777, 888, 999][: 1 + index % 3])
        records[index] = {
            "less": make_state(index, text, 12, {"cifar10-valid": [777]}, times=False),
            "full": make_state(index, text, 200, full, times=False),
        }
    return records


def convert(path: Path, folder: Path, progress: Progress = silent) -> Path:
    """Import as the command line does; every table is written as soon as it is there."""
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    for table in NB201Importer().tables([path], work=folder / "work", progress=progress):
        target = out / f"{table.metadata.id}.parquet"
        write_table(target, table)
    return out


def hashes(out: Path) -> dict[str, str]:
    return {p.name: Table(p).metadata.content_hash for p in sorted(out.glob("*[!s].parquet"))}


@pytest.fixture(scope="module")
def newer(official: Any, make_state: Any, tmp_path_factory: Any) -> Any:
    """Made-up records of v1.1, and their tables."""
    folder = tmp_path_factory.mktemp("newer")
    records = v11(official, (0, 11, 284, 285, 15_000), make_state)
    path = save(folder / FILES["1.1"], content(official, records))
    return records, path, convert(path, folder)


@pytest.fixture(scope="module")
def older(official: Any, make_state: Any, tmp_path_factory: Any) -> Any:
    """Made-up records of v1.0, and their tables."""
    folder = tmp_path_factory.mktemp("older")
    records = v10(official, (0, 11, 284, 285, 15_000), make_state)
    path = save(folder / FILES["1.0"], content(official, records))
    return records, path, convert(path, folder)


def check_every_number(release: str, records: Records, out: Path) -> None:
    """Compare tables with records, number by number, for exact equality."""
    for name, (id_, parts) in SETS.items():
        path = out / f"nb201-v{release}-{id_}.parquet"
        benchmark = nasbench.load(path, objectives=["test_accuracy"])
        count = 0
        for index, record in records.items():
            arch = SPACE.from_text(record["full"]["arch_str"])
            for hp, schedule in (("less", 12), ("full", 200)):
                for (of, seed), result in record[hp]["all_results"].items():
                    if of != name:
                        continue
                    count += 1
                    answer = benchmark.query(arch, schedule=schedule, seed=seed)
                    assert answer["index"] == index
                    assert answer["published_parameters"] == result["params"]
                    curves = {
                        "train_accuracy": list(result["train_acc1es"].values()),
                        "train_loss": list(result["train_losses"].values()),
                    }
                    if result["train_times"]:
                        curves["seconds"] = list(accumulate(result["train_times"].values()))
                    for prefix, part in parts.items():
                        for metric, key in (("accuracy", "eval_acc1es"), ("loss", "eval_losses")):
                            curves[f"{prefix}_{metric}"] = [
                                result[key].get(f"{part}@{e}") for e in range(schedule)
                            ]
                    for metric, values in curves.items():
                        for epoch in (*range(1, schedule, schedule // 4), schedule):
                            value = values[epoch - 1]
                            at = benchmark.query(arch, epoch=epoch, schedule=schedule, seed=seed)
                            assert dict(at).get(metric) == value
        assert len(benchmark.table.ranks) == count


def test_the_contract_is_kept(newer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 2)
    check_importer(NB201Importer(), [newer[1]], work=tmp_path)


# --- round trips ---------------------------------------------------------------------------------


def test_every_number_of_both_releases_is_read(newer: Any, older: Any) -> None:
    check_every_number("1.1", newer[0], newer[2])
    check_every_number("1.0", older[0], older[2])


def test_both_layouts_of_torch_give_the_same_tables(
    newer: Any, official: Any, tmp_path: Path
) -> None:
    records, path, out = newer
    assert path.read_bytes()[:2] != b"PK"
    zipped = save(tmp_path / FILES["1.1"], content(official, records), zipped=True)
    assert zipped.read_bytes()[:2] == b"PK"
    told: list[tuple[int, int]] = []
    assert hashes(convert(zipped, tmp_path, lambda *done: told.append(done))) == hashes(out)
    assert len(told) == len(records)
    assert told[-1][0] <= told[-1][1] == zipped.stat().st_size


def test_the_list_of_architectures_may_come_last(newer: Any, tmp_path: Path, official: Any) -> None:
    records, _, out = newer
    archive = dict(reversed(content(official, records).items()))
    assert hashes(convert(save(tmp_path / "a.pth", archive), tmp_path)) == hashes(out)


def test_published_records_give_the_published_numbers(official: Any, tmp_path: Path) -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"needs {PUBLISHED}; set NASBENCH_SHARED to the folder that holds it")
    records = {}
    for index in (0, 11, 284):
        data = bz2.decompress((PUBLISHED / f"{index:06d}.pickle.pbz2").read_bytes())
        record = pickle.loads(data)
        records[index] = {"less": record["12"], "full": record["200"]}
    out = convert(save(tmp_path / FILES["1.1"], content(official, records)), tmp_path)
    check_every_number("1.1", records, out)
    cell = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
    benchmark = nasbench.load(out / "nb201-v1.1-cifar10-valid.parquet")
    answers = [benchmark.query(cell, seed=seed) for seed in (777, 888, 999)]
    assert [round(a["valid_accuracy"], 3) for a in answers] == [86.052, 86.020, 86.068]
    assert [a["test_accuracy"] for a in answers] == [85.83, 85.57, 85.51]
    assert benchmark.query(cell, epoch=12, seed=111)["seconds"] == sum([4.875794370969136] * 12)
    assert answers[0]["validation_seconds"] == 2.389493485291799


def test_torch_is_not_needed(newer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert hashes(convert(newer[1], tmp_path)) == hashes(newer[2])


# --- what the tables are -------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["1.0", "1.1"])
def test_tables_are_valid_and_can_be_searched(release: str, newer: Any, older: Any) -> None:
    records, _, out = older if release == "1.0" else newer
    for id_, _ in SETS.values():
        path = out / f"nb201-v{release}-{id_}.parquet"
        table = Table(path)
        table.check()
        metadata = table.metadata
        assert metadata.id in NB201Importer.ids
        assert not metadata.complete
        assert metadata.recipe["release"] == FILES[release].removesuffix(".pth")
        assert len(table.written_archs) == len(records)
        both = {s: list(range(1, s + 1)) for s in (12, 200)}
        only_full = release == "1.0" and id_ != "cifar10-valid"
        assert metadata.epochs == ({200: both[200]} if only_full else both)
        assert ("seconds" in table.columns) == (release == "1.1")
        assert ("validation_seconds" in table.columns) == (release == "1.1" and id_ != "cifar10")
        assert ("no times" in metadata.elsewhere) == (release == "1.0")
        for name, column in (table.columns | table.arch_columns).items():
            assert column.description, f"{name} is not explained"
        runs = nasbench.search(
            "random_search",
            str(path),
            seeds=range(20),
            budget=Budget(trials=5),
            objectives=None if id_ != "cifar10" else ["test_accuracy"],
        )
        assert len(list(runs)) == 20


def test_releases_are_told_apart_without_the_name(newer: Any, older: Any, tmp_path: Path) -> None:
    for number, (_, path, out) in enumerate((newer, older)):
        nameless = tmp_path / f"{number}.pth"
        nameless.write_bytes(path.read_bytes())
        assert hashes(convert(nameless, tmp_path / str(number))) == hashes(out)


def test_evaluations_after_the_last_epoch_only(
    official: Any, make_state: Any, tmp_path: Path
) -> None:
    records = v10(official, (0, 1, 2), make_state)
    rare = records[0]["less"]["all_results"]["cifar10-valid", 777]
    whole = records[1]["full"]["all_results"]["cifar10-valid", 777]
    for key in ("eval_acc1es", "eval_losses"):
        rare[key] = {k: v for k, v in rare[key].items() if k in ("x-valid@11", "ori-test@11")}
        whole[key] |= {f"ori-test@{epoch}": 50.0 for epoch in range(200)}
    out = convert(save(tmp_path / "a.pth", content(official, records)), tmp_path)
    check_every_number("1.0", records, out)
    table = Table(out / "nb201-v1.0-cifar10-valid.parquet")
    assert table.epochs("valid_accuracy", 12) == list(range(1, 13))
    assert table.epochs("test_accuracy", 200) == list(range(1, 201))
    for record in records.values():
        for (name, _), result in record["full"]["all_results"].items():
            if name == "cifar100":
                for key in ("eval_acc1es", "eval_losses"):
                    result[key] = {k: v for k, v in result[key].items() if k.endswith("@199")}
    out = convert(save(tmp_path / "b.pth", content(official, records)), tmp_path / "second")
    assert Table(out / "nb201-v1.0-cifar100.parquet").epochs("valtest_loss", 200) == [200]


def test_times_that_differ_are_averaged(official: Any, make_state: Any, tmp_path: Path) -> None:
    records = v11(official, [0], make_state)
    times = records[0]["full"]["all_results"]["cifar10-valid", 777]["eval_times"]
    times |= {f"x-valid@{epoch}": 1.0 + epoch % 2 for epoch in range(200)}
    del times["x-valid@0"], times["x-valid@1"]
    out = convert(save(tmp_path / "a.pth", content(official, records)), tmp_path)
    benchmark = nasbench.load(out / "nb201-v1.1-cifar10-valid.parquet")
    assert benchmark.query(official.cells[0], seed=777)["validation_seconds"] == 1.5


def test_a_number_that_some_trainings_lack_is_no_column(
    official: Any, make_state: Any, tmp_path: Path
) -> None:
    records = v10(official, [0, 1], make_state)
    for (name, seed), result in records[1]["full"]["all_results"].items():
        if name == "cifar100":
            result["latency"] = None
        if name == "cifar10" and seed == 777:
            result["latency"] = []
    out = convert(save(tmp_path / "a.pth", content(official, records)), tmp_path)
    one, some, every = (
        Table(out / f"nb201-v1.0-{id_}.parquet") for id_ in ("cifar100", "cifar10", "imagenet16")
    )
    assert "published_latency" in every.columns
    assert "latency_gpu_ms" in every.arch_columns
    assert "published_latency" not in {**one.columns, **some.columns}
    assert "latency_gpu_ms" not in one.arch_columns
    assert "latency_gpu_ms" in some.arch_columns
    with pytest.raises(NotRecordedError):
        nasbench.load(one.path).query(official.cells[0])["published_latency"]


# --- archives that are not accepted --------------------------------------------------------------


def refused(path: Path, folder: Path, reason: str, error: Any = ArchiveError) -> None:
    """The import ends with this error, and nothing is left."""
    with pytest.raises(error, match=reason):
        convert(path, folder)
    assert list((folder / "out").iterdir()) == []


@pytest.mark.parametrize("release", ["1.0", "1.1"])
def test_a_release_under_the_name_of_the_other_is_refused(
    release: str, newer: Any, older: Any, tmp_path: Path
) -> None:
    data = (older if release == "1.0" else newer)[1].read_bytes()
    other = "1.1" if release == "1.0" else "1.0"
    for name in (FILES[other], f"nb201_v{other}.pth", f"x-{FILES[other][-10:]}"):
        path = tmp_path / name
        path.write_bytes(data)
        refused(path, tmp_path, rf"holds release v{release}, but its name says another one")


def test_a_mixture_of_releases_is_refused(official: Any, make_state: Any, tmp_path: Path) -> None:
    mixed = v11(official, [0], make_state) | v10(official, [1], make_state)
    refused(save(tmp_path / "a.pth", content(official, mixed)), tmp_path, "neither v1.0.* nor v1.1")
    untimed = v11(official, [0], make_state)
    for state in untimed[0].values():
        for result in state["all_results"].values():
            result["train_times"] = None
    path = save(tmp_path / "b.pth", content(official, untimed))
    refused(path, tmp_path, "0 of 9 trainings have times")


DEVIATIONS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda r: r.pop("less"), "has no 'less'"),
    (lambda r: r.update({"12": r["less"]}), "unknown schedule '12'"),
    (lambda r: r["less"].update(arch_index=1), "index and architecture"),
    (
        lambda r: r["full"]["all_results"].update({("cifar1O", 1): {}}),
        "unknown training set 'cifar1O'; did you mean 'cifar10'",
    ),
    (lambda r: c100(r)["train_losses"].pop(0), "train_losses has no entry 0"),
    (lambda r: c100(r)["eval_acc1es"].pop("x-test@199"), "x-test@199"),
    (lambda r: c100(r)["eval_acc1es"].pop("ori-test@7"), "entries"),
    (
        lambda r: c100(r)["eval_acc1es"].update({"ori-test@9": float("nan")}),
        "valtest_accuracy of nan",
    ),
    (lambda r: c100(r)["eval_acc1es"].update({"ori-test@9": 3.14159}), "3.14159 % of 10000 images"),
    (lambda r: c100(r).update(params=0.2), "parameters are"),
    (lambda r: c100(r).update(latency=[-1.0]), "latency is -1"),
    (lambda r: c100(r).update(latency=7.0), "latency is 7.0"),
    (lambda r: c100(r)["train_times"].update({3: "soon"}), ", not a number"),
    (lambda r: c100(r)["train_times"].pop(3), "train_times has no entry 3"),
    (lambda r: c100(r)["eval_times"].update({"x-test@3": -1.0}), "eval_times holds -1.0"),
]


def c100(record: Any) -> Any:
    return record["full"]["all_results"]["cifar100", 777]


@pytest.mark.parametrize(("change", "reason"), DEVIATIONS)
def test_a_deviation_from_the_layout_is_named(
    change: Callable[[Any], Any], reason: str, official: Any, make_state: Any, tmp_path: Path
) -> None:
    records = v11(official, [3], make_state)
    change(records[3])
    path = save(tmp_path / FILES["1.1"], content(official, records))
    refused(path, tmp_path, rf"096897\.pth, architecture 3.*({reason})")


def test_an_unknown_operation_is_named(official: Any, make_state: Any, tmp_path: Path) -> None:
    cells = [text.replace("avg_pool_3x3", "max_pool_3x3") for text in official.cells[:2]]
    less = {"cifar10-valid": [777]}
    records = {0: {k: make_state(0, cells[0], s, less) for k, s in (("less", 12), ("full", 200))}}
    path = save(tmp_path / "a.pth", content(official, records))
    refused(path, tmp_path, "unknown operation 'max_pool_3x3'; did you mean 'avg_pool_3x3'")


def test_numbering_is_checked(official: Any, make_state: Any, tmp_path: Path) -> None:
    records = v11(official, [0, 1], make_state)
    save(path := tmp_path / "a.pth", content(official, records, evaluated_indexes=[0, 1, 5]))
    refused(path, tmp_path, "1 records are missing, the first is 5")
    save(path, content(official, records, meta_archs=official.cells[::-1]))
    refused(path, tmp_path, "not the official list of the 15625 architectures of 'nb201'")
    save(path, content(official, records, evaluated_indexes=[0]))
    convert(path, tmp_path / "good")
    for state in records[1].values():
        state["arch_index"] = 2
    save(path, content(official, {2: records[1]}))
    refused(path, tmp_path, "architecture 2 is .*, but its number says")
    save(path, content(official, {}))
    refused(path, tmp_path, "holds no record")


def test_a_second_record_of_an_architecture_is_refused(
    official: Any, make_state: Any, tmp_path: Path
) -> None:
    first, second = (v10(official, [1], make_state)[1] for _ in range(2))
    second["full"]["all_results"]["cifar10", 777]["train_losses"][3] = 1.5
    path = save(tmp_path / "a.pth", content(official, {1: first, 2**30: second}))
    key = b"J" + (2**30).to_bytes(4, "little")
    data = path.read_bytes()
    assert data.count(key) == 2, "as a key and among the evaluated indices"
    path.write_bytes(data.replace(key, b"J" + (1).to_bytes(4, "little")))
    refused(path, tmp_path, "a.pth holds architecture 1 twice")


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncation_is_a_clear_error(
    zipped: bool, official: Any, older: Any, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.pth", content(official, older[0]), zipped=zipped)
    whole = path.read_bytes()
    for length in (0, 1, 5, 50, len(whole) // 3, len(whole) - 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, tmp_path, r"a\.pth")
    path.write_bytes(whole + b"more")
    if not zipped:
        refused(path, tmp_path, r"a\.pth is damaged: at least 4 bytes follow")
        return
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    refused(path, tmp_path, r"a\.pth")


@pytest.mark.parametrize("zipped", [False, True])
def test_a_download_that_failed_is_named(
    zipped: bool, official: Any, older: Any, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.pth", content(official, older[0]), zipped=zipped)
    path.write_bytes(path.read_bytes()[:-500])
    refused(path, tmp_path, r"a\.pth .* its end is missing: download it again")
    path.write_bytes(b"<!DOCTYPE html><title>Google Drive - Quota exceeded</title>")
    refused(
        path, tmp_path, r"a\.pth is an HTML page, not a file of torch.save .*: download it again"
    )


class Intruder:
    """Unpickled by a careless reader, it leaves a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("zipped", [False, True])
def test_code_is_named_and_not_run(
    zipped: bool, official: Any, make_state: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    records = v10(official, [0], make_state)
    c100(records[0])["params"] = Intruder(mark)
    for archive in (content(official, records), content(official, {}, more=Intruder(mark))):
        path = save(tmp_path / "a.pth", archive, zipped=zipped)
        refused(path, tmp_path, rf"'{os.mkdir.__module__}\.mkdir', which is not allowed")
    tensor = content(official, {}, more=torch.zeros(2))
    path = save(tmp_path / "b.pth", tensor, zipped=zipped)
    refused(path, tmp_path, r"torch\._utils\._rebuild_tensor_v2|persistent id")
    assert not mark.exists()


def test_code_around_the_archive_is_named_and_not_run(older: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = pickle.dumps(Intruder(mark), protocol=2)
    whole = older[1].read_bytes()
    stream = io.BytesIO(whole)
    ends = []
    for _ in range(5):
        pickle.load(stream)
        ends.append(stream.tell())
    assert ends[-1] == len(whole)
    starts = [0, *ends]
    for n in (0, 1, 2, 4):
        path = tmp_path / f"{n}.pth"
        path.write_bytes(whole[: starts[n]] + code + whole[ends[n] :])
        refused(path, tmp_path, rf"'{os.mkdir.__module__}\.mkdir', which is not allowed")
    for n, other in ((0, 5), (1, 5), (2, 5), (4, [5])):
        path.write_bytes(whole[: starts[n]] + pickle.dumps(other, 2) + whole[ends[n] :])
        refused(path, tmp_path, "is not a file of torch.save|holds the tensors")
    assert not mark.exists()


def test_other_zips_are_named(tmp_path: Path) -> None:
    for names in ([], ["data.pkl"], ["a/data.pkl", "b/data.pkl"], ["../../data.pkl"]):
        path = tmp_path / "a.pth"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"\x80\x02}.")
        refused(path, tmp_path, "members data.pkl|cannot be read")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nb201, "LIMIT", 2_000_000)
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps({"arch2infos": "x" * 30_000_000}, protocol=2))
    assert path.stat().st_size < 100_000
    refused(path, tmp_path, "larger than 2000000 bytes")


def test_wrong_files_are_named(tmp_path: Path) -> None:
    invalid = InvalidArgumentError
    refused(tmp_path, tmp_path, "is a folder: give NAS-Bench-201-v1_0", invalid)
    refused(tmp_path / "none.pth", tmp_path, "does not exist: give NAS-Bench-201-v1_0", invalid)
    for given in ([], [tmp_path, tmp_path]):
        with pytest.raises(invalid, match=r"[02] files are given, 1 is needed: give"):
            list(NB201Importer().tables(given, work=tmp_path / "work"))


def test_a_stopped_import_goes_on(
    newer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 2)

    class Stop(Exception):
        pass

    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 4:
            raise Stop

    with pytest.raises(Stop):
        convert(newer[1], tmp_path, stop)
    assert list((tmp_path / "work").rglob("*.arrow"))
    assert list((tmp_path / "out").iterdir()) == []
    assert hashes(convert(newer[1], tmp_path)) == hashes(newer[2])
    assert list((tmp_path / "work").iterdir()) == []
