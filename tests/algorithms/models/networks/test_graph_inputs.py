import numpy as np
import pytest
from toys import Unequal

from nasbench.encodings import labels
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.models.networks.graph_inputs import GraphInputs


def test_graphs_are_those_of_the_space():
    space = NB201()
    archs = [(3, 0, 1, 0, 0, 4), (1, 1, 1, 1, 1, 1)]
    edges, nodes, present = GraphInputs(space).graphs(archs)
    for i, arch in enumerate(archs):
        graph = space.graph(arch)
        assert (edges[i].numpy() == graph.adjacency).all()
        assert [labels(space)[k] for k in nodes[i].argmax(1)] == list(graph.labels)
    assert (nodes.sum(2) == 1).all()
    assert present.all()


def test_smaller_graphs_are_padded_with_zeros():
    space = NB101()
    small = (0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 2, 1, 0, 1)
    large = next(a for a in map(space.canonical, space_samples(space)) if n_nodes(space, a) == 7)
    edges, nodes, present = GraphInputs(space).graphs([small, large])
    k = n_nodes(space, small)
    assert (edges[0, :k, :k].numpy() == space.graph(small).adjacency).all()
    assert edges[0].sum() == space.graph(small).adjacency.sum()
    assert nodes[0].sum(1).tolist() == present[0].tolist() == [1.0] * k + [0.0] * (7 - k)
    assert present[1].all()


def space_samples(space):
    import random

    return space.samples(random.Random(0))


def n_nodes(space, arch):
    return len(space.graph(arch).labels)


def test_decisions_are_a_chain_where_there_are_no_graphs():
    inputs = GraphInputs(Unequal())  # decisions with 2, 1, 7 and 4 options
    edges, nodes, present = inputs.graphs([(1, 0, 6, 2)])
    assert inputs.n_labels == 14
    assert (edges[0].numpy() == np.eye(4, k=1)).all()
    assert nodes[0].argmax(1).tolist() == [1, 2, 9, 12]
    assert (nodes.sum(2) == 1).all()
    assert present.all()


def test_a_label_that_no_sample_has_is_all_zeros(monkeypatch):
    monkeypatch.setattr(
        "algorithms.models.networks.graph_inputs.labels", lambda _: ("input", "output")
    )
    _, nodes, present = GraphInputs(NB201()).graphs([(3, 0, 1, 0, 0, 4)])
    assert nodes[0].sum(1).tolist() == [1.0, *[0.0] * 6, 1.0]
    assert present.all()
