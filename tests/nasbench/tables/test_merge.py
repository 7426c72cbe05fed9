"""Joined tables: against the table that was split, against a naive twin, and by hand."""

import re
from dataclasses import replace
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import nasbench
from nasbench import Budget
from nasbench.benchmarks.loading import load
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, NotRecordedError, TableError
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.merge import merge
from nasbench.tables.schema import Metadata, archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

NAN = float("nan")
SPACE = NB201()
CELLS = [SPACE.unrank(rank) for rank in (0, 75, 3906, 11_000, 15_624)]
EPOCHS = {2: [1, 2], 4: [2, 3, 4]}
COLUMNS = ("valid_accuracy", "test_accuracy", "train_loss", "seconds", "validation_seconds")
ARCH_COLUMNS = ("parameters", "latency_toy_ms", "score", "label")


def metadata(id_, **changes):
    return replace(
        Metadata(
            id=id_,
            space="nb201",
            key="arch",
            dataset="toys",
            epochs={4: [4]},
            complete=False,
            default_objective="valid_accuracy",
        ),
        **changes,
    )


def written(folder, meta, runs, archs=None, columns=()):
    path = folder / f"{meta.id}.parquet"
    write_table(path, Draft(meta, runs, archs, columns), replace=True)
    return Table(path)


def joined(folder, tables, id_="joined", **options):
    """The joined table, written and checked as the command line does it."""
    made = merge(tables, id_, **options)
    path = folder / f"{id_}.parquet"
    write_table(path, made, replace=True)
    table = Table(path)
    table.check()
    return table


def runs_of(cells, seed=0, schedule=4, **columns):
    """Trainings of cells; a value of a column is the list of one training, or a number of it."""
    n = len(cells)
    return pa.table(
        {
            "arch": lists(cells),
            "schedule": pa.array([schedule] * n, pa.int32()),
            "seed": pa.array([seed] * n, pa.int32()),
            "status": pa.array(["finished"] * n, pa.string()),
            **columns,
        }
    )


def archs_of(cells, **columns):
    return pa.table({"arch": lists(cells), **columns})


def lists(cells):
    return pa.array([list(cell) for cell in cells], pa.list_(pa.uint8()))


# --- splits of a table give it back --------------------------------------------------------------

single = st.integers(0, 800).map(lambda n: n / 8)
double = st.integers(1, 300).map(lambda n: n / 3)


@st.composite
def contents(draw):
    """Rows of runs and of architectures, as dicts, of a valid table."""
    cells = draw(st.lists(st.sampled_from(CELLS), min_size=1, unique=True))
    rows = []
    for cell in cells:
        for schedule, seed in draw(
            st.lists(
                st.tuples(st.sampled_from(sorted(EPOCHS)), st.integers(0, 2)),
                min_size=1,
                unique=True,
            )
        ):
            n = len(EPOCHS[schedule])
            diverged = draw(st.booleans())

            def curve(numbers, last=True, n=n):
                values = [draw(st.one_of(st.just(NAN), numbers)) for _ in range(n - 1)]
                return [*values, draw(numbers) if last else NAN]

            rows.append(
                {
                    "arch": list(cell),
                    "schedule": schedule,
                    "seed": seed,
                    "status": "diverged" if diverged else "finished",
                    "valid_accuracy": curve(single, not diverged),
                    "test_accuracy": curve(double, draw(st.booleans())),
                    "train_loss": curve(single),
                    "seconds": sorted(draw(st.lists(double, min_size=n, max_size=n))),
                    "validation_seconds": draw(single),
                }
            )
    held = draw(st.lists(st.sampled_from(CELLS), min_size=1, unique=True))
    archs = [
        {
            "arch": list(cell),
            "parameters": draw(st.one_of(st.none(), st.integers(0, 2**60))),
            "latency_toy_ms": draw(st.one_of(st.none(), single)),
            "score": draw(st.one_of(st.none(), st.just(NAN), double)),
            "label": draw(st.one_of(st.none(), st.sampled_from(["", "a", "b"]))),
        }
        for cell in held
    ]
    return rows, archs


