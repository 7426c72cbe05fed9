"""The importer of NATS-Bench on made-up archives in the official layout and on real records."""

import bz2
import io
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from data_builders.importer import Progress, silent
from data_builders.importers.nats import blocks, numbering
from data_builders.importers.nats import files as nats_files
from data_builders.importers.nats.importer import NATSImporter
from data_builders.importers.nats.results import parse
from data_builders.pickles import unpickle
from data_builders.pickles.standins import PLAIN
from nasbench import Budget
from nasbench.errors import ArchiveError, InvalidArgumentError, NotRecordedError
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SHARED = Path(os.environ["NASBENCH_SHARED"])
PUBLISHED = SHARED / "data/published"
NAMES = {"tss": "NATS-tss-v1_0-3ffb9", "sss": "NATS-sss-v1_0-50262"}
SPACES = {"tss": NB201(), "sss": NATSSize()}
HPS = {"tss": {"12": 12, "200": 200}, "sss": {"01": 1, "12": 12, "90": 90}}
SETS = {
    "cifar10-valid": ("cifar10-valid", {"valid": "x-valid", "test": "ori-test"}),
    "cifar10": ("cifar10", {"test": "ori-test"}),
    "cifar100": ("cifar100", {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}),
    "ImageNet16-120": (
        "imagenet16",
        {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"},
    ),
}
SECONDS = {"valid": "validation_seconds", "test": "test_seconds", "valtest": "valtest_seconds"}


def convert(path: Path, folder: Path, progress: Progress = silent) -> Path:
    """Import as the command line does; every table is written as soon as it is there."""
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    for table in NATSImporter().tables([path], work=folder / "work", progress=progress):
        write_table(out / f"{table.metadata.id}.parquet", table)
    return out


def hashes(out: Path) -> dict[str, str]:
    return {p.name: Table(p).metadata.content_hash for p in sorted(out.glob("*[!s].parquet"))}


@pytest.fixture(scope="module", params=["tss", "sss"])
def made(request: Any, official: Any, tmp_path_factory: Any) -> Any:
    """A folder of five made-up records, and its tables."""
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    records = official.records(kind, (0, 11, 284, 285, 15_000))
    archive = official.folder(folder / f"{NAMES[kind]}-simple", kind, records)
    return kind, records, archive, convert(archive, folder)


@pytest.fixture(scope="module", params=["tss", "sss"])
def real(request: Any, tmp_path_factory: Any) -> Any:
    """The published records of architectures 0, 11 and 284, and their tables."""
    kind = request.param
    archive = PUBLISHED / f"{NAMES[kind]}-simple"
    if not archive.exists():
        pytest.skip(f"needs {archive}; set NASBENCH_SHARED to the folder that holds data/published")
    records = {i: read(archive / f"{i:06d}.pickle.pbz2") for i in (0, 11, 284)}
    return kind, records, archive, convert(archive, tmp_path_factory.mktemp(kind))


def read(path: Path) -> Any:
    return pickle.loads(bz2.decompress(path.read_bytes()))


def check_every_number(kind: str, records: dict[int, Any], out: Path) -> None:
    """Compare tables with records, number by number, for exact equality."""
    space = SPACES[kind]
    for name, (id_, parts) in SETS.items():
        benchmark = nasbench.load(out / f"nats-{kind}-{id_}.parquet", objectives=["test_accuracy"])
        table = benchmark.table
        rows = set()
        for index, record in records.items():
            arch = space.from_text(record["12"]["arch_str"])
            for hp, schedule in HPS[kind].items():
                for (of, seed), result in record[hp]["all_results"].items():
                    if of != name:
                        continue
                    answer = benchmark.query(arch, schedule=schedule, seed=seed)
                    place = {"schedule": schedule, "seed": seed}
                    assert answer["index"] == index
                    curves = {
                        "train_accuracy": list(result["train_acc1es"].values()),
                        "train_loss": list(result["train_losses"].values()),
                        "seconds": list(accumulate(result["train_times"].values())),
                        "train_top5_accuracy": list((result["train_acc5es"] or {}).values()),
                    }
                    for prefix, part in parts.items():
                        for metric, key in (("accuracy", "eval_acc1es"), ("loss", "eval_losses")):
                            curves[f"{prefix}_{metric}"] = [
                                result[key].get(f"{part}@{e}") for e in range(schedule)
                            ]
                        assert answer[SECONDS[prefix]] == result["eval_times"][f"{part}@0"]
                    assert answer["published_parameters"] == result["params"]
                    assert answer["published_macs"] == result["flop"]
                    assert answer["published_latency"] == result["latency"][0]
                    for metric, values in curves.items():
                        if not values:
                            assert table.epochs(metric, schedule) == []
                            assert metric not in answer
                            continue
                        assert answer[metric] == values[-1]
                        known = [epoch for epoch, v in enumerate(values, 1) if v is not None]
                        assert table.epochs(metric, schedule) == known
                        for epoch in {known[0], known[len(known) // 2], known[-1]}:
                            at = benchmark.query(arch, epoch=epoch, **place)
                            assert at[metric] == values[epoch - 1]
                    rows.add((table.space.rank(arch), schedule, seed))
        found = zip(table.ranks.tolist(), table.schedule.tolist(), table.seed.tolist(), strict=True)
        assert set(found) == rows
        expected = {*curves, *(SECONDS[p] for p in parts)}
        expected |= {"published_parameters", "published_macs", "published_latency"}
        assert set(table.columns) == expected
        stored = {n: table.curves(n, max(HPS[kind].values())).dtype for n in curves}
        assert set(stored.values()) == {np.dtype(np.float64)}


def test_the_contract_is_kept(made: Any, official: Any, small_blocks: None, tmp_path: Path) -> None:
    kind, records, archive, _ = made
    if kind == "sss":
        archive = official.file(tmp_path / "archive.pickle.pbz2", kind, records)
    check_importer(NATSImporter(), [archive], work=tmp_path / "work")


# --- round trips ---------------------------------------------------------------------------------


def test_every_made_up_number_is_read(made: Any) -> None:
    kind, records, _, out = made
    check_every_number(kind, records, out)


def test_every_published_number_is_read(real: Any) -> None:
    kind, records, _, out = real
    check_every_number(kind, records, out)


def check_the_single_file(archive: Any, official: Any, folder: Path) -> None:
    kind, records, _, out = archive
    path = official.file(folder / f"{NAMES[kind]}.pickle.pbz2", kind, records)
    told: list[tuple[int, int]] = []
    assert hashes(convert(path, folder, lambda *done: told.append(done))) == hashes(out)
    assert told[-1][1] == path.stat().st_size
    assert sorted(told) == told
    assert len(told) == len(records)


def test_a_single_file_gives_the_same_tables(made: Any, official: Any, tmp_path: Path) -> None:
    check_the_single_file(made, official, tmp_path)


def test_a_single_file_of_published_records_gives_the_same_tables(
    real: Any, official: Any, tmp_path: Path
) -> None:
    check_the_single_file(real, official, tmp_path)


@pytest.mark.parametrize("order", [("arch2infos", "meta_archs"), ("meta_archs", "arch2infos")])
def test_the_list_of_architectures_may_come_first_or_last(
    order: tuple[str, ...], official: Any, tmp_path: Path
) -> None:
    records = official.records("sss", range(40))
    content = official.meta("sss") | {"arch2infos": records}
    content = {key: content[key] for key in (*order, "total_archs")}
    path = tmp_path / "archive.pickle.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))
    check_every_number("sss", records, convert(path, tmp_path))


def test_files_may_have_short_names(official: Any, made: Any, tmp_path: Path) -> None:
    kind, records, _, out = made
    folder = official.folder(tmp_path / "archive", kind, records, "{:d}")
    assert (folder / "11.pickle.pbz2").exists()
    assert hashes(convert(folder, tmp_path)) == hashes(out)


def test_a_trailing_slash_does_no_harm(made: Any, tmp_path: Path) -> None:
    _, _, archive, out = made
    assert hashes(convert(Path(f"{archive}/"), tmp_path)) == hashes(out)


def test_several_processes_give_the_same_tables(
    official: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = official.folder(tmp_path / "archive", "sss", official.records("sss", range(5)))
    out = convert(archive, tmp_path / "one")
    monkeypatch.setattr(nats_files, "_BATCH", 2)
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    told: list[tuple[int, int]] = []
    several = convert(archive, tmp_path / "several", lambda *done: told.append(done))
    assert hashes(several) == hashes(out)
    assert told == [(2, 5), (4, 5), (5, 5), (5, 5)]


# --- what the tables are -------------------------------------------------------------------------


def check_tables(archive: Any) -> None:
    kind, records, _, out = archive
    assert sorted(hashes(out)) == sorted(f"nats-{kind}-{id_}.parquet" for id_, _ in SETS.values())
    for id_, _ in SETS.values():
        path = out / f"nats-{kind}-{id_}.parquet"
        table = Table(path)
        table.check()
        assert table.metadata.id in NATSImporter.ids
        assert not table.metadata.complete
        assert len(table.written_archs) == len(records)
        has_validation = id_ != "cifar10"
        default = "valid_accuracy" if has_validation else None
        assert table.metadata.default_objective == default
        runs = nasbench.search(
            "random_search",
            str(path),
            seeds=range(20),
            budget=Budget(trials=5),
            objectives=None if has_validation else ["test_accuracy"],
        )
        assert len(list(runs)) == 20


def test_tables_are_valid_and_can_be_searched(made: Any) -> None:
    check_tables(made)


def test_tables_of_published_records_are_valid_and_can_be_searched(real: Any) -> None:
    check_tables(real)


def test_schedules_and_sparse_columns(made: Any) -> None:
    kind, _, _, out = made
    for id_, parts in SETS.values():
        table = Table(out / f"nats-{kind}-{id_}.parquet")
        assert table.metadata.epochs == {s: list(range(1, s + 1)) for s in HPS[kind].values()}
        rare = {"cifar10-valid": {"test"}, "cifar10": set()}.get(id_, {"valid", "test"})
        for prefix in parts:
            for metric in ("accuracy", "loss"):
                sparse = {200: [200]} if kind == "tss" and prefix in rare else {}
                assert table.columns[f"{prefix}_{metric}"].epochs == sparse
        assert table.columns["train_loss"].epochs == {}
        lacking = {200: []} if kind == "tss" else {}
        assert table.columns["train_top5_accuracy"].epochs == lacking
        assert table.columns["train_top5_accuracy"].unit == "%"


def test_top_5_accuracies_are_kept_where_all_trainings_have_them(
    official: Any, tmp_path: Path
) -> None:
    records = official.records("sss", range(2))
    records[1]["12"]["all_results"]["cifar10", 888]["train_acc5es"] = None
    for result in records[1]["90"]["all_results"].values():
        result["train_acc5es"] = {}
    out = convert(official.folder(tmp_path / "archive", "sss", records), tmp_path)
    found = {
        id_: Table(out / f"nats-sss-{id_}.parquet").columns["train_top5_accuracy"].epochs
        for id_ in ("cifar10", "cifar100")
    }
    assert found == {"cifar10": {12: [], 90: []}, "cifar100": {90: []}}


def test_impossible_top_5_accuracies_are_refused(official: Any, tmp_path: Path) -> None:
    records = official.records("sss", [0])
    records[0]["12"]["all_results"]["cifar10", 888]["train_acc5es"][3] = 101.0
    with pytest.raises(ArchiveError, match=r"a train_top5_accuracy of 101\.0 %"):
        convert(official.folder(tmp_path / "archive", "sss", records), tmp_path)


def test_epoch_12_of_a_longer_schedule_is_not_the_end_of_12(made: Any) -> None:
    kind, records, _, out = made
    benchmark = nasbench.load(out / f"nats-{kind}-cifar100.parquet")
    long, (short_seed, long_seed) = ("200", (111, 777)) if kind == "tss" else ("90", (888, 777))
    ends, points = (
        records[0][hp]["all_results"]["cifar100", seed]["eval_acc1es"]
        for hp, seed in (("12", short_seed), (long, long_seed))
    )
    text = records[0]["12"]["arch_str"]
    short = benchmark.query(text, epoch=12, seed=short_seed)
    assert short["valid_accuracy"] == ends["x-valid@11"]
    point = benchmark.query(text, schedule=int(long), epoch=12, seed=long_seed)
    assert point["valtest_accuracy"] == points["ori-test@11"]
    assert dict(point).get("valid_accuracy") == points.get("x-valid@11")
    if kind == "tss":
        with pytest.raises(NotRecordedError, match="valid_accuracy"):
            point["valid_accuracy"]


def test_nothing_called_valid_holds_test_images(made: Any) -> None:
    kind, _, _, out = made
    for id_, _ in SETS.values():
        table = Table(out / f"nats-{kind}-{id_}.parquet")
        for name, column in table.columns.items():
            if name.startswith("valid_"):
                assert column.split == "valid"
                assert "x-valid" in column.description
                assert "ori-test" not in column.description
            assert column.description, f"{name} is not explained"
        for name, column in table.arch_columns.items():
            assert column.description, f"{name} is not explained"
        assert ("valtest_accuracy" in table.columns) == (id_ in ("cifar100", "imagenet16"))


def test_a_table_of_all_architectures_is_complete(
    official: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(nats_files.SIZE.space), "size", 2)  # all would take too long
    path = official.file(tmp_path / "a.pbz2", "sss", official.records("sss", range(2)))
    out = convert(path, tmp_path)
    assert all(Table(p).metadata.complete for p in out.glob("nats-sss-*[!s].parquet"))


def test_metadata_says_where_numbers_come_from(made: Any) -> None:
    kind, _, archive, out = made
    for name, (id_, _) in SETS.items():
        metadata = Table(out / f"nats-{kind}-{id_}.parquet").metadata
        assert metadata.key == "arch"
        assert metadata.space == SPACES[kind].name
        assert metadata.recipe["release"] == NAMES[kind]
        assert metadata.recipe["epochs"] == list(HPS[kind].values())
        assert len(metadata.recipe["digest"]) == 64
        assert archive.name in metadata.source
        assert nats_files.Folder(archive).sha256 in metadata.source
        assert name in metadata.title
        assert "trained weights" in metadata.elsewhere
        assert metadata.licence == "MIT"


# --- published numbers ---------------------------------------------------------------------------

COSTS = [
    (
        "tss",
        284,
        (0.101306, 11.71521, 0.0124577),
        (0.107156, 11.72106, 0.0111450),
        (0.108456, 2.93644, 0.0121534),
    ),
    (
        "tss",
        0,
        (0.129306, 15.64737, 0.0139360),
        (0.135156, 15.65322, 0.0131829),
        (0.136456, 3.91948, 0.0129765),
    ),
    (
        "tss",
        11,
        (0.802426, 113.95137, 0.0161633),
        (0.808276, 113.95722, 0.0161389),
        (0.809576, 28.49548, 0.0164650),
    ),
    (
        "sss",
        0,
        (0.011714, 4.481114, 0.0130291),
        (0.012524, 4.481924, 0.0179768),
        (0.012704, 1.121336, 0.0191667),
    ),
    (
        "sss",
        284,
        (0.144834, 21.827994, 0.0163670),
        (0.148524, 21.831684, 0.0197139),
        (0.149344, 5.461816, 0.0205963),
    ),
]


def test_published_costs(real: Any) -> None:
    kind, records, _, out = real
    ids = ("cifar10-valid", "cifar10", "cifar100", "imagenet16")
    for _, index, c10, c100, in16 in (row for row in COSTS if row[0] == kind):
        text = records[index]["12"]["arch_str"]
        for id_, (parameters, macs, latency) in zip(ids, (c10, c10, c100, in16), strict=True):
            path = out / f"nats-{kind}-{id_}.parquet"
            answer = nasbench.load(path, objectives=["test_accuracy"]).query(text, seed=777)
            assert answer["parameters"] == round(1e6 * parameters)
            assert answer["macs"] == round(1e6 * macs)
            assert answer["latency_gpu_ms"] == pytest.approx(1e3 * latency, abs=1e-4)
            assert answer["published_parameters"] == parameters
            assert answer["published_macs"] == macs


@pytest.fixture(scope="module")
def topology(tmp_path_factory: Any) -> Path:
    archive = PUBLISHED / f"{NAMES['tss']}-simple"
    if not archive.exists():
        pytest.skip(f"needs {archive}; set NASBENCH_SHARED to the folder that holds data/published")
    return convert(archive, tmp_path_factory.mktemp("real"))


CELL_284 = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"


def test_published_accuracies_of_a_cell(topology: Path) -> None:
    benchmark = nasbench.load(topology / "nats-tss-cifar10-valid.parquet")
    answers = [benchmark.query(CELL_284, seed=seed) for seed in (777, 888, 999)]
    assert [round(a["valid_accuracy"], 3) for a in answers] == [86.052, 86.020, 86.068]
    assert [a["test_accuracy"] for a in answers] == [85.83, 85.57, 85.51]
    assert [a["index"] for a in answers] == [284] * 3


@pytest.mark.parametrize(
    ("id_", "epoch_seconds"),
    [
        ("cifar10-valid", 4.875794370969136),
        ("cifar10", 9.751588741938273),
        ("cifar100", 9.751588741938273),
        ("imagenet16", 29.586320243040717),
    ],
)
def test_published_seconds_of_a_cell(id_: str, epoch_seconds: float, topology: Path) -> None:
    benchmark = nasbench.load(topology / f"nats-tss-{id_}.parquet", objectives=["test_accuracy"])
    for seed, schedule in ((111, 12), (777, 200)):
        seconds = 0.0
        for epoch in range(1, schedule + 1):
            seconds += epoch_seconds
            found = benchmark.query(CELL_284, schedule=schedule, epoch=epoch, seed=seed)
            assert found["seconds"] == seconds


def test_published_cost_of_a_simulated_training(topology: Path) -> None:
    benchmark = nasbench.load(topology / "nats-tss-cifar10-valid.parquet")
    arch = benchmark.space.from_text(CELL_284)
    answer = benchmark.query(arch, schedule=200, epoch=12, seed=777)
    assert answer["validation_seconds"] == 2.389493485291799
    assert answer["seconds"] + answer["validation_seconds"] == pytest.approx(60.899026, abs=1e-6)
    assert benchmark.evaluate(arch, epoch=12, seed=777).seconds == pytest.approx(
        60.899026, abs=1e-6
    )


# --- diverged trainings --------------------------------------------------------------------------


def test_a_diverged_training_has_nothing_from_its_failure_on(official: Any, tmp_path: Path) -> None:
    records = official.records("tss", [5])
    result = records[5]["200"]["all_results"]["cifar10-valid", 999]
    for epoch in (3, *range(50, 200)):
        result["train_losses"][epoch] = float("nan")
    result["train_losses"][120] = float("inf")
    result["eval_acc1es"]["x-valid@150"] = float("nan")
    result["eval_losses"]["x-valid@10"] = float("inf")
    out = convert(official.folder(tmp_path / "archive", "tss", records), tmp_path)
    benchmark = nasbench.load(out / "nats-tss-cifar10-valid.parquet")
    text = records[5]["12"]["arch_str"]
    benchmark.table.check()
    assert benchmark.table.diverged.tolist() == [False, False, False, True]
    assert benchmark.evaluate(benchmark.space.from_text(text), seed=999).losses == (float("inf"),)
    at_50 = benchmark.query(text, schedule=200, epoch=50, seed=999)
    assert at_50["valid_accuracy"] == result["eval_acc1es"]["x-valid@49"]
    at_51 = benchmark.query(text, schedule=200, epoch=51, seed=999)
    assert at_51["seconds"] == sum(list(result["train_times"].values())[:51])
    for name in ("train_accuracy", "train_loss", "valid_accuracy", "valid_loss"):
        with pytest.raises(NotRecordedError):
            at_51[name]
    early = benchmark.query(text, schedule=200, epoch=11, seed=999)
    assert early["valid_accuracy"] == result["eval_acc1es"]["x-valid@10"]
    with pytest.raises(NotRecordedError):
        early["valid_loss"]
    assert "train_loss" not in benchmark.query(text, schedule=200, epoch=4, seed=999)
    assert "train_loss" in benchmark.query(text, schedule=200, epoch=5, seed=999)


# --- archives that are not accepted --------------------------------------------------------------


def refused(path: Path, folder: Path, reason: str, error: Any = ArchiveError) -> None:
    """The import ends with this error, and nothing is left."""
    with pytest.raises(error, match=reason) as caught:
        convert(path, folder)
    assert len(str(caught.value)) < 3000
    assert list((folder / "out").iterdir()) == []


def c10(record: Any, seed: int = 777, hp: str = "200") -> Any:
    return record[hp]["all_results"]["cifar10-valid", seed]


def rename(record: Any, old: Any, new: Any, hp: str = "200") -> None:
    record[hp]["all_results"][new] = record[hp]["all_results"].pop(old)


def other_text(record: Any, old: str, new: str) -> None:
    for state in record.values():
        state["arch_str"] = state["arch_str"].replace(old, new)
        for result in state["all_results"].values():
            result["arch_config"]["arch_str"] = state["arch_str"]


NAN = float("nan")
DEVIATIONS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda r: r.pop("200"), "has no '200'"),
    (lambda r: r.update({"300": r["200"]}), "unknown schedule '300'"),
    (lambda r: r.update({"200": [1]}), r"schedule 200 is \[1\], not a dict"),
    (lambda r: r["12"].update(arch_index=5), r"index and architecture are \(5, "),
    (lambda r: r["12"].update(arch_str="|none~0|"), r"its arch_str is '.*', not '\|none~0\|'"),
    (lambda r: r["200"].update(arch_str=None), "index and architecture are"),
    (lambda r: [s.update(arch_str=None) for s in r.values()], "index and architecture are"),
    (lambda r: [s.update(arch_str="x" * 10**6) for s in r.values()], "architecture are"),
    (lambda r: r["12"].pop("all_results"), "has no 'all_results'"),
    (
        lambda r: other_text(r, "nor_conv_3x3", "nor_conv_3x4"),
        "unknown operation 'nor_conv_3x4'; did you mean 'nor_conv_3x3'",
    ),
    (lambda r: other_text(r, "nor_conv_3x3", "none"), "parameters are|by its number"),
    (
        lambda r: rename(r, ("cifar10", 777), ("cifar11", 777)),
        "unknown training set 'cifar11'; did you mean 'cifar10'",
    ),
    (lambda r: rename(r, ("cifar10", 777), "cifar10"), "None is not a training seed"),
    (lambda r: rename(r, ("cifar10", 777), ("cifar10", -1)), "-1 is not a training seed"),
    (lambda r: rename(r, ("cifar10", 777), ("cifar10", 2**31)), "is not a training seed"),
    (lambda r: rename(r, ("cifar10", 777), ("cifar10", 778)), "its seed is 777, not 778"),
    (
        lambda r: rename(r, ("cifar10", 777), ("cifar100", 776)),
        "its name is 'cifar10', not 'cifar100'",
    ),
    (lambda r: r["200"]["dataset_seed"].pop("cifar10"), "but lists"),
    (lambda r: r["200"]["dataset_seed"]["cifar10"].append(1), "but lists"),
    (lambda r: r["200"]["all_results"].pop(("cifar10", 777)), "but lists"),
    (lambda r: c10(r).update(epochs=100), "its epochs is 100, not 200"),
    (lambda r: c10(r)["arch_config"].update(class_num=100), "its class_num is 100, not 10"),
    (lambda r: c10(r)["arch_config"].update(arch_str="|"), r"its arch_str is '\|'"),
    (lambda r: c10(r)["train_acc1es"].pop(5), "train_acc1es has no entry 5"),
    (lambda r: c10(r)["train_losses"].update({200: 1.0}), "entries"),
    (lambda r: c10(r).update(train_losses=None), "train_losses is None, not a dict"),
    (lambda r: c10(r)["eval_acc1es"].pop("x-valid@5"), "lacks the known entries of x-valid"),
    (lambda r: c10(r)["eval_acc1es"].pop("x-valid@199"), "x-valid@199"),
    (lambda r: c10(r)["eval_acc1es"].pop("ori-test@199"), "ori-test@199"),
    (lambda r: c10(r)["eval_acc1es"].update({"x-test@199": 1.0}), "entries"),
    (
        lambda r: c10(r)["eval_losses"].update({f"ori-test@{e}": 1.0 for e in range(200)}),
        "lacks the known entries of ori-test",
    ),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": NAN}), "valid_accuracy of nan %"),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": 100.004}), "valid_accuracy of 100.004 %"),
    (
        lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": 1e308}),
        r"valid_accuracy of 1e\+308 %",
    ),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": -0.004}), "valid_accuracy of -0.004 %"),
    (
        lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": 50.001}),
        "50.001 % of 25000 images is impossible",
    ),
    (
        lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": "50"}),
        "eval_acc1es holds '50', not a number",
    ),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": True}), ", not a number"),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": 10**400}), ", not a number"),
    (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": [50.0]}), ", not a number"),
    (lambda r: c10(r).update(train_times=None), "train_times is None"),
    (lambda r: c10(r)["train_times"].update({3: -1.0}), "train_times holds -1.0"),
    (lambda r: c10(r)["train_times"].update({3: NAN}), "train_times holds nan"),
    (
        lambda r: c10(r)["eval_times"].update({"x-valid@3": 5.0}),
        "the time to evaluate x-valid is not constant",
    ),
    (lambda r: c10(r)["eval_times"].pop("x-valid@3"), "eval_times has no entry 'x-valid@3'"),
    (lambda r: c10(r).update(params=0.123), "parameters are"),
    (lambda r: c10(r).update(params=NAN), "params is nan"),
    (lambda r: c10(r).update(params="many"), "params holds"),
    (lambda r: c10(r).update(flop=-1.0), "flop is -1"),
    (lambda r: c10(r).update(latency=[]), r"latency is \[\]"),
    (lambda r: c10(r).update(latency=0.01), "latency is 0.01"),
    (lambda r: c10(r).update(latency=[-1.0]), "latency is -1"),
]


