"""Kernels: how similar architectures are, for Gaussian processes.

A kernel compares two lists of architectures, whatever its parameters, and then turns the
comparison into a Gram matrix: a fit of the parameters compares only once.

The Gram matrix of one list is positive semi-definite, since every distance here is a squared
Euclidean one; but with ``power=2`` :mod:`algorithms.models.processes.gaussian_process` may have to
add to the diagonal.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, Graph, SearchSpace

Numbers: TypeAlias = NDArray[np.float64]
_Row: TypeAlias = tuple[NDArray[np.int32], Numbers]
Tokens: TypeAlias = Callable[[SearchSpace, Arch], Mapping[Hashable, int]]

_NO_OPERATION = "none"
_MAX_PATHS = 100_000
_SAMPLED = 20
_ROOT_5 = np.sqrt(5.0)


class Kernel(ABC):
    """Similarity of architectures: 1 for an architecture and itself.

    Attributes:
        start: Logarithms of the parameters from which a fit starts, shape ``(n_parameters,)``.
        bounds: Lowest and highest logarithm of each parameter.
    """

    start: Numbers
    bounds: Sequence[tuple[float, float]]

    @abstractmethod
    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        """Compare architectures; what the others need, shape ``(..., len(a), len(b))``."""

    @abstractmethod
    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        """Return the kernel between the compared lists, shape ``(len(a), len(b))``.

        Args:
            compared: From :meth:`compare`.
            logs: Logarithms of the parameters, shape ``(n_parameters,)``.
        """

    @abstractmethod
    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        """Return the derivatives of the weighted sum of :meth:`gram`, shape ``(n_parameters,)``.

        Args:
            compared: From :meth:`compare`.
            logs: Logarithms of the parameters, shape ``(n_parameters,)``, by which they are.
            weights: Of the entries of the Gram matrix, shape ``(len(a), len(b))``.
        """


class Exponential(Kernel):
    """``exp(-distance**power / (2 * length**2))`` with one parameter, the length.

    Args:
        distance: Distances between two lists of architectures.
        power: 1 or 2.
        length: Length from which a fit starts.
    """

    def __init__(
        self,
        distance: Callable[[Sequence[Arch], Sequence[Arch]], Numbers],
        *,
        power: int = 1,
        length: float = 1.0,
    ) -> None:
        self._distance = distance
        self._power = power
        self.start = np.log([length])
        self.bounds = [(-1.0, 5.0)]

    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        distances: Numbers = self._distance(a, b) ** self._power
        return distances

    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        found: Numbers = np.exp(compared * (-0.5 * np.exp(-2 * logs[0])))
        return found

    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        scaled = compared * np.exp(-2 * logs[0])
        return np.array([np.vdot(weights, np.exp(-0.5 * scaled) * scaled)])


class Matern(Kernel):
    """Matérn kernel with smoothness 5/2 and one length for every decision that has a choice.

    Ordinal and numeric decisions are numbers in [0, 1] by the order of their options, categorical
    ones are one-hot (Rasmussen and Williams, 2006, eq. 4.17, https://gaussianprocess.org/gpml).

    Args:
        space: The search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._places = [i for i, n in enumerate(space.options) if n > 1]
        self._last = [
            0 if space.decisions[i].kind == "categorical" else space.options[i] - 1
            for i in self._places
        ]
        self.start = np.zeros(len(self._places))
        self.bounds = [(-3.0, 4.0)] * len(self._places)

    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        rows, columns = (np.array(x, dtype=np.int64).reshape(len(x), -1).T for x in (a, b))
        squares = np.empty((len(self._places), len(a), len(b)))
        for square, place, last in zip(squares, self._places, self._last, strict=True):
            difference = rows[place][:, None] - columns[place]
            square[:] = (difference / last) ** 2 if last else 2.0 * (difference != 0)
        return squares

    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        r = self._scaled(compared, logs)
        found: Numbers = (1 + r + r * r / 3) * np.exp(-r)
        return found

    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        r = self._scaled(compared, logs)
        factor = weights * (1 + r) * np.exp(-r)
        found: Numbers = (5 / 3) * np.exp(-2 * logs) * _weighted(compared, factor)
        return found

    @staticmethod
    def _scaled(compared: Numbers, logs: Numbers) -> Numbers:
        """Distances times the root of 5."""
        squares = np.tensordot(np.exp(-2 * logs), compared, axes=1)
        found: Numbers = _ROOT_5 * np.sqrt(squares)
        return found


def _weighted(compared: Numbers, factor: Numbers) -> Numbers:
    found: Numbers = compared.reshape(len(compared), factor.size) @ factor.reshape(-1)
    return found


class WeisfeilerLehman(Kernel):
    """Weisfeiler-Lehman subtree kernel, normalised; without parameters.

    The cosine of the counts of all neighbourhoods in two graphs, up to ``iterations`` edges in both
    directions (Shervashidze et al., 2011, https://jmlr.org/papers/v12/shervashidze11a.html).
    Without graphs see :func:`graph_of`.

    Args:
        space: The search space.
        iterations: Number of refinements of the labels.
    """

    def __init__(self, space: SearchSpace, iterations: int) -> None:
        self.iterations = iterations
        self._features = Features(space, Subtrees(iterations))
        self.start = np.zeros(0)
        self.bounds = []

    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        products, rows, columns = self._features.products(a, b)
        found: Numbers = products / np.sqrt(rows[:, None] * columns)
        return found

    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        return compared

    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        return np.zeros(0)


class Features:
    """Numbers of tokens in architectures, computed once for each, as sparse vectors.

    Args:
        space: The search space.
        tokens: Gives the tokens of an architecture and their numbers.
    """

    def __init__(self, space: SearchSpace, tokens: Tokens) -> None:
        self._space = space
        self._tokens = tokens
        self._columns: dict[Hashable, int] = {}
        self._rows: dict[Arch, _Row] = {}

    def products(self, a: Sequence[Arch], b: Sequence[Arch]) -> tuple[Numbers, Numbers, Numbers]:
        """Return inner products of two lists, and of each architecture with itself.

        Returns:
            Products of shape ``(len(a), len(b))``, then squared norms of shapes ``(len(a),)`` and
            ``(len(b),)``.
        """
        left, right = [self._row(arch) for arch in a], [self._row(arch) for arch in b]
        products = (self._matrix(left) @ self._matrix(right).T).toarray()
        rows, columns = (np.array([values @ values for _, values in x]) for x in (left, right))
        return products, rows, columns

    def distances(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        """Return squared Euclidean distances, shape ``(len(a), len(b))``."""
        products, rows, columns = self.products(a, b)
        return rows[:, None] + columns - 2 * products

    def _matrix(self, rows: Sequence[_Row]) -> csr_array:
        columns = np.concatenate([row[0] for row in rows])
        values = np.concatenate([row[1] for row in rows])
        ends = np.cumsum([0, *[len(row[0]) for row in rows]])
        return csr_array((values, columns, ends), shape=(len(rows), len(self._columns)))

    def _row(self, arch: Arch) -> _Row:
        row = self._rows.get(arch)
        if row is None:
            counts = self._tokens(self._space, arch)
            known = self._columns
            columns = [known.setdefault(token, len(known)) for token in counts]
            row = np.array(columns, dtype=np.int32), np.array(list(counts.values()), np.float64)
            self._rows[arch] = row
        return row


class Distance:
    """A distance between architectures that is the number of tokens not shared.

    Args:
        space: The search space.
        tokens: Gives the tokens of an architecture, each once.
        unit: Distance that a token counts.
    """

    def __init__(self, space: SearchSpace, tokens: Tokens, unit: float = 1.0) -> None:
        self._features = Features(space, tokens)
        self._unit = unit

    def __call__(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        """Return distances of shape ``(len(a), len(b))``."""
        return self._unit * self._features.distances(a, b)


def hamming(space: SearchSpace) -> Distance:
    """Return the number of differing decisions; for cells, ``adj`` of naszilla/naszilla."""
    return Distance(space, lambda _, arch: dict.fromkeys(enumerate(arch), 1), 0.5)


def edit(space: SearchSpace) -> Distance:
    """Return the number of edits between graphs: of edges, of nodes, and of operations.

    Nodes correspond by their number, outputs to each other. Without graphs it is :func:`hamming`.
    """
    return Distance(space, _parts, 0.5)


def path(space: SearchSpace) -> Distance:
    """Return the number of paths that only one of two architectures has, without ``none``.

    White et al. (2021), https://arxiv.org/abs/1910.11858; see :func:`nasbench.encodings.path`.

    Raises:
        InvalidArgumentError: The space has no graphs.
    """
    if space.graph(space.sample(Random(0))) is None:
        raise _no_paths(space)
    return Distance(space, _paths)


def degrees(space: SearchSpace) -> Distance:
    """Return the cheap distance of NASBOT in naszilla/naszilla (``nasbot_distance``).

    The differences of sorted in-degrees, sorted out-degrees and numbers of nodes with each
    operation are added. Where all graphs have the same edges, as in NAS-Bench-201, so is the number
    of nodes with another operation. Without graphs see :func:`graph_of`.
    """
    rng = Random(0)
    edges = {graph_of(space, space.sample(rng)).adjacency.tobytes() for _ in range(_SAMPLED)}
    return Distance(space, _degrees) if len(edges) > 1 else Distance(space, _in_place, 0.5)


def graph_of(space: SearchSpace, arch: Arch) -> Graph:
    """Return the graph of an architecture; without one, the chain of its decisions.

    Its nodes are labelled with decision and option, from an input to an output.
    """
    graph = space.graph(arch)
    if graph is not None:
        return graph
    labels = [f"{i}={option}" for i, option in enumerate(arch)]
    return Graph(np.eye(len(labels) + 2, k=1, dtype=np.bool_), ("input", *labels, "output"))


class Subtrees:
    """Counts the Weisfeiler-Lehman labels of the nodes of a graph, over all iterations.

    A label is the operation of a node, then that before with the sorted ones of all direct
    predecessors and successors, each replaced by a number.

    Args:
        iterations: Number of refinements of the labels.
    """

    def __init__(self, iterations: int) -> None:
        self._iterations = iterations
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, space: SearchSpace, arch: Arch) -> Mapping[Hashable, int]:
        graph, numbers = graph_of(space, arch), self._numbers
        before, after = neighbors(graph)
        labels = [numbers.setdefault(label, len(numbers)) for label in graph.labels]
        found: Counter[Hashable] = Counter(labels)
        for _ in range(self._iterations):
            refined = [
                (
                    label,
                    tuple(sorted([labels[u] for u in into])),
                    tuple(sorted([labels[u] for u in out])),
                )
                for label, into, out in zip(labels, before, after, strict=True)
            ]
            labels = [numbers.setdefault(label, len(numbers)) for label in refined]
            found.update(labels)
        return found


def neighbors(graph: Graph) -> tuple[list[list[int]], list[list[int]]]:
    """Return the direct predecessors of every node, and the direct successors."""
    n = len(graph.labels)
    before: list[list[int]] = [[] for _ in range(n)]
    after: list[list[int]] = [[] for _ in range(n)]
    for source, target in np.argwhere(graph.adjacency).tolist():
        before[target].append(source)
        after[source].append(target)
    return before, after


def _parts(space: SearchSpace, arch: Arch) -> Mapping[Hashable, int]:
    graph = graph_of(space, arch)
    last = len(graph.labels) - 1
    found: dict[Hashable, int] = {}
    for edge in np.argwhere(graph.adjacency).tolist():
        ends = tuple([-1 if node == last else node for node in edge])
        found[ends, 0] = found[ends, 1] = 1  # an edge counts as much as another operation
    for node in range(1, last):
        found[node] = found[node, graph.labels[node]] = 1
    return found


def _paths(space: SearchSpace, arch: Arch) -> Mapping[Hashable, int]:
    graph = space.graph(arch)
    if graph is None:
        raise _no_paths(space)
    arrived: list[set[tuple[str, ...]]] = [set() for _ in graph.labels]
    arrived[0].add(())
    for i, j in np.argwhere(graph.adjacency).tolist():
        label = graph.labels[i]
        if i == 0:
            arrived[j].add(())
        elif label != _NO_OPERATION:
            arrived[j].update([(*before, label) for before in arrived[i]])
        if len(arrived[j]) > _MAX_PATHS:
            raise InvalidArgumentError(
                f"an architecture of {space.name!r} has more than {_MAX_PATHS:,} paths"
            )
    return dict.fromkeys(arrived[-1], 1)


def _no_paths(space: SearchSpace) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{space.name!r} has no graph form, which paths need; possible are the kernels hamming, "
        "edit, matern, arc and wl"
    )


def _degrees(space: SearchSpace, arch: Arch) -> Mapping[Hashable, int]:
    graph = graph_of(space, arch)
    # A number k is the tokens 0..k-1, of which two numbers share as many as the smaller has.
    found: dict[Hashable, int] = {}
    for side in (0, 1):
        for place, degree in enumerate(sorted(graph.adjacency.sum(axis=side).tolist())[::-1]):
            found.update(dict.fromkeys([(side, place, k) for k in range(degree)], 1))
    for label, n in Counter(graph.labels[1:-1]).items():
        found.update(dict.fromkeys([(label, k) for k in range(n)], 1))
    return found


def _in_place(space: SearchSpace, arch: Arch) -> Mapping[Hashable, int]:
    found: dict[Hashable, int] = dict.fromkeys(enumerate(graph_of(space, arch).labels), 1)
    for token in _degrees(space, arch):
        found[token, 0] = found[token, 1] = 1  # as much as another operation, which is two tokens
    return found