KINDS = {
    "valid_accuracy": pa.list_(pa.float32()),
    "test_accuracy": pa.list_(pa.float64()),
    "train_loss": pa.list_(pa.float32()),
    "seconds": pa.list_(pa.float64()),
    "validation_seconds": pa.float32(),
    "parameters": pa.int64(),
    "latency_toy_ms": pa.float32(),
    "score": pa.float64(),
    "label": pa.string(),
}


def table_of(rows, columns, keys):
    kinds = [(name, KINDS[name]) for name in columns]
    kinds = [*keys, *kinds]
    return pa.Table.from_pylist(
        [{name: row[name] for name, _ in kinds} for row in rows], schema=pa.schema(kinds)
    )


def write_split(folder, id_, rows, columns, archs, arch_columns):
    """A table of some rows and columns; None where nothing is left."""
    arch = ("arch", pa.list_(pa.uint8(), 6))
    keys = (arch, ("schedule", pa.int32()), ("seed", pa.int32()), ("status", pa.string()))
    epochs = {s: e for s, e in EPOCHS.items() if any(row["schedule"] == s for row in rows)}
    objective = "valid_accuracy" if "valid_accuracy" in columns and rows else None
    meta = metadata(id_, epochs=epochs, default_objective=objective)
    held = table_of(archs, arch_columns, (arch,)) if archs and arch_columns else None
    if not rows and held is None:
        return None
    return written(folder, meta, table_of(rows, columns if rows else (), keys), held)


sides = st.sampled_from(["left", "right", "both"])
slow = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def of_side(side, things, owners):
    return [thing for thing, owner in zip(things, owners, strict=True) if owner in (side, "both")]


@slow
@given(data=st.data(), content=contents())
def test_tables_of_some_columns_give_back_the_whole(data, content, tmp_path):
    rows, archs = content
    whole = write_split(tmp_path, "whole", rows, COLUMNS, archs, ARCH_COLUMNS)
    owners = data.draw(st.lists(sides, min_size=5, max_size=5))
    arch_owners = data.draw(st.lists(sides, min_size=4, max_size=4))
    tables = [
        write_split(
            tmp_path,
            side,
            rows,
            of_side(side, COLUMNS, owners),
            archs,
            of_side(side, ARCH_COLUMNS, arch_owners),
        )
        for side in ("left", "right")
    ]
    table = joined(tmp_path, data.draw(st.permutations(tables)))
    assert table.metadata.content_hash == whole.metadata.content_hash
    assert table.metadata.epochs == whole.metadata.epochs
    assert table.metadata.default_objective == "valid_accuracy"


@slow
@given(data=st.data(), content=contents())
def test_tables_of_some_rows_give_back_the_whole(data, content, tmp_path):
    rows, archs = content
    whole = write_split(tmp_path, "whole", rows, COLUMNS, archs, ARCH_COLUMNS)
    owners = data.draw(st.lists(sides, min_size=len(rows), max_size=len(rows)))
    arch_owners = data.draw(st.lists(sides, min_size=len(archs), max_size=len(archs)))
    tables = [
        write_split(
            tmp_path,
            side,
            of_side(side, rows, owners),
            COLUMNS,
            of_side(side, archs, arch_owners),
            ARCH_COLUMNS,
        )
        for side in ("left", "right")
    ]
    assume(None not in tables)
    table = joined(tmp_path, data.draw(st.permutations(tables)))
    assert table.metadata.content_hash == whole.metadata.content_hash


@slow
@given(data=st.data(), content=contents())
def test_a_changed_number_is_found(data, content, tmp_path):
    rows, archs = content
    left = write_split(tmp_path, "left", rows, COLUMNS, archs, ARCH_COLUMNS)
    row = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(["valid_accuracy", "test_accuracy", "train_loss", "seconds"]))
    values = list(rows[row][name])
    recorded = [len(values) - 1] if name == "seconds" else range(len(values))
    recorded = [i for i in recorded if not np.isnan(values[i])]
    assume(recorded)
    position = data.draw(st.sampled_from(recorded))
    values[position] += 0.125 if name == "seconds" or values[position] < 50 else -0.125
    changed = [*rows[:row], rows[row] | {name: values}, *rows[row + 1 :]]
    right = write_split(tmp_path, "right", changed, COLUMNS, archs, ARCH_COLUMNS)
    text = re.escape(SPACE.to_text(tuple(rows[row]["arch"])))
    epoch = EPOCHS[rows[row]["schedule"]][position]
    message = f"'{name}' at epoch {epoch} of {text}, schedule .*, seed {rows[row]['seed']} is "
    with pytest.raises(InvalidArgumentError, match=message):
        merge(data.draw(st.permutations([left, right])), "joined")


