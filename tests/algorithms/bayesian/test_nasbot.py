import numpy as np
import pytest
from scipy.stats import chisquare

from algorithms.bayesian.nasbot import NASBOT
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201


def made(space=None, **changes):
    return NASBOT(space or NB201(), fidelities=(200,), seed=0, **changes)


def convolutions(arch):
    return float(sum(option != 3 for option in arch))


def searched(algorithm, n, loss=convolutions):
    for trial in range(n):
        proposal = algorithm.ask()
        algorithm.tell(Observation(trial, proposal, (loss(proposal.arch),), 1.0))
    return algorithm.examples


@pytest.mark.parametrize(("distance", "n"), [("degrees", 50), ("otmann", 20)])
def test_it_finds_what_its_distance_sees(distance, n):
    found = searched(made(distance=distance, refit=1.0), n).lowest
    assert found <= searched(made(initial=n), n).lowest - 1


def test_it_searches_graphs_of_any_size():
    def edges(arch):
        return float(NB101().graph(arch).adjacency.sum())

    found = searched(made(NB101(), refit=1.0), 30, edges)
    assert found.lowest < min(found.losses[:10])


@pytest.mark.parametrize(("n", "expected"), [(10, 79), (100, 250)])
def test_the_evolutionary_search_scores_as_many_as_it_may(n, expected):
    algorithm = made(initial=n)
    searched(algorithm, n)
    process = algorithm._updated()
    scored = []
    scores = algorithm.scores
    algorithm.scores = lambda process, pool: scored.append(len(pool)) or scores(process, pool)
    pool = algorithm.pool(process)
    assert scored[0] == n
    assert expected / 2 < sum(scored[1:]) == len(pool) <= expected
    assert not set(pool) & algorithm.seen.keys()


def test_steps_of_mutants_have_the_published_probabilities():
    steps = []

    class Counted(NB201):
        def mutate(self, arch, rng):
            steps[-1] += 1
            return super().mutate(arch, rng)

    algorithm = made(Counted())
    for _ in range(4000):
        steps.append(0)
        algorithm._mutant((0,) * 6)
    counts = np.bincount(steps)[1:]
    assert chisquare(counts, 4000 * np.array([0.5, 0.25, 0.125, 0.075, 0.05])).pvalue > 1e-3


def test_parents_are_drawn_by_a_softmax_of_half_the_standardised_scores():
    algorithm = made()
    scores = np.array([0.0, 1.0, -np.inf, 3.0])
    filled = np.array([0.0, 1.0, 0.0, 3.0])
    weights = np.exp((filled - filled.mean()) / (2 * filled.std()))
    counts = np.bincount(algorithm._parents(scores, 4000), minlength=4)
    assert chisquare(counts, 4000 * weights / weights.sum()).pvalue > 1e-3
    for flat in (np.zeros(3), np.full(3, -np.inf)):
        assert set(algorithm._parents(flat, 200)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance": "otman"}, "did you mean 'otmann'"),
        ({"mutations": 0}, "mutations = 0 must be at least 1"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
