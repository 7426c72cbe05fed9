"""Fits of curves against their own formulas and against SciPy's least squares."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from algorithms.models.curves.families import FAMILIES
from algorithms.models.curves.least_squares import curves, fit, jacobian

EPOCHS = np.arange(1.0, 9)
NOISE = 0.01
NAMES = [family.name for family in FAMILIES]
PARAMETERS = {
    "vapor_pressure": (-0.15, -0.6, 0.01),
    "pow3": (0.9, 0.4, 0.7),
    "pow4": (0.9, 2.0, 0.5, 0.8),
    "log_power": (0.9, 0.8, -0.9),
    "weibull": (0.92, 0.2, 0.4, 0.8),
    "mmf": (0.95, 0.2, 0.6, 1.1),
    "janoschek": (0.9, 0.1, 0.6, 0.7),
    "exp4": (0.9, 0.6, -0.2, 0.7),
    "ilog2": (0.95, 0.3),
    "hill3": (0.93, 1.2, 0.9),
    "loglog_linear": (0.12, 2.1),
}
"""Curves that rise from 0.3 to 0.75 to 0.68 to 0.87 in eight epochs."""
AT_TWO = {
    "vapor_pressure": np.exp(-0.15 - 0.6 / 2 + 0.01 * np.log(2)),
    "pow3": 0.9 - 0.4 * 2**-0.7,
    "pow4": 0.9 - 4.5**-0.8,
    "log_power": 0.9 / (1 + (2 / np.exp(0.8)) ** -0.9),
    "weibull": 0.92 - 0.72 * np.exp(-(0.8**0.8)),
    "mmf": 0.95 - 0.75 / (1 + 1.2**1.1),
    "janoschek": 0.9 - 0.8 * np.exp(-0.6 * 2**0.7),
    "exp4": 0.9 - np.exp(-0.6 * 2**0.7 - 0.2),
    "ilog2": 0.95 - 0.3 / np.log(3),
    "hill3": 0.93 * 2**1.2 / (0.9**1.2 + 2**1.2),
    "loglog_linear": np.log(0.12 * np.log(2) + 2.1),
}
"""Values of these curves after two epochs, by the formulas of the paper."""


def family(name):
    return FAMILIES[NAMES.index(name)]


def curve(name, epochs=EPOCHS):
    return family(name).value(epochs, *PARAMETERS[name])


def own_fit(name, values):
    """Parameters, weighted squares and inverse of the fit of one family to one curve."""
    with np.errstate(all="ignore"):
        found = fit(EPOCHS, values[None], np.ones((1, len(EPOCHS))))
    i = NAMES.index(name)
    return found.parameters[i, 0], found.cost[i, 0], found.inverse[i, 0]


@pytest.mark.parametrize("name", NAMES)
def test_a_family_has_the_formula_of_the_paper(name):
    assert curve(name)[1] == pytest.approx(AT_TWO[name], abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_curve_is_recovered_by_its_family(name):
    parameters, _, _ = own_fit(name, curve(name))
    n = family(name).n_parameters
    far = np.array([100.0])
    # A fourth parameter that hardly shows in eight epochs is found slowly
    tolerance = 0.02 if name == "pow4" else 1e-4
    assert family(name).value(far, *parameters[:n]) == pytest.approx(
        curve(name, far), abs=tolerance
    )
    assert not parameters[n:].any()


@pytest.mark.parametrize("name", NAMES)
def test_squares_are_as_small_as_those_of_scipy(name):
    rng = np.random.default_rng(NAMES.index(name))
    values = curve(name) + rng.normal(0, NOISE, len(EPOCHS))
    one = family(name)

    def residuals(parameters):
        with np.errstate(all="ignore"):
            return np.nan_to_num(one.value(EPOCHS, *parameters) - values, nan=10, posinf=10)

    theirs = min(2 * least_squares(residuals, start).cost for start in one.starts)
    parameters, cost, _ = own_fit(name, values)
    assert cost <= theirs + NOISE**2  # less than the noise of one point
    assert cost == pytest.approx((residuals(parameters[: one.n_parameters]) ** 2).sum())


def test_a_linear_family_has_the_closed_form():
    rng = np.random.default_rng(0)
    values = curve("ilog2") + rng.normal(0, 0.02, len(EPOCHS))
    design = np.stack([np.ones(len(EPOCHS)), -1 / np.log(EPOCHS + 1)], axis=1)
    expected = np.linalg.lstsq(design, values)[0]
    parameters, _, inverse = own_fit("ilog2", values)
    assert parameters[:2] == pytest.approx(expected, abs=1e-8)
    assert inverse[:2, :2] == pytest.approx(np.linalg.inv(design.T @ design), rel=1e-4)


def test_weights_of_zero_leave_points_out():
    values = np.stack([curve("pow3")] * 2)
    values[1, 3] = 0.1
    weights = np.ones((2, len(EPOCHS)))
    weights[:, 3] = 0
    with np.errstate(all="ignore"):
        found = fit(EPOCHS, values, weights)
    assert found.cost[:, 0].tolist() == found.cost[:, 1].tolist()


def test_curves_are_fitted_as_if_they_were_alone():
    rng = np.random.default_rng(1)
    values = rng.random((5, len(EPOCHS)))
    with np.errstate(all="ignore"):
        found = fit(EPOCHS, values, np.ones_like(values))
        alone = [fit(EPOCHS, row[None], np.ones((1, len(EPOCHS)))).cost[:, 0] for row in values]
    assert found.cost == pytest.approx(np.transpose(alone), rel=1e-6)


def test_derivatives_are_those_of_complex_steps():
    parameters = np.zeros((len(FAMILIES), 4))
    for i, name in enumerate(NAMES):
        parameters[i, : len(PARAMETERS[name])] = PARAMETERS[name]
    values, slopes = jacobian(parameters, EPOCHS)
    assert values == pytest.approx(curves(parameters, EPOCHS))
    for i, one in enumerate(FAMILIES):
        for j in range(one.n_parameters):
            moved = parameters[i, : one.n_parameters].astype(complex)
            moved[j] += 1e-20j
            expected = one.value(EPOCHS, *moved).imag / 1e-20
            assert slopes[i, j] == pytest.approx(expected, abs=1e-5)
        assert not slopes[i, one.n_parameters :].any()
