"""What all multi-fidelity methods have in common."""

import numpy as np
import pytest
from toys import Hashed, Numbers, OneDecision, Unequal

from algorithms.multi_fidelity.asha import ASHA
from algorithms.multi_fidelity.async_hyperband import AsyncHyperband
from algorithms.multi_fidelity.bohb import BOHB
from algorithms.multi_fidelity.dehb import DEHB
from algorithms.multi_fidelity.hyperband import Hyperband
from algorithms.multi_fidelity.pasha import PASHA
from algorithms.multi_fidelity.successive_halving import SuccessiveHalving
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay

METHODS = [SuccessiveHalving, Hyperband, ASHA, AsyncHyperband, PASHA, BOHB, DEHB]


class Sums(Numbers, options=(5, 5, 5)):
    """Few of the tuples are legal."""

    def is_legal(self, arch):
        return arch[0] + arch[1] == arch[2]


def toy(space, fidelities=(1, 3, 9, 27), n_objectives=1):
    return Hashed(space, n_objectives, fidelities=fidelities, schedules=fidelities[-1:])


TABLES = {
    "one decision": toy(OneDecision(), (5, 6, 7, 60)),
    "two objectives": toy(Unequal(), n_objectives=2),
    "ruled": toy(Sums(), (1, 2, 3, 4, 5, 6, 7, 8)),
    "few fidelities": toy(Sums(), (4, 108)),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("method", METHODS)
def test_it_searches_until_the_budget_ends(method, workers, table):
    table = TABLES[table]
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
    separate = Hashed(space, fidelities=(12, 200), schedules=(12, 200))
    for settings in ({"resume": False}, {"resumable": False}):
        search = method(space, fidelities=(12, 200), seed=0, **settings)
        run = replay(search, separate, budget=Budget(trials=150), workers=workers)
        assert (run.resumes == -1).all()
        assert set(run.epochs.tolist()) == {12, 200}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("workers", [1, 8])
def test_climbing_continues_the_same_training_at_the_rung_below(method, workers):
    table = toy(Unequal())
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
    table = toy(Unequal())
    search = method(table.space, fidelities=table.fidelities, seed=1)
    run = replay(search, table, budget=Budget(trials=200), workers=8)
    starts, ends = run.starts, run.ends
    for now in starts[8:-8]:
        assert ((starts <= now) & (ends > now)).sum() >= 8


@pytest.mark.parametrize("method", METHODS)
def test_one_fidelity_is_used_to_the_end(method):
    search = method(Unequal(), fidelities=(200,), seed=0)
    run = replay(search, toy(Unequal(), (200,)), budget=Budget(trials=60), workers=3)
    assert len(run) == 60
    assert (run.epochs == 200).all()
    assert (run.resumes == -1).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_rate_of_promotion_is_at_least_two(method):
    with pytest.raises(InvalidArgumentError, match="eta = 1 must be at least 2"):
        method(Unequal(), fidelities=(1, 3), seed=0, eta=1)
