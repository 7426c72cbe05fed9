"""Architectures as graphs in tensors, the inputs of graph networks."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.encodings import labels
from nasbench.space import Arch, SearchSpace

_CACHE_SIZE = 65_536


class Graphs(NamedTuple):
    """Graphs as tensors in double precision, padded with zeros to the size ``m`` of the largest.

    Attributes:
        edges: 1 for an edge from node i to node j, else 0; shape ``(n, m, m)``.
        nodes: Label of each node, one column per label; shape ``(n, m, n_labels)``.
        present: 1 for a node, 0 for padding; shape ``(n, m)``.
    """

    edges: Tensor
    nodes: Tensor
    present: Tensor


class GraphInputs:
    """Makes tensors of the graphs of architectures and remembers each graph.

    A space without graphs is read as a chain: one node per decision, in their order, whose label is
    the pair of decision and option. In a space with graphs, a label that no sampled graph has
    (see :func:`nasbench.encodings.labels`) has no column: such a node is all zeros.

    Args:
        space: The search space.

    Attributes:
        n_labels: Number of labels that a node can have.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._offsets = (0, *accumulate(space.options))
        self._numbers: dict[str, int] | None = None
        if space.graph(space.sample(Random(0))) is not None:
            self._numbers = {label: i for i, label in enumerate(labels(space))}
        self.n_labels = self._offsets[-1] if self._numbers is None else len(self._numbers)
        self._graph = lru_cache(_CACHE_SIZE)(self._read)

    def graphs(self, archs: Sequence[Arch]) -> Graphs:
        """Return the graphs of ``n`` legal architectures, at least one."""
        found = [self._graph(arch) for arch in archs]
        sizes = np.array([len(numbers) for _, numbers in found])
        m = int(sizes.max())
        if (sizes == m).all():
            edges = np.array([adjacency for adjacency, _ in found], dtype=np.float64)
            numbers = np.array([numbers for _, numbers in found])
        else:
            edges = np.zeros((len(found), m, m))
            numbers = np.full((len(found), m), -1)
            for i, (adjacency, own) in enumerate(found):
                edges[i, : len(own), : len(own)], numbers[i, : len(own)] = adjacency, own
        nodes = np.zeros((len(found), m, self.n_labels))
        row, column = np.nonzero(numbers >= 0)
        nodes[row, column, numbers[row, column]] = 1.0
        present = (np.arange(m) < sizes[:, None]).astype(np.float64)
        return Graphs(*map(torch.from_numpy, (edges, nodes, present)))

    def _read(self, arch: Arch) -> tuple[NDArray[np.bool_], NDArray[np.integer]]:
        """Adjacency and label numbers; -1 for a label without a column."""
        graph = self._space.graph(arch)
        if graph is None or self._numbers is None:
            chain = np.eye(len(arch), k=1, dtype=np.bool_)
            return chain, np.array(arch) + np.array(self._offsets[:-1])
        numbers = [self._numbers.get(label, -1) for label in graph.labels]
        return graph.adjacency, np.array(numbers)


@lru_cache(4)
def graph_inputs(space: SearchSpace) -> GraphInputs:
    """Return the inputs of a space, shared by all searches of a process."""
    return GraphInputs(space)
