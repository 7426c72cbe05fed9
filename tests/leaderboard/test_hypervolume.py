import moocore
import numpy as np
import pytest

from leaderboard.hypervolume import hypervolume
from nasbench.errors import InvalidArgumentError


def test_by_hand():
    assert hypervolume([[1, 3], [2, 2], [3, 1]], [4, 4]) == 3 + 2 + 1
    assert hypervolume([[2, 2], [3, 3], [2, 2]], [4, 4]) == 4
    assert hypervolume([[1, 2, 3]], [4, 4, 4]) == 3 * 2 * 1
    assert hypervolume([[0, 0, 2], [2, 2, 0]], [4, 4, 4]) == 32 + 16 - 8
    assert hypervolume([[7], [5]], [9]) == 4


def test_points_that_are_not_below_the_reference_add_nothing():
    inf, nan = float("inf"), float("nan")
    outside = [[4, 0], [0, 5], [inf, 0], [nan, 0], [4, 4]]
    assert hypervolume(outside, [4, 4]) == 0
    assert hypervolume([*outside, [1, 1]], [4, 4]) == 9
    assert hypervolume([], [4, 4]) == hypervolume(np.empty((0, 2)), [4, 4]) == 0


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4, 5])
def test_it_is_that_of_moocore(n_objectives):
    rng = np.random.default_rng(n_objectives)
    for n in (1, 2, 7, 25):
        for points in (
            rng.random((n, n_objectives)),
            rng.integers(0, 4, (n, n_objectives)) / 4,
            rng.normal(size=(n, n_objectives)),
        ):
            reference = rng.uniform(0.5, 1.5, n_objectives)
            expected = moocore.hypervolume(points, ref=reference)
            assert hypervolume(points, reference) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_neither_order_nor_repeats_nor_dominated_points_change_it():
    rng = np.random.default_rng(0)
    points = rng.random((20, 3))
    expected = hypervolume(points, [1, 1, 1])
    for other in (points[::-1], np.repeat(points, 2, axis=0), np.vstack([points, points + 0.01])):
        assert hypervolume(other, [1, 1, 1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("points", "reference", "message"),
    [
        ([[1, 2, 3]], [4, 4], r"points have shape \(1, 3\), expected \(n, 2\)"),
        ([1, 2], [4, 4], r"points have shape \(2,\), expected \(n, 2\)"),
        ([[1, 2]], [4, float("inf")], "reference = .*inf.* must be a finite number for each"),
        ([[1, 2]], [], r"reference = \[\] must be a finite number for each objective"),
    ],
)
def test_other_shapes_are_refused(points, reference, message):
    with pytest.raises(InvalidArgumentError, match=message):
        hypervolume(points, reference)
