"""What is not a valid table is not written, and found by check where somebody else wrote it."""

import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.benchmarks.facts import table_facts
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    SchemaError,
    ValueRangeError,
)
from nasbench.tables import writer
from nasbench.tables.draft import Draft
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

NAN, INF = float("nan"), float("inf")


# What is refused when it is written, and found by check in what somebody else wrote


def outside(toy):
    toy.runs[0]["arch"] = [0, 0, 0, 0, 0, 5]


def outside_archs(toy):
    toy.archs[0]["arch"] = [0, 0, 0, 0, 0, 9]


def too_good(toy):
    toy.runs[3]["valid_accuracy"][2] = 101.0


def negative(toy):
    toy.runs[3]["seconds"][0] = -0.5


def infinite(toy):
    toy.runs[3]["train_loss"][0] = INF


def negative_parameters(toy):
    toy.archs[3]["parameters"] = -1


def infinite_latency(toy):
    toy.archs[3]["latency_toy_ms"] = INF


def no_result(toy):
    toy.runs[3]["valid_accuracy"][3] = NAN


def result_of_a_failure(toy):
    (failed,) = (row for row in toy.runs if row["status"] == "diverged")
    failed["valid_accuracy"][3] = 5.0


def no_cost(toy):
    toy.runs[3]["seconds"][1] = NAN


def no_cost_of_validation(toy):
    toy.runs[3]["validation_seconds"] = NAN


def no_single_number(toy):
    for row in toy.runs:
        row["energy"] = NAN


def falling_seconds(toy):
    toy.runs[3]["seconds"][1] = 0.5


def negative_seed(toy):
    toy.runs[0]["seed"] = -1


def doubled(toy):
    toy.runs.append(dict(toy.runs[0]))


def doubled_archs(toy):
    toy.archs.append(dict(toy.archs[0]))


def short_curve(toy):
    toy.runs[5]["train_loss"].pop()


def long_curve(toy):
    toy.runs[5]["train_loss"].append(0.0)


def balanced_curves(toy):
    toy.runs[5]["train_loss"].append(toy.runs[6]["train_loss"].pop())


def null_in_curve(toy):
    toy.runs[5]["train_loss"][1] = None


def null_curve(toy):
    toy.runs[5]["train_loss"] = None


def null_seed(toy):
    toy.runs[5]["seed"] = None


def null_status(toy):
    toy.runs[5]["status"] = None


def unknown_status(toy):
    toy.runs[5]["status"] = "finnished"


def unknown_schedule(toy):
    toy.runs[5]["schedule"] = 3


def text_column(toy):
    for row in toy.runs:
        row["machine"] = "mine"


def nested_column(toy):
    for row in toy.runs:
        row["more"] = {"a": 1}


def half_seed(toy):
    toy.runs[5]["seed"] = 0.5


def text_seed(toy):
    for row in toy.runs:
        row["seed"] = f"seed {row['seed']}"


def short_arch(toy):
    toy.runs[5]["arch"] = [0, 0, 0, 0, 0]


def balanced_archs(toy):
    toy.runs[5]["arch"] = [0, 0, 0, 0, 0]
    toy.runs[6]["arch"] = [0, 0, 0, 0, 0, 0, 0]


def text_arch(toy):
    for row in toy.runs:
        row["arch"] = "|skip_connect~0|"


def real_arch(toy):
    toy.runs[5]["arch"] = [0.5] * 6


def no_rows(toy):
    del toy.runs[1:]
    toy.runs[0]["schedule"] = 3


