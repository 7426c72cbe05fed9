"""The importer of NAS-Bench-101 on files that protobuf, json and crc32c write."""

import base64
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from struct import pack
from typing import Any

import crc32c
import numpy as np
import pyarrow.parquet as pq
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench
from data_builders.importers.nb101 import importer as nb101
from data_builders.importers.nb101 import records as nb101_records
from data_builders.importers.nb101.importer import NB101Importer
from nasbench import Budget
from nasbench.api import NASBench
from nasbench.errors import ArchiveError, InvalidArgumentError, NasbenchError, NotRecordedError
from nasbench.spaces.nb101 import NB101, cells, to_matrix
from nasbench.spaces.nb101_hash import module_hash
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SPACE = NB101()
BUDGETS = (4, 12, 36, 108)
SPLITS, NAMES = ("train", "valid", "test"), ("train", "validation", "test")

# --- the official layout -------------------------------------------------------------------------


def message_classes() -> tuple[Any, Any]:
    """``ModelMetrics`` and ``EvaluationData`` (proto2)."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package="t", syntax="proto2")
    metrics = file.message_type.add(name="ModelMetrics")
    data = metrics.field.add(name="evaluation_data", number=1, label=kind.LABEL_REPEATED)
    data.type, data.type_name = kind.TYPE_MESSAGE, ".t.EvaluationData"
    for number, name, of in (
        (2, "trainable_parameters", kind.TYPE_INT32),
        (3, "total_time", kind.TYPE_DOUBLE),
        (9, "added_later", kind.TYPE_STRING),
    ):
        metrics.field.add(name=name, number=number, type=of, label=kind.LABEL_OPTIONAL)
    evaluation = file.message_type.add(name="EvaluationData")
    names = ("current_epoch", "training_time", "train", "validation", "test")
    for number, name in enumerate(names, start=1):
        evaluation.field.add(
            name=name, number=number, type=kind.TYPE_DOUBLE, label=kind.LABEL_OPTIONAL
        )
    for number, name, of in (
        (6, "checkpoint_path", kind.TYPE_STRING),
        (70, "added_later", kind.TYPE_FIXED32),
    ):
        evaluation.field.add(name=name, number=number, type=of, label=kind.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = [pool.FindMessageTypeByName(f"t.{m.name}") for m in (metrics, evaluation)]
    return tuple(message_factory.GetMessageClass(m) for m in made)  # type: ignore[return-value]


ModelMetrics, EvaluationData = message_classes()


@dataclass(frozen=True)
class Training:
    """A record before it is encoded; half and final are seconds, train, validation, test."""

    module: Any
    epochs: Any
    adjacency: Any
    operations: Any
    half: tuple[float, ...] = (50.0, 0.5, 0.4, 0.3)
    final: tuple[float, ...] = (100.0, 1.0, 0.9, 0.8)
    parameters: int = 8_555_530
    extra: bool = False
    evaluations: int = 3

    def metrics(self) -> Any:
        values = [(0.0, 0.1, 0.1, 0.1), self.half, self.final, self.final][: self.evaluations]
        message = ModelMetrics(trainable_parameters=self.parameters, total_time=200.0)
        for number, (seconds, train, validation, test) in enumerate(values):
            message.evaluation_data.add(
                current_epoch=self.epochs * number / 2,
                training_time=seconds,
                train=train,
                validation=validation,
                test=test,
                checkpoint_path="/a/path",
            )
        if self.extra:
            message.added_later = "a text"
            for evaluation in message.evaluation_data:
                evaluation.added_later = 7
        return message

    def payload(self) -> bytes:
        encoded = base64.b64encode(self.metrics().SerializeToString()).decode()
        row = [self.module, self.epochs, self.adjacency, self.operations, encoded]
        return json.dumps(row).encode()


def masked(data: bytes) -> bytes:
    crc = crc32c.crc32c(data)
    return pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32)


def framed(payload: bytes) -> bytes:
    length = pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


@dataclass
class Module:
    """A cell as published; the hashes of the first five are those of the reference."""

    hash: str
    rows: str
    operations: str
    parameters: int = 8_555_530
    adjacency: str = field(init=False)

    def __post_init__(self) -> None:
        self.adjacency = self.rows.replace(" ", "")

    @property
    def text(self) -> str:
        return f"{self.rows} {self.operations}"

    def training(self, epochs: int = 108, **numbers: Any) -> Training:
        given = {"parameters": self.parameters} | numbers
        return Training(self.hash, epochs, self.adjacency, self.operations, **given)


EDGE = Module("043721b9c7fe8c5fad811d47d83132ec", "01 00", "input,output", 227_274)
CONV3 = Module(
    "b49ac8c578b4561d79ac7087988f1c61", "010 001 000", "input,conv3x3-bn-relu,output", 8_555_530
)
CONV1 = Module(
    "d1269d9156ddc027c40473008192958a", "010 001 000", "input,conv1x1-bn-relu,output", 1_468_426
)
POOL = Module("53cee42601ad14d661bb6878031d6acb", "010 001 000", "input,maxpool3x3,output", 468_426)
INCEPTION = Module(
    "28cfc7874f6d200472e1a9dcd8650aa0",
    "0111010 0000001 0000001 0000100 0000001 0000001 0000000",
    "input,conv1x1-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,maxpool3x3,output",
    2_694_282,
)
MODULES = (EDGE, CONV3, CONV1, POOL, INCEPTION)


def single(value: float) -> float:
    """The nearest number of single precision, as in the published file."""
    return float(np.float32(value))


def trainings(
    modules: tuple[Module, ...] = MODULES, budgets: tuple[int, ...] = BUDGETS, repeats: int = 3
) -> list[Training]:
    """All trainings of some modules, numbers drawn from the grid of the published file."""
    rng = random.Random(0)
    found = []
    for module in modules:
        for epochs in budgets:
            for _ in range(repeats):
                half, final = sorted(single(40 * epochs * rng.random()) for _ in range(2))
                rights = [single(rng.randrange(9985) / 9984) for _ in range(6)]
                found.append(
                    module.training(epochs, half=(half, *rights[:3]), final=(final, *rights[3:]))
                )
    return found


def write_file(path: Path, rows: list[Training] | bytes) -> Path:
    data = rows if isinstance(rows, bytes) else b"".join(framed(r.payload()) for r in rows)
    path.write_bytes(data)
    return path


def convert(path: Path, folder: Path, **options: Any) -> Path:
    """The table of a file, written as the command line does."""
    out = folder / "none.parquet"
    for made in NB101Importer().tables([path], work=folder / "work", **options):
        out = folder / f"{made.metadata.id}.parquet"
        write_table(out, made)
    return out


def table(rows: list[Training] | bytes, folder: Path) -> Table:
    folder.mkdir(exist_ok=True)
    return Table(convert(write_file(folder / "some.tfrecord", rows), folder))


def many(n: int) -> tuple[Module, ...]:
    """The first cells of the space, their vertices numbered as in the representative."""
    found = []
    for arch in islice(cells(), n):
        matrix, operations = to_matrix(arch)
        rows = " ".join("".join(map(str, row)) for row in matrix)
        found.append(Module(module_hash(matrix, operations), rows, ",".join(operations)))
    return tuple(found)


# --- round trip ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    return convert(write_file(folder / "some.tfrecord", trainings()), folder)


def test_every_number_is_answered_to_the_last_digit(full: Path) -> None:
    benchmark = nasbench.load(full)
    seen: dict[tuple[str, int], int] = {}
    for row in trainings():
        seed = seen[row.module, row.epochs] = seen.get((row.module, row.epochs), -1) + 1
        text = next(module.text for module in MODULES if module.hash == row.module)
        for epoch, expected in ((row.epochs // 2, row.half), (row.epochs, row.final)):
            found = benchmark.query(text, epoch=epoch, schedule=row.epochs, seed=seed)
            assert found["seconds"] == expected[0]
            for name, value in zip(("train", "valid", "test"), expected[1:], strict=True):
                assert found[f"{name}_accuracy"] / 100 == value
            assert found["parameters"] == row.parameters


def test_accuracies_in_double_precision_keep_their_digits(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [
        module.training(half=(1.0, *drawn[:3]), final=(2.0, *drawn[3:]))
        for module in (EDGE, CONV3)
        for _ in range(3)
        if (drawn := [rng.randrange(9985) / 9984 for _ in range(6)])
    ]
    path = convert(write_file(tmp_path / "some.tfrecord", rows), tmp_path)
    benchmark, drop_in = nasbench.load(path), NASBench(path)
    for number, row in enumerate(rows):
        text, seed = (EDGE, CONV3)[number // 3].text, number % 3
        _, computed = drop_in.get_metrics_from_hash(row.module)
        for epoch, moment, expected in ((54, "halfway", row.half), (108, "final", row.final)):
            found = benchmark.query(text, epoch=epoch, seed=seed)
            for split, name, value in zip(SPLITS, NAMES, expected[1:], strict=True):
                assert found[f"{split}_accuracy"] == value * 100
                assert computed[108][seed][f"{moment}_{name}_accuracy"] == value


def test_the_published_file_needs_no_second_column(full: Path) -> None:
    assert not [name for name in Table(full).columns if name.startswith("published_")]


def test_the_published_record_of_the_inception_like_cell(tmp_path: Path) -> None:
    rows = trainings((EDGE, INCEPTION), (108,))
    rows[4] = replace(
        rows[4],
        half=(single(577.9), 0.9, 0.9, 0.9),
        final=(1155.85302734375, 1.0, single(9361 / 9984), single(9297 / 9984)),
    )
    write_file(tmp_path / "some.tfrecord", rows)
    benchmark = nasbench.load(convert(tmp_path / "some.tfrecord", tmp_path))
    answer = benchmark.query(INCEPTION.text, seed=1)
    assert answer["parameters"] == 2_694_282
    assert round(answer["seconds"], 3) == 1155.853
    assert answer["train_accuracy"] == 100.0
    assert answer["valid_accuracy"] == pytest.approx(93.76001, abs=1e-5)
    assert answer["test_accuracy"] == pytest.approx(93.11899, abs=1e-5)


def test_every_possible_accuracy_survives_the_percentage(tmp_path: Path) -> None:
    possible = np.float32(np.arange(9990) / 9984).clip(max=1).astype(np.float64).reshape(-1, 2, 3)
    rows = [CONV3.training(half=(1.0, *half), final=(2.0, *final)) for half, final in possible]
    found = table(rows, tmp_path)
    names = ("train_accuracy", "valid_accuracy", "test_accuracy")
    columns = [found.curves(name, 108) for name in names]
    assert all(column.dtype == np.float64 for column in columns)
    assert (np.stack(columns, axis=2) / 100 == possible).all()


@given(st.floats(0, 1, width=32))
def test_no_number_of_single_precision_is_changed_by_the_percentage(value: float) -> None:
    assert float(np.array([value])[0] * 100) / 100 == value


def test_the_table_is_valid_and_says_what_it_is(full: Path) -> None:
    found = Table(full)
    found.check()
    metadata = found.metadata
    assert (metadata.id, metadata.space, metadata.key) == ("nb101-cifar10", "nb101", "class")
    assert metadata.epochs == {4: [2, 4], 12: [6, 12], 36: [18, 36], 108: [54, 108]}
    assert metadata.default_objective == "valid_accuracy"
    assert not metadata.complete
    assert set(found.columns) == {"seconds", "train_accuracy", "valid_accuracy", "test_accuracy"}
    assert found.columns["train_accuracy"].split == "train"
    assert found.archs.shape == (5 * 12, 26)
    assert not found.diverged.any()
    data = (full.parent / "some.tfrecord").read_bytes()
    given = metadata.recipe["input"]
    assert given["name"] == "some.tfrecord"
    assert given["bytes"] == len(data)
    assert given["sha256"] == hashlib.sha256(data).hexdigest()
    assert "another file" in metadata.recipe["release"]


def test_texts_are_those_of_the_file_and_rows_are_representatives(full: Path) -> None:
    found = Table(full)
    archs = [tuple(arch) for arch in found.written_archs.tolist()]
    place = {hash_: i for i, hash_ in enumerate(found.arch_texts("module_hash"))}
    assert len(place) == len(MODULES)
    for module in MODULES:
        i = place[module.hash]
        assert archs[i] == SPACE.canonical(SPACE.from_text(module.text))
        assert found.arch_texts("module_adjacency")[i] == module.adjacency
        assert found.arch_texts("module_operations")[i] == module.operations
        assert found.arch_numbers("parameters")[i] == module.parameters
    # The published numbering of the Inception-like cell is not that of its representative.
    assert SPACE.from_text(INCEPTION.text) not in archs


def test_only_108_epochs_are_a_table_of_their_own(tmp_path: Path) -> None:
    found = table(trainings(budgets=(108,)), tmp_path)
    assert found.metadata.id == "nb101-cifar10-108"
    assert found.metadata.epochs == {108: [54, 108]}
    with pytest.raises(NotRecordedError, match=r"nasbench_full\.tfrecord"):
        nasbench.load(found.path).query(EDGE.text, epoch=36)


def test_a_table_of_all_cells_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nb101, "CELLS", len(MODULES))
    assert table(trainings(), tmp_path).metadata.complete


def test_a_search_runs_on_it(full: Path) -> None:
    runs = nasbench.search("random_search", full, seeds=range(20), budget=Budget(trials=30))
    assert len(runs) == 20
    best = max(row.final[2] for row in trainings() if row.epochs == 108)
    assert min(run.incumbents()[-1].losses[0] for run in runs) == pytest.approx(100 - 100 * best)


def test_cells_are_numbered_in_the_order_of_the_file(full: Path, tmp_path: Path) -> None:
    for name, modules in (("one", MODULES), ("other", MODULES[::-1])):
        (tmp_path / name).mkdir()
        found = table(trainings(modules), tmp_path / name)
        hashes = dict(
            zip(found.arch_numbers("index"), found.arch_texts("module_hash"), strict=True)
        )
        assert [hashes[number] for number in range(len(modules))] == [m.hash for m in modules]


def test_records_in_any_order_give_the_same_numbers(full: Path, tmp_path: Path) -> None:
    groups: dict[tuple[str, int], list[Training]] = {}
    for row in trainings():
        groups.setdefault((row.module, row.epochs), []).append(row)
    rng = random.Random(1)
    rows = []
    while groups:
        key = rng.choice(list(groups))
        rows.append(groups[key].pop(0))
        if not groups[key]:
            del groups[key]
    assert rows != trainings()
    found = table(rows, tmp_path)
    tables = [[pq.read_table(p), pq.read_table(archs_file(p))] for p in (found.path, full)]
    for each in tables:
        each[1] = each[1].drop_columns("index")
    assert tables[0] == tables[1]


def test_unknown_fields_are_skipped(full: Path, tmp_path: Path) -> None:
    rows = [replace(row, extra=True) for row in trainings()]
    assert table(rows, tmp_path).metadata.content_hash == Table(full).metadata.content_hash


def test_another_numbering_of_a_known_cell_is_the_same_cell(tmp_path: Path) -> None:
    rows = trainings((INCEPTION,), (108,))
    # Vertices 1 and 2 exchanged.
    names = INCEPTION.operations.split(",")
    names[1], names[2] = names[2], names[1]
    rows[2] = replace(rows[2], operations=",".join(names))
    found = table(rows, tmp_path)
    assert len(found.written_archs) == 1
    assert found.arch_texts("module_operations") == [INCEPTION.operations]
    assert found.curves("seconds", 108)[2].tolist() == [rows[2].half[0], rows[2].final[0]]


def test_a_training_without_numbers_has_diverged(tmp_path: Path) -> None:
    nan = float("nan")
    rows = trainings((EDGE, CONV3), (108,))
    rows[1] = replace(rows[1], final=(rows[1].final[0], nan, nan, nan))
    rows[5] = replace(
        rows[5], half=(rows[5].half[0], *[nan] * 3), final=(rows[5].final[0], *[nan] * 3)
    )
    found = table(rows, tmp_path)
    found.check()
    assert found.diverged.sum() == 2
    benchmark = nasbench.load(found.path)
    arch = SPACE.canonical(SPACE.from_text(EDGE.text))
    assert benchmark.evaluate(arch, seed=1).losses == (float("inf"),)
    assert benchmark.query(EDGE.text, epoch=54, schedule=108, seed=1)["valid_accuracy"] > 0
    assert "valid_accuracy" not in benchmark.query(CONV3.text, epoch=54, schedule=108, seed=2)


# --- hostile input -------------------------------------------------------------------------------


def refuse(rows: list[Training] | bytes, folder: Path, reason: str) -> None:
    path = write_file(folder / "some.tfrecord", rows)
    out = folder / "out"
    out.mkdir()
    with pytest.raises(ArchiveError, match=rf"some\.tfrecord.*{reason}"):
        convert(path, out)
    assert not list(out.rglob("*.parquet*"))


def with_row(i: int, **changes: Any) -> list[Training]:
    rows = trainings((INCEPTION, EDGE), (108,))
    rows[i] = replace(rows[i], **changes)
    return rows


def with_payload(payload: bytes) -> bytes:
    rows = [row.payload() for row in trainings((INCEPTION,), (108,))]
    return b"".join(map(framed, [*rows[:2], payload, rows[2]]))


def broken(change: Callable[[list[Any]], Any]) -> bytes:
    row = json.loads(EDGE.training().payload())
    return with_payload(json.dumps(change(row) or row).encode())


def garbled(message: bytes) -> bytes:
    encoded = base64.b64encode(message).decode()
    return broken(lambda row: row.__setitem__(4, encoded))


SEVEN = INCEPTION.adjacency
nan = float("nan")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (with_row(1, half=(1, 0.5, 1.5, 0.5)), r"record 1: accuracies .*1\.5.*possible are 0 to 1"),
        (with_row(1, final=(99999, 0.5, 0.5, -0.1)), r"record 1: accuracies .*-0\.1"),
        (with_row(4, final=(99999, 0.5, nan, 0.5)), r"record 4: .*nan.*only some are NaN"),
        (with_row(4, half=(1, nan, nan, nan)), r"record 4: .*nan.*only some are NaN"),
        (with_row(1, final=(99999, float("inf"), 0, 0)), r"record 1: accuracies .*inf"),
        (with_row(1, half=(60, 0, 0, 0), final=(59, 0, 0, 0)), r"record 1: training times .*60"),
        (with_row(1, half=(-1, 0, 0, 0)), r"record 1: training times \[-1"),
        (with_row(1, final=(nan, 0, 0, 0)), r"record 1: training times .*nan"),
        (with_row(1, final=(float("inf"), 0, 0, 0)), r"record 1: training times .*inf"),
        (with_row(1, parameters=7), r"record 1: .*28cf.* has 7 parameters, but 2694282"),
        (with_row(1, parameters=0), r"record 1: .*0 parameters"),
        (with_row(1, parameters=-5), r"record 1: .*parameters"),
        (with_row(1, evaluations=2), r"record 1: .*2 evaluations"),
        (with_row(1, evaluations=4), r"record 1: .*4 evaluations"),
        (with_row(1, epochs=100), r"record 1: a training of 100 epochs.*did you mean '108'"),
        (with_row(1, epochs=True), r"record 1: a training of True epochs"),
        (with_row(1, module=CONV3.hash), r"record 1: .*hash 28cf.*, not 'b49a"),
        (with_row(0, module="nothing"), r"record 0: .*hash 28cf.*, not 'nothing'"),
        (with_row(1, operations=INCEPTION.operations.replace("conv1x1-bn-relu", "conv5x5", 1)),
         r"record 1: unknown operation 'conv5x5'"),
        (with_row(1, operations=INCEPTION.operations + ",output"), "record 1: .*8 operations"),
        (with_row(1, operations=INCEPTION.operations[6:]), "record 1: .*6 operations"),
        (with_row(0, adjacency="0" * 36 + "1" + "0" * 12), "record 0: .*not upper triangular"),
        (with_row(0, adjacency=SEVEN[:48]), "record 0: .*not a square of digits"),
        (with_row(0, adjacency=""), "record 0: .*2 to 7 vertices"),
        (with_row(0, adjacency="0" * 10_000), "record 0: .*2 to 7 vertices"),
        (with_row(0, adjacency=SEVEN.replace("1", "2")), "record 0: .*not a square of digits"),
        (with_row(0, adjacency=SEVEN.replace("1", "\u0661")), "record 0: .*not a square of digits"),
        (with_row(0, adjacency="0" * 49), "record 0: no path"),
        (with_row(0, adjacency="0111110" + "0000001" * 5 + "0" * 7),
         "record 0: .*10 edges after pruning"),
        (with_row(0, adjacency="0" + "1" * 6 + "00" + "1" * 5 + "0" * 35),
         "record 0: .*on no path"),
        (with_row(0, adjacency="".join(str(int(x < y)) for x in range(7) for y in range(7))),
         "record 0: .*21 edges"),
        (trainings()[:-1], r"28cf.* has 2 trainings of 108 epochs, but others have 3"),
        (trainings()[3:], r"0437.* has 0 trainings of 4 epochs, but others have 3"),
        (trainings(budgets=(4, 108)), r"trainings of \[4, 108\] epochs"),
        (b"", "holds no records"),
        (bytes(64), "is nothing but zeros, not a TFRecord file"),
        (b"<!doctype html>", "is an HTML page, not a TFRecord file"),
        (b"PK\3\4" + bytes(60), "is a zip archive, not a TFRecord file"),
        (b"noise" * 20, "is damaged: the length of the record at byte 0"),
        (with_payload(b"\xff\xfe"), "record 2: .*not JSON"),
        (with_payload(b"not json"), "record 2: b'not json' is not JSON"),
        (with_payload(b""), "record 2: b'' is not JSON"),
        (with_payload(b"[" * 60_000), "record 2: .*not JSON"),
        (with_payload(b"9" * 60_000), "record 2: .*not JSON"),
        (with_payload(b"9" * 70_000), "70000 bytes, at most 65536"),
        (with_payload(b"{}"), r"record 2: \{\} is not a list of module hash"),
        (with_payload(b"[1, 2]"), r"record 2: \[1, 2\] is not a list of module hash"),
        (with_payload(b"null"), "record 2: None is not a list of module hash"),
        (broken(lambda row: row.append(0)), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(0, 7)), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(1, "108")), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(1, 108.0)), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(2, [[0, 1], [0, 0]])), "record 2: .*not a list of"),
        (broken(lambda row: row.__setitem__(3, None)), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(4, {})), "record 2: .*not a list of module hash"),
        (broken(lambda row: row.__setitem__(4, "abcde")), "record 2: .*not base64"),
        (broken(lambda row: row.__setitem__(4, "ü")), "record 2: .*not base64"),
        (broken(lambda row: row.__setitem__(4, "")), "record 2: .*0 evaluations"),
        (garbled(b"\x0a\x7f"), "record 2: .*ends within a field of 127"),
        (garbled(b"\xff" * 30), "record 2: .*varint without an end"),
        (garbled(b"\x0a\x00" * 3 + b"\x10\x05"), "record 2: .*has no seconds"),
        (garbled(EvaluationData(test=1.0).SerializeToString()), "record 2: .*0 evaluations"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_and_leaves_no_table(
    rows: list[Training] | bytes, reason: str, tmp_path: Path
) -> None:
    refuse(rows, tmp_path, reason)


def test_a_metric_that_is_missing_is_named(tmp_path: Path) -> None:
    message = EDGE.training().metrics()
    message.evaluation_data[2].ClearField("validation")
    refuse(garbled(message.SerializeToString()), tmp_path, "record 2: .*has no valid_accuracy")


def test_a_truncated_file_leaves_no_table(tmp_path: Path) -> None:
    data = b"".join(framed(row.payload()) for row in trainings((EDGE,), (108,)))
    last = data.rindex(b"[") - 12
    for number, end in enumerate((last + 5, last + 11, last + 100, len(data) - 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        refuse(data[:end], folder, "is truncated")


def test_a_wrong_checksum_leaves_no_table(tmp_path: Path) -> None:
    data = b"".join(framed(row.payload()) for row in trainings((EDGE,), (108,)))
    last = data.rindex(b"[") - 12
    for number, place in enumerate((last, last + 9, last + 50, len(data) - 2)):
        folder = tmp_path / str(number)
        folder.mkdir()
        changed = bytearray(data)
        changed[place] ^= 16
        refuse(bytes(changed), folder, f"is damaged.*byte {last}")


def test_two_hashes_of_one_cell_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arch = SPACE.from_text(POOL.text)
    monkeypatch.setattr(NB101, "canonical", lambda self, given: arch)
    refuse(trainings(), tmp_path, "are the same cell")


def test_a_published_file_must_have_the_published_number_of_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path / "some.tfrecord", trainings())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    releases = (replace(nb101.RELEASES[0], sha256=sha256), nb101.RELEASES[1])
    monkeypatch.setattr(nb101, "RELEASES", releases)
    with pytest.raises(ArchiveError, match=r"60 trainings of 5 cells from .* 5,083,488 of 423,"):
        convert(path, tmp_path)
    monkeypatch.setattr(nb101, "CELLS", 5)
    found = Table(convert(path, tmp_path)).metadata
    assert found.recipe["release"] == "nasbench_full.tfrecord"


def test_the_published_numbers_of_records() -> None:
    assert [release.records for release in nb101.RELEASES] == [5_083_488, 1_270_872]


@pytest.mark.parametrize("kind", ["missing", "folder", "two", "none"])
def test_a_wrong_argument_says_what_is_wanted(kind: str, tmp_path: Path) -> None:
    files = {
        "missing": [tmp_path / "missing.tfrecord"],
        "folder": [tmp_path],
        "two": [tmp_path, tmp_path],
        "none": [],
    }[kind]
    with pytest.raises(InvalidArgumentError, match=r"nasbench_full\.tfrecord"):
        list(NB101Importer().tables(files, work=tmp_path / "work"))


def test_a_disk_that_fails_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    refuse(trainings(), tmp_path, "cannot be read: Input/output error")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=3),
)
texts = st.sampled_from([EDGE.hash, "01", "0" * 49, "input,output", "CAU=", ""]) | st.text()
near = st.tuples(texts, st.sampled_from([108, 4, 5, -1]), texts, texts, texts)
hostile_rows = (
    st.binary(max_size=100) | json_values.map(json.dumps) | near.map(json.dumps)
).map(lambda row: row if isinstance(row, bytes) else row.encode())  # fmt: skip


@settings(max_examples=150)
@given(st.binary(max_size=100) | st.lists(hostile_rows, max_size=3))
def test_nothing_but_our_errors_comes_out_of_any_file(content: bytes | list[bytes]) -> None:
    data = content if isinstance(content, bytes) else b"".join(map(framed, content))
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "some.tfrecord", data)
        with pytest.raises(NasbenchError):
            list(NB101Importer().tables([path], work=Path(folder) / "work"))


@settings(max_examples=150)
@given(st.data())
def test_nothing_but_our_errors_comes_out_of_damaged_metrics(draw: st.DataObject) -> None:
    message = bytearray(EDGE.training().metrics().SerializeToString())
    for _ in range(draw.draw(st.integers(1, 4))):
        message[draw.draw(st.integers(0, len(message) - 1))] = draw.draw(st.integers(0, 255))
    row = json.loads(EDGE.training().payload())
    row[4] = base64.b64encode(message).decode()
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "some.tfrecord", framed(json.dumps(row).encode()))
        try:
            convert(path, Path(folder))
        except NasbenchError:
            assert not list(Path(folder).glob("*.parquet"))


# --- long imports --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("longer") / "some.tfrecord"
    return write_file(path, trainings(many(100)))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nb101, "RECORDS_A_BLOCK", 100)
    monkeypatch.setattr(nb101_records, "_TOLD_EVERY", 10)


@pytest.fixture
def read_records(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Positions behind all records that were read."""
    ends: list[int] = []
    original = nb101_records.records

    def watched(*args: Any, **options: Any) -> Iterator[tuple[int, bytes]]:
        for end, payload in original(*args, **options):
            ends.append(end)
            yield end, payload

    monkeypatch.setattr(nb101_records, "records", watched)
    return ends