# --- a naive twin --------------------------------------------------------------------------------


def points(table):
    """Every number of every training by name, cell, schedule, seed and epoch."""
    found = {}
    for row in table.frame().to_dict("records"):
        key = (tuple(row["arch"].tolist()), row["schedule"], row["seed"])
        for name in table.columns:
            values = row[name]
            epochs = [None]
            if table.is_curve(name):
                epochs = table.epochs(name, row["schedule"])
            for epoch, value in zip(epochs, np.atleast_1d(values), strict=True):
                if not np.isnan(value):
                    found[(name, *key, epoch)] = float(value)
    return found


@slow
@given(left=contents(), right=contents(), data=st.data())
def test_the_union_is_that_of_the_numbers(left, right, data, tmp_path):
    """Other rows and other columns; what both hold is made equal."""
    shared = {}
    for row in left[0]:
        shared[tuple(row["arch"]), row["schedule"], row["seed"]] = row
    rows = [shared.get((tuple(r["arch"]), r["schedule"], r["seed"]), r) for r in right[0]]
    names = data.draw(st.lists(st.sampled_from(("test_accuracy", "train_loss")), unique=True))
    tables = [
        write_split(tmp_path, "left", left[0], ("valid_accuracy", "train_loss"), None, ()),
        write_split(tmp_path, "right", rows, ("valid_accuracy", *names), None, ()),
    ]
    table = joined(tmp_path, tables)
    expected = points(tables[0]) | points(tables[1])
    assert points(table) == expected


# --- by hand -------------------------------------------------------------------------------------


@pytest.fixture
def accuracies(tmp_path):
    """Two seeds of three cells at epoch 4."""
    runs = pa.concat_tables(
        [
            runs_of(CELLS[:3], seed, valid_accuracy=[[50.0 + seed], [60.0 + seed], [70.0 + seed]])
            for seed in (0, 1)
        ]
    )
    meta = metadata(
        "accuracies",
        title="Accuracies",
        source="a file",
        licence="MIT",
        citation="Somebody (2020)",
        seeds="as numbered",
        recipe={"optimizer": "SGD", "digest": "abc"},
        software={"torch": "2.6"},
    )
    column = Column.of("valid_accuracy", "the first half")
    return written(tmp_path, meta, runs, columns=[column])


@pytest.fixture
def latencies(tmp_path):
    """Numbers of four cells without training, one of them not in ``accuracies``."""
    cells = [CELLS[2], CELLS[0], CELLS[4], CELLS[1]]
    archs = archs_of(cells, latency_toy_ms=[2.0, None, 4.0, 1.0], label=["c", "a", "e", "b"])
    meta = metadata(
        "latencies",
        dataset="other toys",
        epochs={},
        default_objective=None,
        licence="MIT",
        citation="Somebody else (2021)",
        software={"torch": "2.6", "numpy": "2.0"},
    )
    column = Column.of("latency_toy_ms", "batch 1")
    return written(tmp_path, meta, runs_of([]), archs, [column])


def test_accuracies_and_latencies(accuracies, latencies, tmp_path):
    table = joined(tmp_path, [accuracies, latencies])
    benchmark = load(table.path, objectives=["valid_accuracy", "latency_toy_ms"])
    assert benchmark.query(CELLS[1]) == {"valid_accuracy": 60.5, "latency_toy_ms": 1.0}
    assert benchmark.query(CELLS[2], seed=1) == {"valid_accuracy": 71.0, "latency_toy_ms": 2.0}
    assert table.written_archs.tolist() == [list(CELLS[i]) for i in (0, 1, 2, 4)]
    assert table.arch_texts("label") == ["a", "b", "c", "e"]
    assert np.isnan(table.arch_numbers("latency_toy_ms")[0])
    with pytest.raises(NotRecordedError):
        benchmark.query(CELLS[4])


