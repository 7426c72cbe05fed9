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
        (ranks := NB201().rank_many(archs)),
        np.array(runs, dtype=float)[:, None],
        np.array(owner),
        None,
        None,
        None if origin is None else np.array(origin),
        ranks,
    )


class Known:
    """Predicts given means with given deviations."""

    logged = np.array([False])

    def __init__(self, values, std, noise):
        self.values, self.std, self.noise = (
            np.array(x, dtype=float)[:, None] for x in (values, std, noise)
        )

    def predict(self, archs):
        return Answers(self.values, self.values, self.std, None, None)

    def noise_std(self, centers):
        return self.noise


def figures_of(known, seen):
    return judge.judge(known, known.predict(seen.archs), seen, 0)


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
    figures = figures_of(known, seen)
    assert figures["r2"] == pytest.approx(r2_score([2, 11, 20], [2, 10, 21]))
    assert figures["rmse"] == pytest.approx(np.sqrt(2 / 3))
    assert figures["kendall"] == figures["kendall_single"] == 1
    assert not {"between", "attainable", "attainable_single"} & set(figures)
    z = np.array([-1, 1, 0, 2 / 5, -1 / 2])
    std = np.array([1, 1, 5, 5, 2])
    assert figures["log_likelihood"] == pytest.approx((norm.logpdf(z) - np.log(std)).mean())
    assert figures["inside_50"] == pytest.approx(3 / 5)
    assert figures["inside_90"] == 1


def test_what_is_impossible_is_judged_as_it_is_answered():
    seen = examples([90, 100, 100], [0, 1, 2])
    known = [90, 102, 107], np.ones(3), np.ones(3)
    figures = figures_of(Known(*known), seen)
    assert figures["rmse"] == 0
    assert figures["kendall"] == pytest.approx(1)
    assert figures["inside_50"] == pytest.approx(1 / 3)


class KnownLogarithms(Known):
    """The same of logarithms."""

    logged = np.array([True])

    def predict(self, archs):
        means = np.exp(self.values)
        return Answers(means, self.values, means * self.std, None, None)


def test_of_logarithms_figures_are_those_of_logarithms():
    logs = [1.0, 3.0, 10.0, 12.0, 20.0]
    of_logs, owner = examples(logs, [0, 0, 1, 1, 2]), [0, 0, 1, 1, 2]
    losses = dataclasses.replace(examples(np.exp(logs), owner), columns=(Column.of("valid_loss"),))
    given = [2, 10, 21], [0, 3, 0], [1, 4, 2]
    found = figures_of(KnownLogarithms(*given), losses)
    same = figures_of(Known(*given), of_logs)
    for name in ("log_likelihood", "inside_50", "inside_90"):
        assert found[name] == pytest.approx(same[name])
    truth = np.log(losses.means[:, 0])
    assert found["r2_log"] == pytest.approx(r2_score(truth, given[0]))
    assert found["rmse_log"] == pytest.approx(np.sqrt(np.square(truth - given[0]).mean()))
    assert found["r2"] == pytest.approx(r2_score(np.exp(truth), np.exp(given[0])))
    assert not {"r2_log", "rmse_log"} & same.keys()


def test_tau_between_trainings_is_that_of_the_first_two():
    seen = examples([1, 9, 2, 8, 3, 10, 4], [0, 0, 1, 1, 2, 2, 3])
    assert judge.tau_between_trainings(seen, 0) == pytest.approx(
        kendalltau([1, 2, 3], [9, 8, 10]).statistic
    )
    assert judge.tau_between_trainings(examples([1, 2, 3], [0, 1, 2]), 0) is None


def noisy(noise, trainings, n=4_000, spread=1.0):
    """True means, and examples with normal noise around them."""
    rng = np.random.default_rng(0)
    truth = 70 + spread * rng.normal(size=n)
    runs = truth[:, None] + noise * rng.normal(size=(n, trainings))
    return truth, examples(runs.ravel(), np.repeat(np.arange(n), trainings))


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_true_means_agree_with_a_training_better_than_two_trainings(noise):
    truth, seen = noisy(noise, 3)
    between = judge.tau_between_trainings(seen, 0)
    with_one = judge.kendall(truth, seen.runs[seen.first, 0])
    with_all = judge.kendall(truth, seen.means[:, 0])
    assert between < with_one - 0.04
    assert judge.attainable_tau(between) == pytest.approx(with_one, abs=0.02)
    assert judge.attainable_tau(between, 3) == pytest.approx(with_all, abs=0.02)


