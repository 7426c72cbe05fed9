import random
from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.gaussian_process.kernels import Matern as SklearnMatern
from toys import Layers, OneDecision, Unequal

from algorithms.models.processes.kernels import (
    Exponential,
    Matern,
    WeisfeilerLehman,
    degrees,
    edit,
    graph_of,
    hamming,
    path,
)
from nasbench.encodings import adjacency
from nasbench.encodings import path as path_encoding
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.darts import Darts
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.seqmix import IDENTITY, SeqMix


def drawn(space, n=25, seed=0):
    rng = random.Random(seed)
    return list(dict.fromkeys(space.sample(rng) for _ in range(n)))


@pytest.mark.parametrize("space", [NB201(), NB101(), FCNet(), Unequal()], ids=lambda s: s.name)
def test_hamming_counts_decisions(space):
    a, b = drawn(space), drawn(space, 12, 1)
    expected = (np.array(a)[:, None] != np.array(b)).sum(axis=2)
    np.testing.assert_array_equal(hamming(space)(a, b), expected)


@pytest.mark.parametrize("space", [NB201(), NB101(), Darts()], ids=lambda s: s.name)
def test_path_distance_is_that_of_the_encoding(space):
    a, b = drawn(space, 12), drawn(space, 8, 1)
    encoded = path_encoding(space, [*a, *b])
    expected = cdist(encoded[: len(a)], encoded[len(a) :], "cityblock")
    np.testing.assert_array_equal(path(space)(a, b), expected)


def test_edit_distance_in_nb201_counts_operations_and_in_nb101_edges_too():
    a, b = drawn(NB201()), drawn(NB201(), 12, 1)
    np.testing.assert_array_equal(edit(NB201())(a, b), hamming(NB201())(a, b))
    space = NB101()
    full = [arch for arch in drawn(space, 400) if len(space.graph(arch).labels) == 7]
    encoded = adjacency(space, full)
    edges, nodes = encoded[:, :21], encoded[:, 21:]  # the same nodes, so operations only change
    expected = cdist(edges, edges, "cityblock") + cdist(nodes, nodes, "cityblock") / 2
    np.testing.assert_array_equal(edit(space)(full, full), expected)


def test_edit_distance_counts_nodes_that_only_one_graph_has():
    space = SeqMix()
    first, second = [i for i in range(space.options[0]) if i != IDENTITY][:2]
    one, two = (first, *[IDENTITY] * 3), (first, second, *[IDENTITY] * 2)
    # A node more, an edge into it and out of it more, the edge to the output less.
    assert edit(space)([one], [one, two]).tolist() == [[0.0, 4.0]]


def test_degrees_add_differences_of_sorted_degrees_and_of_counts():
    space = NB101()
    archs = drawn(space, 20)

    def vector(arch):
        graph = space.graph(arch)
        padded = [
            sorted([*graph.adjacency.sum(axis=side), *[0] * (7 - len(graph.labels))])
            for side in (0, 1)
        ]
        return np.array(padded).ravel(), Counter(graph.labels[1:-1])

    def distance(one, other):
        names = {*one[1], *other[1]}
        counts = sum(abs(one[1][name] - other[1][name]) for name in names)
        return int(np.abs(one[0] - other[0]).sum()) + counts

    vectors = [vector(arch) for arch in archs]
    expected = [[distance(one, other) for other in vectors] for one in vectors]
    np.testing.assert_array_equal(degrees(space)(archs, archs), expected)


def test_degrees_add_operations_in_place_where_all_graphs_have_the_same_edges():
    """``nasbot_distance`` of naszilla/naszilla on NAS-Bench-201: counts, and differing edges."""
    space = NB201()
    archs = drawn(space, 30)
    expected = [
        [
            sum(abs(one.count(op) - other.count(op)) for op in range(5))
            + sum(a != b for a, b in zip(one, other, strict=True))
            for other in archs
        ]
        for one in archs
    ]
    np.testing.assert_array_equal(degrees(space)(archs, archs), expected)
    assert degrees(space)([(0, 1, 2, 3, 4, 0)], [(4, 3, 2, 1, 0, 0)]).tolist() == [[4.0]]