@pytest.mark.parametrize(("change", "reason"), DEVIATIONS)
def test_a_deviation_from_the_layout_is_named(
    change: Callable[[Any], Any], reason: str, official: Any
) -> None:
    record = official.records("tss", [1])[1]
    change(record)
    content = unpickle.load(io.BytesIO(pickle.dumps(record)), allowed=PLAIN, where="some.pbz2")
    with pytest.raises(ArchiveError, match=rf"some\.pbz2, architecture 1.*({reason})") as caught:
        parse(content, 1, nats_files.TOPOLOGY, "some.pbz2")
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: c10(r)["eval_acc1es"].update({"x-valid@7": NAN}), "valid_accuracy of nan %"),
        (lambda r: other_text(r, "nor_conv_3x3", "nor_conv_4x4"), "did you mean 'nor_conv_3x3'"),
        (lambda r: r.pop("200"), "has no '200'"),
    ],
)
def test_one_bad_record_stops_the_import(
    change: Callable[[Any], Any], reason: str, official: Any, tmp_path: Path
) -> None:
    records = official.records("tss", [0, 1])
    change(records[1])
    folder = official.folder(tmp_path / "archive", "tss", records)
    refused(folder, tmp_path, rf"000001\.pickle\.pbz2, architecture 1.*{reason}")
    path = official.file(tmp_path / "single.pickle.pbz2", "tss", records)
    refused(path, tmp_path, rf"single\.pickle\.pbz2, architecture 1.*{reason}")