WRONG = {
    outside: (
        IllegalArchError,
        r"row . holds \(0, 0, 0, 0, 0, 5\), which is not an architecture of 'nb201'",
    ),
    outside_archs: (IllegalArchError, r"\(0, 0, 0, 0, 0, 9\), which is not an architecture"),
    too_good: (ValueRangeError, "'valid_accuracy' holds 101.0, possible is 0 to 100 %"),
    negative: (ValueRangeError, "'seconds' holds -0.5, possible is 0 to inf s"),
    infinite: (ValueRangeError, "'train_loss' holds inf"),
    negative_parameters: (ValueRangeError, "'parameters' holds -1"),
    infinite_latency: (ValueRangeError, "'latency_toy_ms' holds inf"),
    no_result: (ValueRangeError, "'valid_accuracy' at the last epoch must be NaN where a run div"),
    result_of_a_failure: (ValueRangeError, "'valid_accuracy' at the last epoch must be NaN where"),
    no_cost: (ValueRangeError, "'seconds' holds NaN, but is a cost"),
    no_cost_of_validation: (ValueRangeError, "'validation_seconds' holds NaN, but is a cost"),
    no_single_number: (ValueRangeError, "'energy' holds NaN in a run that did not diverge"),
    falling_seconds: (ValueRangeError, "'seconds' decrease between epochs"),
    negative_seed: (ValueRangeError, "seed -1 is negative"),
    doubled: (SchemaError, "not sorted by .* or are repeated"),
    doubled_archs: (SchemaError, "architectures are not sorted by rank, or are repeated"),
    short_curve: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    long_curve: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    balanced_curves: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    null_in_curve: (SchemaError, "'train_loss' has a null; missing numbers must be NaN"),
    null_curve: (SchemaError, "'train_loss' has a null; missing numbers must be NaN"),
    null_seed: (SchemaError, "'seed' has a null"),
    null_status: (SchemaError, "'status' has a null"),
    unknown_status: (SchemaError, "unknown status 'finnished'; did you mean 'finished'"),
    unknown_schedule: (SchemaError, "schedule 3 is not both in the rows and in the metadata"),
    text_column: (SchemaError, "'machine' (holds|has type) string, not numbers"),
    nested_column: (SchemaError, "'more' is struct"),
    half_seed: (SchemaError, "'seed' is float, not int32"),
    text_seed: (SchemaError, "'seed' is string, not int32"),
    short_arch: (SchemaError, "'arch' must hold lists of 6 integers"),
    balanced_archs: (SchemaError, "'arch' must hold lists of 6 integers"),
    text_arch: (SchemaError, "'arch' must hold lists of 6 integers, but is string"),
    real_arch: (SchemaError, "'arch' must hold lists of 6 integers"),
    no_rows: (SchemaError, "schedule 3 is not both"),
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_an_invalid_table_is_not_written(content, tmp_path, change):
    error, message = WRONG[change]
    toy = content()
    change(toy)
    with pytest.raises(error, match=message):
        toy.write(tmp_path / "toy.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_rows_is_not_written(content, tmp_path):
    toy = content()
    runs, archs = toy.tables()
    with pytest.raises(SchemaError, match="toy has no rows"):
        write_table(tmp_path / "toy.parquet", Draft(toy.metadata, runs.slice(0, 0), archs))


FOREIGN = [
    outside,
    outside_archs,
    too_good,
    negative,
    infinite,
    negative_parameters,
    no_result,
    result_of_a_failure,
    no_cost,
    falling_seconds,
    negative_seed,
    doubled,
    doubled_archs,
    short_curve,
    balanced_curves,
    unknown_status,
    unknown_schedule,
    text_column,
]


@pytest.mark.parametrize("change", FOREIGN, ids=lambda change: change.__name__)
def test_check_finds_what_somebody_else_wrote(content, tmp_path, monkeypatch, change):
    error, message = WRONG[change]
    toy, path = content(), tmp_path / "toy.parquet"
    change(toy)
    with monkeypatch.context() as patch:
        for check in ("check_rows", "check_content", "legal_archs"):
            patch.setattr(writer, check, lambda *_: None)
        toy.write(path)
    with pytest.raises(error, match=message):
        Table(path).check()


@pytest.mark.parametrize("file", [lambda path: path, archs_file])
def test_check_finds_a_wrong_rank(path, file, rewrite):
    def change(table):
        ranks = table.column("rank").to_pylist()
        ranks[-1] += 1
        number = table.schema.names.index("rank")
        return table.set_column(number, "rank", pa.array(ranks, pa.int64()))

    rewrite(file(path), change)
    with pytest.raises(SchemaError, match="'rank' is not the rank of 'arch'"):
        Table(path).check()


@pytest.fixture
def long_path(content, tmp_path, monkeypatch):
    """A table of two schedules whose curves count as long."""
    monkeypatch.setattr(writer, "_LONG", 1)
    return content("schedules").write(tmp_path / "toy.parquet")


def test_last_values_of_long_curves_are_stored_and_read_without_the_curves(
    long_path, toy_files, monkeypatch
):
    short, table = Table(toy_files["schedules"]), Table(long_path)
    assert table.columns == short.columns
    assert table.metadata.content_hash == short.metadata.content_hash
    assert list(table.frame().columns) == list(short.frame().columns)
    for name in ("valid_accuracy", "seconds"):
        assert table.has_final(name)
        assert not short.has_final(name)
        for schedule in table.schedules:
            last = table.curves(name, schedule)[:, -1]
            np.testing.assert_array_equal(table.final(name, schedule), last)
            np.testing.assert_array_equal(short.final(name, schedule), last)
            assert table.final(name, schedule).dtype == last.dtype
    table.check()
    arch = tuple(table.archs[0].tolist())
    expected = [TableBenchmark(short).query(arch, schedule=s) for s in table.schedules]
    monkeypatch.delattr(Table, "curves")
    assert [TableBenchmark(table).query(arch, schedule=s) for s in table.schedules] == expected


def test_check_finds_wrong_last_values(long_path, rewrite):
    def change(table):
        name = "valid_accuracy@final"
        values = table.column(name).to_pylist()
        values[3] += 0.5
        return table.set_column(table.schema.names.index(name), name, pa.array(values, "float32"))

    rewrite(long_path, change)
    with pytest.raises(SchemaError, match="does not hold the last values of 'valid_accuracy'"):
        Table(long_path).check()


def test_check_finds_last_values_of_nothing(long_path, rewrite, redescribe):
    rewrite(long_path, lambda table: table.append_column("a@final", table.column("rank")))
    redescribe(long_path, lambda document: None)
    with pytest.raises(SchemaError, match="'a@final' repeats no column"):
        Table(long_path).check()


def test_numbers_given_in_double_precision_stay_so(content, tmp_path):
    toy, path = content(), tmp_path / "toy.parquet"
    third = [row["valid_accuracy"][0] + 1 / 3 for row in toy.runs]
    runs, archs = toy.tables()
    lists = pa.array([[x, x, x, x] for x in third], pa.list_(pa.float64()))
    runs = runs.append_column("train_accuracy", lists)
    runs = runs.append_column("test_seconds", pa.array(third))
    archs = archs.append_column("energy", pa.array([0.1] * len(archs)))
    write_table(path, Draft(toy.metadata, runs, archs))
    table = Table(path)
    table.check()
    assert table.curves("train_accuracy", 4)[:, 0].tolist() == third
    assert table.numbers("test_seconds", 4).tolist() == third
    assert table.arch_numbers("energy").tolist() == [0.1] * len(archs)
    assert table.curves("valid_accuracy", 4).dtype == np.float32


def sparse(content, epochs, values):
    toy = content()
    for row in toy.runs:
        row["test_accuracy"] = values
    column = Column("test_accuracy", "%", "max", "test", epochs=epochs)
    return replace(toy, columns=(column,))


def test_a_curve_may_be_recorded_at_fewer_epochs(content, tmp_path):
    toy = sparse(content, {4: [2, 4]}, [70.0, 80.0])
    table = Table(toy.write(tmp_path / "toy.parquet"))
    table.check()
    assert table.epochs("test_accuracy", 4) == [2, 4]
    assert table.epochs("train_loss", 4) == [1, 2, 3, 4]
    assert table.curves("test_accuracy", 4).tolist() == [[70, 80]] * 14


@pytest.mark.parametrize(
    ("epochs", "values", "message"),
    [
        ({4: [2, 4]}, [70.0], "'test_accuracy' does not have one value per recorded epoch"),
        ({4: [2, 5]}, [70.0, 80.0], r"epochs \[2, 5\] of 'test_accuracy' in schedule 4 are not"),
        ({4: [4, 2]}, [70.0, 80.0], r"epochs \[4, 2\] of 'test_accuracy'"),
        ({4: []}, [], r"epochs \[\] of 'test_accuracy'"),
        ({5: [4]}, [70.0] * 4, "in schedule 5 are not among"),
    ],
)
def test_the_epochs_of_a_column_are_some_of_the_table(content, tmp_path, epochs, values, message):
    with pytest.raises(SchemaError, match=message):
        sparse(content, epochs, values).write(tmp_path / "toy.parquet")
    assert not list(tmp_path.iterdir())


def without_trainings(content):
    toy = content()
    runs, archs = toy.tables()
    metadata = replace(toy.metadata, epochs={}, default_objective=None)
    return metadata, runs.slice(0, 0).select(["arch", "schedule", "seed", "status"]), archs


def test_a_table_may_hold_numbers_of_architectures_only(content, tmp_path):
    metadata, runs, archs = without_trainings(content)
    path = tmp_path / "toy.parquet"
    write_table(path, Draft(metadata, runs, archs))
    table = Table(path)
    table.check()
    assert table.schedules == ()
    assert len(table.archs) == len(table.ranks) == 0
    assert table.arch_numbers("parameters").tolist() == [100 * i for i in range(1, 7)]
    with pytest.raises(NotRecordedError, match=r"holds no trainings, only.*'parameters'.*merge"):
        TableBenchmark(table)
    assert table_facts(table)["space"] == "nb201"


def test_a_table_without_any_row_is_refused(content, tmp_path):
    metadata, runs, archs = without_trainings(content)
    for nothing in (None, archs.slice(0, 0)):
        with pytest.raises(SchemaError, match="has no rows"):
            write_table(tmp_path / "toy.parquet", Draft(metadata, runs, nothing))


def test_check_finds_unsorted_rows(path, rewrite):
    rewrite(path, lambda table: table.take([1, 0, *range(2, len(table))]))
    with pytest.raises(SchemaError, match="not sorted"):
        Table(path).check()


def test_check_finds_unsorted_archs(path, rewrite):
    rewrite(archs_file(path), lambda table: table.take([1, 0, *range(2, len(table))]))
    with pytest.raises(SchemaError, match="not sorted"):
        Table(path).check()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("schedule", pa.int64()),
        ("seed", pa.float64()),
        ("status", pa.large_string()),
        ("valid_accuracy", pa.list_(pa.float32(), 4)),
    ],
)
def test_check_finds_other_types(path, name, kind):
    table = pq.read_table(path)
    number = table.schema.names.index(name)
    field = pa.field(name, kind, metadata=table.schema.field(name).metadata)
    pq.write_table(table.set_column(number, field, table.column(name).cast(kind)), path)
    with pytest.raises(SchemaError, match=f"'{name}'"):
        Table(path).check()


