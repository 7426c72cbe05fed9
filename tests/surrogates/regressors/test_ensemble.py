import json
from typing import ClassVar

import numpy as np
import pytest

import nasbench
from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError, UnknownNameError
from nasbench.regressor import Prediction, Regressor
from surrogates.regressors.ensemble import Ensemble
from surrogates.regressors.mlp import MLP

SPACE = nasbench.load("nb201-cifar100").space
ARCHS = np.array(list(SPACE.archs()))[::50]
TARGETS = np.random.default_rng(0).normal(size=len(ARCHS))
TOY = f"{__name__}:Toy"
NETWORKS = {"regressor": "mlp", "settings": {"epochs": 2, "width": 4, "loss": "gaussian"}}


class Toy(Regressor):
    """Predicts the mean of its targets plus a shift, and their deviation; never alone."""

    family = "toy"
    presets: ClassVar = {"high": {"shift": 100.0}}

    def __init__(self, space, *, seed=0, shift=0.0):
        super().__init__(space, seed=seed)
        self.shift = shift

    def _fit(self, archs, targets):
        self.archs, self.targets = archs, targets

    @classmethod
    def predict_members(cls, members, archs):
        assert len(members) > 1
        return [member._predict(archs) for member in members]

    def _predict(self, archs):
        mean, std = self.targets.mean() + self.shift, self.targets.std()
        return Prediction(np.full(len(archs), mean), np.full(len(archs), std))

    def save(self, folder):
        raise NotImplementedError

    def restore(self, folder):
        raise NotImplementedError


def fitted(seed=0, *, archs=ARCHS, targets=TARGETS, **changes):
    return Ensemble(SPACE, seed=seed, **{"regressor": TOY} | changes).fit(archs, targets)


def test_mean_and_uncertainty_by_hand():
    model = fitted(members=3, bootstrap=True)
    means = [member.targets.mean() for member in model._members]
    deviations = [member.targets.std() for member in model._members]
    found = model.predict(ARCHS[:4])
    np.testing.assert_allclose(found.mean, np.full(4, np.mean(means)))
    variance = np.mean(np.square(deviations)) + np.var(means)
    np.testing.assert_allclose(found.std, np.full(4, np.sqrt(variance)))
    assert np.var(means) > 0


def test_members_see_all_examples_or_a_resample():
    for member in fitted(members=3)._members:
        np.testing.assert_array_equal(member.archs, ARCHS)
        np.testing.assert_array_equal(member.targets, TARGETS)
    of_arch = dict(zip(map(tuple, ARCHS), TARGETS, strict=True))
    drawn = []
    for member in fitted(members=3, bootstrap=True)._members:
        assert [of_arch[tuple(arch)] for arch in member.archs] == member.targets.tolist()
        assert len(member.targets) == len(TARGETS)
        assert len(set(member.targets)) / len(TARGETS) == pytest.approx(1 - np.exp(-1), abs=0.06)
        drawn.append(tuple(member.targets))
    assert len(set(drawn)) == 3


def test_no_resample_has_equal_targets():
    rare = np.array([1.0] + [0.0] * 9)
    for archs, targets in ((ARCHS[:2], rare[:2]), (ARCHS[:10], rare)):
        model = fitted(archs=archs, targets=targets, members=50, bootstrap=True)
        assert all(len(set(member.targets)) == 2 for member in model._members)


def test_seeds_of_members_differ_and_fit_every_library():
    seeds = [[member.seed for member in fitted(seed)._members] for seed in (5, 5, 6, 2**64)]
    assert seeds[0] == seeds[1]
    assert len({*seeds[0], *seeds[2], *seeds[3]}) == 30
    assert all(0 <= seed < 2**31 for row in seeds for seed in row)


def test_settings_of_members():
    model = fitted(member_preset="high", settings={}, members=2)
    assert [member.shift for member in model._members] == [100.0, 100.0]
    model = fitted(member_preset="high", settings={"shift": 7}, members=2)
    assert [member.shift for member in model._members] == [7.0, 7.0]
    assert model.predict(ARCHS[:1]).mean[0] == pytest.approx(7.0 + TARGETS.mean())
    assert kept_hyperparameters(model) == {
        "regressor": TOY,
        "members": 2,
        "bootstrap": False,
        "settings": {"shift": 7},
        "member_preset": "high",
    }


def test_published_preset():
    model = Ensemble(SPACE, **hyperparameters(Ensemble, {}, "bananas"))
    assert [(type(m), m.layers, m.width) for m in model._members] == [(MLP, 10, 20)] * 5


def test_family_is_that_of_the_members():
    assert Ensemble(SPACE, regressor=TOY).family == "toy"
    assert Ensemble(SPACE, **NETWORKS).family == MLP.family != Ensemble.family


def test_equal_to_networks_fitted_one_by_one():
    model = fitted(**NETWORKS, members=3)
    answers = [
        MLP(SPACE, seed=member.seed, **NETWORKS["settings"]).fit(ARCHS, TARGETS).predict(ARCHS)
        for member in model._members
    ]
    found = model.predict(ARCHS)
    means = [answer.mean for answer in answers]
    np.testing.assert_allclose(found.mean, np.mean(means, axis=0), rtol=1e-12)
    variance = np.mean([answer.std**2 for answer in answers], axis=0) + np.var(means, axis=0)
    np.testing.assert_allclose(found.std, np.sqrt(variance), rtol=1e-12)


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    model = fitted(**NETWORKS)
    many = model.predict(ARCHS)
    for i in range(40):
        one = model.predict(ARCHS[[i]])
        assert (one.mean[0], one.std[0]) == (many.mean[i], many.std[i])
    assert model.predict(ARCHS[:0]).mean.shape == (0,)


def test_restored_as_it_was(tmp_path):
    model = fitted(**NETWORKS, members=2, bootstrap=True)
    model.save(tmp_path)
    values = kept_hyperparameters(model)
    restored = Ensemble(SPACE, **json.loads(json.dumps(values))).restore(tmp_path)
    np.testing.assert_array_equal(restored.predict(ARCHS), model.predict(ARCHS))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
    with pytest.raises(SurrogateError, match="cannot read"):
        Ensemble(SPACE, **values | {"members": 3}).restore(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"members": 0}, InvalidArgumentError, "members = 0 must be from 1 to 1,000"),
        ({"regressor": "ensemble"}, InvalidArgumentError, "'ensemble' is an ensemble"),
        ({"regressor": "xbg"}, UnknownNameError, "did you mean 'xgb'"),
        ({"settings": {"shifts": 1.0}}, UnknownNameError, "did you mean 'shift'"),
        ({"settings": {"shift": "1"}}, InvalidArgumentError, "must be of type float"),
        ({"member_preset": "low"}, UnknownNameError, "no preset 'low'"),
    ],
)
def test_impossible_hyperparameters(changes, error, message):
    with pytest.raises(error, match=message):
        Ensemble(SPACE, **{"regressor": TOY} | changes)
