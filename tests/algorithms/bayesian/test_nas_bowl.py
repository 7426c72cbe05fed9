import math

import numpy as np
import pytest

from algorithms.bayesian.nas_bowl import NASBowl, rates
from algorithms.models.processes.gaussian_process import GaussianProcess
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201


def made(**changes):
    return NASBowl(NB201(), fidelities=(200,), seed=0, **changes)


def different(arch):
    return 1.0 + sum(option != 3 for option in arch)


def searched(algorithm, n):
    for trial in range(n):
        proposal = algorithm.ask()
        algorithm.tell(Observation(trial, proposal, (different(proposal.arch),), 1.0))
    return algorithm.examples


def test_it_finds_what_is_simple():
    assert searched(made(candidates=60), 60).lowest <= 2.0
    assert searched(made(initial=60), 60).lowest > 2.0


def test_depth_and_noise_are_the_likeliest():
    algorithm = made(depths=(0, 1, 2))
    searched(algorithm, 16)
    archs, targets = (
        algorithm.examples.archs[:15],
        np.log([different(a) for a in algorithm.examples.archs[:15]]),
    )
    targets = (targets - targets.mean()) / targets.std()
    noises = np.log(np.geomspace(1e-5, 0.01, 40))
    likelihoods = {
        (kernel.iterations, noise): GaussianProcess(
            kernel, np.array([0.0, noise]), archs, targets
        ).log_likelihood
        for kernel in algorithm._kernels
        for noise in noises
    }
    depth, noise = max(likelihoods, key=likelihoods.get)
    assert algorithm._process.kernel.iterations == depth
    assert algorithm._process.logs[0] == 0.0
    assert abs(algorithm._process.logs[1] - noise) < noises[1] - noises[0]


def test_a_batch_is_the_best_candidates_of_one_model():
    algorithm = made(candidates=50)
    searched(algorithm, 10)
    batch = [algorithm.ask().arch for _ in range(5)]
    process = algorithm._process
    assert len(process.archs) == 10
    scores = algorithm.scores(process, batch)
    assert (np.diff(scores) <= 0).all()


def test_decisions_change_as_often_as_in_nasbowl():
    """``_banana_mutate`` of xingchenwan/nasbowl; elsewhere, one decision in the mean."""
    assert rates(NB201()) == [1 / 5] * 6
    assert rates(NB101()) == [1 / 7] * 21 + [1 / 5] * 5
    assert rates(FCNet()) == [1 / 9] * 9


def test_all_candidates_are_mutants_in_the_preset_for_nb201():
    algorithm = made(candidates=60, **NASBowl.presets["nb201"])
    searched(algorithm, 10)
    best = np.array(algorithm.examples.best(10))
    pool = np.array(algorithm.pool(None))
    near = (pool[:, None] != best).sum(axis=2).min(axis=1)
    assert len(pool) == 60
    assert (near <= 2).mean() > 0.75
    half = made(candidates=60)
    searched(half, 10)
    pool = np.array(half.pool(None))
    assert ((pool[:, None] != best).sum(axis=2).min(axis=1) <= 2).mean() < 0.75


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depths": ()}, "must be integers in 0..10, at least one"),
        ({"depths": (11,)}, "must be integers in 0..10"),
        ({"max_noise": 0.0}, "max_noise = 0.0 must be finite, at least 1e-05"),
        ({"max_noise": math.inf}, "must be finite"),
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
        ({"mutated_share": -0.1}, "must be in"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