def test_keyed_by_class_only_representatives_have_runs(content, tmp_path):
    toy = content("classes")
    toy.runs[0]["arch"] = [0, 0, 0, 0, 0, 3]
    with pytest.raises(IllegalArchError, match="is not a representative"):
        toy.write(tmp_path / "toy.parquet")


@pytest.mark.parametrize("name", ["test_accuracy", "train_loss", "seconds", "valid_guess"])
def test_the_default_objective_is_a_validation_column_with_a_goal(content, tmp_path, name):
    toy = content()
    for row in toy.runs:
        row["valid_guess"] = 1.0
    toy = replace(toy, metadata=replace(toy.metadata, default_objective=name))
    with pytest.raises(SchemaError, match=f"'{name}' is not a validation column with a goal"):
        toy.write(tmp_path / "toy.parquet")


def test_missing_values_of_other_curves_are_allowed(content, tmp_path):
    toy = content()
    toy.runs[3]["train_loss"] = [NAN, NAN, NAN, NAN]
    toy.runs[3]["valid_accuracy"][:3] = [NAN, NAN, NAN]
    Table(toy.write(tmp_path / "toy.parquet")).check()


def test_a_single_number_of_a_diverged_training_may_be_missing(content, tmp_path):
    toy = content()
    for row in toy.runs:
        row["valid_accuracy"] = row["valid_accuracy"][-1]
    Table(toy.write(tmp_path / "toy.parquet")).check()


