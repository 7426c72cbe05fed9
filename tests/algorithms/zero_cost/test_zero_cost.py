import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from toys import Unequal, drive

import nasbench
from algorithms.zero_cost.zero_cost import ZeroCost, ridge
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201


def made(known, space=None, seed=0, **settings):
    return ZeroCost(space or NB201(), fidelities=(9,), seed=seed, known=known, **settings)


def total(arch):
    return (float(sum(arch)),)


def test_a_small_space_is_trained_once_in_the_order_of_the_score():
    archs = drive(made(total, Unequal()), lambda arch: 1.0, 100)
    assert len(archs) == len(set(archs)) == 56
    assert [sum(arch) for arch in archs] == sorted(map(sum, archs), reverse=True)


def test_undefined_scores_come_last():
    known = lambda arch: (math.nan if arch[0] else float(arch[2]),)  # noqa: E731
    archs = drive(made(known, Unequal()), lambda arch: 1.0, 100)
    assert [arch[0] for arch in archs] == [0] * 28 + [1] * 28


def test_after_a_pool_comes_another():
    archs = drive(made(total, pool=5), lambda arch: 1.0, 10)
    sums = list(map(sum, archs))
    assert sums[:5] == sorted(sums[:5], reverse=True)
    assert sums[5:] == sorted(sums[5:], reverse=True)
    assert len(set(archs)) == 10


def test_ridge_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.random((30, 3)), rng.random(30)
    np.testing.assert_allclose(ridge(x, y, 0.7), Ridge(alpha=0.7).fit(x, y).coef_)


def test_a_learned_order_finds_out_which_score_is_misleading():
    """The first score is the loss itself: the vote takes large ones first, the regression not."""
    known = lambda arch: (float(sum(arch)), float(arch[0]))  # noqa: E731
    search = made(known, pool=300, rank="learned", seed=1)
    sums = [sum(arch) for arch in drive(search, lambda arch: float(sum(arch)), 60)]
    assert np.mean(sums[:10]) > 15
    assert np.mean(sums[10:20]) < 8
    assert search.families == ("linear",)


def test_the_clock_charges_every_score_before_the_first_training():
    options = {"known": ["synflow"], "budget": nasbench.Budget(trials=2)}
    (run,) = nasbench.search("zero_cost", "lite201-digits", hyperparameters={"pool": 50}, **options)
    benchmark = nasbench.load("lite201-digits", known=["synflow"])
    assert run.manifest.known == ("synflow",)
    training = benchmark.evaluate(
        run.trials[0].proposal.arch, seed=run.trials[0].training_seed
    ).seconds
    assert run.ends[0] > training + 0.01
    assert run.ends[1] - run.ends[0] < run.ends[0]


def test_without_scores_it_says_what_to_type():
    with pytest.raises(InvalidArgumentError, match="--known synflow"):
        nasbench.search("zero_cost", "lite201-digits", budget=nasbench.Budget(trials=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool": 0}, "pool = 0"),
        ({"batch": 0}, "batch = 0"),
        ({"penalty": 0.0}, "penalty = 0"),
        ({"rank": "learnt"}, "did you mean 'learned'"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(total, **settings)
