"""Loops of users, trial by trial against the replay of an algorithm with the same proposals."""

import json
import math
import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest

import nasbench
from nasbench.algorithm import Algorithm, Proposal
from nasbench.errors import (
    AlgorithmError,
    BudgetExhausted,
    IllegalArchError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
    RecordError,
)
from nasbench.runs.audit import audit
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201

SINGLE, CURVES = "nb201-cifar10", "lite201-digits"
COLUMNS = (
    *("archs", "epochs", "resumes", "training_seeds", "losses", "starts", "ends"),
    "known_seconds",
)
TWO = ("valid_accuracy", "parameters")


class Scripted(Algorithm):
    """Proposes what it was given and keeps what it is told."""

    def __init__(self, space, *, fidelities, seed, proposals=()):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.proposals = list(proposals)
        self.told = []

    def ask(self):
        n = len(self.told)
        return self.proposals[n] if n < len(self.proposals) else None

    def tell(self, observation):
        self.told.append(observation)


def proposals(benchmark, n, seed, *, resumes=True, archs=()):
    """Random proposals: few architectures, so that they repeat, and chains of resumed trials."""
    rng = random.Random(seed)
    archs = archs or [benchmark.space.sample(rng) for _ in range(6)]
    epochs = benchmark.fidelities
    open_, found = {}, []  # number of a trial: its epoch
    for number in range(n):
        arch = rng.choice(archs)
        able = [t for t, e in open_.items() if e < epochs[-1]]
        if resumes and able and rng.random() < 0.4:
            parent = rng.choice(able)
            reached = open_.pop(parent)
            epoch = rng.choice([e for e in epochs if e > reached])
        else:
            parent, epoch = None, rng.choice(epochs)
        open_[number] = epoch
        found.append(Proposal(arch, epoch, parent))
    return found


def replayed(benchmark, script, **options):
    algorithm = Scripted(benchmark.space, fidelities=benchmark.fidelities, seed=0, proposals=script)
    return replay(algorithm, benchmark, **options), algorithm.told


def recorded(benchmark, script, **options):
    told = []
    with nasbench.record(benchmark, name="scripted", out=None, **options) as evaluate:
        for arch, epoch, resumes in script:
            told.append((evaluate(arch, epoch=epoch, resumes=resumes), evaluate.last))
    return evaluate.run(), told


def assert_same(run, expected):
    assert len(run) == len(expected)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(run, name), getattr(expected, name), err_msg=name)
    assert run.seed == expected.seed


@pytest.mark.parametrize("replicate", ["draw", "mean", 0])
@pytest.mark.parametrize("objectives", [None, TWO])
@pytest.mark.parametrize(("table", "seed"), [(SINGLE, 0), (CURVES, 0), (CURVES, 7)])
def test_the_same_proposals_make_the_same_run_as_in_replay(table, seed, objectives, replicate):
    benchmark = nasbench.load(table, objectives=objectives)
    script = proposals(benchmark, 60, seed, resumes=table == CURVES)
    options = {"budget": Budget(trials=60), "seed": seed, "replicate": replicate}
    expected, observations = replayed(benchmark, script, **options)
    run, told = recorded(benchmark, script, **options)
    assert_same(run, expected)
    assert (run.resumes >= 0).any() == (table == CURVES)
    for (returned, last), observation in zip(told, observations, strict=True):
        assert (last.trial, last.losses, last.seconds) == (
            observation.trial,
            observation.losses,
            observation.seconds,
        )
        np.testing.assert_array_equal(last.curve, observation.curve)
        assert returned == (observation.losses if objectives else observation.loss)
        assert type(returned) is (tuple if objectives else float)


@pytest.mark.parametrize("replicate", ["draw", "mean"])
def test_tables_of_every_kind(toy_files, archs, replicate):
    """Diverged trainings, several schedules, and architectures that share their trainings."""
    shared = tuple((first, 0, 0, last, 0, 0) for first in (0, 3) for last in (0, 1, 3))
    for kind, some in (
        ("plain", archs[3:5]),
        ("schedules", (archs[0], archs[3])),
        ("classes", shared),
    ):
        benchmark = nasbench.load(toy_files[kind])
        script = proposals(benchmark, 40, 5, resumes=kind == "plain", archs=some)
        options = {"budget": Budget(trials=40), "seed": 5, "replicate": replicate}
        run, expected = (one(benchmark, script, **options)[0] for one in (recorded, replayed))
        assert_same(run, expected)
        assert np.isinf(run.losses).any() == (kind == "plain")


