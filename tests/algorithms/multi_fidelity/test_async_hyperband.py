from collections import Counter

import pytest

import nasbench
from algorithms.multi_fidelity.async_hyperband import AsyncHyperband
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


def fresh(settings, n):
    """Epochs of the architectures that start, where nobody is ever told."""
    search = AsyncHyperband(NB201(), fidelities=(1, 3, 9, 27), seed=0, **settings)
    return [search.ask().epoch for _ in range(n)]


def test_brackets_take_turns():
    expected = [1] * 27 + [3] * 9 + [9] * 6 + [27] * 4
    assert fresh({}, 2 * len(expected)) == 2 * expected
    expected = [1] * 27 + [3] * 12 + [9] * 6 + [27] * 4
    assert fresh({"rounding": "paper"}, 2 * len(expected)) == 2 * expected


def test_each_bracket_ranks_its_own():
    """One answer each to three brackets: nobody is among the best third of one."""
    search = AsyncHyperband(NB201(), fidelities=(1, 3, 9, 27), seed=0)
    asked = [search.ask() for _ in range(46)]
    for trial in (0, 27, 36, 42):
        search.tell(Observation(trial, asked[trial], (0.0,), 1.0))
    assert search.ask().resumes is None
    for trial in (28, 29):  # now three are told at epoch 3
        search.tell(Observation(trial, asked[trial], (1.0,), 1.0))
    proposal = search.ask()
    assert (proposal.resumes, proposal.epoch) == (27, 9)


def test_the_first_bracket_climbs_first():
    search = AsyncHyperband(NB201(), fidelities=(1, 2, 4), seed=0, eta=2)
    asked = [search.ask() for _ in range(4 + 2 + 3)]
    assert [proposal.epoch for proposal in asked] == [1] * 4 + [2] * 2 + [4] * 3
    for trial in (4, 5, 0, 1):
        search.tell(Observation(trial, asked[trial], (0.0,), 1.0))
    assert [search.ask().resumes for _ in range(3)] == [0, 4, None]


def test_one_worker_shares_trainings_as_hyperband_does():
    table = nasbench.load("lite201-digits")
    search = AsyncHyperband(table.space, fidelities=table.fidelities, seed=0, eta=2)
    run = replay(search, table, budget=Budget(trials=1600))
    counts = Counter(run.epochs.tolist())
    synchronous = {1: 8, 2: 8, 4: 8, 8: 8}  # brackets 8/4/2/1, 4/2/1, 4/2, 4
    for epoch, n in synchronous.items():
        assert counts[epoch] / len(run) == pytest.approx(n / 32, abs=0.03)


def test_unknown_roundings_are_refused():
    with pytest.raises(InvalidArgumentError, match="rounding = 'up'"):
        AsyncHyperband(NB201(), fidelities=(1, 3), seed=0, rounding="up")
