"""Recorded runs that follow from their benchmark pass, and forged ones are named."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from toys import Hashed, Layers

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Algorithm, Proposal, hyperparameters, make
from nasbench.benchmarks.bulk import bulk
from nasbench.benchmarks.loading import load
from nasbench.errors import MissingExtraError, RecordError
from nasbench.runs.audit import Auditor, audit
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import BLOCK
from nasbench.runs.records import Records, find_records
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.runs.run import NONE

TEN = Budget(trials=10)


def recorded(out, algorithm="regularized_evolution", table="lite201-digits", **options):
    """A record of three seeds, and its benchmark."""
    options = {"seeds": range(3), "budget": TEN, "out": out} | options
    nasbench.search(algorithm, table, **options)
    (records,) = find_records(out)
    chosen = ("objectives", "known", "constraints")
    asked = {name: options[name] for name in chosen if name in options}
    return records, load(table, **asked)


# Honest records


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_an_algorithm_does_can_be_audited(name, tmp_path):
    try:
        algorithm = ALGORITHMS.load(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    needs_known = any(family in ALGORITHMS[name] for family in (".zero_cost.", ".constrained."))
    known = {"known": ("synflow",)} if needs_known else {}
    few = {}
    if ".oneshot." in ALGORITHMS[name]:
        least = {"epochs": 1, "candidates": 4, "population": 4, "generations": 2}
        own = hyperparameters(algorithm, {})
        few = {"hyperparameters": {key: n for key, n in least.items() if key in own}}
    audit(*recorded(tmp_path, name, workers=3, seeds=[5], **known, **few))


HONEST = {
    "many fidelities": {"algorithm": "hyperband", "budget": Budget(epochs=200)},
    "resumed": {"algorithm": "successive_halving", "budget": Budget(trials=200)},
    "seconds": {"budget": Budget(seconds=60.0), "workers": 4},
    "workers": {"algorithm": "asha", "budget": Budget(trials=100), "workers": 4},
    "mean": {"replicate": "mean"},
    "fixed": {"replicate": 1},
    "objectives": {"algorithm": "nsga2", "objectives": ("valid_accuracy", "parameters")},
    "constraints": {"constraints": ("parameters<=5586", "synflow>=1e6")},
    "no clock": {"table": "nb201-cifar100"},
    "ends early": {
        "table": "fcnet-protein",
        "algorithm": "random_search",
        "hyperparameters": {"replacement": False},
    },
    "surrogate": {"table": "darts-fashion-surrogate", "algorithm": "random_search", "workers": 2},
}


@pytest.mark.parametrize("case", HONEST)
def test_honest_records_pass(case, tmp_path):
    audit(*recorded(tmp_path, **HONEST[case]))


class Script(Algorithm):
    """Proposes what it is told to, in turn, and looks at known numbers."""

    def __init__(self, space, *, fidelities, seed, script=(), known=None):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.script, self.known = list(script), known
        self.left = list(script)

    def ask(self):
        if not self.left:
            return None
        arch, epoch, parent = self.left.pop(0)
        if self.known is not None:
            self.known(arch)
        return Proposal(arch, epoch, parent)

    def tell(self, observation):
        pass


def scripted(benchmark, script, *, seeds=(0, 1), known=False, **options):
    """Manifest and runs of a script."""
    options = {"budget": Budget(trials=100), "workers": 1, "replicate": "draw"} | options
    runs = []
    for seed in seeds:
        numbers = KnownNumbers(benchmark) if known else None
        values = {"script": tuple(script)}
        search = make(
            Script,
            benchmark.space,
            fidelities=benchmark.fidelities,
            seed=seed,
            hyperparameters=values,
            known=numbers,
            resumable=True,
        )
        runs.append(replay(search, benchmark, seed=seed, known=numbers, **options))
    manifest = Manifest.of(
        search, benchmark, hyperparameters={}, name="script", **{n: options[n] for n in options}
    )
    return manifest, runs


def test_a_trial_beyond_the_constraints_is_named(tmp_path):
    records, _ = recorded(tmp_path)
    bound = load("lite201-digits", constraints=["parameters<=5586"])
    runs = records.runs()
    with pytest.raises(RecordError, match=r"the constraints of the record is \(\), not \('param"):
        Auditor(bound).check(records.manifest, runs, "here")
    said = replace(records.manifest, constraints=bound.constraints)
    run, trial = next(
        (run.seed, trial)
        for run in runs
        for trial, arch in enumerate(map(tuple, run.archs.tolist()))
        if arch not in bound.space
    )
    ((aspect, error),) = Auditor(bound).faults(said, runs, "here")
    assert aspect == "constraints"
    assert f"seed {run}, trial {trial} trains |" in str(error)
    assert str(error).endswith("which does not meet parameters<=5586")


@pytest.mark.parametrize("replicate", ["draw", "mean", 0])
def test_diverged_and_inherited_trials_pass(toy, archs, replicate):
    script = [(archs[4], 2, None)] * 5 + [(archs[4], 4, 0), (archs[3], 4, 1), (archs[4], 3, 2)]
    script += [(archs[4], 4, 7)] * (replicate != "draw")
    manifest, runs = scripted(toy, script, replicate=replicate, seeds=range(10))
    assert replicate == 0 or any(np.isinf(run.losses).any() for run in runs)
    Auditor(toy).check(manifest, runs, "here")


@pytest.mark.parametrize("kind", ["plain", "classes", "schedules"])
def test_repeated_trainings_are_counted_by_their_keys(toy_files, kind):
    benchmark = load(toy_files[kind])
    archs = [benchmark.space.unrank(int(rank)) for rank in benchmark.table.ranks]
    some = [
        arch for arch in archs for _ in benchmark.trainings(arch, benchmark.fidelities[-1]).seeds
    ]
    manifest, runs = scripted(benchmark, [(arch, None, None) for arch in some * 4])
    Auditor(benchmark).check(manifest, runs, "here")


def test_known_numbers_cost_what_they_cost(toy_files, archs):
    benchmark = load(toy_files["plain"], known=["score"])
    manifest, runs = scripted(benchmark, [(arch, 4, None) for arch in archs], known=True)
    assert runs[0].known_seconds.sum() == 42
    Auditor(benchmark).check(manifest, runs, "here")
    with pytest.raises(RecordError, match=r"seed 0, trial 0 says 7\.0 s for known numbers"):
        Auditor(benchmark).check(replace(manifest, known=()), runs, "here")


@pytest.mark.parametrize("separate", [False, True])
def test_any_benchmark_can_be_asked(separate):
    schedules = {"fidelities": (3, 9), "schedules": (3, 9)} if separate else {}
    benchmark = Hashed(Layers(), 2, **schedules)
    archs = list(benchmark.space.archs())
    manifest, runs = scripted(benchmark, [(arch, 3, None) for arch in archs * 2], workers=3)
    Auditor(benchmark).check(manifest, runs, "here")
    forged = [replace(run, losses=run.losses[::-1]) for run in runs]
    with pytest.raises(RecordError, match="here: seed 0, trial 0 says loss"):
        Auditor(benchmark).check(manifest, forged, "here")


@pytest.mark.parametrize("epoch", [1, 4])
@pytest.mark.parametrize("seed", [None, 0, 1, 2])
@pytest.mark.parametrize("objectives", [["valid_accuracy"], ["test_accuracy", "parameters"]])
def test_many_evaluations_are_those_of_one_by_one(toy_files, archs, epoch, seed, objectives):
    benchmark = load(toy_files["plain"], objectives=objectives)
    many = bulk(benchmark)
    places = many.places(np.array(archs), np.full(len(archs), epoch))
    found = many.evaluate(places, epoch, seed)
    for i, arch in enumerate(archs):
        if seed is not None and seed not in benchmark.trainings(arch).seeds:
            assert np.isnan(found.losses[i]).all()
            continue
        one = benchmark.evaluate(arch, epoch=epoch, seed=seed)
        assert (tuple(found.losses[i]), found.seconds[i]) == one[:2]
        assert found.validation_seconds[i] == one.validation_seconds
    assert many.cheapest(epoch, seed) == np.nanmin(found.seconds)


# Forged records


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A record of three seeds and ten trials, of one worker."""
    return recorded(tmp_path_factory.mktemp("runs"), budget=replace(TEN, seconds=1000.0))


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A record in which trials are resumed."""
    out = tmp_path_factory.mktemp("resumed")
    return recorded(out, "successive_halving", budget=Budget(trials=60))


def refused(record, change, message, **changes):
    """Assert that runs of a record are refused after a change of one of them."""
    records, benchmark = record
    runs = records.runs()
    runs[1] = change(runs[1])
    with pytest.raises(RecordError, match=message) as caught:
        Auditor(benchmark).check(replace(records.manifest, **changes), runs, "here")
    assert str(caught.value).startswith("here")
    assert "\n" not in str(caught.value)


def altered(column, row, value):
    """A change of a number."""

    def change(run):
        values = getattr(run, column).copy()
        values[row] = value(values[row]) if callable(value) else value
        return replace(run, **{column: values})

    return change


def rows_of(*rows):
    """A change to some rows."""

    def change(run):
        single = ("seed", "fallbacks", "manifest")
        names = [n for n in type(run).__dataclass_fields__ if n not in single]
        return replace(run, **{name: getattr(run, name)[list(rows)] for name in names})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (altered("archs", slice(None), 3), "seed 1, trial 0 (says loss|has training seed)"),
        (altered("archs", 4, 9), "seed 1, trial 4 has no training: .* is not an architecture"),
        (altered("epochs", 4, 3), "seed 1, trial 4 (says loss|ends at)"),
        (altered("epochs", 4, 99), "seed 1, trial 4 is trained to epoch 99, not one of its fid"),
        (altered("losses", 4, 0.5), "seed 1, trial 4 says loss 0.5, lite201-digits@2 says"),
        (altered("losses", 4, np.nan), "seed 1, trial 4 says loss nan, lite201-digits@2 says"),
        (
            altered("losses", 4, lambda loss: np.nextafter(loss, 0.0)),
            "seed 1, trial 4 says loss .*, lite201-digits@2 says",
        ),
        (altered("training_seeds", 4, lambda seed: (seed + 1) % 3), "seed 1, trial 4 has training"),
        (altered("training_seeds", 4, NONE), "seed 1, trial 4 has training seed none"),
        (altered("starts", 0, 0.1), "seed 1, trial 0 starts at 0.1 s, but its only worker"),
        (altered("starts", 4, 0.0), "seed 1, trial 4 starts at 0.0 s, but its only worker"),
        (altered("ends", 9, 999.0), "seed 1, trial 9 ends at 999.0 s, but it starts at .* costs"),
        (altered("ends", 9, 1001.0), "seed 1, trial 9 ends at 1001.0 s, after its budget"),
        (altered("ends", 9, np.nan), "seed 1, trial 9 ends at nan s, before its start"),
        (altered("ends", 9, np.inf), "seed 1, trial 9 ends at inf s, after its budget"),
        (altered("ends", 9, -np.inf), "seed 1, trial 9 ends at -inf s, before its start"),
        (altered("known_seconds", 4, 1.0), "seed 1, trial 4 says 1.0 s for known numbers"),
        (altered("known_seconds", 4, -1.0), "seed 1, trial 4 says -1.0 s for known numbers"),
        (altered("known_seconds", 4, np.inf), "seed 1, trial 4 says inf s for known numbers"),
        (altered("resumes", 4, 2), "seed 1, trial 4 resumes trial 2 from epoch"),
        (altered("resumes", 4, 4), "seed 1, trial 4 resumes trial 4, which was not started"),
        (altered("resumes", 4, -7), "seed 1, trial 4 resumes trial -7, which was not started"),
        (rows_of(0, 1, 2, 3, 5, 6, 7, 8, 9), "seed 1, trial 4 starts at"),
        (rows_of(0, 1, 2, 3, 4, 4, 5, 6, 7, 8), "seed 1, trial 5 starts at"),
        (rows_of(0, 1, 3, 2, *range(4, 10)), "seed 1, trial 2 starts at"),
        (rows_of(*range(10), 9), "seed 1 has 11 trials, but its budget is 10"),
        (lambda run: replace(run, seed=7), "seed 7, trial . has training seed"),
        (lambda run: replace(run, seed=2), "seed 2 is there twice"),
        (
            lambda run: replace(run, archs=run.archs[:, :5]),
            "seed 1 has 5 decisions and 1 losses a trial, lite201-digits@2 has 6 and 1",
        ),
        (
            lambda run: replace(run, losses=run.losses[:, [0, 0]]),
            "seed 1 has 6 decisions and 2 losses a trial",
        ),
    ],
)
def test_forged_trials_are_named(made, change, message):
    refused(made, change, message)


def test_times_shifted_together_are_named(made):
    def later(run):
        return replace(run, starts=run.starts + 1, ends=run.ends + 1)

    refused(made, later, "seed 1, trial 0 starts at 1.0 s")


def test_the_optimum_everywhere_is_named(made):
    """With its own losses, seeds and times, but not those that the draw gives."""
    _, benchmark = made
    loss = {arch: benchmark.evaluate(arch, seed=0).losses[0] for arch in benchmark.space.archs()}
    best = min(loss, key=loss.__getitem__)
    cost = benchmark.evaluate(best, seed=0).seconds

    def change(run):
        ends = np.cumsum(np.full(len(run), cost))
        return replace(
            run,
            archs=np.full_like(run.archs, best),
            epochs=np.full_like(run.epochs, 8),
            losses=np.full_like(run.losses, loss[best]),
            training_seeds=np.zeros_like(run.training_seeds),
            starts=ends - cost,
            ends=ends,
        )

    refused(made, change, "seed 1, trial . (has training seed|starts at)")


@pytest.mark.parametrize("late", [np.inf, 1e300])
def test_a_supernet_that_ends_after_all_time_is_refused(made, late):
    def change(run):
        return replace(run, starts=run.starts + late, ends=run.ends + late)

    message = "seed 1, trial 0 starts at .* s and ends at .*, but simulated time ends at 1e"
    refused(made, change, message, weight_sharing=True, budget=TEN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"benchmark": "other"}, "the benchmark of the record is 'other', not 'lite201-digits'"),
        ({"version": 1}, "the version of the record is 1, not 2"),
        ({"content_hash": "0"}, "the content of the record is '0', not "),
        ({"objectives": ("test_accuracy",)}, "the objectives of the record"),
        ({"family": "gnn"}, "the family of the record is 'gnn', not ''"),
        ({"workers": 0}, "workers = 0 must be a positive integer"),
        ({"replicate": "median"}, "replicate = 'median'"),
        ({"replicate": 7}, "does not record seed 7"),
        ({"replicate": "mean"}, "seed 0, trial 0 has training seed ., not"),
        ({"replicate": 0}, "seed 0, trial . has training seed [12], not 0"),
        ({"fidelities": (8, 99)}, "lite201-digits@2 has no fidelity 99"),
        ({"fidelities": (1,)}, "seed 0, trial 0 is trained to epoch 8"),
        ({"budget": Budget(trials=9)}, "seed 0 has 10 trials, but its budget is 9"),
        ({"budget": Budget(epochs=79)}, "seed 0 trains 80 epochs, but its budget is 79"),
        ({"budget": Budget(seconds=1.0)}, "seed 0, trial . ends at .*, after its budget of 1.0 s"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(made, changes, message):
    refused(made, lambda run: run, message, **changes)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("resumes", lambda *_: NONE, "trial .* (has training seed|ends at|starts at)"),
        ("resumes", lambda run, i, j: run.resumes[i], "which was already resumed"),
        ("epochs", lambda run, i, j: run.epochs[run.resumes[j]], "from epoch . to epoch"),
        ("training_seeds", lambda run, i, j: 2 - run.training_seeds[j], "not with its training"),
    ],
    ids=["fresh", "twice", "epoch", "seed"],
)
def test_forged_resumptions_are_named(resumed, column, value, message):
    def change(run):
        rows = np.flatnonzero(run.resumes != NONE)
        rows = rows[run.training_seeds[rows] != 1][:2].tolist()
        return altered(column, rows[1], value(run, *rows))(run)

    refused(resumed, change, f"seed 1, .*{message}")


def test_forged_times_of_several_workers_are_named(tmp_path):
    record = recorded(tmp_path, workers=3)
    early = altered("starts", 5, lambda start: start - 1e-9)
    refused(record, early, "seed 1, trial 5 starts at .*, when no trial before it ends")
    refused(record, altered("starts", 5, 0.0), "seed 1, trial 5 starts at 0.0 s")
    refused(record, lambda run: run, "when all 2 workers are busy", workers=2)

    def swapped(run):
        starts = run.starts.copy()
        starts[[5, 6]] = starts[[6, 5]]
        return replace(run, starts=starts)

    refused(record, swapped, "seed 1, trial . starts at")


def test_forged_predictions_are_named(tmp_path):
    record = recorded(tmp_path, **HONEST["surrogate"])
    best = int(np.argmin(record[0].runs()[1].losses[:, 0]))
    refused(record, altered("losses", best, 0.1), f"seed 1, trial {best} says loss 0.1")
    refused(record, altered("training_seeds", 3, 1), "seed 1, trial 3 has training seed 1")
    refused(record, altered("archs", slice(None), 1), "seed 1, trial . (has|says)")


def test_where_looking_up_is_slow_some_runs_are_audited(tmp_path):
    records, benchmark = recorded(tmp_path, **HONEST["surrogate"])
    runs = records.runs()
    forged = [altered("training_seeds", 3, 1)(run) for run in runs]
    some = Auditor(benchmark, most=10)
    some.check(records.manifest, [runs[0], *forged[1:]], "here")
    with pytest.raises(RecordError, match="seed 0, trial 3"):
        some.check(records.manifest, [forged[0], *runs[1:]], "here")


# Forged files


def part(records, block=0):
    return records.folder / f"part-{block:06d}.parquet"


def edit(path, change):
    """Replace the rows of a part, with the hash of those before."""
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def swap(table):
    return table.take([1, 0, *range(2, len(table))])


def renumber(table):
    """Drop the last trial of every run."""
    return table.filter(pc.less(table["trial"], 9))


def cheaper(table):
    number = table.schema.names.index("losses")
    values = pa.array(np.zeros(len(table)))
    return table.set_column(number, "losses", pa.FixedSizeListArray.from_arrays(values, 1))


@pytest.fixture
def files(made, tmp_path):
    """A copy of a record."""
    shutil.copytree(made[0].folder.parent, tmp_path / "copy")
    (records,) = find_records(tmp_path / "copy")
    return records, made[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap, "do not match their hash"),
        (renumber, "do not match their hash"),
        (cheaper, "do not match their hash"),
        (lambda table: pa.concat_tables([table, table.slice(0, 1)]), "do not match their hash"),
    ],
)
def test_edited_rows_are_refused(files, change, message):
    records, benchmark = files
    edit(part(records), change)
    with pytest.raises(RecordError, match=rf"part-000000\.parquet .*{message}"):
        audit(records, benchmark)


@pytest.mark.parametrize(
    "change",
    [
        swap,
        lambda table: table.slice(1),
        lambda table: pa.concat_tables([table, table.slice(29)]),
        lambda table: table.take(np.arange(len(table))[::-1]),
    ],
)
def test_rows_out_of_order_are_refused_whatever_their_hash(files, change):
    records, _ = files
    table = pq.read_table(part(records))
    pq.write_table(change(table).replace_schema_metadata({"seeds": "[0, 1, 2]"}), part(records))
    with pytest.raises(RecordError, match="rows are missing, doubled or not in the order of seed"):
        records.runs()


def test_an_inherited_trial_that_is_none_is_refused(files):
    records, _ = files
    table = pq.read_table(part(records)).drop_columns("inherited")
    table = table.append_column("inherited", pa.array([True] * len(table)))
    pq.write_table(table.replace_schema_metadata({"seeds": "[0, 1, 2]"}), part(records))
    with pytest.raises(RecordError, match="'inherited' does not follow"):
        records.runs()


def test_parts_without_hashes_are_read_and_audited(files):
    records, benchmark = files
    table = pq.read_table(part(records))
    plain = table.replace_schema_metadata({"seeds": table.schema.metadata[b"seeds"]})
    pq.write_table(plain, part(records))
    assert records.seeds() == [0, 1, 2]
    audit(records, benchmark)
    pq.write_table(cheaper(plain).replace_schema_metadata(plain.schema.metadata), part(records))
    with pytest.raises(RecordError, match=r"seed 0, trial 0 says loss 0\.0"):
        audit(records, benchmark)


def test_a_part_of_another_search_is_refused(files, tmp_path):
    records, _ = files
    other, _ = recorded(tmp_path / "other", "random_search")
    shutil.copy(part(other), part(records))
    for call in (records.seeds, records.runs):
        with pytest.raises(RecordError, match="holds runs of another search"):
            call()


def test_a_part_under_another_name_is_refused(files):
    records, _ = files
    shutil.copy(part(records), part(records, 1))
    for call in (records.seeds, records.runs):
        with pytest.raises(RecordError, match="holds seed 0, which belongs into part-000000"):
            call()
    assert BLOCK > 3


def test_a_listed_seed_twice_is_refused(files):
    records, _ = files
    table = pq.read_table(part(records))
    pq.write_table(table.replace_schema_metadata({"seeds": "[0, 1, 1, 2]"}), part(records))
    with pytest.raises(RecordError, match="does not list the seeds"):
        Records(records.folder).seeds()
