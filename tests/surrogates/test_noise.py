import numpy as np
import pytest
from scipy.stats import kstest

from surrogates.noise import Noise


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
