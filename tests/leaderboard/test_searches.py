import math

import numpy as np
import pytest

from leaderboard.courses import Course
from leaderboard.landscape import Landscape
from leaderboard.searches import Search, log_mean, step_values
from nasbench.benchmarks.loading import load

INF = float("inf")


@pytest.fixture
def landscape(small_table) -> Landscape:
    return Landscape(load(small_table.id), "draw")


def test_step_values_change_at_the_step():
    steps, levels = np.array([2.0, 5.0]), np.array([9.0, 4.0, 1.0])
    at = np.array([0.0, 1.9, 2.0, 4.9, 5.0, 99.0])
    assert step_values(steps, levels, at).tolist() == [9, 9, 4, 4, 1, 1]


def test_log_mean_is_the_closed_form():
    e = math.e
    assert log_mean(np.array([e]), np.array([1.0, 0.5]), 1, e**3) == pytest.approx(2 / 3)
    steps, levels = np.array([2.0, 4.0, 16.0]), np.array([8.0, 4.0, 2.0, 1.0])
    assert log_mean(steps, levels, 1, 32) == pytest.approx((8 * 1 + 4 * 1 + 2 * 2 + 1 * 1) / 5)


def test_log_mean_ignores_what_is_outside():
    steps, levels = np.array([0.5, 2.0, 64.0]), np.array([9.0, 4.0, 2.0, 1.0])
    assert log_mean(steps, levels, 1, 8) == pytest.approx((4 * 1 + 2 * 2) / 3)
    assert log_mean(np.array([]), np.array([7.0]), 3, 5) == pytest.approx(7)


def test_incumbent_is_the_lowest_loss_that_has_ended_and_the_earliest_on_ties(
    landscape, run, cells
):
    a, b, c, d = cells
    trials = [
        (a, 40.0, 0.0, 30.0),  # ends after the next two
        (b, 30.0, 0.0, 10.0),
        (c, 30.0, 0.0, 20.0),  # a tie: no incumbent
        (d, 10.0, 10.0, 40.0),
        (c, 20.0, 10.0, 50.0),
    ]
    search = Search(Course.of(run(trials)), landscape, (10.0, 40.0))
    assert list(map(tuple, search.archs.tolist())) == [b, d]
    assert search.times.tolist() == [10, 40]
    assert search.evaluations.tolist() == [1, 4]
    assert search.regrets.tolist() == [88 - 72, 88 - 80]
    assert search.regret == 8


def test_incumbent_is_worth_its_full_training_whatever_it_was_seen_with(landscape, run, cells):
    search = Search(Course.of(run([(cells[0], 1.0, 0.0, 1.0)], epoch=1)), landscape, (1.0, 2.0))
    assert search.regret == 38


@pytest.mark.parametrize("trials", [[], [((0,) * 6, INF, 0.0, 1.0)]])
def test_search_without_an_incumbent_is_worth_a_random_architecture(landscape, run, trials):
    search = Search(Course.of(run(trials)), landscape, (1.0, 2.0))
    assert len(search.times) == 0
    assert search.regret == search.before == 88 - (50 + 72 + 88 + 80) / 4
