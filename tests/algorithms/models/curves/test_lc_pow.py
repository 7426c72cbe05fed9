"""Extrapolation by families: what is certain, what is not, and curves that say nothing."""

import numpy as np
import pytest
from scipy.stats import truncnorm

from algorithms.models.curves.families import FAMILIES
from algorithms.models.curves.lc_pow import NOISE, Forecast, extrapolate, to_accuracies

EPOCHS = np.arange(1.0, 9)
RISING = 0.9 - 0.4 * EPOCHS**-0.7


def test_a_curve_is_extrapolated_within_its_uncertainty():
    rng = np.random.default_rng(0)
    ends, curves = [], []
    for _ in range(200):
        end, drop, alpha = rng.uniform([0.7, 0.2, 0.5], [0.95, 0.6, 1.2])
        ends.append(end - drop * 16**-alpha)
        curves.append(end - drop * EPOCHS**-alpha + rng.normal(0, NOISE, len(EPOCHS)))
    found = extrapolate(EPOCHS, np.array(curves), 16)
    assert found.is_fitted.all()
    errors = np.abs(found.mean - ends)
    assert np.median(errors) < 0.012
    assert (errors < 2 * found.std).mean() > 0.9
    assert (errors < found.std / 20).mean() < 0.2  # and the uncertainty is not huge


def test_weights_favour_the_family_of_the_curve():
    found = extrapolate(EPOCHS, (0.95 - 0.3 / np.log(EPOCHS + 1))[None], 30)
    assert FAMILIES[int(found.weights[0].argmax())].name == "ilog2"
    assert found.mean[0] == pytest.approx(0.95 - 0.3 / np.log(31), abs=found.std[0])
    assert found.weights.sum() == pytest.approx(1)


def test_a_family_needs_more_points_than_parameters():
    for k in range(1, 9):
        found = extrapolate(EPOCHS[:k], RISING[None, :k], 20)
        fitted = {f.n_parameters for f, w in zip(FAMILIES, found.weights[0], strict=True) if w}
        assert all(n < k for n in fitted)
        assert bool(fitted) == found.is_fitted[0] == (k > 2)


@pytest.mark.parametrize("k", [1, 2])
def test_a_short_curve_is_predicted_to_stay_and_promises_everything(k):
    found = extrapolate(EPOCHS[:k], RISING[None, :k], 20)
    assert found.mean.tolist() == [RISING[k - 1]]
    assert found.std.tolist() == [np.inf]
    assert found.exceeds(0.999).tolist() == [1.0]


def test_a_constant_curve_stays():
    for level in (0.0, 0.1, 1.0):
        found = extrapolate(EPOCHS, np.full((1, 8), level), 20)
        assert found.mean[0] == pytest.approx(level, abs=1e-3)


def test_points_that_are_not_recorded_are_left_out():
    sparse = RISING.copy()
    sparse[[1, 4]] = np.nan
    kept = [0, 2, 3, 5, 6, 7]
    found = extrapolate(EPOCHS, sparse[None], 20)
    alone = extrapolate(EPOCHS[kept], RISING[None, kept], 20)
    assert found.mean == pytest.approx(alone.mean, abs=1e-9)
    assert found.std == pytest.approx(alone.std, abs=1e-9)
    sparse[-1] = np.nan
    assert extrapolate(EPOCHS, sparse[None], 20).last.tolist() == [RISING[6]]


def test_a_curve_without_points_has_no_prediction():
    found = extrapolate(EPOCHS, np.full((1, 8), np.nan), 20)
    assert np.isnan(found.mean).all()
    assert found.exceeds(0.5).tolist() == [1.0]


def test_a_falling_curve_is_at_best_a_noisy_level():
    falling = RISING[::-1]
    found = extrapolate(EPOCHS, falling[None], 20)
    assert falling.min() < found.mean[0] < falling.max()
    assert found.noise[found.weights > 0].min() > falling.std()


def test_monotone_families_do_not_fall_between_the_ends():
    # Vapour pressure rises to epoch 3 and falls then, but ends above its beginning
    values = np.exp(0.8 - 1.5 / EPOCHS - 0.5 * np.log(EPOCHS))
    assert values[-1] > values[0] + NOISE
    assert values.max() > values[-1] + 0.05
    place = [family.name for family in FAMILIES].index("vapor_pressure")
    assert extrapolate(EPOCHS, values[None], 10).weights[0, place] > 0.9
    assert extrapolate(EPOCHS, values[None], 10, monotone=True).weights[0, place] == 0


def test_no_prediction_leaves_the_accuracies():
    rng = np.random.default_rng(1)
    curves = np.sort(rng.random((100, 8)), axis=1)
    found = extrapolate(EPOCHS, curves, 1000)
    assert ((found.mean >= 0) & (found.mean <= 1)).all()
    assert found.exceeds(0.0) == pytest.approx(1)
    assert (found.exceeds(1.0)[found.is_fitted] == 0).all()


def test_the_probability_is_that_of_truncated_normals():
    found = Forecast(
        weights=np.array([[0.3, 0.7]]),
        means=np.array([[0.8, 0.95]]),
        stds=np.array([[0.3, 0.04]]),
        noise=np.array([[0.4, 0.03]]),
        last=np.array([0.7]),
    )
    expected = 0.3 * truncnorm(-1.6, 0.4, 0.8, 0.5).sf(0.9) + 0.7 * truncnorm(
        -19, 1, 0.95, 0.05
    ).sf(0.9)
    assert found.exceeds(0.9)[0] == pytest.approx(expected)
    assert found.mean[0] == pytest.approx(0.905)
    squares = 0.3 * (0.8**2 + 0.3**2) + 0.7 * (0.95**2 + 0.04**2)
    assert found.std[0] == pytest.approx(np.sqrt(squares - 0.905**2))


def test_accuracies_of_losses():
    losses = np.array([30.0, 0.0, 100.0, 120.0, -5.0, np.inf, np.nan])
    assert to_accuracies(losses)[:5].tolist() == [0.7, 1.0, 0.0, 0.0, 1.0]
    assert np.isnan(to_accuracies(losses)[5:]).all()
