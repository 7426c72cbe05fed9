import numpy as np
import pytest
from scipy.stats import kstest

from surrogates.noise import Noise, robust_std


@pytest.fixture
def truth():
    """Correlated over six epochs, twice as large at level 10 as at level 20."""
    epochs = np.arange(6)
    covariance = 0.8 ** np.abs(epochs[:, None] - epochs)
    rng = np.random.default_rng(0)
    level = rng.uniform(10, 20, size=6_000)
    residuals = rng.multivariate_normal(np.zeros(6), covariance, size=6_000)
    return covariance, level, residuals * np.interp(level, [10, 20], [2, 1])[:, None]


def test_sizes_and_correlations_are_recovered(truth):
    covariance, level, residuals = truth
    noise = Noise.fit(residuals, level)
    np.testing.assert_allclose(noise.std(np.array([10.5]))[0], 1.95, rtol=0.08)
    np.testing.assert_allclose(noise.std(np.array([19.5]))[0], 1.05, rtol=0.08)
    found = noise.loadings.T @ noise.loadings + np.diag(np.square(noise.rest))
    sizes = np.sqrt(np.diag(found))
    np.testing.assert_allclose(found / sizes / sizes[:, None], covariance, atol=0.05)


def test_draws_have_the_distribution_that_is_stated(truth):
    _, level, residuals = truth
    noise = Noise.fit(residuals, level)
    drawn = np.array([noise.draw(15.0, rank=7, seed=seed) for seed in range(4_000)])
    np.testing.assert_allclose(drawn.std(axis=0), noise.std(np.array([15.0]))[0], rtol=0.05)
    factors = noise.loadings.T @ noise.loadings + np.diag(np.square(noise.rest))
    correlation = factors[0, 1] / np.sqrt(factors[0, 0] * factors[1, 1])
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(correlation, abs=0.03)
    z = drawn[:, 0] / noise.std(np.array([15.0]))[0, 0]
    assert kstest(z, "norm").pvalue > 0.001


def test_draws_are_a_function_of_architecture_and_seed(truth):
    _, level, residuals = truth
    noise = Noise.fit(residuals, level)
    one = noise.draw(12.0, 3, 5)
    np.testing.assert_array_equal(one, noise.draw(12.0, 3, 5))
    assert not np.array_equal(one, noise.draw(12.0, 3, 6))
    assert not np.array_equal(one, noise.draw(12.0, 4, 5))


def test_one_value_needs_no_factor_beside_it():
    rng = np.random.default_rng(0)
    residuals = rng.normal(size=(300, 1)) * 0.3
    noise = Noise.fit(residuals, np.zeros(300))
    assert noise.std(np.array([0.0]))[0, 0] == pytest.approx(0.3, rel=0.1)


def test_no_residuals_no_noise():
    noise = Noise.fit(np.zeros((40, 3)), np.arange(40.0))
    np.testing.assert_array_equal(noise.draw(5.0, 1, 2), 0)


def test_no_noise_was_measured_none_is_drawn():
    noise = Noise.none(3)
    np.testing.assert_array_equal(noise.std(np.array([1.0, 9.0])), 0)
    np.testing.assert_array_equal(noise.draw(5.0, 1, 2), 0)


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_outliers_do_not_widen_the_noise(truth, share):
    _, level, residuals = truth
    diverged = np.random.default_rng(1).random(len(level)) < share
    spoilt = residuals - 80.0 * diverged[:, None] * np.array([0, 0, 1, 1, 1, 1])
    clean, found = (Noise.fit(given, level) for given in (residuals, spoilt))
    at = np.array([10.5, 15.0, 19.5])
    np.testing.assert_allclose(found.std(at), clean.std(at), rtol=0.12)
    drawn = np.array([found.draw(15.0, 7, seed) for seed in range(2_000)])
    assert np.abs(drawn).max() < 12
    covariance = np.cov(drawn.T)
    assert covariance[0, 1] / covariance[0, 0] == pytest.approx(0.8, abs=0.08)


def test_outliers_at_one_level_stay_there(truth):
    _, level, residuals = truth
    spoilt = residuals.copy()
    spoilt[(level < 11) & (np.arange(len(level)) % 10 == 0)] += 50.0
    found = Noise.fit(spoilt, level)
    np.testing.assert_allclose(found.std(np.array([10.5, 19.5]))[:, 0], [1.95, 1.05], rtol=0.15)


def test_robust_std_of_normal_residuals_is_their_std():
    rng = np.random.default_rng(0)
    normal = rng.normal(0, [0.1, 3.0], size=(20_000, 2))
    np.testing.assert_allclose(robust_std(normal), [0.1, 3.0], rtol=0.02)


def test_robust_std_of_rounded_residuals_is_not_zero():
    rounded = np.round(np.random.default_rng(0).normal(0, 0.6, size=20_000))
    assert robust_std(rounded) == pytest.approx(rounded.std(), rel=0.1)
