import math
from collections.abc import Iterator

import numpy as np
import pytest
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from algorithms.parts.pareto import comparable, crowding, dominates, fronts

INF = math.inf


def clouds(n_objectives: int) -> Iterator[list[tuple[float, ...]]]:
    """Points at random, with ties, with repeats, and all equal."""
    rng = np.random.default_rng(n_objectives)
    for n in (1, 2, 3, 8, 60):
        for points in (
            rng.normal(size=(n, n_objectives)),
            rng.integers(0, 4, (n, n_objectives)).astype(float),
            rng.integers(0, 30, (n, n_objectives)) / 10,
            np.repeat(rng.random((n, n_objectives)), 2, axis=0),
            np.ones((n, n_objectives)),
        ):
            yield [tuple(row) for row in points.tolist()]


def peeled(points):
    """Fronts as they are defined: what nothing dominates is taken away, again and again."""
    left, found = set(range(len(points))), []
    while left:
        front = {
            i
            for i in left
            if not any(
                all(x <= y for x, y in zip(points[j], points[i], strict=True))
                and any(x < y for x, y in zip(points[j], points[i], strict=True))
                for j in left
            )
        }
        found.append(front)
        left -= front
    return found


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_fronts_are_those_of_the_definition_and_of_pymoo(n_objectives):
    for points in clouds(n_objectives):
        found = fronts(points)
        assert [set(front) for front in found] == peeled(points)
        assert sorted(i for front in found for i in front) == list(range(len(points)))
        expected = NonDominatedSorting().do(np.array(points))
        assert [set(front) for front in found] == [set(front) for front in expected]


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_crowding_is_that_of_pymoo(n_objectives):
    reference = get_crowding_function("cd")
    for points in clouds(n_objectives):
        expected = reference.do(np.array(points)) * n_objectives
        assert crowding(points) == pytest.approx(expected.tolist(), rel=1e-12)


def test_crowding_by_hand():
    assert crowding([(0, 9), (1, 5), (4, 3), (8, 1)]) == [INF, 0.5 + 0.75, 7 / 8 + 0.5, INF]
    assert crowding([(1, 3), (1, 3), (1, 2), (1, 1)]) == [0.5, INF, 1.0, INF]
    assert crowding([(5,), (5,), (5,)]) == [0, 0, 0]
    assert crowding([(5, 1)]) == [INF]
    assert crowding([]) == []


def test_failures_are_last_and_equal():
    points = [(INF, 0.0), (9.0, 9.0), (0.0, INF), (1.0, 9.0), (INF, INF)]
    found = fronts([comparable(point) for point in points])
    assert [set(front) for front in found] == [{3}, {1}, {0, 2, 4}]
    assert crowding([comparable(points[i]) for i in (0, 2, 4)]) == [0, 0, 0]
    assert comparable((INF,)) == (INF,)
    assert comparable((1.0, 2.0)) == (1.0, 2.0)


def test_equal_points_do_not_dominate_each_other():
    assert dominates((1, 2), (1, 3))
    assert not dominates((1, 2), (1, 2))
    assert not dominates((1, 3), (2, 2))
    assert not dominates((2, 3), (1, 2))
    assert fronts([]) == []
    assert fronts([(1, 2), (0, 3), (1, 2)]) == [[1, 0, 2]]
