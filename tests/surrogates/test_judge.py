import dataclasses

import numpy as np
import pytest
from scipy.stats import kendalltau, norm
from sklearn.metrics import r2_score

from nasbench.column import Column
from nasbench.spaces.nb201 import NB201
from surrogates import judge
from surrogates.examples import Examples
from surrogates.predictor import Answers

CELLS = np.array(list(NB201().archs()))
ARCHS = CELLS[(NB201().function_many(CELLS) == CELLS).all(axis=1)]
"""One architecture a function."""


def examples(runs, owner, origin=None):
    n = max(owner) + 1
    archs = ARCHS[:n]
    return Examples(
        NB201(),
        (Column.of("valid_accuracy"),),
        (1,),
        archs,
        NB201().rank_many(archs),
        np.array(runs, dtype=float)[:, None],
        np.array(owner),
        None,
        None,
        None if origin is None else np.array(origin),
    )


class Known:
    """Predicts given means with given deviations."""

    def __init__(self, values, std, noise):
        self.values, self.std, self.noise = (
            np.array(x, dtype=float)[:, None] for x in (values, std, noise)
        )

    def predict(self, archs):
        return Answers(self.values, self.std, None, None)

    def noise_std(self, values):
        return self.noise


def test_r2_as_in_scikit_learn():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    assert judge.r2(a, b) == pytest.approx(r2_score(a, b))


def test_sparse_kendall_rounds_predictions_only():
    truth = np.array([1.0, 2.0, 3.0])
    predicted = np.array([50.01, 50.02, 50.4])
    assert judge.sparse_kendall(truth, predicted) == pytest.approx(
        kendalltau(truth, [50.0, 50.0, 50.4]).statistic
    )
    assert judge.kendall(truth, predicted) == 1


def test_figures_by_hand():
    seen = examples([1, 3, 10, 12, 20], [0, 0, 1, 1, 2])
    known = Known([2, 10, 21], [0, 3, 0], [1, 4, 2])
    figures = judge.judge(known, seen, 0)
    assert figures["r2"] == pytest.approx(r2_score([2, 11, 20], [2, 10, 21]))
    assert figures["rmse"] == pytest.approx(np.sqrt(2 / 3))
    assert figures["kendall"] == figures["kendall_single"] == figures["ceiling"] == 1
    z = np.array([-1, 1, 0, 2 / 5, -1 / 2])
    std = np.array([1, 1, 5, 5, 2])
    assert figures["log_likelihood"] == pytest.approx((norm.logpdf(z) - np.log(std)).mean())
    assert figures["inside_50"] == pytest.approx(3 / 5)
    assert figures["inside_90"] == 1


def test_noise_ceiling_is_the_agreement_of_two_trainings():
    seen = examples([1, 9, 2, 8, 3, 10, 4], [0, 0, 1, 1, 2, 2, 3])
    assert judge.noise_ceiling(seen, 0) == pytest.approx(
        kendalltau([1, 2, 3], [9, 8, 10]).statistic
    )
    assert judge.noise_ceiling(examples([1, 2, 3], [0, 1, 2]), 0) is None


def test_of_losses_the_lowest_are_the_best():
    seen = examples(np.arange(60.0), range(60))
    lowest = dataclasses.replace(seen, columns=(Column.of("valid_loss"),))
    ((_, _, test),) = judge.harder_splits(lowest, 0, smallest=5)
    np.testing.assert_array_equal(test, np.arange(6))
    assert "sparse_kendall" not in judge.judge(Known(*np.ones((3, 60))), lowest, 0)


def test_harder_splits_share_no_function():
    values = np.arange(60.0)
    origin = ["a"] * 30 + ["b"] * 25 + [""] * 5
    seen = examples(values, range(60), origin)
    found = {name: (train, test) for name, train, test in judge.harder_splits(seen, 0, smallest=5)}
    assert set(found) == {"the best tenth", "without a", "without b"}
    np.testing.assert_array_equal(found["the best tenth"][1], np.arange(54, 60))
    np.testing.assert_array_equal(found["without b"][1], np.arange(30, 55))
    for train, test in found.values():
        assert not set(seen.functions[train]) & set(seen.functions[test])
    assert not list(judge.harder_splits(seen, 0, smallest=50))
