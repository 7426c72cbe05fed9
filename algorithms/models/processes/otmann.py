"""OTMANN, a distance between architectures by optimal transport (Kandasamy et al., 2018, https://arxiv.org/abs/1802.07191).

The mass of each graph is transported to the other. It costs to put mass on a node with another
label or at another place in the network, and to leave mass without a counterpart.

Tables of cells record no widths, so every operation has mass 1; the input and the output have a
tenth of the mass of all operations each, and are transported only to their like. Such a transport
splits into one from input to input, one from output to output, and an assignment of operations,
which is solved exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from algorithms.models.processes.kernels import Kernel, Numbers, graph_of, neighbors
from nasbench.space import Arch, Graph, SearchSpace

STRUCTURE = (0.1, 0.25, 0.61, 1.5)
"""Weights of the structural cost, one distance for each, as in kirthevasank/nasbot."""

UNASSIGNED = 1.0
"""Cost of a unit of mass without counterpart, in either graph."""

MISLABELLED = 1.0
"""Cost of a unit of mass on a node with another label."""

END = 0.1
"""Mass of input and output, as a share of that of all operations."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What the distance sees of a graph of ``n`` nodes.

    Attributes:
        labels: Numbers of the labels of the ``n - 2`` operations.
        places: Shape ``(n, 6)``: lengths of the shortest, the longest and the random path from the
            input to each node, then of those from each node to the output; input first, output
            last.
    """

    labels: NDArray[np.int64]
    places: Numbers


def layers(graph: Graph, numbers: dict[str, int]) -> Layers:
    """Return what the distance sees of a graph.

    A random path goes back to a uniformly drawn predecessor, or on to a successor, among those from
    which there is a path; where there is none at all, the length is the number of nodes.

    Args:
        graph: The graph.
        numbers: Numbers of labels; grows with new ones.
    """
    before, after = neighbors(graph)
    n = len(graph.labels)
    ahead = _lengths(before, range(n))
    behind = _lengths(after, range(n - 1, -1, -1))
    labels = [numbers.setdefault(label, len(numbers)) for label in graph.labels[1:-1]]
    return Layers(np.array(labels, dtype=np.int64), np.hstack([ahead, behind]))


def _lengths(sources: list[list[int]], order: Sequence[int]) -> Numbers:
    """Shortest, longest and random lengths of the paths from the first of ``order``."""
    found = np.full((len(order), 3), float(len(order)))
    reached = {order[0]}
    found[order[0]] = 0.0
    for node in order[1:]:
        into = found[[source for source in sources[node] if source in reached]]
        if len(into):
            reached.add(node)
            found[node] = 1 + into[:, 0].min(), 1 + into[:, 1].max(), 1 + into[:, 2].mean()
    return found


def mass(one: Layers) -> float:
    """Return the mass of all nodes."""
    return (1 + 2 * END) * len(one.labels)


def distances(one: Layers, other: Layers, weights: Sequence[float] = STRUCTURE) -> list[float]:
    """Return the cost of the cheapest transport, for each weight of the structural cost."""
    structure = np.abs(one.places[:, None] - other.places).mean(axis=2)
    labels = MISLABELLED * (one.labels[:, None] != other.labels)
    n, m = labels.shape
    both = END * min(n, m)
    ends = structure[0, 0], structure[-1, -1]
    alone = UNASSIGNED * (1 + 2 * END) * abs(n - m)
    found = []
    for weight in weights:
        # Dearer than both without a counterpart is never needed.
        costs = np.minimum(labels + weight * structure[1:-1, 1:-1], 2 * UNASSIGNED)
        matched = costs[linear_sum_assignment(costs)].sum()
        moved = [both * min(weight * end, 2 * UNASSIGNED) for end in ends]
        found.append(float(matched + moved[0] + moved[1] + alone))
    return found


class Otmann(Kernel):
    """``w exp(-sum b_i d_i) + (1 - w) exp(-sum c_i e_i**2)`` of OTMANN distances.

    ``d_i`` are the distances for the weights :data:`STRUCTURE`, ``e_i`` the same divided by the
    masses of both graphs. The parameters are all ``b_i``, all ``c_i`` and ``w / (1 - w)``. A Gram
    matrix need not be positive semi-definite.

    Args:
        space: The search space. Without graphs, an architecture is a chain, as in
            :func:`~algorithms.models.processes.kernels.graph_of`.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._numbers: dict[str, int] = {}
        self._layers: dict[Arch, Layers] = {}
        n = len(STRUCTURE)
        self.start = np.log([*[0.1] * n, *[2.5] * n, 1.0])
        self.bounds = [*[(-9.0, 2.0)] * n, *[(-6.0, 5.0)] * n, (-5.0, 5.0)]

    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        rows, columns = ([self._of(arch) for arch in x] for x in (a, b))
        found = np.zeros((2 * len(STRUCTURE), len(a), len(b)))
        half = len(STRUCTURE)
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                if a is b and j <= i:
                    found[:, i, j] = found[:, j, i] if j < i else 0.0
                    continue
                found[:half, i, j] = distances(row, column)
                total = mass(row) + mass(column)
                found[half:, i, j] = (found[:half, i, j] / total) ** 2 if total else 0.0
        return found

    def _of(self, arch: Arch) -> Layers:
        if arch not in self._layers:
            self._layers[arch] = layers(graph_of(self._space, arch), self._numbers)
        return self._layers[arch]

    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        share, plain, relative = self._terms(compared, logs)
        return share * plain + (1 - share) * relative

    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        share, plain, relative = self._terms(compared, logs)
        half = len(STRUCTURE)
        flat = compared.reshape(2 * half, -1)
        first = flat[:half] @ (weights * plain).reshape(-1)
        second = flat[half:] @ (weights * relative).reshape(-1)
        scales = np.exp(logs[:-1])
        mixed = share * (1 - share) * np.vdot(weights, plain - relative)
        return np.concatenate(
            [-share * scales[:half] * first, (share - 1) * scales[half:] * second, [mixed]]
        )

    @staticmethod
    def _terms(compared: Numbers, logs: Numbers) -> tuple[float, Numbers, Numbers]:
        half, scales = len(STRUCTURE), np.exp(logs[:-1])
        plain = np.exp(-np.tensordot(scales[:half], compared[:half], axes=1))
        relative = np.exp(-np.tensordot(scales[half:], compared[half:], axes=1))
        return 1 / (1 + float(np.exp(-logs[-1]))), plain, relative
