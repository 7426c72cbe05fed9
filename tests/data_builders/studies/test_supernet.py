"""What shared weights say of a space: agreement with a known truth, and a look at a real table."""

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasbench
from data_builders.studies.supernet import BEST_OF, looks, ranks, supernet_study
from nasbench.errors import InvalidArgumentError


def test_the_truth_agrees_with_itself_and_noise_with_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2_000)
    perfect, reverse = ranks(truth, truth), ranks(-truth, truth)
    assert (perfect["tau"], perfect["upper"], perfect["spearman"]) == pytest.approx((1, 1, 1))
    assert (reverse["tau"], reverse["upper"]) == pytest.approx((-1, -1))
    noise = ranks(rng.normal(size=2_000), truth)
    assert abs(noise["tau"]) < 0.06
    assert noise["upper"] == pytest.approx(0, abs=0.12)
    # Chosen by noise: a random architecture, of which 100 leave some twenty to choose from
    for k, error in zip(BEST_OF, (0.15, 0.6), strict=True):
        assert noise["chosen"][k] == pytest.approx(truth.max() - truth.mean(), abs=error)
    largest = rng.normal(size=(4_000, 10)).max(axis=1).mean()
    assert perfect["chosen"][10] == pytest.approx(truth.max() - largest, abs=0.1)


def test_what_agrees_only_below_the_top_has_no_order_in_the_upper_quarter() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(1_000.0)
    shared = np.where(truth < 750, truth, 750 + rng.random(1_000))
    found = ranks(shared, truth)
    assert found["tau"] == pytest.approx(float(kendalltau(shared, truth).statistic))
    assert found["tau"] > 0.9
    assert abs(found["upper"]) < 0.15


def test_looks_at_supernets_of_digits() -> None:
    benchmark = nasbench.load("lite201-digits")
    found = looks(benchmark, "darts", [0], changes={"epochs": 2}, classes=12, points=2)
    assert [look.epoch for look in found] == [1, 2]
    assert found[1].seconds == pytest.approx(2 * found[0].seconds)
    assert all(0 <= look.without_weights <= 1 for look in found)
    table = supernet_study(
        benchmark, ["random_nas"], [0], {"epochs": 1, "candidates": 1}, classes=12, points=1
    )
    assert "| random_nas | 1 | " in table
    with pytest.raises(InvalidArgumentError, match="trains no supernet"):
        looks(benchmark, "random_search", [0])
