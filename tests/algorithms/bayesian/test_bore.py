import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import spearmanr
from toys import Unequal, drive, rugged

from algorithms.bayesian.bore import BORE, best_results, boosted
from algorithms.models.features import mixed
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

SETTINGS = {"rounds": 100, "depth": 6, "rate": 0.3, "seed": 0}


def make(space=None, seed=0, **settings):
    return BORE(space or NB201(), fidelities=(1,), seed=seed, **settings)


def distance(arch):
    return float(sum(abs(option - 2) for option in arch))


def examples(n, seed=0):
    archs = np.random.default_rng(seed).integers(0, 5, (n, 6))
    return mixed(NB201(), archs), np.array([distance(arch) for arch in archs])


def test_boosting_ranks_as_xgboost_does():
    xgboost = pytest.importorskip("xgboost", reason="compares with XGBoost, extra `surrogates`")
    features, losses = examples(120)
    points, _ = examples(400, seed=1)
    is_best = best_results(losses, 0.25)
    theirs = xgboost.XGBClassifier(base_score=0.5, n_jobs=1).fit(features, is_best.astype(int))
    expected = theirs.predict_proba(points)[:, 1]
    found = expit(boosted(features, is_best, points, **SETTINGS))
    assert spearmanr(found, expected).statistic > 0.95
    assert np.abs(found - expected).mean() < 0.05


def test_a_round_is_a_newton_step():
    """Two values of one feature, one split: the steps in closed form."""
    features = np.array([[0.0]] * 6 + [[1.0]] * 10, dtype=np.float32)
    is_best = np.array([True] * 5 + [False] * 11)
    found = boosted(features, is_best, features[[0, -1]], rounds=1, depth=1, rate=0.3, seed=0)
    # gradients 1/2 or -1/2, second derivatives 1/4, penalty 1
    assert found == pytest.approx([0.3 * 2.0 / (1.5 + 1), -0.3 * 5.0 / (2.5 + 1)])


def test_boosting_ends_where_no_leaf_would_weigh_enough():
    features, is_best = np.array([[0.0], [1.0]], dtype=np.float32), np.array([True, False])
    assert boosted(features, is_best, features, **SETTINGS).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([4, 3, 2, 1, 0], [0, 0, 0, 1, 1]),  # one equals it
        ([8, 7, 6, 5, 4, 3, 2, 1], [0, 0, 0, 0, 0, 0, 1, 1]),
        ([1, 1, 1, 1, 2], [1, 1, 1, 1, 0]),
        ([1, 1, 1, 1, 0], [1, 1, 1, 1, 1]),
    ],
)
def test_the_best_results_are_those_up_to_the_quantile(losses, expected):
    assert best_results(np.array(losses, dtype=float), 0.25).tolist() == [bool(x) for x in expected]


def test_where_all_results_are_among_the_best_a_random_architecture_is_a_fallback():
    losses = iter([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    search = make(initial=6)
    drive(search, lambda arch: next(losses), 7)
    assert search.fallbacks == 1


def test_features_are_options_of_categories_and_numbers_of_the_others():
    found = mixed(Unequal(), [(1, 0, 3, 1), (0, 0, 6, 3)])
    np.testing.assert_allclose(found, [[0, 1, 1, 1 / 2, 1 / 3], [1, 0, 1, 1, 1]])


def test_the_candidate_with_the_highest_chance_is_proposed():
    search = make(candidates=60, initial=40)
    drive(search, distance, 40)
    state = search.rng.getstate()
    chosen = search.choose(60)
    search.rng.setstate(state)
    assert search.choose(3) == chosen[:3]
    half = [np.mean([distance(arch) for arch in part]) for part in (chosen[:30], chosen[30:])]
    assert half[0] < half[1] - 0.5


def test_it_learns():
    """A random search of 80 finds 1 or less with a chance of 7 %, two of them with 0.5 %."""
    lowest = [min(map(distance, drive(make(seed=s, batch=4), distance, 80))) for s in range(2)]
    assert max(lowest) <= 1


def test_a_small_space_is_searched_once_and_infinite_losses_are_the_worst():
    def loss(arch):
        return math.inf if arch[0] else rugged(arch)

    search = make(Unequal(), rounds=5, initial=12)
    archs = drive(search, loss, 100)
    assert sorted(archs) == sorted(Unequal().archs())
    assert search.fallbacks == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
        ({"rounds": 0}, "rounds = 0 must be at least 1"),
        ({"depth": 0}, "depth = 0 must be at least 1"),
        ({"gamma": 1.0}, r"gamma = 1.0 must be in \(0, 1\)"),
        ({"rate": 0.0}, r"rate = 0.0 must be in \(0, 1\]"),
        ({"initial": 0}, "initial = 0 must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