# Writing


def test_a_failed_write_leaves_the_old_table(path, content, monkeypatch):
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    toy = content()
    toy.runs[0]["valid_accuracy"][0] = 33.0
    write = pq.write_table
    for failing in (1, 2):
        calls = []

        def broken(table, where, *args, calls=calls, failing=failing, **options):
            calls.append(where)
            write(table, where, *args, **options)
            if len(calls) == failing:
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(pq, "write_table", broken)
            with pytest.raises(InvalidArgumentError, match="No space left on device"):
                toy.write(path)
        assert len(calls) == failing
        assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    Table(path).check()


def test_a_failed_write_leaves_nothing(content, tmp_path, monkeypatch):
    def broken(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(KeyboardInterrupt):
        content().write(tmp_path / "new" / "toy.parquet")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_table_without_archs_replaces_one_with_them(path, content):
    replace(content(), archs=None).write(path)
    assert not archs_file(path).exists()
    Table(path).check()


def test_a_file_in_the_place_of_a_folder_cannot_be_written_to(content, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidArgumentError, match=f"cannot write to {tmp_path}/file"):
        content().write(tmp_path / "file" / "toy.parquet")
    (tmp_path / "toy.parquet").mkdir()
    with pytest.raises(InvalidArgumentError, match=f"{tmp_path}/toy.parquet is no table"):
        content().write(tmp_path / "toy.parquet")
    names = sorted(file.name for file in tmp_path.iterdir() if file.is_file())
    assert names == ["file"]


def test_a_folder_without_permission_cannot_be_written_to(content, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InvalidArgumentError, match=f"cannot write to {tmp_path}: permission"):
        content().write(tmp_path / "toy.parquet")