def test_sidecars_of_macos_are_passed_over(made: Any, tmp_path: Path) -> None:
    _, _, archive, out = made
    folder = tmp_path / archive.name
    shutil.copytree(archive, folder)
    for path in (*folder.iterdir(), folder / "x"):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert hashes(convert(folder, tmp_path / "made")) == hashes(out)
    inputs = [
        Table(next(o.glob("*cifar10.parquet"))).metadata for o in (out, tmp_path / "made/out")
    ]
    assert inputs[0].recipe["input"] == inputs[1].recipe["input"]


def test_a_download_that_failed_is_named(official: Any, tmp_path: Path) -> None:
    records = official.records("tss", [0, 1])
    folder = official.folder(tmp_path / "archive", "tss", records)
    single = official.file(tmp_path / "single.pickle.pbz2", "tss", records)
    for path, given in ((folder / "000001.pickle.pbz2", folder), (single, single)):
        whole = path.read_bytes()
        path.write_bytes(b"<html>Too many requests</html>")
        refused(given, tmp_path, rf"{path.name} is an HTML page, not .* in bz2: download it again")
        path.write_bytes(whole[: len(whole) // 2])
        refused(given, tmp_path, rf"{path.name} .*it is cut, its end is missing: download it again")
        path.write_bytes(whole[:30] + b"????" + whole[34:])
        refused(
            given, tmp_path, rf"{path.name} .*compressed bytes are damaged .*: download it again"
        )


def test_wrong_costs_of_some_trainings_are_kept_as_published(official: Any, tmp_path: Path) -> None:
    records = official.records("tss", [11])
    right = c10(records[11])["params"]
    c10(records[11]).update(params=np.float64(0.129306), flop=15.64737)
    out = convert(official.folder(tmp_path / "archive", "tss", records), tmp_path)
    benchmark = nasbench.load(out / "nats-tss-cifar10-valid.parquet")
    answer = benchmark.query(records[11]["12"]["arch_str"], seed=777)
    assert answer["published_parameters"] == 0.129306
    assert answer["published_macs"] == 15.64737
    assert answer["parameters"] == round(1e6 * right) != 129_306
    for result in records[11]["12"]["all_results"], records[11]["200"]["all_results"]:
        for (name, _), training in result.items():
            if name.startswith("cifar10"):
                training.update(params=np.float64(0.129306))
    archive = official.folder(tmp_path / "all-wrong", "tss", records)
    refused(archive, tmp_path / "second", r"parameters are \[129306\]")


def test_costs_of_channels_must_agree(official: Any, tmp_path: Path) -> None:
    records = official.records("sss", [4])
    c10(records[4], hp="90").update(params=np.float64(0.011715))
    archive = official.folder(tmp_path / "archive", "sss", records)
    refused(archive, tmp_path, r"parameters are \[11714, 11715\]")


@pytest.mark.parametrize("kind", ["tss", "sss"])
def test_a_record_under_the_number_of_another_is_refused(
    kind: str, official: Any, tmp_path: Path
) -> None:
    records = official.records(kind, range(4))
    for state in records[3].values():
        state["arch_index"] = 2
    records[2] = records.pop(3)
    for path in (
        official.folder(tmp_path / "archive", kind, records),
        official.file(tmp_path / "a.pickle.pbz2", kind, records),
    ):
        refused(path, tmp_path, "(000002.pickle.pbz2|architecture 2) is .*, but its number says")


def test_another_order_is_refused(official: Any, tmp_path: Path) -> None:
    assert numbering.official(official.meta("tss"), NB201(), "here") == official.cells
    for kind in ("tss", "sss"):
        for change in (lambda names: names[::-1], lambda names: names[:-1]):
            meta = official.meta(kind)
            meta["meta_archs"] = change(meta["meta_archs"])
            folder = official.folder(tmp_path / "archive", kind, official.records(kind, [0]))
            (folder / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(meta, 4)))
            refused(folder, tmp_path, "is not the official list")
            shutil.rmtree(folder)
    path = official.file(
        tmp_path / "a.pickle.pbz2", "tss", official.records("tss", [0]), meta_archs=[1, 2]
    )
    refused(path, tmp_path, "not a list of texts")


def test_the_name_must_fit(official: Any, tmp_path: Path) -> None:
    folder = official.folder(tmp_path / NAMES["sss"], "tss", official.records("tss", [0]))
    refused(folder, tmp_path, "holds NATS-tss-v1_0-3ffb9, but its name says NATS-sss")


def test_a_record_that_the_file_lists_must_be_there(official: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.pickle.pbz2"
    records = official.records("tss", [0, 1])
    official.file(path, "tss", records, evaluated_indexes={0, 1, 2, 3})
    refused(path, tmp_path, "2 records are missing, the first is 2")
    official.file(path, "tss", records, evaluated_indexes=["a"])
    refused(path, tmp_path, "'evaluated_indexes' is")
    official.file(path, "tss", {}, evaluated_indexes=set())
    refused(path, tmp_path, "holds no record")
    official.file(path, "tss", {"0": records[0]}, evaluated_indexes=set())
    refused(path, tmp_path, "'0' is not the number of an architecture")


def test_a_record_that_occurs_twice_is_refused(official: Any, tmp_path: Path) -> None:
    records = official.records("sss", [1, 2])
    folder = official.folder(tmp_path / "archive", "sss", {1: records[1]})
    shutil.copy(folder / "000001.pickle.pbz2", folder / "1.pickle.pbz2")
    refused(folder, tmp_path, "1.pickle.pbz2 and 000001.pickle.pbz2 are the same architecture")
    # A dict cannot hold a key twice, but the pickle of one can.
    different = official.records("sss", [1])[1]
    c10(different, hp="90")["train_losses"][3] = 1.5
    path = official.file(tmp_path / "a.pickle.pbz2", "sss", {1: records[1], 2**30: different})
    data = bz2.decompress(path.read_bytes())
    second = b"J" + (2**30).to_bytes(4, "little")
    assert data.count(second) == 2, "as a key and among the evaluated indices"
    path.write_bytes(bz2.compress(data.replace(second, b"J" + (1).to_bytes(4, "little"))))
    assert read(path)["arch2infos"][1] == different
    refused(path, tmp_path, "a.pickle.pbz2 holds architecture 1 twice")


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("nothing", InvalidArgumentError, "does not exist: give a folder NATS-tss"),
        (f"{NAMES['tss']}.pickle.pbz2.pbz2", InvalidArgumentError, "does not exist"),
    ],
)
def test_what_is_not_there_is_named(name: str, error: Any, reason: str, tmp_path: Path) -> None:
    refused(tmp_path / name, tmp_path, reason, error)