@pytest.mark.usefixtures("small_blocks")
def test_the_contract_is_kept(longer: Path, tmp_path: Path) -> None:
    check_importer(NB101Importer(), [longer], work=tmp_path)


@pytest.mark.usefixtures("small_blocks")
def test_progress_is_told_in_bytes(longer: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    convert(longer, tmp_path, progress=lambda done, total: told.append((done, total)))
    size = longer.stat().st_size
    assert {total for _, total in told} == {size}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == size
    assert len(done) >= 120


@pytest.mark.usefixtures("small_blocks")
def test_blocks_change_nothing_and_are_deleted(
    longer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    blocks = convert(longer, tmp_path / "a")
    assert not list((tmp_path / "a").rglob("*.arrow"))
    monkeypatch.setattr(nb101, "RECORDS_A_BLOCK", 10**6)
    whole = convert(longer, tmp_path / "b")
    assert Table(blocks).metadata == Table(whole).metadata


KILLED = """
import os, signal, sys
from pathlib import Path
from data_builders.importers.nb101 import importer as nb101, records as nb101_records

nb101.RECORDS_A_BLOCK = 100
nb101_records._TOLD_EVERY = 10

def progress(done, total):
    if done > 0.55 * total:
        os.kill(os.getpid(), signal.SIGKILL)

list(nb101.NB101Importer().tables([Path(sys.argv[1])], work=Path(sys.argv[2]), progress=progress))
"""


@pytest.mark.usefixtures("small_blocks")
def test_an_import_that_was_killed_goes_on_where_it_was(
    longer: Path, tmp_path: Path, read_records: list[int]
) -> None:
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
    work = tmp_path / "killed" / "work"
    done = subprocess.run([sys.executable, "-c", KILLED, str(longer), str(work)], check=False)
    assert done.returncode < 0
    stored = len(list(work.rglob("*.arrow")))
    assert stored == 6
    resumed = convert(longer, tmp_path / "killed")
    assert len(read_records) == 1200 - 100 * stored
    assert read_records[0] > longer.stat().st_size * 0.45
    assert not list(work.rglob("*.arrow"))
    assert Table(resumed).metadata == Table(convert(longer, tmp_path / "whole")).metadata


@pytest.mark.usefixtures("small_blocks")
def test_blocks_of_another_file_or_damaged_ones_are_read_again(
    longer: Path, tmp_path: Path, read_records: list[int]
) -> None:
    expected = next(NB101Importer().tables([longer], work=tmp_path / "other"))
    stopped = NB101Importer().tables([longer], work=tmp_path / "work")
    next(stopped)
    stopped.close()
    (tmp_path / "work/nb101-blocks/000003.arrow").write_bytes(b"damaged")
    read_records.clear()
    again = NB101Importer().tables([longer], work=tmp_path / "work")
    assert next(again).runs.equals(expected.runs)
    again.close()
    assert len(read_records) == 100
    other = write_file(tmp_path / "some.tfrecord", trainings())
    assert next(NB101Importer().tables([other], work=tmp_path / "work")).runs.num_rows == 60


def test_the_script_for_the_full_size_runs(tmp_path: Path) -> None:
    script = Path(__file__).parents[3] / "speed" / "nb101_full_size.py"
    command = [sys.executable, str(script), "--cells", "50", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "600 records" in done.stdout
    assert "| query_many of all cells |" in done.stdout
    Table(tmp_path / "nb101-50" / "nb101-cifar10.parquet").check()
