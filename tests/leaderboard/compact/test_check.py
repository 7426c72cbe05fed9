"""Forged columns of compact records: boards do not show them, and verification says what is wrong.

A forger who knows the format leaves every hash right.
"""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.admission import find_readable
from leaderboard.compact.record import CompactRecord, compact, file_name
from leaderboard.scores import rank
from leaderboard.submissions.verify import verify
from nasbench.benchmarks.loading import load
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.search import search
from nasbench.tables.hashes import numbers_hash

SEARCHES = {
    "plain": ("toy-whole", "local_search", {"budget": Budget(trials=12)}),
    "workers": ("toy-whole", "local_search", {"budget": Budget(trials=12), "workers": 3}),
    "mean": ("toy-whole", "cgp_es", {"budget": Budget(trials=12), "replicate": "mean"}),
    "fixed": ("toy-whole", "cgp_es", {"budget": Budget(trials=12), "replicate": 1}),
    "epochs": ("toy-whole", "local_search", {"budget": Budget(epochs=24)}),
    "seconds": ("toy-whole", "local_search", {"budget": Budget(seconds=300.0)}),
    "short": ("lite201-digits", "hyperband", {"budget": Budget(epochs=150), "workers": 2}),
    "resumed": ("lite201-digits", "successive_halving", {"budget": Budget(epochs=150)}),
    "two": (
        "lite201-digits",
        "nsga2",
        {
            "budget": Budget(trials=30),
            "objectives": ("valid_accuracy", "parameters"),
            "replicate": "mean",
        },
    ),
}


@pytest.fixture
def made(home, whole, tmp_path):
    def make(name):
        benchmark, algorithm, options = SEARCHES[name]
        search(algorithm, benchmark, seeds=range(4), out=home.runs, **options)
        (path,) = home.runs.rglob("manifest.json")
        opened = load(benchmark, objectives=options.get("objectives"))
        return compact(Records(path.parent), opened, tmp_path / "compact")

    return make


