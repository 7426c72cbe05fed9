import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from algorithms.models.acquisition import (
    NAMES,
    acquisition,
    check_name,
    expected_improvement,
    independent_thompson,
    log_expected_improvement,
    probability_of_improvement,
    upper_confidence_bound,
)
from nasbench.errors import InvalidArgumentError

RNG = np.random.default_rng(0)
MEAN, STD = RNG.normal(size=30), RNG.uniform(0.05, 2.0, 30)
BEST = -0.7


def integrated(mean, std):
    def gain(loss):
        return max(BEST - loss, 0.0) * norm.pdf(loss, mean, std)

    return quad(gain, min(BEST, mean) - 12 * std, BEST, epsabs=1e-14, limit=200)[0]


def test_expected_improvement_is_the_integral():
    expected = [integrated(mean, std) for mean, std in zip(MEAN, STD, strict=True)]
    np.testing.assert_allclose(expected_improvement(MEAN, STD, BEST), expected, atol=1e-12)
    np.testing.assert_allclose(
        np.exp(log_expected_improvement(MEAN, STD, BEST)), expected, atol=1e-12
    )


def test_the_logarithm_goes_on_where_the_improvement_underflows():
    mpmath = pytest.importorskip("mpmath", reason="needs mpmath, which comes with PyTorch")
    mpmath.mp.dps = 400
    z = np.array([-0.5, -0.999, -1.001, -5.0, -30.0, -1e3, -9e4, -1.1e5])
    exact = [float(mpmath.log(mpmath.npdf(x) + x * mpmath.ncdf(x))) for x in map(mpmath.mpf, z[:6])]
    found = log_expected_improvement(-2.0 * z, np.full(len(z), 2.0), 0.0) - np.log(2.0)
    np.testing.assert_allclose(found[:6], exact, rtol=1e-9)
    assert (np.diff(found) < 0).all()
    assert np.isfinite(found).all()


def test_a_certain_prediction_improves_by_its_gain():
    mean, std = np.array([-1.0, -0.7, 0.0]), np.zeros(3)
    np.testing.assert_allclose(expected_improvement(mean, std, BEST), [0.3, 0, 0])
    np.testing.assert_allclose(
        log_expected_improvement(mean, std, BEST), [np.log(0.3), -np.inf, -np.inf]
    )
    assert probability_of_improvement(mean, std, BEST).tolist() == [0.0, -np.inf, -np.inf]


def test_probability_of_improvement_is_that_of_a_gaussian():
    np.testing.assert_allclose(
        probability_of_improvement(MEAN, STD, BEST), norm.logcdf(BEST, MEAN, STD)
    )


def test_the_bound_is_of_the_negative_loss():
    np.testing.assert_array_equal(upper_confidence_bound(MEAN, STD, 0.5), 0.5 * STD - MEAN)


def test_thompson_draws_from_every_prediction():
    n = 20_000
    draws = [independent_thompson(MEAN[:3], STD[:3], RNG) for _ in range(n)]
    tolerance = 5 * STD[:3] / np.sqrt(n)
    assert (np.abs(np.mean(draws, axis=0) + MEAN[:3]) < tolerance).all()
    assert (np.abs(np.std(draws, axis=0) - STD[:3]) < tolerance).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_prefers_the_lower_of_two_certain_losses(name):
    values = acquisition(name, np.array([1.0, -2.0]), np.zeros(2), 0.0, 0.5, RNG)
    check_name(name)
    assert values.shape == (2,)
    assert values[1] > values[0]


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InvalidArgumentError, match="did you mean 'log_ei'"):
        check_name("logei")
