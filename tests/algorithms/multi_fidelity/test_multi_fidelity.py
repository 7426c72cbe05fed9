"""What all multi-fidelity methods have in common."""

import numpy as np
import pytest

from algorithms.multi_fidelity.asha import ASHA
from algorithms.multi_fidelity.async_hyperband import AsyncHyperband
from algorithms.multi_fidelity.bohb import BOHB
from algorithms.multi_fidelity.dehb import DEHB
from algorithms.multi_fidelity.hyperband import Hyperband
from algorithms.multi_fidelity.pasha import PASHA
from algorithms.multi_fidelity.successive_halving import SuccessiveHalving
from nasbench.benchmark import Evaluation, Trainings
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.space import Decision, SearchSpace
from nasbench.splitmix import key, mix

METHODS = [SuccessiveHalving, Hyperband, ASHA, AsyncHyperband, PASHA, BOHB, DEHB]


class Numbers(SearchSpace):
    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        return self.check([int(part) for part in text.split("-")])


class OneDecision(Numbers):
    name = "one-decision"
    decisions = (Decision("a", ("0", "1", "2")),)


class Unequal(Numbers):
    name = "unequal"
    decisions = (
        Decision("a", ("0", "1")),
        Decision("b", ("0",)),
        Decision("c", tuple("0123456"), "ordinal"),
        Decision("d", ("0", "1", "2"), "numeric", (1.0, 2.0, 4.0)),
    )


class Ruled(Numbers):
    """Few of the tuples are legal."""

    name = "ruled"
    decisions = tuple(Decision(name, tuple("01234")) for name in "abc")

    def is_legal(self, arch):
        return arch[0] + arch[1] == arch[2]


class Toy:
    """Losses fall with the epoch; their order is random, but fixed. Some trainings diverge."""

    version = 1
    content_hash = ""
    schedules = (27,)
    seeds = complete_seeds = (0, 1)
    known = ()

    def __init__(self, space, fidelities=(1, 3, 9, 27), n_objectives=1):
        self.space = space
        self.name = f"toy-{space.name}"
        self.fidelities = fidelities
        self.objectives = ("loss", "size")[:n_objectives]

    def trainings(self, arch, epoch=None):
        return Trainings(self.space.rank(self.space.check(arch)), self.seeds)

    def evaluate(self, arch, *, epoch=None, seed=None):
        assert arch in self.space
        number = mix(key(arch, seed))
        loss = float("inf") if number % 7 == 0 else number % 1000 / 10 + 10 / epoch
        return Evaluation((loss, float(sum(arch)))[: len(self.objectives)], 3.0 * epoch + 1, 1.0)


class Schedules(Toy):
    """The fidelities are trainings of their own."""

    schedules = (12, 200)

    def __init__(self, space):
        super().__init__(space, (12, 200))


TABLES = {
    "one decision": lambda: Toy(OneDecision(), (5, 6, 7, 60)),
    "two objectives": lambda: Toy(Unequal(), n_objectives=2),
    "ruled": lambda: Toy(Ruled(), (1, 2, 3, 4, 5, 6, 7, 8)),
    "few fidelities": lambda: Toy(Ruled(), (4, 108)),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("method", METHODS)
def test_it_searches_until_the_budget_ends(method, workers, table):
    table = TABLES[table]()
    for seed in range(3):
        search = method(table.space, fidelities=table.fidelities, seed=seed)
        run = replay(search, table, budget=Budget(trials=150), workers=workers)
        assert len(run) == 150
        assert run.epochs.max() == table.fidelities[-1] or method is PASHA
        assert run.epochs.min() < table.fidelities[-1]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("workers", [1, 8])
def test_nothing_is_resumed_from_scratch_or_where_it_cannot_be(method, workers):
    space = Unequal()
    for settings in ({"resume": False}, {"resumable": False}):
        search = method(space, fidelities=(12, 200), seed=0, **settings)
        run = replay(search, Schedules(space), budget=Budget(trials=150), workers=workers)
        assert (run.resumes == -1).all()
        assert set(run.epochs.tolist()) == {12, 200}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("workers", [1, 8])
def test_climbing_continues_the_same_training_at_the_rung_below(method, workers):
    table = Toy(Unequal())
    search = method(table.space, fidelities=table.fidelities, seed=1)
    run = replay(search, table, budget=Budget(trials=400), workers=workers)
    climbed = [trial for trial in run.trials if trial.proposal.resumes is not None]
    assert len(climbed) > 10
    for trial in climbed:
        parent = run.trials[trial.proposal.resumes]
        assert parent.proposal.arch == trial.proposal.arch
        assert 3 * parent.proposal.epoch == trial.proposal.epoch
        assert parent.training_seed == trial.training_seed
        assert np.isfinite(parent.losses[0])
        assert parent.end <= trial.start
    parents = [trial.proposal.resumes for trial in climbed]
    assert len(set(parents)) == len(parents)


@pytest.mark.parametrize("method", METHODS)
def test_with_workers_nobody_is_idle(method):
    table = Toy(Unequal())
    search = method(table.space, fidelities=table.fidelities, seed=1)
    run = replay(search, table, budget=Budget(trials=200), workers=8)
    starts, ends = run.starts, run.ends
    for now in starts[8:-8]:
        assert ((starts <= now) & (ends > now)).sum() >= 8


@pytest.mark.parametrize("method", METHODS)
def test_one_fidelity_is_used_to_the_end(method):
    search = method(Unequal(), fidelities=(200,), seed=0)
    run = replay(search, Toy(Unequal(), (200,)), budget=Budget(trials=60), workers=3)
    assert len(run) == 60
    assert (run.epochs == 200).all()
    assert (run.resumes == -1).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_rate_of_promotion_is_at_least_two(method):
    with pytest.raises(InvalidArgumentError, match="eta = 1 must be at least 2"):
        method(Unequal(), fidelities=(1, 3), seed=0, eta=1)
