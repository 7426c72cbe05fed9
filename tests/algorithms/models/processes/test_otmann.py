import random
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linprog

from algorithms.models.processes.otmann import (
    END,
    MISLABELLED,
    STRUCTURE,
    UNASSIGNED,
    Otmann,
    distances,
    layers,
    mass,
)
from nasbench.space import Graph
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.nbgraph import NBGraph

DIAMOND = Graph(
    np.array([[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool),
    ("input", "a", "b", "output"),
)


def graphs(space, n, seed=0):
    rng = random.Random(seed)
    return [space.graph(space.sample(rng)) for _ in range(n)]


def test_places_are_lengths_of_paths():
    found = layers(DIAMOND, {}).places
    # From the input: to a by 1 edge, to b by 1 or 2; to the output over a (2) or b (2 or 3).
    expected_ahead = [[0, 0, 0], [1, 1, 1], [1, 2, 1.5], [2, 3, 2.25]]
    expected_behind = [[2, 3, 1 + (1.5 + 1) / 2], [1, 2, 1.5], [1, 1, 1], [0, 0, 0]]
    np.testing.assert_allclose(found, np.hstack([expected_ahead, expected_behind]))


def transported(one, other, weight):
    """The linear program of the paper, with a node on each side for what has no counterpart."""
    n, m = len(one.places), len(other.places)
    masses = [np.array([END * (k - 2), *[1.0] * (k - 2), END * (k - 2)]) for k in (n, m)]
    structure = np.abs(one.places[:, None] - other.places).mean(axis=2)
    costs = np.full((n + 1, m + 1), UNASSIGNED)
    costs[n, m] = 0.0
    costs[:n, :m] = 1e6
    costs[0, 0], costs[n - 1, m - 1] = weight * structure[0, 0], weight * structure[-1, -1]
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            label = MISLABELLED * (one.labels[i - 1] != other.labels[j - 1])
            costs[i, j] = label + weight * structure[i, j]
    supply = np.append(masses[0], masses[1].sum())
    demand = np.append(masses[1], masses[0].sum())
    rows = [np.kron(np.eye(n + 1)[i], np.ones(m + 1)) for i in range(n + 1)]
    columns = [np.kron(np.ones(n + 1), np.eye(m + 1)[j]) for j in range(m + 1)]
    found = linprog(costs.ravel(), A_eq=[*rows, *columns], b_eq=[*supply, *demand])
    assert found.status == 0
    return found.fun


@pytest.mark.parametrize("space", [NB101(), NB201(), NBGraph()], ids=lambda s: s.name)
def test_distances_are_the_linear_program_of_the_paper(space):
    numbers = {}
    sides = [[layers(g, numbers) for g in graphs(space, 6, seed)] for seed in (0, 1)]
    for one, other in zip(*sides, strict=True):
        for weight, found in zip(STRUCTURE, distances(one, other), strict=True):
            assert found == pytest.approx(transported(one, other, weight), abs=1e-9)


def test_operations_are_assigned_as_by_trying_all_assignments():
    numbers = {}
    found = [layers(g, numbers) for g in graphs(NB101(), 20)]
    weight = 0.61
    for one, other in zip(found[::2], found[1::2], strict=True):
        small, large = sorted((one, other), key=lambda x: len(x.labels))
        structure = np.abs(small.places[:, None] - large.places).mean(axis=2)
        costs = MISLABELLED * (small.labels[:, None] != large.labels)
        costs = np.minimum(costs + weight * structure[1:-1, 1:-1], 2 * UNASSIGNED)
        n, m = costs.shape
        least = min(sum(costs[i, j] for i, j in enumerate(p)) for p in permutations(range(m), n))
        ends = END * n * sum(min(weight * structure[i, i], 2 * UNASSIGNED) for i in (0, -1))
        expected = least + ends + (1 + 2 * END) * (m - n) * UNASSIGNED
        assert distances(one, other, [weight])[0] == pytest.approx(expected)


def test_isomorphic_graphs_have_no_distance():
    adjacency = np.zeros((5, 5), dtype=bool)
    adjacency[[0, 0, 0, 1, 2, 3], [1, 2, 3, 4, 4, 4]] = True
    one = Graph(adjacency, ("input", "a", "b", "c", "output"))
    other = Graph(adjacency, ("input", "c", "a", "b", "output"))
    numbers = {}
    a, b = layers(one, numbers), layers(other, numbers)
    np.testing.assert_allclose(distances(a, b), 0.0, atol=1e-15)
    assert mass(a) == pytest.approx(3.6)


@pytest.mark.parametrize("space", [NB201(), FCNet()], ids=lambda s: s.name)
def test_the_kernel_is_symmetric_and_one_on_the_diagonal(space):
    rng = random.Random(0)
    archs = [space.sample(rng) for _ in range(6)]
    kernel = Otmann(space)
    square = kernel.compare(archs, archs)
    np.testing.assert_allclose(square, kernel.compare(archs, list(archs)), atol=1e-12)
    gram = kernel.gram(square, kernel.start)
    np.testing.assert_allclose(gram, gram.T)
    np.testing.assert_allclose(np.diag(gram), 1.0)
    expected = np.exp(-0.1 * square[:4].sum(axis=0)) + np.exp(-2.5 * square[4:].sum(axis=0))
    np.testing.assert_allclose(gram, expected / 2)
