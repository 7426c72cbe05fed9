import numpy as np
import pytest

from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError, UnknownNameError
from surrogates import REGRESSORS
from surrogates.tune import RANGES, Range, tune


def test_finds_what_is_better_than_a_bad_default(monkeypatch):
    monkeypatch.setitem(RANGES, "knn", {"k": Range(1, 40)})
    found = tune("nb201-cifar10", "knn", trials=6, train=300)
    assert found.kendall > found.default
    assert 1 <= found.settings["k"] <= 40
    again = tune("nb201-cifar10", "knn", trials=6, train=300)
    assert again == found


@pytest.mark.parametrize("name", RANGES)
def test_ranges_hold_hyperparameters_and_their_defaults(name):
    defaults = hyperparameters(REGRESSORS.load(name), {})
    for hyperparameter, values in RANGES[name].items():
        default = defaults[hyperparameter]
        if isinstance(values, Range):
            assert values.low <= default <= values.high
            assert not values.log or values.low > 0
        else:
            assert default in values


def test_what_the_fit_is_judged_by_is_never_seen(monkeypatch):
    seen = []

    class Spy(REGRESSORS.load("knn")):
        def _fit(self, archs, targets):
            seen.append(archs)
            super()._fit(archs, targets)

        def _predict(self, archs):
            seen.append(archs)
            return super()._predict(archs)

    monkeypatch.setattr("surrogates.tune.REGRESSORS", _Only(Spy))
    tune("lite201-digits", "knn", trials=1, train=300, seed=3)
    from nasbench.benchmarks.catalogue import open_table
    from surrogates.examples import Examples, split

    examples = Examples.read(open_table("lite201-digits"))
    _, outside = split(examples, 300, 3)
    judged = {tuple(arch) for arch in examples.archs[outside].tolist()}
    assert not judged & {tuple(arch) for archs in seen for arch in np.asarray(archs).tolist()}


class _Only:
    def __init__(self, found):
        self._found = found

    def load_registered(self, name):
        return self._found


def test_the_defaults_are_the_first_trial():
    found = tune("nb201-cifar10", "knn", trials=1, train=300)
    assert found.settings == {}
    assert found.kendall == found.default


@pytest.mark.parametrize(("name", "least"), [("svr", 0.6), ("xgb", 0.6)])
def test_of_losses_logarithms_are_learned_as_in_a_fit(name, least):
    """Of errors over several powers of ten themselves these regressors learn next to nothing."""
    assert tune("fcnet-slice", name, trials=1, train=1_000).default > least


def test_the_largest_seed_of_a_fit_is_one():
    assert tune("nb201-cifar10", "knn", trials=1, train=100, seed=2**31 - 1).default > 0


def test_bad_input():
    with pytest.raises(InvalidArgumentError, match="train = 0 must be a positive integer"):
        tune("nb201-cifar10", "knn", trials=1, train=0)
    with pytest.raises(UnknownNameError, match="did you mean 'xgb'"):
        tune("nb201-cifar10", "xbg", trials=1)
    with pytest.raises(InvalidArgumentError, match="trials = 0"):
        tune("nb201-cifar10", "knn", trials=0)
    with pytest.raises(UnknownNameError, match="no benchmark is called 'nb201-cifar1'"):
        tune("nb201-cifar1", "knn", trials=1)