def test_what_the_tables_say_of_themselves_is_kept(accuracies, latencies, tmp_path):
    meta = joined(tmp_path, [latencies, accuracies], version=3).metadata
    assert (meta.id, meta.version, meta.space, meta.key) == ("joined", 3, "nb201", "arch")
    assert meta.dataset == "toys"
    assert meta.epochs == {4: [4]}
    assert meta.default_objective == "valid_accuracy"
    assert not meta.complete
    assert meta.title == "latencies@1 joined with accuracies@1"
    assert meta.source == "a file"
    assert meta.licence == "MIT"
    assert meta.citation == "latencies@1: Somebody else (2021); accuracies@1: Somebody (2020)"
    assert meta.seeds == "as numbered"
    assert meta.software == {"torch": "2.6", "numpy": "2.0"}
    assert meta.recipe["accuracies@1"] == {
        "content_hash": accuracies.metadata.content_hash,
        "recipe": {"optimizer": "SGD", "digest": "abc"},
    }
    assert set(meta.recipe) == {"accuracies@1", "latencies@1", "digest"}
    table = Table(tmp_path / "joined.parquet")
    assert table.columns["valid_accuracy"].description == "the first half"
    assert table.arch_columns["latency_toy_ms"].description == "batch 1"
    assert joined(tmp_path, [latencies, accuracies], title="Mine").metadata.title == "Mine"


def test_the_joined_table_can_be_searched(accuracies, latencies, tmp_path):
    table = joined(tmp_path, [accuracies, latencies])
    runs = nasbench.search(
        "random_search", str(table.path), seeds=range(20), budget=Budget(trials=5)
    )
    assert {trial.proposal.arch for run in runs for trial in run.trials} == set(CELLS[:3])


def test_tables_without_trainings(latencies, tmp_path):
    archs = archs_of(CELLS[3:], parameters=[7, 8])
    meta = metadata("sizes", dataset="", epochs={}, default_objective=None)
    table = joined(tmp_path, [latencies, written(tmp_path, meta, runs_of([]), archs)])
    assert table.schedules == ()
    assert table.metadata.dataset == "other toys"
    assert table.metadata.default_objective is None
    assert table.arch_texts("label") == ["a", "b", "c", None, "e"]
    assert table.arch_numbers("parameters")[3:].tolist() == [7, 8]


def test_schedules_that_one_table_lacks(accuracies, tmp_path):
    short = runs_of(CELLS[1:4], 0, 2, valid_accuracy=[[1.0], [2.0], [3.0]], seconds=[[5.0]] * 3)
    short = written(tmp_path, metadata("short", epochs={2: [2]}), short)
    table = joined(tmp_path, [accuracies, short])
    assert table.metadata.epochs == {2: [2], 4: [4]}
    assert table.columns["seconds"].epochs == {4: []}
    assert table.columns["valid_accuracy"].epochs == {}
    benchmark = load(table.path)
    assert benchmark.query(CELLS[1], epoch=2) == {"valid_accuracy": 1.0, "seconds": 5.0}
    assert benchmark.query(CELLS[1], epoch=4) == {"valid_accuracy": 60.5}


def test_epochs_that_one_table_lacks(tmp_path):
    early = runs_of(CELLS[:2], valid_accuracy=[[1.0, 3.0], [2.0, 4.0]], test_loss=[[9.0], [8.0]])
    columns = [replace(Column.of("test_loss"), epochs={4: [4]})]
    early = written(tmp_path, metadata("early", epochs={4: [1, 4]}), early, columns=columns)
    late = runs_of(CELLS[1:3], valid_accuracy=[[4.0], [5.0]], test_loss=[[8.0], [7.0]])
    table = joined(tmp_path, [written(tmp_path, metadata("late"), late), early])
    assert table.metadata.epochs == {4: [1, 4]}
    curves = table.curves("valid_accuracy", 4).tolist()
    assert repr(curves) == repr([[1.0, 3.0], [2.0, 4.0], [NAN, 5.0]])
    assert table.epochs("test_loss", 4) == [4]
    assert table.curves("test_loss", 4).tolist() == [[9.0], [8.0], [7.0]]


