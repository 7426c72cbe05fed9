import random

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.gaussian_process.kernels import Matern as SklearnMatern

from algorithms.models.processes.gaussian_process import (
    GaussianProcess,
    fit,
    negative_log_likelihood,
)
from algorithms.models.processes.kernels import (
    Exponential,
    Matern,
    WeisfeilerLehman,
    degrees,
    hamming,
    path,
)
from algorithms.models.processes.otmann import Otmann
from nasbench.encodings import one_hot
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

SPACE = NB201()
DRAW = random.Random(0)
ARCHS = list(dict.fromkeys(SPACE.sample(DRAW) for _ in range(30)))
OTHERS = list(dict.fromkeys(SPACE.sample(DRAW) for _ in range(15)))
TARGETS = np.random.default_rng(0).normal(size=len(ARCHS))
LENGTHS = np.array([0.5, 1.0, 2.0, 0.7, 1.5, 3.0])
SIGNAL, NOISE = 1.7, 0.05
KERNELS = {
    "hamming": Exponential(hamming(SPACE)),
    "path": Exponential(path(SPACE)),
    "degrees": Exponential(degrees(SPACE), power=2),
    "matern": Matern(SPACE),
    "wl": WeisfeilerLehman(SPACE, 1),
    "otmann": Otmann(SPACE),
}


def logs_of(kernel, lengths=None):
    given = kernel.start if lengths is None else np.log(lengths)
    return np.concatenate([np.log([SIGNAL, NOISE]), given])


def inputs(archs):
    return one_hot(SPACE, archs).astype(np.float64)


# The Hamming distance is half the squared distance of one-hot codes.
OURS_AND_THEIRS = {
    "hamming": (Exponential(hamming(SPACE)), [0.9], RBF(0.9 * np.sqrt(2))),
    "matern": (Matern(SPACE), LENGTHS, SklearnMatern(np.repeat(LENGTHS, 5), nu=2.5)),
}


@pytest.mark.parametrize("name", OURS_AND_THEIRS)
def test_predictions_and_likelihood_are_those_of_scikit_learn(name):
    kernel, lengths, theirs = OURS_AND_THEIRS[name]
    process = GaussianProcess(kernel, logs_of(kernel, lengths), ARCHS, TARGETS)
    reference = GaussianProcessRegressor(
        ConstantKernel(SIGNAL) * theirs, alpha=NOISE, optimizer=None
    ).fit(inputs(ARCHS), TARGETS)
    mean, std = process.predict(OTHERS)
    expected, expected_std = reference.predict(inputs(OTHERS), return_std=True)
    np.testing.assert_allclose(mean, expected, atol=1e-8)
    np.testing.assert_allclose(std, expected_std, atol=1e-8)
    assert process.log_likelihood == pytest.approx(
        reference.log_marginal_likelihood_value_, abs=1e-8
    )