@pytest.mark.parametrize("means", ["skewed", "two groups"])
@pytest.mark.parametrize("noise", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("grows", [False, True])
def test_attainable_tau_is_near_where_nothing_is_normal(means, noise, grows):
    rng = np.random.default_rng(0)
    truth = {
        "skewed": -np.exp(rng.normal(size=3_000)),
        "two groups": np.append(rng.normal(0, 0.3, 1_500), rng.normal(-5, 2, 1_500)),
    }[means]
    size = noise * np.abs(truth) if grows else noise
    runs = truth + size * rng.normal(size=(3, 3_000))
    between = judge.kendall(runs[0], runs[1])
    for k in (1, 3):
        expected = judge.kendall(truth, runs[:k].mean(axis=0))
        assert judge.attainable_tau(between, k) == pytest.approx(expected, abs=0.09)


def test_attainable_figures_are_those_of_a_perfect_predictor():
    truth, seen = noisy(1.0, 2)
    figures = figures_of(Known(truth, np.zeros(4_000), np.ones(4_000)), seen)
    assert figures["kendall"] == pytest.approx(figures["attainable"], abs=0.02)
    assert figures["kendall_single"] == pytest.approx(figures["attainable_single"], abs=0.02)
    assert figures["kendall_single"] > figures["between"]


def test_of_differing_numbers_of_trainings_the_harmonic_mean_counts():
    truth, twice = noisy(1.0, 2)
    kept = np.arange(8_000) % 4 != 1
    mixed = dataclasses.replace(twice, runs=twice.runs[kept], owner=twice.owner[kept])
    figures = figures_of(Known(truth, np.zeros(4_000), np.ones(4_000)), mixed)
    assert figures["attainable"] == judge.attainable_tau(figures["between"], 4 / 3)
    assert figures["kendall"] == pytest.approx(figures["attainable"], abs=0.02)


def test_no_agreement_nothing_to_attain():
    assert judge.attainable_tau(-0.1) == judge.attainable_tau(0.0) == 0


def test_best_tenth_of_pure_noise_shows_no_agreement():
    _, seen = noisy(1.0, 3, spread=0.0)
    top, others = judge.best_tenth(seen, 0)
    assert len(top) == 400
    assert (others.counts == 2).all()
    assert abs(judge.tau_between_trainings(others, 0)) < 0.08
    assert np.mean(others.means) == pytest.approx(70, abs=0.1)


def test_agreement_in_the_best_tenth_is_that_of_unselected_trainings():
    truth, seen = noisy(0.5, 3, n=5_000)
    top, others = judge.best_tenth(seen, 0)
    fresh = truth[top, None] + 0.5 * np.random.default_rng(1).normal(size=(500, 2))
    expected = judge.kendall(*fresh.T)
    assert judge.tau_between_trainings(others, 0) == pytest.approx(expected, abs=0.06)
    figures = figures_of(Known(truth, np.zeros(5_000), np.ones(5_000)), seen)
    assert figures["kendall_top"] == pytest.approx(
        judge.kendall(truth[top], fresh.mean(axis=1)), abs=0.05
    )


def test_where_few_were_trained_twice_the_mean_chooses_the_best_tenth():
    seen = examples([*range(300), 999], [*range(300), 299])
    top, others = judge.best_tenth(seen, 0)
    np.testing.assert_array_equal(top, np.arange(270, 300))
    assert others.counts[-1] == 2


def test_of_losses_the_lowest_are_the_best():
    seen = examples(np.arange(60.0), range(60))
    lowest = dataclasses.replace(seen, columns=(Column.of("valid_loss"),))
    ((_, _, judged),) = judge.harder_splits(lowest, 0, smallest=5)
    np.testing.assert_array_equal(judged.functions, lowest.functions[:6])
    assert "sparse_kendall" not in figures_of(Known(*np.ones((3, 60))), lowest)


def test_harder_splits_share_no_function():
    values = np.arange(60.0)
    origin = ["a"] * 30 + ["b"] * 25 + [""] * 5
    seen = examples(values, range(60), origin)
    found = {name: (train, rest) for name, train, rest in judge.harder_splits(seen, 0, smallest=5)}
    assert set(found) == {"the best tenth", "without a", "without b"}
    np.testing.assert_array_equal(found["the best tenth"][1].functions, seen.functions[54:60])
    np.testing.assert_array_equal(found["without b"][1].functions, seen.functions[30:55])
    for train, judged in found.values():
        assert not set(seen.functions[train]) & set(judged.functions)
    assert not list(judge.harder_splits(seen, 0, smallest=50))