@pytest.mark.parametrize(
    "budget",
    [
        Budget(trials=17),
        Budget(epochs=61),
        Budget(seconds=9.5),
        Budget(trials=30, seconds=6.0, epochs=100),
        Budget(seconds=1e-9),
    ],
)
def test_the_budget_ends_a_loop_where_it_ends_a_replay(budget):
    benchmark = nasbench.load(CURVES)
    script = proposals(benchmark, 80, 3)
    expected, _ = replayed(benchmark, script, budget=budget, seed=3)
    assert len(expected) < 80
    run, told = recorded(benchmark, script, budget=budget, seed=3)
    assert_same(run, expected)
    assert len(told) == len(expected)


def test_a_trial_beyond_the_budget_ends_the_run_although_others_would_fit():
    benchmark = nasbench.load(CURVES)
    arch, (short, *_, long) = (1,) * 6, benchmark.fidelities
    evaluate = nasbench.record(benchmark, name="mine", budget=Budget(epochs=long + short), out=None)
    evaluate(arch)
    for _ in range(2):
        with pytest.raises(BudgetExhausted, match=r"of mine on lite201-digits, seed 0, is spent"):
            evaluate(arch)
    with pytest.raises(BudgetExhausted, match=f"would exceed {long + short} epochs"):
        evaluate(arch, epoch=short)
    assert len(evaluate) == len(evaluate.run()) == 1


def test_what_is_refused_is_no_trial_and_leaves_the_draw_as_it_was(toy, archs):
    evaluate = nasbench.record(toy, name="mine", budget=Budget(trials=9), out=None)
    plain = nasbench.record(toy, name="mine", budget=Budget(trials=9), out=None)
    first = toy.fidelities[0]
    wrong = [
        ((0,) * 5, {}, IllegalArchError, "6 integers are needed"),
        ((0, 0, 0, 0, 0, 9), {}, IllegalArchError, "possible are 0..4"),
        ([0.5] * 6, {}, IllegalArchError, "is 0.5, possible are"),
        ("no text", {}, IllegalArchError, "no text"),
        ({"edge 0->1": "none"}, {}, IllegalArchError, "needs an option for 'edge 0->2'"),
        ((0, 0, 0, 0, 0, 1), {}, NotRecordedError, "holds no training of"),
        (archs[0], {"epoch": 77}, NotRecordedError, "epoch 77 is no fidelity. Possible: '1'"),
        (archs[0], {"epoch": "1"}, InvalidArgumentError, "epoch = '1' must be an integer"),
        (archs[0], {"resumes": 0}, AlgorithmError, "cannot be resumed"),
        (archs[0], {"resumes": 8}, AlgorithmError, "there is no such trial"),
        (archs[0], {"resumes": True}, InvalidArgumentError, "resumes = True must be an integer"),
    ]
    for arch in (archs[0], archs[1], archs[0], archs[0]):
        plain(arch, epoch=first)
        evaluate(arch, epoch=first)
        for bad, options, error, message in wrong:
            with pytest.raises(error, match=message):
                evaluate(bad, **{"epoch": first} | options)
    assert len(evaluate) == 4
    assert_same(evaluate.run(), plain.run())
    assert evaluate(archs[0], resumes=3) == plain(archs[0], resumes=3)
    assert_same(evaluate.run(), plain.run())


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        list,
        np.array,
        lambda a: np.array(a, float),
        lambda a: NB201().to_text(a),
        lambda a: {d.name: d.labels[i] for d, i in zip(NB201.decisions, a, strict=True)},
    ],
)
def test_architectures_in_any_form(form):
    benchmark = nasbench.load(SINGLE)
    arch = (3, 3, 3, 1, 3, 2)
    made = [
        nasbench.record(SINGLE, name="mine", budget=Budget(trials=1), out=None) for _ in range(2)
    ]
    assert made[0](form(arch)) == made[1](arch)
    assert made[0].run().trials == made[1].run().trials
    assert made[0].space == benchmark.space


def loop(evaluate, n=None):
    rng = random.Random(evaluate.seed)
    for _ in count() if n is None else range(n):
        evaluate(evaluate.space.sample(rng))


