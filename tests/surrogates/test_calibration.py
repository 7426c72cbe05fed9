import numpy as np
import pytest

from surrogates.calibration import MAX_FACTOR, MIN_FACTOR, calibration_factors

ERRORS = np.random.default_rng(0).normal(size=(4_000, 1))


@pytest.mark.parametrize("stated", [0.2, 1.0, 5.0])
def test_two_thirds_of_the_errors_are_within_one_deviation(stated):
    std = np.full_like(ERRORS, stated)
    factor = calibration_factors(ERRORS, std, np.zeros_like(std))
    assert factor[0] * stated == pytest.approx(1, rel=0.03)


def test_what_noise_explains_is_not_uncertainty_of_the_model():
    std, noise = np.ones_like(ERRORS), np.full_like(ERRORS, 0.6)
    assert calibration_factors(ERRORS, std, noise)[0] == pytest.approx(0.8, rel=0.05)


def test_where_noise_explains_all_the_model_is_not_certain():
    std = np.ones_like(ERRORS)
    assert calibration_factors(ERRORS, std, 2 * std)[0] == pytest.approx(MIN_FACTOR)


def test_the_factor_is_bounded():
    std = np.full_like(ERRORS, 1e-9)
    assert calibration_factors(ERRORS, std, np.zeros_like(std))[0] == pytest.approx(MAX_FACTOR)
