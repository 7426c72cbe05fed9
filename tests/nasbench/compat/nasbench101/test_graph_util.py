import random
from itertools import product

import numpy as np
import pytest

from nasbench.errors import InvalidArgumentError
from nasbench.lib import config, graph_util, model_spec
from nasbench.spaces.nb101 import NB101, OPERATIONS, to_matrix
from nasbench.spaces.nb101_hash import module_hash


def matrix_of(bits, n):
    return np.fromfunction(graph_util.gen_is_edge_fn(bits), (n, n), dtype=np.int8)


def labelled(arch):
    """Adjacency and labels of a cell, as hashed by the original."""
    matrix, operations = to_matrix(arch)
    return np.array(matrix), [-1, *map(OPERATIONS.index, operations[1:-1]), -2]


def test_bits_are_edges_column_by_column():
    assert matrix_of(0b001, 3).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert matrix_of(0b010, 3).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert matrix_of(0b100, 3).tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert matrix_of(0b111, 4)[:3, :3].tolist() == matrix_of(0b111, 3).tolist()
    assert matrix_of(2**77, 13).sum() == matrix_of(2**77, 13)[11, 12] == 1


def test_full_graphs_have_no_vertex_beside_the_way():
    full = [bits for bits in range(8) if graph_util.is_full_dag(matrix_of(bits, 3))]
    assert full == [0b101, 0b111]
    assert [graph_util.num_edges(matrix_of(bits, 3)) for bits in full] == [2, 3]


def test_all_cells_of_four_vertices_have_the_published_number():
    """The published counts of cells by vertices begin with 1, 6, 84."""
    counts = []
    for n in (2, 3, 4):
        names = {
            graph_util.hash_module(matrix, [-1, *labels, -2])
            for matrix in (matrix_of(bits, n) for bits in range(2 ** (n * (n - 1) // 2)))
            if graph_util.is_full_dag(matrix)
            for labels in product(range(3), repeat=n - 2)
        }
        counts.append(len(names))
    assert counts == [1, 6, 84]


def test_hashes_are_the_published_names():
    rng = random.Random(0)
    for _ in range(20):
        arch = NB101().sample(rng)
        expected = module_hash(*to_matrix(arch))
        matrix, labels = labelled(arch)
        assert graph_util.hash_module(matrix, labels) == expected
        assert graph_util.hash_module(matrix, np.array(labels)) == expected
    with pytest.raises(InvalidArgumentError, match=r"2 labels do not fit a matrix of shape \(3, 3"):
        graph_util.hash_module(np.zeros((3, 3)), [-1, -2])


def test_a_renumbered_graph_is_isomorphic():
    matrix = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    found, labels = graph_util.permute_graph(matrix, ["a", "b", "c"], [1, 2, 0])
    assert found.dtype == np.bool_
    assert found.tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert labels == ["c", "a", "b"]
    rng = random.Random(1)
    for _ in range(5):
        graph = labelled(NB101().sample(rng))
        order = rng.sample(range(len(graph[1])), len(graph[1]))
        other = graph_util.permute_graph(*graph, order)
        assert graph_util.is_isomorphic(graph, other)
        assert graph_util.hash_module(*graph) == graph_util.hash_module(*other)


def test_other_graphs_are_not_isomorphic():
    line = ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], [-1, 0, -2])
    assert not graph_util.is_isomorphic(line, (line[0], [-1, 1, -2]))
    assert not graph_util.is_isomorphic(line, ([[0, 1, 1], [0, 0, 0], [0, 0, 0]], line[1]))
    with pytest.raises(InvalidArgumentError, match="graphs of 3 and 2 vertices"):
        graph_util.is_isomorphic(line, ([[0, 1], [0, 0]], [-1, -2]))


def test_triangles():
    assert model_spec.is_upper_triangular(np.array([[0, 1], [0, 0]]))
    assert not model_spec.is_upper_triangular(np.array([[0, 1], [1, 0]]))
    assert not model_spec.is_upper_triangular(np.eye(2))


def test_every_configuration_is_new():
    config.build_config()["available_ops"].clear()
    assert config.build_config()["available_ops"] == list(OPERATIONS)
