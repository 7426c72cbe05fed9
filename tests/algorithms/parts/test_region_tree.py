"""Trees of regions; splits, bounds and partitions are tested with the search that uses them."""

import numpy as np
import pytest

from algorithms.parts.region_tree import solved, to_root


@pytest.mark.parametrize("n", [1, 2, 30, 80])
def test_elimination_solves_linear_equations(n):
    rng = np.random.default_rng(n)
    points, right = rng.integers(0, 2, (20, n)).astype(float), rng.normal(size=n)
    matrix = points.T @ points + 0.1 * np.eye(n)
    np.testing.assert_allclose(solved(matrix, right), np.linalg.solve(matrix, right), rtol=1e-9)


def test_paths_lead_to_the_root():
    assert to_root(0) == [0]
    assert to_root(30) == [30, 14, 6, 2, 0]