@pytest.mark.parametrize("of", [edit, degrees])
def test_a_space_without_graphs_is_a_chain_of_decisions(of):
    space = FCNet()
    archs = drawn(space)
    factor = 1 if of is edit else 3
    np.testing.assert_array_equal(of(space)(archs, archs), factor * hamming(space)(archs, archs))


def test_paths_need_graphs():
    with pytest.raises(InvalidArgumentError, match=r"'fcnet' has no graph form.*hamming"):
        path(FCNet())


@pytest.mark.parametrize("space", [NB201(), Unequal(), OneDecision()], ids=lambda s: s.name)
def test_matern_is_that_of_scikit_learn(space):
    a, b = drawn(space), drawn(space, 12, 1)
    columns, owners = [], []
    for place, decision in enumerate(space.decisions):
        n = space.options[place]
        for option in range(n if decision.kind == "categorical" else 1):
            owners.append(place)
            columns.append((place, option, decision.kind, max(n - 1, 1)))
    lengths = np.random.default_rng(0).uniform(0.3, 3.0, len(space.options))

    def inputs(archs):
        return np.array(
            [[x[p] == o if kind == "categorical" else x[p] / n for p, o, kind, n in columns]
             for x in archs], dtype=float
        )  # fmt: skip

    kernel = Matern(space)
    with_choice = [length for length, n in zip(lengths, space.options, strict=True) if n > 1]
    found = kernel.gram(kernel.compare(a, b), np.log(with_choice))
    expected = SklearnMatern(lengths[owners], nu=2.5)(inputs(a), inputs(b))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def neighbourhoods(space, arch, depth):
    """The neighbourhoods of all nodes up to a depth, written out as nested tuples."""
    graph = graph_of(space, arch)
    n = range(len(graph.labels))

    def written(node, depth):
        if depth == 0:
            return graph.labels[node]
        before = [written(u, depth - 1) for u in n if graph.adjacency[u, node]]
        after = [written(u, depth - 1) for u in n if graph.adjacency[node, u]]
        return repr((written(node, depth - 1), sorted(map(repr, before)), sorted(map(repr, after))))

    return Counter((d, written(node, d)) for d in range(depth + 1) for node in n)


@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("space", [NB201(), NB101(), Layers()], ids=lambda s: s.name)
def test_weisfeiler_lehman_is_the_cosine_of_counted_neighbourhoods(space, depth):
    a, b = drawn(space, 8), drawn(space, 5, 1)
    one, other = ([neighbourhoods(space, arch, depth) for arch in x] for x in (a, b))
    products = [[sum(n * y[key] for key, n in x.items()) for y in other] for x in one]
    norms = [np.sqrt([sum(n * n for n in x.values()) for x in side]) for side in (one, other)]
    kernel = WeisfeilerLehman(space, depth)
    found = kernel.gram(kernel.compare(a, b), kernel.start)
    np.testing.assert_allclose(found, np.array(products) / np.outer(*norms), rtol=1e-12)


@pytest.mark.parametrize("of", [hamming, edit, path, degrees])
def test_exponentials_of_distances_are_positive_semi_definite(of):
    archs = drawn(NB101(), 40)
    kernel = Exponential(of(NB101()))
    compared = kernel.compare(archs, archs)
    for log in (-1.0, 0.0, 2.0):
        gram = kernel.gram(compared, np.array([log]))
        assert np.linalg.eigvalsh(gram)[0] > -1e-12
        np.testing.assert_allclose(np.diag(gram), 1.0, atol=1e-12)


def test_the_square_of_a_distance_is_in_the_exponent():
    space = NB201()
    archs = drawn(space)
    kernel = Exponential(hamming(space), power=2, length=3.0)
    found = kernel.gram(kernel.compare(archs, archs), kernel.start)
    expected = np.exp(-(hamming(space)(archs, archs) ** 2) / 18)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_features_are_computed_once():
    calls = Counter()

    class Counted(NB201):
        def graph(self, arch):
            calls[arch] += 1
            return super().graph(arch)

    space = Counted()
    archs = drawn(space)
    kernel = WeisfeilerLehman(space, 1)
    kernel.compare(archs, archs)
    kernel.compare(archs, archs[:3])
    assert set(calls.values()) == {1}