def test_single_precision_agrees_with_the_double_that_it_was_rounded_from(tmp_path):
    def table(id_, *kind):
        values = pa.array([[91.61], [1 / 3]], pa.list_(*kind))
        archs = archs_of(CELLS[:2], score=pa.array([91.61, 1 / 3], *kind))
        return written(tmp_path, metadata(id_), runs_of(CELLS[:2], valid_accuracy=values), archs)

    tables = [table("one", pa.float32()), table("two", pa.float64()), table("three", pa.float32())]
    hashes = set()
    for order in permutations(tables):
        both = joined(tmp_path, order)
        assert both.curves("valid_accuracy", 4).ravel().tolist() == [91.61, 1 / 3]
        assert both.arch_numbers("score").tolist() == [91.61, 1 / 3]
        hashes.add(both.metadata.content_hash)
    assert hashes == {tables[1].metadata.content_hash}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label": ["a", "x"]}, r"'label' of \|.*2\| is 'b' in latencies@1 and 'x' in other@1"),
        ({"latency_toy_ms": [7.0, 1.5]}, r"'latency_toy_ms' of .* 1\.0 in lat.* 1\.5 in other"),
        ({"latency_toy_ms": [1, 2]}, r"'latency_toy_ms' of .* 1\.0 in lat.* 2\.0 in other"),
        ({"label": [1.0, 2.0]}, "'label'.* texts in latencies@1, numbers in other@1"),
        ({"valid_accuracy": [1.0, 2.0]}, "'valid_accuracy' for every 'training'.*'architecture'"),
    ],
)  # fmt: skip
def test_numbers_of_architectures_that_differ(accuracies, latencies, tmp_path, values, message):
    meta = metadata("other", epochs={}, default_objective=None)
    other = written(tmp_path, meta, runs_of([]), archs_of(CELLS[:2], **values))
    with pytest.raises(InvalidArgumentError, match=message):
        merge([accuracies, latencies, other], "joined")


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        ({"space": "nbmacro"}, {}, "accuracies@1 has space 'nb201', other@1 has 'nbmacro'"),
        ({"dataset": "flowers"}, {}, "dataset 'toys', other@1 has 'flowers'"),
        ({"key": "class"}, {}, "key 'arch', other@1 has 'class'"),
        ({}, {"valid_accuracy": [50.0]}, "'valid_accuracy' is a curve in accuracies@1, but one"),
        ({}, {"seconds": [[1.0]]}, r"'seconds' is in other@1, but missing of .*seed 1, in acc"),
        ({}, {"validation_seconds": [1.0]}, "'validation_seconds' is in other@1, but missing of"),
        ({}, {"test_loss": [[1.0]]}, "'test_loss' is in other@1, but missing of"),
        ({}, {"status": ["diverged"], "valid_accuracy": [[NAN]]}, "'status' of .*'finished' in"),
        ({}, {"valid_accuracy": [[50.5]]}, r"'valid_accuracy' at epoch 4 .* 50\.0 .* 50\.5 "),
        ({"id": "accuracies"}, {}, r"accuracies\.parquet and .*are both accuracies@1"),
    ],
)  # fmt: skip
def test_trainings_that_do_not_fit(accuracies, tmp_path, change, columns, message):
    cells = [(0,) * 8] if change.get("space") == "nbmacro" else CELLS[:1]
    runs = runs_of(cells, valid_accuracy=[[50.0]])
    for name, values in columns.items():
        runs = runs.drop_columns([n for n in runs.schema.names if n == name])
        runs = runs.append_column(name, pa.array(values))
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other", replace(metadata("other"), **change), runs)
    with pytest.raises(InvalidArgumentError, match=message):
        merge([accuracies, other], "joined")


def test_an_objective_that_other_trainings_lack(accuracies, tmp_path):
    runs = runs_of(CELLS[3:], test_accuracy=[[50.0], [60.0]])
    other = written(tmp_path, metadata("other", default_objective=None), runs)
    for order in permutations([accuracies, other]):
        with pytest.raises(
            InvalidArgumentError, match=r"accuracy' is in .* but missing of .*every"
        ):
            merge(order, "joined")


def test_a_column_must_mean_the_same(accuracies, tmp_path):
    runs = runs_of(CELLS[:1], valid_accuracy=[[50.0]])
    column = Column("valid_accuracy", "1", "max", "valid")
    other = written(tmp_path, metadata("other"), runs, columns=[column])
    with pytest.raises(
        InvalidArgumentError, match="'valid_accuracy' with unit '%', other@1 has '1'"
    ):
        merge([accuracies, other], "joined")


