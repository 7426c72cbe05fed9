import math

import numpy as np
import pytest

import nasbench
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import unseen
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


class Nearest(BatchSearch):
    """Chooses unseen architectures that are next to the best one."""

    def __init__(self, space, *, fidelities, seed, initial=5, batch=4):
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        self.sizes = []

    def choose(self, n):
        self.sizes.append(len(self.examples))
        (best,) = self.examples.best(1)
        pool = unseen(self.space, 200, self.rng, self.seen)
        return sorted(pool, key=lambda arch: np.count_nonzero(np.array(arch) != best))[:n]


def made(**changes):
    return Nearest(NB201(), fidelities=(200,), seed=0, **changes)


def test_batches_follow_the_random_start_and_learn_everything():
    algorithm = made()
    run = replay(
        algorithm, nasbench.load("nb201-cifar10"), budget=nasbench.Budget(trials=17), seed=0
    )
    assert algorithm.sizes == [5, 9, 13]
    assert len({tuple(arch) for arch in run.archs.tolist()}) == 17
    assert run.fallbacks == 0


def test_proposals_stay_random_until_the_first_results_are_in():
    algorithm = made()
    proposals = [algorithm.ask() for _ in range(12)]
    assert algorithm.sizes == []
    for trial, proposal in enumerate(proposals):
        algorithm.tell(Observation(trial, proposal, (float(trial),), 1.0))
    assert algorithm.ask() is not None
    assert algorithm.sizes == [12]
    assert algorithm.fallbacks == 0


@pytest.mark.parametrize("loss", [1.0, math.inf])
def test_where_nothing_can_be_learned_every_proposal_is_a_fallback(loss):
    algorithm = made()
    for trial in range(20):
        algorithm.tell(Observation(trial, algorithm.ask(), (loss,), 1.0))
    assert algorithm.sizes == []
    assert algorithm.fallbacks == 15


def test_a_model_that_finds_nothing_is_a_fallback():
    class Helpless(Nearest):
        def choose(self, n):
            return []

    algorithm = Helpless(NB201(), fidelities=(200,), seed=0)
    for trial in range(9):
        algorithm.tell(Observation(trial, algorithm.ask(), (float(trial),), 1.0))
    assert algorithm.fallbacks == 4


def test_the_search_ends_with_the_space():
    algorithm = made(initial=15_600)
    trials = 0
    while (proposal := algorithm.ask()) is not None:
        algorithm.tell(Observation(trials, proposal, (float(trials),), 1.0))
        trials += 1
    assert trials == 5**6
    assert algorithm.fallbacks == 0


@pytest.mark.parametrize("name", ["initial", "batch"])
def test_impossible_sizes_are_refused(name):
    with pytest.raises(InvalidArgumentError, match=f"{name} = 0 must be at least 1"):
        made(**{name: 0})
