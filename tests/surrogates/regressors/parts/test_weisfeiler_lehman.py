import warnings
from collections import Counter
from random import Random

import networkx
import numpy as np
import pytest

from nasbench.errors import InvalidArgumentError
from nasbench.space import Decision, Graph, SearchSpace
from nasbench.spaces.darts import Darts
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from surrogates.regressors.parts.weisfeiler_lehman import wl_features, wl_vocabulary


class Row(SearchSpace):
    """Two layers of ``a`` or ``b``, and an edge from the first to the output or none."""

    name = "row"
    decisions = (
        Decision("first", ("a", "b")),
        Decision("second", ("a", "b")),
        Decision("skip", ("no", "yes")),
    )

    def to_text(self, arch):
        raise NotImplementedError

    def from_text(self, text):
        raise NotImplementedError

    def graph(self, arch):
        adjacency = np.eye(4, k=1, dtype=np.bool_)
        adjacency[1, 3] = arch[2]
        return Graph(adjacency, ("in", "ab"[arch[0]], "ab"[arch[1]], "out"))


def sample(space, n):
    rng = Random(0)
    return np.array([space.sample(rng) for _ in range(n)])


def products(counters):
    return np.array([[sum(a[x] * b[x] for x in a) for b in counters] for a in counters])


def by_networkx(graph, iterations):
    digraph = networkx.from_numpy_array(graph.adjacency, create_using=networkx.DiGraph)
    networkx.set_node_attributes(digraph, dict(enumerate(graph.labels)), "label")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hashes of directed graphs were others before 3.5
        hashes = networkx.weisfeiler_lehman_subgraph_hashes(
            digraph, node_attr="label", iterations=iterations, include_initial_labels=True
        )
    return Counter((i, x) for labels in hashes.values() for i, x in enumerate(labels))


def by_unfolding(graph, iterations):
    """Nodes have the same label exactly if the trees of everything around them are the same."""

    def tree(node, depth):
        if depth == 0:
            return graph.labels[node]
        around = graph.adjacency[:, node], graph.adjacency[node]
        below = [sorted(repr(tree(v, depth - 1)) for v in np.flatnonzero(x)) for x in around]
        return graph.labels[node], below

    nodes = range(len(graph.labels))
    return Counter((d, repr(tree(v, d))) for v in nodes for d in range(iterations + 1))


@pytest.mark.parametrize("twin", [by_networkx, by_unfolding])
@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize("space", [NB201(), NB101(), Darts()], ids=lambda space: space.name)
def test_features_are_those_of_an_independent_implementation(space, iterations, twin):
    archs = sample(space, 12)
    twice = np.concatenate([archs, archs])  # so that no label is left out for being rare
    counts = wl_features(space, archs, iterations, wl_vocabulary(space, twice, iterations))
    expected = [twin(space.graph(tuple(arch)), iterations) for arch in archs.tolist()]
    assert (counts @ counts.T == products(expected)).all()


def test_counts_by_hand():
    space, archs = Row(), np.array([(0, 1, 0), (1, 0, 0), (0, 0, 0)])
    found = [wl_features(space, archs, h, wl_vocabulary(space, archs, h)) for h in (0, 1)]
    names = [[1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 2]]  # b, in, out, a
    assert sorted(found[0].T.tolist()) == names
    # refined labels that are not in one row only: out after a, in before a
    assert sorted(found[1].T.tolist()) == [[0, 1, 1], [1, 0, 1], *names]


def test_directions_of_edges_matter():
    space, archs = Row(), np.array([(0, 1, 0), (1, 0, 0)])
    plain, refined = (
        wl_features(space, archs, h, wl_vocabulary(space, np.repeat(archs, 2, axis=0), h))
        for h in (0, 1)
    )
    assert (plain[0] == plain[1]).all()
    assert (refined[0] != refined[1]).any()


def test_labels_of_one_architecture_are_left_out():
    space, seen = Row(), np.array([(0, 0, 0), (0, 0, 1)])
    labels = wl_vocabulary(space, seen, 0)
    assert len(labels) == 3
    assert wl_features(space, np.array([(1, 1, 0)]), 0, labels).sum() == 2  # "in" and "out"
    assert wl_vocabulary(space, seen[:1], 3).size == 0


def test_labels_are_equal_in_every_process():
    labels = wl_vocabulary(Row(), np.array([(0, 0, 0), (0, 0, 0)]), 0)
    assert labels.tolist() == [
        447897576472065645,
        6728635260530824651,
        11494053157100649449,
    ]


def test_a_space_without_graphs_is_refused():
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        wl_vocabulary(FCNet(), sample(FCNet(), 2), 1)
