import numpy as np
import pytest
from scipy.stats import norm

import surrogates.regressors.parts.boosted
from nasbench.errors import SurrogateError
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.nb201 import NB201
from surrogates.regressors.ngb import NGB, natural_gradient, negative_log_likelihood
from surrogates.regressors.xgb import XGB


class Noisy(SearchSpace):
    """The mean depends on a and b, the noise on c."""

    name = "noisy"
    decisions = tuple(Decision(name, tuple("01234567")) for name in "abc")

    def to_text(self, arch):
        return str(arch)

    def from_text(self, text):
        raise NotImplementedError


SPACE = Noisy()
RNG = np.random.default_rng(0)
ARCHS = np.array(list(SPACE.archs()))
MEAN = 50 + 3 * ARCHS[:, 0] + ARCHS[:, 1] * (ARCHS[:, 1] - 4)
STD = np.exp(ARCHS[:, 2] / 3 - 1)
DRAWN = RNG.integers(len(ARCHS), size=6000)
TARGETS = MEAN[DRAWN] + STD[DRAWN] * RNG.normal(size=len(DRAWN))


def fitted(seed=0, **changes):
    return NGB(SPACE, seed=seed, **changes).fit(ARCHS[DRAWN], TARGETS)


@pytest.fixture(scope="module")
def model():
    return fitted()


def test_likelihood_is_that_of_normal_targets():
    outputs, targets = RNG.normal(size=(50, 2)), RNG.normal(size=50)
    expected = -norm.logpdf(targets, outputs[:, 0], np.exp(outputs[:, 1])) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(negative_log_likelihood(outputs, targets), expected)


def test_natural_gradient_times_fisher_information_is_the_gradient():
    outputs, targets, step = RNG.normal(size=(50, 2)), RNG.normal(size=50), 1e-6
    gradient = np.empty((50, 2))
    for k in range(2):
        shift = step * np.eye(2)[k]
        above, below = (
            negative_log_likelihood(outputs + sign * shift, targets) for sign in (1, -1)
        )
        gradient[:, k] = (above - below) / (2 * step)
    fisher = np.stack([np.exp(-2 * outputs[:, 1]), np.full(50, 2.0)], axis=1)
    counts = ((outputs[:, 0] - targets) / np.exp(outputs[:, 1])) ** 2 < 100
    assert counts.sum() > 40
    np.testing.assert_allclose(
        (fisher * natural_gradient(outputs, targets))[counts],
        gradient[counts],
        rtol=1e-6,
        atol=1e-8,
    )


def test_fisher_information_is_the_expected_square_of_the_gradient():
    mean, log_std = 0.7, -0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    targets = mean + np.exp(log_std) * nodes
    outputs = np.tile([mean, log_std], (20, 1))
    fisher = np.array([np.exp(-2 * log_std), 2.0])
    gradients = fisher * natural_gradient(outputs, targets)
    expected = (weights / weights.sum()) @ gradients**2
    np.testing.assert_allclose(expected, fisher, rtol=1e-6)


def test_outliers_have_a_bounded_gradient():
    outputs = np.array([[0.0, -3.0], [0.0, -1e6], [0.0, 1e6]])
    gradient = natural_gradient(outputs, np.array([1e6, 1.0, 1.0]))
    np.testing.assert_allclose(gradient, [[-1e6, -49.5], [-1, -49.5], [-1, 0.5]])


def test_known_noise_is_recovered(model):
    found = model.predict(ARCHS)
    assert np.abs(np.log(found.std / STD)).mean() < 0.15
    assert np.abs(found.mean - MEAN).mean() < 0.6
    by_noise = [found.std[ARCHS[:, 2] == c].mean() for c in range(8)]
    np.testing.assert_allclose(by_noise, np.exp(np.arange(8) / 3 - 1), rtol=0.3)


def test_likelihood_beats_a_constant_spread(model):
    found = model.predict(ARCHS)
    targets = MEAN + STD * np.random.default_rng(1).normal(size=len(ARCHS))
    constant = np.sqrt(np.mean((found.mean - targets) ** 2))  # the best there is
    ours, best, theirs = (
        -norm.logpdf(targets, *distribution).mean()
        for distribution in ((found.mean, found.std), (MEAN, STD), (found.mean, constant))
    )
    assert best < ours < best + 0.1 < theirs


def test_units_of_the_target_do_not_matter():
    small = fitted(rounds=50)
    large = NGB(SPACE, rounds=50).fit(ARCHS[DRAWN], 1e6 * TARGETS - 5)
    np.testing.assert_allclose(large.predict(ARCHS).std, 1e6 * small.predict(ARCHS).std, rtol=1e-2)


def test_without_examples_held_out():
    members = [fitted(seed, rounds=20, early_stop=0, learning_rate=1.0) for seed in range(2)]
    assert members[0]._booster.num_boosted_rounds() == 20
    for found in NGB.predict_members(members, ARCHS):
        assert np.isfinite(found.mean).all()
        assert (found.std > 0).all()


@pytest.mark.parametrize("most", [-1, 10**9])
def test_members_restored_predictions_and_ways_are_equal(tmp_path, monkeypatch, most):
    members = [fitted(seed, rounds=30, early_stop=0) for seed in range(2)]
    expected = [member.predict(ARCHS) for member in members]
    monkeypatch.setattr(surrogates.regressors.parts.boosted, "_MAX_STEPS", most)
    again = []
    for k, member in enumerate(members):
        (tmp_path / str(k)).mkdir()
        member.save(tmp_path / str(k))
        again.append(NGB(SPACE, rounds=30, early_stop=0).restore(tmp_path / str(k)))
    for found, wanted in zip(NGB.predict_members(again, ARCHS), expected, strict=True):
        np.testing.assert_array_equal(found.mean, wanted.mean)
        np.testing.assert_array_equal(found.std, wanted.std)


def test_a_file_of_another_regressor_is_refused(tmp_path):
    XGB(SPACE, rounds=5).fit(ARCHS[DRAWN], TARGETS).save(tmp_path)
    with pytest.raises(SurrogateError, match="written by XGB, not by NGB"):
        NGB(SPACE, rounds=5).restore(tmp_path)


def test_two_examples():
    found = NGB(SPACE, rounds=5).fit(ARCHS[[0, 9]], np.array([1.0, 2.0])).predict(ARCHS[:3])
    assert np.isfinite(found.mean).all()
    assert (found.std > 0).all()


def test_an_outlier_counts_no_more_than_its_cap():
    """A fit whose errors shrink everywhere else is the better one, however sure it is."""
    targets = np.array([0.0] * 20 + [50.0])
    early, late = (np.tile([[0.0, log_std]], (21, 1)) for log_std in (0.0, -3.0))
    losses = [negative_log_likelihood(y, targets, cap=100).mean() for y in (early, late)]
    assert losses[1] == pytest.approx(losses[0] - 3)


def test_examples_of_one_function_hold_nothing_out():
    space = NB201()
    cells = np.array(list(space.archs()))
    disconnected = cells[space.rank_many(space.function_many(cells)) == 0][:20]
    assert len(disconnected) == 20
    found = NGB(space).fit(disconnected, np.arange(20.0)).predict(disconnected)
    assert np.isfinite(found).all()
