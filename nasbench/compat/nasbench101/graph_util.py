"""Functions of google-research/nasbench on the graphs of cells.

A matrix is an upper triangular adjacency of 0 and 1, shape ``(n, n)``, row = source.
"""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb101_hash import graph_hash


def gen_is_edge_fn(bits: int) -> Callable[..., NDArray[np.int64]]:
    """Return a function that says whether an edge leads from vertex x to vertex y.

    Args:
        bits: Bit ``x + y * (y - 1) / 2`` is the edge from x to y > x, for any number of vertices.

    Returns:
        A function of two integers or arrays of them, for ``np.fromfunction``; 1 for an edge.
    """

    def is_edge(x: Any, y: Any) -> int:
        x, y = int(x), int(y)
        return bits >> (x + y * (y - 1) // 2) & 1 if x < y else 0

    return np.vectorize(is_edge, otypes=[np.int64])


def is_full_dag(matrix: Any) -> bool:
    """Return whether every vertex lies on a path from the first to the last."""
    edges = np.asarray(matrix) != 0
    return bool(edges[:-1].any(axis=1).all() and edges[:, 1:].any(axis=0).all())


def num_edges(matrix: Any) -> Any:
    """Return the number of edges."""
    return np.sum(matrix)


def hash_module(matrix: Any, labeling: Sequence[int]) -> str:
    """Return a hash that is equal for isomorphic graphs.

    It is the published name of a cell if the labels are -1 for the input, -2 for the output, and
    the place in ``config["available_ops"]`` for operations.

    Args:
        matrix: The adjacency.
        labeling: Label of every vertex.

    Raises:
        InvalidArgumentError: There is not one label for every vertex.
    """
    edges = np.asarray(matrix) != 0
    if edges.shape != (len(labeling), len(labeling)):
        raise InvalidArgumentError(
            f"{len(labeling)} labels do not fit a matrix of shape {edges.shape}"
        )
    return graph_hash(edges.tolist(), [int(label) for label in labeling])


def permute_graph(
    graph: Any, label: Sequence[Any], permutation: Sequence[int]
) -> tuple[NDArray[np.bool_], list[Any]]:
    """Renumber vertices.

    Args:
        graph: The adjacency.
        label: Label of every vertex.
        permutation: New number of every vertex.

    Returns:
        The new adjacency and labels.
    """
    old = np.argsort(permutation)
    return (np.asarray(graph) == 1)[np.ix_(old, old)], [label[vertex] for vertex in old]


def is_isomorphic(graph1: tuple[Any, Sequence[Any]], graph2: tuple[Any, Sequence[Any]]) -> bool:
    """Return whether some permutation makes one graph the other; tries up to n! of them.

    Args:
        graph1: Adjacency and labels.
        graph2: Another graph of the same size.

    Raises:
        InvalidArgumentError: The graphs have different sizes.
    """
    (matrix1, label1), (matrix2, label2) = graph1, graph2
    if np.shape(matrix1) != np.shape(matrix2) or len(label1) != len(label2):
        raise InvalidArgumentError(
            f"graphs of {len(label1)} and {len(label2)} vertices cannot be isomorphic"
        )
    edges, wanted = np.asarray(matrix1), np.asarray(matrix2).tolist()
    for old in permutations(range(len(label1))):
        labels_agree = [label1[vertex] for vertex in old] == list(label2)
        if labels_agree and edges[np.ix_(old, old)].tolist() == wanted:
            return True
    return False