def test_wrong_files_are_named(official: Any, tmp_path: Path) -> None:
    folder = official.folder(tmp_path / "archive", "tss", official.records("tss", [0]))
    invalid = InvalidArgumentError
    for name in ("meta", "000000", "0"):
        path = tmp_path / f"{name}.pickle.pbz2"
        path.write_bytes(b"")
        refused(path, tmp_path, "is one file of a folder: give the folder", invalid)
    (tmp_path / "a.tar").write_bytes(b"")
    refused(tmp_path / "a.tar", tmp_path, "unpacked first", invalid)
    for name in ("000001 (1)", "0000001", "00001", "x", "-1"):
        path = folder / f"{name}.pickle.pbz2"
        path.write_bytes(b"")
        refused(folder, tmp_path, "nor named like a record", invalid)
        path.unlink()
    (folder / "README.txt").write_text("does no harm")
    (folder / "015625.pickle.pbz2").write_bytes(b"")
    refused(folder, tmp_path, "015625.pickle.pbz2 is beyond the last of 15625 records")
    (folder / "015625.pickle.pbz2").unlink()
    convert(folder, tmp_path / "good")
    (folder / "000000.pickle.pbz2").unlink()
    refused(folder, tmp_path, "holds no record", invalid)
    (folder / "meta.pickle.pbz2").unlink()
    refused(folder, tmp_path, "holds no meta.pickle.pbz2", invalid)
    for given in ([], [folder, folder]):
        with pytest.raises(invalid, match=r"0 files|2 files"):
            list(NATSImporter().tables(given, work=tmp_path / "work"))