def record(tmp_path, **options):
    options = {"name": "mine", "budget": Budget(trials=12), "out": tmp_path / "runs"} | options
    return nasbench.record(SINGLE, **options)


def only_record(tmp_path):
    (found,) = nasbench.find_records(tmp_path / "runs")
    return found


def test_a_loop_over_seeds_fills_one_record(tmp_path):
    for seed in (0, 1, 30):
        with record(tmp_path, seed=seed, settings={"step": 0.5, "sizes": (1, 2)}) as evaluate:
            loop(evaluate)
        assert_same(only_record(tmp_path).runs([seed])[0], evaluate.run())
    found = only_record(tmp_path)
    assert found.seeds() == [0, 1, 30]
    assert found.folder.parent == tmp_path / "runs" / SINGLE
    assert found.folder.name.startswith("mine-")
    made = found.manifest
    assert (made.algorithm, made.outside, made.code, made.workers) == ("mine", True, "", 1)
    assert made.hyperparameters == {"step": 0.5, "sizes": [1, 2]}
    assert Manifest.decode(json.loads(json.dumps(made.encode())), "here") == made
    audit(found, nasbench.load(SINGLE))
    assert all((found.optimizer_seconds()[seed] > 0).all() for seed in found.seeds())


def test_what_search_records_is_not_from_outside(tmp_path):
    budget = Budget(trials=2)
    (run,) = nasbench.search("random_search", SINGLE, budget=budget, out=tmp_path / "runs")
    assert not run.manifest.outside
    assert "outside" not in only_record(tmp_path).manifest.encode()


def test_a_block_that_ends_before_its_budget_is_recorded_as_it_is(tmp_path):
    with record(tmp_path) as evaluate:
        loop(evaluate, 5)
    (run,) = only_record(tmp_path).runs()
    assert_same(run, evaluate.run())
    assert len(run) == 5
    with pytest.raises(InvalidArgumentError, match="is over: another seed needs another"):
        evaluate((0,) * 6)


def test_another_exception_goes_on_and_nothing_is_written(tmp_path):
    evaluate = record(tmp_path)
    with pytest.raises(IllegalArchError, match="no text"), evaluate:
        evaluate((0,) * 6), evaluate("no text")
    assert not list(tmp_path.iterdir())
    assert len(evaluate.run()) == 1


