"""What shared weights say of a space: agreement with a known truth, and a look at a real table."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasbench
from algorithms.oneshot.one_shot_search import DivergedError
from algorithms.oneshot.paths.random_nas import RandomNAS
from data_builders.studies.supernet import (
    BEST_OF,
    last_eigenvalue,
    looks,
    one_training,
    ranks,
    sampled,
    supernet_study,
)
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError


def test_the_truth_agrees_with_itself_and_noise_with_nothing() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2_000)
    best = float(truth.max()) + 1
    perfect, reverse = ranks(truth, truth, best), ranks(-truth, truth, best)
    assert (perfect["tau"], perfect["upper"], perfect["spearman"]) == pytest.approx((1, 1, 1))
    assert (reverse["tau"], reverse["upper"]) == pytest.approx((-1, -1))
    noise = ranks(rng.normal(size=2_000), truth, best)
    assert abs(noise["tau"]) < 0.06
    assert noise["upper"] == pytest.approx(0, abs=0.12)
    # Chosen by noise: a random architecture, of which 100 leave some twenty to choose from
    for k, error in zip(BEST_OF, (0.15, 0.6), strict=True):
        assert noise["chosen"][k] == pytest.approx(best - truth.mean(), abs=error)
    largest = rng.normal(size=(4_000, 10)).max(axis=1).mean()
    assert perfect["chosen"][10] == pytest.approx(best - largest, abs=0.1)


def test_what_agrees_only_below_the_top_has_no_order_in_the_upper_quarter() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(1_000.0)
    shared = np.where(truth < 750, truth, 750 + rng.random(1_000))
    found = ranks(shared, truth, 999.0)
    assert found["tau"] == pytest.approx(float(kendalltau(shared, truth).statistic))
    assert found["tau"] > 0.9
    assert abs(found["upper"]) < 0.15


@pytest.fixture(scope="module")
def digits() -> TableBenchmark:
    benchmark = nasbench.load("lite201-digits")
    assert isinstance(benchmark, TableBenchmark)
    return benchmark


def test_regrets_are_to_the_best_of_the_table(digits: TableBenchmark) -> None:
    sample = sampled(digits, 300)
    archs = np.array(list(digits.space.archs()))
    assert sample.best == digits.query_many(archs, "valid_accuracy").max()
    assert sample.best > sample.accuracies.max() + 0.2
    found = ranks(sample.accuracies, sample.accuracies, sample.best)
    assert found["chosen"][100] > 0.2


def test_one_training_is_compared_with_the_others(digits: TableBenchmark) -> None:
    """The mean of all seeds contains the one that chooses, and agrees with it too well."""
    archs = np.array(sampled(digits, 300).archs)
    whole = sampled(digits, 10**6)
    single = [digits.query_many(archs, "valid_accuracy", seed=seed) for seed in (0, 1, 2)]
    found = one_training(digits, 300)
    assert len(found) == 3
    for i, one in enumerate(found):
        others = np.mean([x for j, x in enumerate(single) if j != i], axis=0)
        assert one["tau"] == pytest.approx(float(kendalltau(single[i], others).statistic))
        upper = others >= np.quantile(others, 0.75)
        tau = float(kendalltau(single[i][upper], others[upper]).statistic)
        assert one["upper"] == pytest.approx(tau)
        assert 0 < one["upper"] < 0.25
        itself = ranks(single[i], np.mean(single, axis=0), whole.best)
        assert itself["tau"] > one["tau"]
        assert itself["upper"] > one["upper"]
        assert itself["chosen"][10] < one["chosen"][10]


def test_a_table_of_one_seed_has_no_other_training() -> None:
    assert one_training(SimpleNamespace(complete_seeds=(0,))) == []  # type: ignore[arg-type]


def test_looks_at_supernets_of_digits(digits: TableBenchmark) -> None:
    found = looks(digits, "darts", [0], changes={"epochs": 2}, classes=12, points=2, at_end=20)
    assert [(look.epoch, look.classes) for look in found] == [(1, 12), (2, 12), (2, 20)]
    assert found[1].seconds == pytest.approx(2 * found[0].seconds)
    assert found[2].seconds == found[1].seconds
    assert found[2].tau != found[1].tau
    assert all(0 <= look.without_weights <= 1 for look in found)
    table = supernet_study(
        digits, ["random_nas"], [0], {"epochs": 1, "candidates": 1}, classes=12, points=1
    )
    *_, row, last = table.splitlines()
    assert [cell.strip() for cell in row.split("|")[1:5]] == ["random_nas", "1", "0.0", "1"]
    assert last.startswith("| one training |  |  | 3 | ")
    with pytest.raises(InvalidArgumentError, match="trains no supernet"):
        looks(digits, "random_search", [0])


def test_seeds_that_diverge_are_told_and_not_counted(
    digits: TableBenchmark, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = RandomNAS.epoch

    def epoch(search: RandomNAS, number: int) -> Any:
        if search._seed == 1 and number == 1:
            raise DivergedError
        return whole(search, number)

    monkeypatch.setattr(RandomNAS, "epoch", epoch)
    changes = {"epochs": 2, "candidates": 1}
    table = supernet_study(digits, ["random_nas"], [0, 1], changes, classes=12, points=2)
    cells = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    assert cells[0][4] == "seeds"
    assert [(row[2], row[4]) for row in cells[2:4]] == [("1", "2"), ("2", "1")]
    assert caplog.messages == ["random_nas with seed 1 diverged in epoch 2 of 2"]
    with pytest.raises(InvalidArgumentError, match="all trainings of random_nas diverged"):
        supernet_study(digits, ["random_nas"], [0], {**changes, "rate": 1e30}, classes=12)


def test_the_curvature_is_that_of_the_last_measurement_and_ends_with_the_search() -> None:
    nan = float("nan")
    history = [
        {"seconds": seconds, "eigenvalue": value}
        for seconds, value in ((1.0, 5.0), (2.0, nan), (3.0, 7.0), (4.0, nan), (4.0, nan))
    ]
    found = [last_eigenvalue(history[:n]) for n in range(1, 6)]
    assert found == pytest.approx([5, 5, 7, 7, nan], nan_ok=True)
    assert np.isnan(last_eigenvalue([{"seconds": 1.0}]))