def test_the_fit_is_that_of_scikit_learn():
    kernel = Exponential(hamming(SPACE))
    targets = np.array([sum(option == 3 for option in arch) for arch in ARCHS]) + TARGETS
    targets = (targets - targets.mean()) / targets.std()
    bounds = [(np.log(1e-2), np.log(1e2)), (np.log(1e-5), 0.0), (-3.0, 5.0)]
    process = fit(kernel, ARCHS, targets, [np.log([1.0, 0.1, 1.0])], bounds)
    low, high = np.exp(-3.0) * np.sqrt(2), np.exp(5.0) * np.sqrt(2)
    theirs = ConstantKernel(1.0, (1e-2, 1e2)) * RBF(np.sqrt(2), (low, high)) + WhiteKernel(
        0.1, (1e-5, 1.0)
    )
    reference = GaussianProcessRegressor(theirs, alpha=0.0).fit(inputs(ARCHS), targets)
    best = reference.log_marginal_likelihood_value_
    assert process.log_likelihood == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_gradients_are_finite_differences(name):
    kernel = KERNELS[name]
    archs, targets = ARCHS[:12], TARGETS[:12]
    compared = kernel.compare(archs, archs)
    logs = logs_of(kernel) + 0.1 * np.random.default_rng(1).normal(size=2 + len(kernel.start))
    _, slope = negative_log_likelihood(logs, kernel, compared, targets)
    step = 1e-5
    for place, change in enumerate(step * np.eye(len(logs))):
        above, _ = negative_log_likelihood(logs + change, kernel, compared, targets)
        below, _ = negative_log_likelihood(logs - change, kernel, compared, targets)
        assert slope[place] == pytest.approx((above - below) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("name", KERNELS)
def test_extending_is_conditioning_anew(name):
    kernel = KERNELS[name]
    archs, targets = ARCHS[:12], TARGETS[:12]
    process = GaussianProcess(kernel, logs_of(kernel), archs[:5], targets[:5])
    process = process.extended(archs[5:6], targets[:6]).extended(archs[6:], targets)
    process = process.extended([], 2 * targets)
    anew = GaussianProcess(kernel, logs_of(kernel), archs, 2 * targets)
    for found, expected in zip(process.predict(OTHERS), anew.predict(OTHERS), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-9)
    assert process.log_likelihood == pytest.approx(anew.log_likelihood, abs=1e-9)


def test_several_sets_of_targets_are_several_processes():
    kernel = KERNELS["path"]
    both = np.stack([TARGETS, TARGETS**2], axis=1)
    means, std = GaussianProcess(kernel, logs_of(kernel), ARCHS, both).predict(OTHERS)
    for column, targets in enumerate(both.T):
        mean, expected = GaussianProcess(kernel, logs_of(kernel), ARCHS, targets).predict(OTHERS)
        np.testing.assert_allclose(means[:, column], mean, atol=1e-12)
        np.testing.assert_allclose(std, expected)


def test_a_fantasy_at_the_mean_leaves_means_and_lowers_deviations():
    kernel = KERNELS["hamming"]
    process = GaussianProcess(kernel, logs_of(kernel), ARCHS, TARGETS)
    mean, std = process.predict(OTHERS)
    extended = process.extended(OTHERS[:3], np.concatenate([TARGETS, mean[:3]]))
    new_mean, new_std = extended.predict(OTHERS)
    np.testing.assert_allclose(new_mean, mean, atol=1e-10)
    assert (new_std <= std + 1e-12).all()
    assert (new_std[:3] < 0.9 * std[:3]).all()


def test_draws_have_the_joint_distribution_of_scikit_learn():
    kernel, lengths, theirs = OURS_AND_THEIRS["hamming"]
    process = GaussianProcess(kernel, logs_of(kernel, lengths), ARCHS, TARGETS)
    reference = GaussianProcessRegressor(
        ConstantKernel(SIGNAL) * theirs, alpha=NOISE, optimizer=None
    ).fit(inputs(ARCHS), TARGETS)
    mean, covariance = reference.predict(inputs(OTHERS), return_cov=True)
    n = 40_000
    drawn = process.sample(OTHERS, n, np.random.default_rng(0))
    assert drawn.shape == (n, len(OTHERS))
    tolerance = 5 * covariance.max() / np.sqrt(n)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=5 * np.sqrt(covariance.max() / n))
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=2 * tolerance)


def test_an_indefinite_matrix_gets_a_jitter():
    space, rng = NB101(), random.Random(0)
    archs = [space.sample(rng) for _ in range(120)]
    kernel = Exponential(degrees(space), power=2, length=3.0)
    gram = kernel.gram(kernel.compare(archs, archs), kernel.start)
    assert np.linalg.eigvalsh(gram)[0] < -1e-5
    logs = np.array([0.0, np.log(1e-8), *kernel.start])
    targets = np.random.default_rng(0).normal(size=len(archs))
    process = GaussianProcess(kernel, logs, archs, targets)
    mean, std = process.predict(archs)
    assert np.isfinite(mean).all()
    assert (std > 0).all()
    longer = process.extended(archs[:1], np.append(targets, 0.0))
    assert np.isfinite(longer.predict(archs)[0]).all()


def test_bounds_that_are_equal_fix_a_parameter():
    kernel = Exponential(hamming(SPACE))
    bounds = [(0.5, 0.5), (-4.0, 0.0), (1.0, 1.0)]
    process = fit(kernel, ARCHS, TARGETS, [np.zeros(3)], bounds)
    assert process.logs[[0, 2]].tolist() == [0.5, 1.0]
    bounds[1] = (-2.0, -2.0)
    assert fit(kernel, ARCHS, TARGETS, [np.zeros(3)], bounds).logs.tolist() == [0.5, -2.0, 1.0]
