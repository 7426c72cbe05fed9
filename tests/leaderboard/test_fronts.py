import numpy as np
import pytest

from leaderboard.fronts import MARGIN, Scale, _non_dominated
from nasbench.benchmarks.loading import load
from nasbench.runs.run import NONE, Run

NETWORKS = [(0, 0, 0, 2, 0, 0), (0, 0, 0, 3, 0, 0), (0, 0, 0, 4, 0, 0), (0, 0, 0, 2, 3, 0)]


@pytest.fixture
def scale(home):
    """Errors 10, 20, 40, 40 and parameters 50, 30, 10, 20: the last is dominated."""
    rows = [
        {"arch": arch, "seed": seed, "valid_accuracy": 100 - error + noise}
        for arch, error in zip(NETWORKS, (10, 20, 40, 40), strict=True)
        for seed, noise in enumerate((-1, 1))
    ]
    numbers = [
        {"arch": list(arch), "parameters": n}
        for arch, n in zip(NETWORKS, (50, 30, 10, 20), strict=True)
    ]
    home.table(rows, archs=numbers, complete=False)
    return Scale(load("toy", objectives=["valid_accuracy", "parameters"]))


def made(archs, losses):
    rows = [
        (arch, 2, NONE, 0, tuple(map(float, both)), float(i), i + 1.0, 0.0)
        for i, (arch, both) in enumerate(zip(archs, losses, strict=True))
    ]
    return Run.from_rows(rows, [0.0] * len(rows), seed=0, n_decisions=6, n_objectives=2)


def test_the_front_is_scaled_to_the_unit_square(scale):
    assert sorted(scale.front.tolist()) == [[0, 1], [pytest.approx(1 / 3), 0.5], [1, 0]]
    m = MARGIN
    by_hand = (1 + m) * m + (2 / 3 + m) * (0.5 + m - m) + m * 0.5
    assert scale.best == pytest.approx(by_hand)


def test_the_whole_front_is_everything_and_order_does_not_matter(scale):
    run = made(NETWORKS, [(10, 50), (20, 30), (40, 10), (40, 20)])
    assert scale.shares(run, [3, 4]) == pytest.approx([1, 1])
    one = ((1 + MARGIN) * MARGIN) / scale.best
    assert scale.shares(run, [1]) == pytest.approx([one])


def test_a_run_chooses_by_what_it_observed_and_is_worth_the_means(scale):
    lucky = made([NETWORKS[3], NETWORKS[2]], [(5, 20), (40, 20.5)])
    alone = made([NETWORKS[3]], [(40, 20)])
    assert scale.shares(lucky, [2]) == pytest.approx(scale.shares(alone, [1]))


def test_failed_trials_are_worth_nothing(scale):
    run = made(NETWORKS[:2], [(np.inf, 50), (20, 30)])
    assert scale.shares(run, [1]) == pytest.approx([0])
    assert scale.shares(run, [2])[0] > 0


@pytest.mark.parametrize("m", [1, 2, 3])
def test_optimal_rows_are_those_that_no_other_dominates(m):
    losses = np.random.default_rng(m).integers(0, 6, (60, m)).astype(np.float64)
    losses[7] = np.inf
    expected = [
        i
        for i, row in enumerate(losses)
        if np.isfinite(row).all()
        and not any((other <= row).all() and (other < row).any() for other in losses)
    ]
    assert sorted(_non_dominated(losses).tolist()) == expected