def rewrite(path: Path, change, said=lambda said: said) -> Path:
    """Change the rows, and state the hash of what is written."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"record"])
    table = change(table)
    is_doubled = len(set(table.schema.names)) < len(table.schema.names)
    about = said(about | {"numbers": 64 * "0" if is_doubled else numbers_hash(table)})
    described = table.replace_schema_metadata({b"record": json.dumps(about).encode()})
    pq.write_table(described, path)
    return path


def refused(path: Path, reason: str, check: str) -> None:
    """Assert that neither boards nor verification take a record, for the same reason."""
    records, damaged = find_readable(path)
    (left,) = [*damaged, *rank(records).not_shown]
    assert reason in left.reason
    assert str(path.parent) not in left.reason
    found = verify(path).listed()
    assert [name for name, text in found if reason in text] == [check]


def column(name, change):
    """A change of a column: of its values, and of whether the rows end a run."""

    def changed(table):
        values = table.column(name).to_numpy().copy()
        is_end = table.column("arch").to_numpy() == -1
        new = pa.array(np.asarray(change(values, is_end)))
        return table.set_column(table.schema.names.index(name), name, new)

    return changed


def added(name, values):
    return lambda table: table.append_column(name, values(len(table)))


def first(values, new):
    """The values with another first one."""
    return np.concatenate([[new], values[1:]]).astype(values.dtype)


def ends(change):
    """A change of the rows that end a run."""
    return lambda values, is_end: np.where(is_end, change(values), values).astype(values.dtype)


def losses(n):
    return pa.FixedSizeListArray.from_arrays(pa.array(np.arange(n, 0, -1.0)), 1)


@pytest.mark.parametrize("name", SEARCHES)
def test_honest_records_have_no_fault(made, name):
    if name == "two":
        pytest.importorskip("moocore", reason="hypervolumes need moocore")
    record = made(name)
    benchmark = load(record.manifest.benchmark, objectives=record.manifest.objectives)
    assert list(record.faults(record.decode(benchmark), benchmark)) == []
    assert rank([record]).not_shown == ()
    assert verify(record.folder).level == "incumbents consistent"


NULLS = pa.array([None], pa.int32())


def with_trials(table):
    """The column ``trial`` of trials that end in the order of their starts."""
    return table.append_column("trial", pa.array(table["evaluation"].to_numpy() - 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (added("losses", losses), "column 'losses' does not belong there: a table has the losses"),
        (added("x", lambda n: pa.array(np.arange(n))), "column 'x' does not belong there"),
        (lambda t: t.append_column("second", t["second"]), "column 'second' is there twice"),
        (lambda t: t.drop_columns(["training_seed"]), "there is no column 'training_seed'"),
        (column("arch", lambda v, _: v + 0.7), "column 'arch' has type 'double'"),
        (column("second", lambda v, _: v > 0), "column 'second' has type 'bool'"),
        (
            lambda t: t.set_column(0, "arch", pa.chunked_array([NULLS, t["arch"].chunk(0)[1:]])),
            "column 'arch' has a null",
        ),
        (column("arch", lambda v, _: first(v, -7)), "row 0 has rank -7: possible are -1 to 15624"),
        (column("arch", lambda v, _: first(v, 15_625)), "row 0 has rank 15625"),
        (column("evaluation", lambda v, _: first(v, -1)), "row 0 says evaluation -1"),
        (column("training_seed", lambda v, _: first(v, -2)), "row 0 says training_seed -2"),
        (added("spent", lambda n: pa.array([-1] * n)), "row 0 says spent -1"),
        (added("trial", lambda n: pa.array([-2] * n)), "row 0 says trial -2"),
        (added("epoch", lambda n: pa.array([3] * n)), "row 0 says epoch 3, which is no fidelity"),
        (column("second", lambda v, _: first(v, np.inf)), "row 0 says second inf: not in 0 to"),
        (column("second", lambda v, _: first(v, -1.0)), "row 0 says second -1.0: not in 0 to"),
        (column("second", lambda v, _: first(v, 12.3456)), "more than 12 significant bits"),
        (lambda t: t.slice(0, 0), "there are no rows"),
        (lambda t: t.slice(0, len(t) - 1), "the rows are not the runs of the listed seeds"),
    ],
)
def test_columns_are_exact(made, change, reason):
    refused(rewrite(made("plain").folder, change), reason, "records")


@pytest.mark.parametrize(
    ("name", "change", "reason", "check"),
    [
        ("plain", column("second", lambda v, _: first(v, 0.0)), "its own training takes", "times"),
        (
            "plain",
            column("second", lambda v, e: np.where(e, 256, v / 2)),
            "seed 0, evaluation 1 ends at",
            "times",
        ),
        ("workers", column("second", lambda v, _: first(v, 2.0**-10)), "its own training", "times"),
        ("short", column("second", lambda v, _: first(v, 2.0**-10)), "its own training", "times"),
        ("plain", column("training_seed", ends(lambda v: v + 1)), "is no sum of a run", "clock"),
        (
            "plain",
            column("training_seed", lambda v, e: np.where(e, v, -1)),
            "seed 0, evaluation 1 has no training seed",
            "training seeds",
        ),
        (
            "plain",
            column("training_seed", lambda v, e: first(v, 1 - v[0])),
            "which its run never draws",
            "training seeds",
        ),
        (
            "mean",
            column("training_seed", lambda v, _: first(v, 0)),
            "seed 0, evaluation 1 has training seed 0, not none",
            "training seeds",
        ),
        (
            "fixed",
            column("training_seed", lambda v, _: first(v, 0)),
            "seed 0, evaluation 1 has training seed 0, not 1",
            "training seeds",
        ),
        (
            "plain",
            column("evaluation", ends(lambda v: v + 1)),
            "seed 0 paid 13 trials, of 12",
            "budget",
        ),
        ("seconds", column("second", ends(lambda v: v + 64)), "seconds, of 300.0", "budget"),
        ("epochs", column("evaluation", ends(lambda v: v + 1)), "paid 26 epochs, of 24", "budget"),
        (
            "short",
            lambda t: column("spent", lambda v, _: first(v, 1))(
                column("epoch", lambda v, _: first(v, 8))(t)
            ),
            "seed 0, evaluation 1 is trained to epoch 8, which no 1 epochs do",
            "epochs",
        ),
        ("short", column("spent", lambda v, _: v * 0), "0 more than the row before", "epochs"),
        ("short", column("trial", lambda v, _: first(v, -1)), "says trial -1, of", "clock"),
        ("short", column("trial", ends(lambda v: v + 1)), "is no sum of a run", "clock"),
        (
            "plain",
            added("trial", lambda n: pa.array([0] * n)),
            "has a last row that is no sum of a run",
            "clock",
        ),
        (
            "workers",
            lambda t: column("trial", lambda v, e: np.where(e, v, 0))(
                with_trials(t) if "trial" not in t.schema.names else t
            ),
            "as another incumbent does",
            "clock",
        ),
        (
            "plain",
            lambda t: column("trial", lambda v, _: first(v, 1))(with_trials(t)),
            "says trial 1, which cannot have ended as that number",
            "clock",
        ),
        (
            "workers",
            lambda t: column("trial", lambda v, _: first(v, 11))(
                with_trials(t) if "trial" not in t.schema.names else t
            ),
            "says trial 11, which cannot have ended as that number",
            "clock",
        ),
        (
            "plain",
            column("second", lambda v, _: first(v, 4096.0)),
            "incumbents are not in order",
            "clock",
        ),
        ("plain", column("evaluation", lambda v, _: first(v, 0)), "not end after", "clock"),
        (
            "plain",
            column("evaluation", lambda v, e: np.where(e & (np.cumsum(e) == 1), 0, v)),
            "paid 0 trials, less",
            "clock",
        ),
        (
            "two",
            column("arch", lambda v, e: [*v[: e.argmax()][::-1], *v[e.argmax() :]]),
            "lower loss than the incumbents before it",
            "losses",
        ),
    ],
)
def test_what_no_run_has_is_refused(made, name, change, reason, check):
    if name == "two":
        pytest.importorskip("moocore", reason="hypervolumes need moocore")
    refused(rewrite(made(name).folder, change), reason, check)


def test_times_are_long_enough_for_all_incumbents(made):
    """Each training fits by itself, but not one after the other."""

    def squeezed(values, is_end):
        return np.where(is_end, values, np.float32(35.0))

    path = rewrite(made("plain").folder, column("second", squeezed))
    refused(path, "trials up to it take", "times")


@pytest.mark.parametrize("name", ["plain", "workers", "mean"])
def test_times_are_long_enough_for_all_trials(made, name):
    """What a run paid is the time of its last incumbent, without the trials after it."""

    def short(values, is_end):
        last = np.flatnonzero(is_end)
        values[last] = values[last - 1]
        return values

    refused(rewrite(made(name).folder, column("second", short)), "trials up to it take", "times")


def test_short_trials_are_no_full_ones(made, whole):
    """With a budget of trials, full trainings at the price of short ones."""
    record = made("resumed")
    path = rewrite(record.folder, lambda table: table, lambda said: said | {"partial": False})
    refused(path, "but the record says that all were full trainings", "epochs")


def test_full_trials_are_no_short_ones(made):
    path = rewrite(made("epochs").folder, lambda t: t, lambda said: said | {"partial": True})
    refused(path, "says that trials were short, but all were full trainings", "epochs")


@pytest.mark.parametrize(
    ("change", "reason", "check"),
    [
        ({"workers": 0}, "workers = 0 must be a positive integer", "protocol"),
        ({"fidelities": [1, 2, 9]}, "has no fidelity 9", "protocol"),
        ({"fidelities": [1, 2]}, "is trained to epoch", "epochs"),
        ({"replicate": 7}, "does not record seed 7", "protocol"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(made, change, reason, check):
    record = made("short")
    manifest = record.manifest.encode() | change
    path = rewrite(record.folder, lambda t: t, lambda said: said | {"manifest": manifest})
    other = path.with_name(file_name(type(record.manifest).decode(manifest, "here")))
    path.rename(other)
    refused(other, reason, check)


@pytest.mark.parametrize(
    "seeds",
    ["-5", "\u0663", "1" + 30 * "0", "0:4,", "0:1,1:4", "0,1,2,3", "00:4", "", 4, "4294967296"],
)
def test_seeds_are_written_in_one_way(made, seeds):
    record = made("plain")
    rewrite(record.folder, lambda table: table, lambda said: said | {"seeds": seeds})
    _, (left,) = find_readable(record.folder)
    assert left.reason.endswith("it does not list its seeds")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"rows": "<b>x</b>"}, "rows is no SHA-256"),
        ({"numbers": 7}, "numbers is no SHA-256"),
        ({"partial": 0}, "does not say whether a trial was short"),
        ({"format": True}, "no compact record that this version"),
        ({"versions": ["<script>"]}, "does not list the versions"),
        ({"versions": ["1.0"] * 101}, "does not list the versions"),
    ],
)
def test_a_description_is_exact(made, said, reason):
    record = made("plain")
    rewrite(record.folder, lambda table: table, lambda old: old | said)
    _, (left,) = find_readable(record.folder)
    assert reason in left.reason


class TestSurrogate:
    NAME = "darts-fashion-surrogate"

    @pytest.fixture
    def path(self, home, tmp_path):
        pytest.importorskip("sklearn", reason="the surrogate needs scikit-learn")
        record = home.search("random_search", self.NAME, 2, budget=Budget(trials=4))
        return compact(record, load(self.NAME), tmp_path / "compact").folder

    def test_an_honest_record_has_no_fault(self, path):
        assert verify(path).level == "incumbents consistent"

    @pytest.mark.parametrize(
        ("change", "check", "reason"),
        [
            (
                lambda t: t.set_column(t.schema.names.index("losses"), "losses", losses(len(t))),
                "losses",
                "says loss",
            ),
            (column("second", lambda v, e: v * 2.0**-9), "times", "its own training takes"),
            (
                column("training_seed", lambda v, e: np.where(e, v, v - 1)),
                "training seeds",
                "which its run never draws",
            ),
        ],
    )
    def test_forged_predictions_are_refused(self, path, change, check, reason):
        record, benchmark = CompactRecord(rewrite(path, change)), load(self.NAME)
        found = dict(record.faults(record.decode(benchmark), benchmark))
        assert reason in found[check]

    def test_losses_are_needed(self, path):
        record = CompactRecord(rewrite(path, lambda table: table.drop_columns(["losses"])))
        with pytest.raises(RecordError, match="there is no column 'losses'"):
            record.read(load(self.NAME))
