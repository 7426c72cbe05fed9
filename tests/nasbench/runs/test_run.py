import math
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench
from algorithms.evolution.regularized_evolution import RegularizedEvolution
from algorithms.random_search import RandomSearch
from nasbench.algorithm import Algorithm, Proposal
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import BLOCK
from nasbench.runs.records import Records, find_records, save
from nasbench.runs.replay import replay
from nasbench.runs.run import NONE, Run, Trial

INF = math.inf


def made(ends, losses, seed=0):
    """A run from ends and losses alone."""
    rows = [
        ((i % 256, 0), 1, NONE, i, tuple(loss), 0.0, float(end), 0.0)
        for i, (end, loss) in enumerate(zip(ends, losses, strict=True))
    ]
    n_objectives = len(losses[0]) if losses else 1
    return Run.from_rows(
        rows, [0.0] * len(rows), seed=seed, n_decisions=2, n_objectives=n_objectives
    )


small = st.sampled_from([0.0, 0.5, 1.0, 2.0, INF])


@st.composite
def runs(draw, n_objectives=1):
    n = draw(st.integers(0, 15))
    ends = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))
    losses = draw(st.lists(st.tuples(*[small] * n_objectives), min_size=n, max_size=n))
    return made(ends, losses)


# Incumbents


def test_incumbents_by_hand():
    run = made([5, 3, 4, 9, 7], [(2.0,), (3.0,), (3.0,), (1.0,), (2.0,)])
    # in the order of their ends: trials 1 (3), 2 (3), 0 (2), 4 (2), 3 (1)
    assert run.order.tolist() == [1, 2, 0, 4, 3]
    assert run.incumbent_trials().tolist() == [1, 0, 3]
    assert [trial.losses[0] for trial in run.incumbents()] == [3, 2, 1]
    assert [trial.end for trial in run.incumbents()] == [3, 5, 9]


def test_of_equal_ends_the_trial_that_was_started_first_counts_first():
    run = made([4, 4, 4], [(2.0,), (1.0,), (1.0,)])
    assert run.incumbent_trials().tolist() == [0, 1]


def test_what_diverged_is_no_incumbent():
    assert made([1, 2, 3], [(INF,), (INF,), (4.0,)]).incumbent_trials().tolist() == [2]
    assert made([1, 2], [(INF,), (INF,)]).incumbents() == []
    assert made([], []).incumbents() == []


@settings(max_examples=200)
@given(run=runs())
def test_incumbents_are_those_of_a_plain_loop(run):
    best, expected = INF, []
    for end, number in sorted((end, number) for number, end in enumerate(run.ends.tolist())):
        if run.losses[number, 0] < best:
            best = run.losses[number, 0]
            expected.append((end, number))
    assert run.incumbent_trials().tolist() == [number for _, number in expected]
    assert [trial.end for trial in run.incumbents()] == [end for end, _ in expected]


def test_the_first_of_several_losses_makes_the_incumbent():
    run = made([1, 2, 3], [(2.0, 9.0), (1.0, 9.5), (3.0, 0.0)])
    assert run.incumbent_trials().tolist() == [0, 1]


# Front


def test_front_by_hand():
    losses = [(2.0, 2.0), (1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (3.0, 2.0), (INF, 0.0)]
    assert [trial.losses for trial in made(range(6), losses).front()] == [(2, 2), (1, 3), (3, 1)]


@settings(max_examples=150)
@given(run=runs(n_objectives=2) | runs(n_objectives=3))
def test_front_is_that_of_a_plain_double_loop(run):
    losses = [tuple(row) for row in run.losses.tolist()]
    expected = []
    for i, mine in enumerate(losses):
        beaten = any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in losses
            if INF not in other
        )
        if INF not in mine and not beaten and mine not in losses[:i]:
            expected.append(run.trials[i])
    assert run.front() == expected


def test_the_front_of_one_objective_is_the_first_best_trial():
    run = made([9, 1, 2], [(3.0,), (1.0,), (1.0,)])
    assert run.front() == [run.trials[1]]


# Trials and frame


@pytest.fixture
def toy_run(toy):
    algorithm = RandomSearchOnToy(toy.space, fidelities=toy.fidelities, seed=0)
    return replay(algorithm, toy, budget=Budget(trials=4), seed=5)


class RandomSearchOnToy(Algorithm):
    """Cells 0, 3, 3 resumed, 4."""

    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        three = (3, 3, 3, 1, 3, 2)
        self.proposals = [
            Proposal((0,) * 6),
            Proposal(three, 2),
            Proposal(three, 4, 1),
            Proposal((3,) * 6, 1),
        ]

    def ask(self):
        return self.proposals.pop(0)

    def tell(self, observation):
        pass