@pytest.mark.parametrize("file", ["meta.pickle.pbz2", "000001.pickle.pbz2", "single"])
def test_every_truncation_is_a_clear_error(file: str, official: Any, tmp_path: Path) -> None:
    records = official.records("sss", [0, 1])
    folder = official.folder(tmp_path / "archive", "sss", records)
    path = given = folder / file
    if file == "single":
        path = given = official.file(tmp_path / "single.pickle.pbz2", "sss", records)
    else:
        given = folder
    whole = path.read_bytes()
    for length in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(given, tmp_path, path.name)
    for place in (20, len(whole) // 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        refused(given, tmp_path, path.name)


class Intruder:
    """Unpickled by a careless reader, it leaves a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def places(mark: Path) -> Iterator[Callable[[Any], Any]]:
    yield lambda record: record.update({"12": Intruder(mark)})
    yield lambda record: c10(record, hp="90").update(params=Intruder(mark))
    yield lambda record: c10(record, hp="90")["eval_acc1es"].update({"x-valid@89": Intruder(mark)})
    yield lambda record: record["90"]["all_results"].update({("cifar10", 1): Intruder(mark)})


@pytest.mark.parametrize("single", [False, True])
def test_code_is_named_and_not_run(single: bool, official: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for number, put in enumerate(places(mark)):
        records = official.records("sss", [0, 1])
        put(records[1])
        path = tmp_path / f"{number}.x.pickle.pbz2"
        make = official.file if single else official.folder
        make(path, "sss", records)
        refused(path, tmp_path, rf"'{os.mkdir.__module__}\.mkdir', which is not allowed")
    folder = official.folder(tmp_path / "archive", "sss", official.records("sss", [0]))
    (folder / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(Intruder(mark))))
    refused(folder, tmp_path, rf"'{os.mkdir.__module__}\.mkdir', which is not allowed")
    official.file(path := tmp_path / "y.pbz2", "sss", records={}, total_archs=Intruder(mark))
    refused(path, tmp_path, rf"'{os.mkdir.__module__}\.mkdir', which is not allowed")
    assert not mark.exists()


def test_a_bomb_is_not_unpacked(
    official: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_files, "LIMIT", 3_000_000)
    bomb = bz2.compress(pickle.dumps({"12": {"all_results": "x" * 40_000_000}}, protocol=4))
    assert len(bomb) < 1000
    folder = official.folder(tmp_path / "archive", "tss", official.records("tss", [0]))
    (folder / "000001.pickle.pbz2").write_bytes(bomb)
    refused(folder, tmp_path, "000001.pickle.pbz2 holds an object larger than 3000000 bytes")
    (folder / "meta.pickle.pbz2").write_bytes(bomb)
    refused(folder, tmp_path, "meta.pickle.pbz2 holds an object larger than 3000000 bytes")
    official.file(path := tmp_path / "y.pbz2", "tss", {0: {"12": "x" * 40_000_000}})
    refused(path, tmp_path, "y.pbz2 holds an object larger than 3000000 bytes")


# --- stopped and taken up again ------------------------------------------------------------------


class Stop(Exception):
    """What stops an import in the middle."""


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 2)
    monkeypatch.setattr(nats_files, "BLOCK", 2)


@pytest.mark.usefixtures("small_blocks")
def test_a_stopped_import_of_a_folder_goes_on(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, archive, out = made

    def stop(done: int, total: int) -> None:
        if done >= 4:
            raise Stop

    with pytest.raises(Stop):
        convert(archive, tmp_path, stop)
    assert list((tmp_path / "out").iterdir()) == []
    decoded = []
    decode = nats_files._decode_all
    monkeypatch.setattr(
        nats_files,
        "_decode_all",
        lambda tasks, *more: decoded.extend(t.number for t in tasks) or decode(tasks, *more),
    )
    assert hashes(convert(archive, tmp_path)) == hashes(out)
    assert decoded in ([284, 285, 15_000], [15_000])
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.usefixtures("small_blocks")
def test_a_stopped_import_of_a_file_goes_on(made: Any, official: Any, tmp_path: Path) -> None:
    kind, records, _, out = made
    path = official.file(tmp_path / "archive.pickle.pbz2", kind, records)
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 4:
            raise Stop

    with pytest.raises(Stop):
        convert(path, tmp_path, stop)
    assert list((tmp_path / "work").rglob("*.arrow"))
    assert hashes(convert(path, tmp_path)) == hashes(out)
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.usefixtures("small_blocks")
def test_tables_can_be_written_again_without_reading(
    made: Any, official: Any, tmp_path: Path
) -> None:
    kind, records, _, out = made
    path = official.file(tmp_path / "archive.pickle.pbz2", kind, records)
    tables = NATSImporter().tables([path], work=tmp_path / "work")
    next(tables)
    tables.close()
    told: list[Any] = []
    assert hashes(convert(path, tmp_path, lambda *done: told.append(done))) == hashes(out)
    assert told == []


@pytest.mark.usefixtures("small_blocks")
def test_blocks_of_another_archive_are_not_used(official: Any, tmp_path: Path) -> None:
    path = tmp_path / "archive.pickle.pbz2"
    first, second = official.records("sss", range(4)), official.records("sss", range(4, 8))
    official.file(path, "sss", first)
    tables = NATSImporter().tables([path], work=tmp_path / "work")
    next(tables)
    tables.close()
    official.file(path, "sss", second)
    check_every_number("sss", second, convert(path, tmp_path))