def test_a_block_without_a_call_is_refused(tmp_path):
    with pytest.raises(RecordError, match="was never called"), record(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_recorded_seed_is_refused_before_the_loop_unless_fresh(tmp_path):
    with record(tmp_path) as evaluate:
        loop(evaluate, 4)
    assert record(tmp_path).is_recorded
    assert not record(tmp_path, seed=1).is_recorded
    with pytest.raises(InvalidArgumentError, match=r"seed 0 of mine on .* fresh=True replaces it"):
        record(tmp_path).__enter__()
    with record(tmp_path, fresh=True) as evaluate:
        loop(evaluate)
    assert [len(run) for run in only_record(tmp_path).runs()] == [12]


def test_without_a_block_the_run_is_saved_by_hand(tmp_path):
    evaluate = record(tmp_path, seed=4)
    with pytest.raises(BudgetExhausted, match="all 12 trials are made"):
        loop(evaluate)
    assert not list(tmp_path.iterdir())
    assert evaluate.save() == only_record(tmp_path).folder
    assert only_record(tmp_path).seeds() == [4]
    again = record(tmp_path, seed=4)
    loop(again, 3)
    with pytest.raises(InvalidArgumentError, match="seed 4 of mine on"):
        again.save()
    in_memory = record(tmp_path, seed=5, out=None)
    loop(in_memory, 3)
    with pytest.raises(RecordError, match="out is None"):
        in_memory.save()
    assert nasbench.save(in_memory.run(), tmp_path / "runs") == only_record(tmp_path).folder
    assert only_record(tmp_path).seeds() == [4, 5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "two words"}, "must be made of letters, digits"),
        ({"name": "../above"}, "must be made of letters, digits"),
        ({"name": "<b>"}, "must be made of letters, digits"),
        ({"name": "mod:Class"}, "must be made of letters, digits"),
        ({"name": ""}, "must be made of letters, digits"),
        ({"name": 3}, "must be made of letters, digits"),
        ({"name": "random_search"}, "is that of a registered algorithm: .* 'my-random_search'"),
        ({"seed": -1}, "seed -1 is not an integer in 0"),
        ({"seed": 2**31}, "is not an integer in 0"),
        ({"budget": 100}, "budget = 100 must be a Budget"),
        ({"replicate": "median"}, "replicate = 'median'"),
        ({"settings": {"net": object()}}, "settings: 'net' = .* cannot be written as JSON"),
        ({"settings": {"rate": math.nan}}, "settings: 'rate' = nan cannot be written as JSON"),
        ({"fidelities": ()}, "fidelities must not be empty"),
        ({"fidelities": [3]}, "has no fidelity 3"),
        ({"out": ""}, "out is empty"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(tmp_path, options, message):
    with pytest.raises(NasbenchError, match=message) as caught:
        record(tmp_path, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_loaded_benchmark_has_its_own_objectives():
    benchmark = nasbench.load(SINGLE, objectives=TWO)
    options = {"name": "mine", "budget": Budget(trials=1), "out": None}
    assert nasbench.record(benchmark, **options).manifest.objectives == TWO
    assert nasbench.record(SINGLE, objectives=TWO, **options).manifest.objectives == TWO
    with pytest.raises(InvalidArgumentError, match="a loaded benchmark has its own"):
        nasbench.record(benchmark, objectives=TWO, **options)


def test_a_place_that_cannot_be_written_is_refused_before_the_loop(tmp_path):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(InvalidArgumentError, match="runs is not a folder"):
        record(tmp_path)


def test_a_damaged_record_is_named_before_the_loop(tmp_path):
    with record(tmp_path) as evaluate:
        loop(evaluate)
    part = only_record(tmp_path).folder / "part-000000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(RecordError, match=r"part-000000.parquet is damaged"):
        record(tmp_path, seed=1).__enter__()


def test_copies_are_refused_since_their_trials_would_be_lost(tmp_path):
    with pytest.raises(AlgorithmError, match="cannot be copied or sent to another process"):
        pickle.dumps(record(tmp_path))


def test_a_copy_that_a_fork_made_is_refused(tmp_path, monkeypatch):
    evaluate = record(tmp_path)
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(AlgorithmError, match="its trials would be lost: call it in this one"):
        evaluate((0,) * 6)
    assert not len(evaluate)


def test_threads_take_turns_on_the_clock(tmp_path):
    evaluate = record(tmp_path, budget=Budget(trials=400), out=None)
    archs = list(zip(range(400), evaluate.space.samples(random.Random(0)), strict=False))
    with ThreadPoolExecutor(8) as pool:
        losses = list(pool.map(lambda pair: evaluate(pair[1]), archs))
    run = evaluate.run()
    assert sorted(run.losses[:, 0].tolist()) == sorted(losses)
    np.testing.assert_array_equal(run.starts[1:], run.ends[:-1])
    script = [Proposal(tuple(arch)) for arch in run.archs.tolist()]
    expected, _ = replayed(evaluate.benchmark, script, budget=Budget(trials=400))
    assert_same(run, expected)


PROCESS = """
import random, sys
import nasbench
out, *seeds = sys.argv[1:]
for seed in map(int, seeds):
    budget = nasbench.Budget(trials=12)
    with nasbench.record("nb201-cifar10", name="mine", budget=budget, seed=seed, out=out) as f:
        rng = random.Random(seed)
        while True:
            f(f.space.sample(rng))
"""


def test_processes_record_into_one_folder_at_once(tmp_path):
    sides = [
        subprocess.Popen([sys.executable, "-c", PROCESS, tmp_path / "runs", *map(str, seeds)])
        for seeds in (range(0, 12, 2), range(1, 12, 2))
    ]
    assert [side.wait() for side in sides] == [0, 0]
    found = only_record(tmp_path)
    assert found.seeds() == list(range(12))
    audit(found, nasbench.load(SINGLE))
    assert isinstance(found, Records)


def test_the_end_of_another_run_is_no_end_of_this_one(tmp_path):
    arch = (0,) * 6
    inner = nasbench.record(SINGLE, name="inner", budget=Budget(trials=9), seed=0, out=tmp_path)
    outer = nasbench.record(SINGLE, name="outer", budget=Budget(trials=2), seed=0, out=tmp_path)
    with outer, inner:
        inner(arch)
        while True:
            outer(arch)
    assert outer.is_recorded
    assert not inner.is_recorded