def test_trials_are_objects_with_plain_numbers(toy_run):
    trials = toy_run.trials
    assert len(trials) == len(toy_run) == 4
    assert trials[2].proposal == Proposal((3, 3, 3, 1, 3, 2), 4, 1)
    assert trials[0].proposal == Proposal((0,) * 6, 4, None)
    assert trials[1].training_seed == trials[2].training_seed == toy_run.training_seeds[1]
    for trial in trials:
        assert type(trial) is Trial
        assert all(type(option) is int for option in trial.proposal.arch)
        assert type(trial.proposal.epoch) is int
        assert all(type(loss) is float for loss in trial.losses)
        assert type(trial.start) is float
    assert [trial.start for trial in trials[1:]] == [trial.end for trial in trials[:-1]]


def test_the_frame_has_a_row_for_every_trial(toy_run):
    frame = toy_run.to_frame()
    assert list(frame.columns) == [
        "seed", "trial", "arch", "epoch", "resumes", "training_seed", "loss", "start", "end",
    ]  # fmt: skip
    assert frame["seed"].tolist() == [5, 5, 5, 5]
    assert frame["trial"].tolist() == [0, 1, 2, 3]
    assert frame["arch"][2] == (3, 3, 3, 1, 3, 2)
    assert frame["epoch"].tolist() == [4, 2, 4, 1]
    assert frame["resumes"].tolist() == [-1, -1, 1, -1]
    assert frame["loss"].tolist() == [trial.losses[0] for trial in toy_run.trials]
    assert frame["end"].tolist() == toy_run.ends.tolist()


def test_several_losses_are_several_columns():
    frame = made([1, 2], [(1.0, 2.0, 3.0), (4.0, 5.0, 6.0)]).to_frame()
    assert frame[["loss", "loss1", "loss2"]].values.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_empty_run_has_shapes():
    run = Run.from_rows([], [], seed=3, n_decisions=6, n_objectives=2)
    assert run.archs.shape == (0, 6)
    assert run.losses.shape == (0, 2)
    assert (run.trials, run.front(), len(run.to_frame())) == ([], [], 0)


def test_runs_can_be_pickled(toy_run):
    again = pickle.loads(pickle.dumps(toy_run))
    assert again.trials == toy_run.trials


# save


def test_a_saved_run_is_a_record_like_any_other(tmp_path):
    benchmark = nasbench.load("nb201-cifar10")
    algorithm = RegularizedEvolution(
        benchmark.space, fidelities=benchmark.fidelities, seed=7, population=5, sample=2
    )
    run = nasbench.replay(algorithm, benchmark, budget=Budget(trials=20), seed=7)
    folder = save(run, tmp_path / "mine")
    nasbench.search(
        "regularized_evolution",
        "nb201-cifar10",
        seeds=[7],
        budget=Budget(trials=20),
        hyperparameters={"population": 5, "sample": 2},
        out=tmp_path / "theirs",
    )
    (theirs,) = find_records(tmp_path / "theirs")
    assert Records(folder).manifest == theirs.manifest
    assert folder.name == theirs.folder.name
    part = f"part-{7 // BLOCK:06d}.parquet"
    assert (folder / part).read_bytes() == (theirs.folder / part).read_bytes()
    assert Records(folder).runs()[0].trials == run.trials


def test_saved_runs_of_other_seeds_join_the_record(tmp_path):
    benchmark = nasbench.load("nb201-cifar10")
    for seed in (30, 2, 30, 1):
        algorithm = RandomSearch(benchmark.space, fidelities=benchmark.fidelities, seed=seed)
        run = nasbench.replay(algorithm, benchmark, budget=Budget(trials=5), seed=seed)
        folder = save(run, tmp_path)
    assert Records(folder).seeds() == [1, 2, 30]


class Forgetful(Algorithm):
    """Does not keep its hyperparameter."""

    def __init__(self, space, *, fidelities, seed, secret=3):
        super().__init__(space, fidelities=fidelities, seed=seed)

    def ask(self):
        return Proposal(self.space.sample(self.rng))

    def tell(self, observation):
        pass


def test_what_does_not_say_how_it_was_made_is_not_saved(tmp_path, toy):
    benchmark = nasbench.load("nb201-cifar10")
    run = replay(
        Forgetful(benchmark.space, fidelities=(200,), seed=0), benchmark, budget=Budget(trials=1)
    )
    assert len(run) == 1
    with pytest.raises(RecordError, match="does not keep every hyperparameter as an attribute"):
        save(run, tmp_path)
    with pytest.raises(RecordError, match="was read from a record"):
        save(made([1], [(1.0,)]), tmp_path)
    strange = Manifest.of(
        RandomSearch(toy.space, fidelities=toy.fidelities, seed=0),
        toy,
        hyperparameters={"z": object()},
        budget=Budget(trials=1),
        workers=1,
        replicate="draw",
    )
    with pytest.raises(RecordError, match="cannot be written as JSON"):
        save(replace(run, manifest=strange), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_no_record_holds_is_not_saved(tmp_path, toy_run, seed):
    with pytest.raises(InvalidArgumentError, match=f"seed {seed} cannot be recorded"):
        save(replace(toy_run, seed=seed), tmp_path)


def test_a_run_cannot_be_saved_into_a_file(tmp_path, toy_run):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgumentError, match="cannot write to"):
        save(toy_run, tmp_path / "file")
