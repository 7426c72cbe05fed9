import numpy as np
import pytest

from leaderboard.curves import POINTS, RANDOM, curve, drawn, grid
from leaderboard.scores import rank

pytestmark = pytest.mark.usefixtures("believed")


@pytest.fixture
def board(home, small_table, run, cells):
    a, b, c, d = cells
    first = [(a, 40.0, 0.0, 10.0), (b, 30.0, 10.0, 20.0), (d, 10.0, 20.0, 80.0)]
    second = [(c, 20.0, 0.0, 30.0)]
    (made,) = rank([home.record(home.manifest(small_table), [run(first, 0), run(second, 1)])])
    return made


def test_curve_is_the_mean_of_the_step_functions(board):
    (row,) = board.rows
    at = np.array([5.0, 10.0, 20.0, 29.0, 30.0, 79.0])
    found = curve(row, "seconds", at)
    before = 15.5
    first, second = [before, 38, 16, 16, 16, 16, 8], [before] * 4 + [0] * 3
    assert found.at.tolist() == [*at, 80.0]
    np.testing.assert_allclose(found.mean, (np.array(first) + second) / 2)
    assert (found.low <= found.mean).all()
    assert (found.high >= found.mean).all()


def test_curve_over_evaluations_counts_trials(board):
    found = curve(board.rows[0], "evaluations", np.array([1.0, 2.0, 3.0]))
    assert found.at.tolist() == [1, 2, 3]
    assert found.mean.tolist() == [(38 + 0) / 2, (16 + 0) / 2, (8 + 0) / 2]


def test_grids_are_short_and_end_with_the_runs(board):
    seconds, evaluations = (grid(board.rows, axis) for axis in ("seconds", "evaluations"))
    assert len(seconds) == POINTS
    assert seconds[0] == 20  # the median of the first incumbents at 10 and 30
    assert seconds[-1] == 80
    assert evaluations.tolist() == [1, 2, 3]


def test_random_search_is_drawn_over_evaluations(board):
    found = drawn(board)
    assert list(found) == ["seconds", "evaluations", "epochs"]
    assert RANDOM not in found["seconds"]
    assert found["epochs"][RANDOM].mean[-1] == found["evaluations"][RANDOM].mean[-1]
    reference = found["evaluations"][RANDOM]
    assert reference.mean[0] == pytest.approx(15.5)


def test_no_curve_over_time_without_times(home, run, cells):
    metadata = home.table([{"arch": c, "seed": 0, "valid_accuracy": 50 + c[0]} for c in cells[:2]])
    (board,) = rank([home.record(home.manifest(metadata), [run([(cells[0], 50.0, 0.0, 0.0)])])])
    assert list(drawn(board)) == ["evaluations", "epochs"]