def test_one_table_is_not_enough(accuracies):
    with pytest.raises(InvalidArgumentError, match="1 tables are given"):
        merge([accuracies], "joined")


def test_a_changed_file_is_not_joined(accuracies, latencies):
    data = bytearray(archs_file(latencies.path).read_bytes())
    data[60] ^= 1
    archs_file(latencies.path).write_bytes(data)
    with pytest.raises(TableError):
        merge([accuracies, Table(latencies.path)], "joined")


def test_the_union_of_rows_may_be_complete(tmp_path):
    cells = list(SPACE.archs())
    halves = [
        written(
            tmp_path,
            metadata(id_),
            runs_of(half, valid_accuracy=np.full((len(half), 1), 50.0).tolist()),
        )
        for id_, half in (("low", cells[:9000]), ("high", cells[8000:]))
    ]
    assert joined(tmp_path, halves).metadata.complete
    few = written(tmp_path, metadata("few"), runs_of(cells[:5], valid_accuracy=[[50.0]] * 5))
    assert not joined(tmp_path, [halves[0], few]).metadata.complete


def test_a_schedule_of_some_architectures_makes_an_incomplete_table(tmp_path):
    cells = list(SPACE.archs())
    rows = runs_of(cells, valid_accuracy=[[50.0]] * len(cells))
    whole = written(tmp_path, metadata("whole"), rows)
    assert joined(tmp_path, [whole, written(tmp_path, metadata("again"), rows)]).metadata.complete
    longer = runs_of(cells[:5], schedule=9, valid_accuracy=[[60.0]] * 5)
    few = written(tmp_path, replace(metadata("few"), epochs={9: [9]}), longer)
    table = joined(tmp_path, [whole, few])
    assert table.schedules[-1] == 9
    assert not table.metadata.complete


# --- classes of identical networks ---------------------------------------------------------------

DEAD, LIVE = (0, 0, 0, 0, 0, 0), (0, 0, 0, 3, 0, 0)
MEMBER = (4, 0, 0, 0, 0, 0)  # nothing leaves the only edge: the same network as DEAD
OTHER = (0, 0, 0, 2, 0, 0)


@pytest.fixture
def classes(tmp_path):
    runs = runs_of([DEAD, LIVE], valid_accuracy=[[10.0], [50.0]])
    archs = archs_of([DEAD, LIVE], parameters=[100, 200])
    return written(tmp_path, metadata("classes", key="class"), runs, archs)


def scores(folder, cells, values):
    meta = metadata("scores", epochs={}, default_objective=None)
    return written(folder, meta, runs_of([]), archs_of(cells, score=values))


def test_numbers_of_members_become_those_of_their_class(classes, tmp_path):
    assert SPACE.canonical(MEMBER) == DEAD
    assert SPACE.canonical(OTHER) not in (DEAD, LIVE)
    table = joined(tmp_path, [scores(tmp_path, [MEMBER, LIVE, OTHER], [1.5, 2.5, 9.0]), classes])
    assert table.metadata.key == "class"
    assert table.written_archs.tolist() == [list(DEAD), list(LIVE)]
    assert load(table.path).query(MEMBER) == {
        "valid_accuracy": 10.0,
        "parameters": 100.0,
        "score": 1.5,
    }


def test_members_of_a_class_must_agree(classes, tmp_path):
    table = scores(tmp_path, [MEMBER, DEAD], [1.5, 2.5])
    with pytest.raises(
        InvalidArgumentError, match=r"'score' of .* is 2\.5 in .* and 1\.5 in scores"
    ):
        merge([classes, table], "joined")


def test_numbers_as_written_stay_so(classes, tmp_path):
    """A table keyed by class may have numbers of every member."""
    archs = archs_of([DEAD, LIVE, MEMBER], parameters=[100, 200, 300])
    runs = runs_of([DEAD, LIVE], valid_accuracy=[[10.0], [50.0]])
    whole = written(tmp_path, metadata("classes", key="class"), runs, archs)
    table = joined(tmp_path, [whole, scores(tmp_path, [MEMBER, DEAD], [1.5, 2.5])])
    assert load(table.path).query(MEMBER)["parameters"] == 300
    assert load(table.path).query(MEMBER)["score"] == 1.5
    assert load(table.path).query(DEAD)["score"] == 2.5
