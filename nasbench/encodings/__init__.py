"""Architectures as arrays of numbers for models that learn from them, one row per architecture.

White et al. (2020), "A Study on Neural Architecture Encodings", https://arxiv.org/abs/2007.04965,
compare encodings. :func:`one_hot` and :func:`unit_cube` work for every space, :func:`adjacency`,
:func:`path` and :func:`path_statistics` for spaces with graphs. The meaning of a column depends
only on the space, never on the architectures that are encoded together.

>>> from nasbench.encodings import encode, one_hot
>>> from nasbench.spaces.nb201 import NB201
>>> space = NB201()
>>> archs = [(3, 0, 1, 0, 0, 4), (1, 1, 1, 1, 1, 1)]
>>> one_hot(space, archs).shape
(2, 30)
>>> encode(space, archs, ["unit_cube", "path"]).shape
(2, 90)
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings.paths import NO_OPERATION, path_numbers, paths_between
from nasbench.errors import IllegalArchError, InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, Graph, SearchSpace

_ENUMERATED = 10_000
_SAMPLED = 1_000


def one_hot(space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]) -> NDArray[np.float32]:
    """Encode every decision as a block of columns, one column per option.

    Args:
        space: The search space.
        archs: ``n`` architectures, or integers of shape ``(n, d)``.

    Returns:
        Zeros and ones of shape ``(n, sum(space.options))``.

    Raises:
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
    """
    rows = _rows(space, archs)
    first = np.cumsum((0, *space.options[:-1]))
    encoded = np.zeros((len(rows), sum(space.options)), dtype=np.float32)
    encoded[np.arange(len(rows))[:, None], first + rows] = 1
    return encoded


def unit_cube(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Encode every decision as one number: option ``k`` of ``n`` is ``k / (n - 1)``.

    Only the order of the options counts, even if the decision has numeric values. A decision with a
    single option is 0.

    Args:
        space: The search space.
        archs: ``n`` architectures, or integers of shape ``(n, d)``.

    Returns:
        Numbers in [0, 1] of shape ``(n, d)``.

    Raises:
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
    """
    last = np.maximum(np.array(space.options) - 1, 1)
    scaled: NDArray[np.float32] = (_rows(space, archs) / last).astype(np.float32)
    return scaled


def adjacency(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Encode which edges the graph has and which operation each inner node carries.

    The edges are the upper triangle of the adjacency matrix, row by row. They are followed by one
    block per inner node, with one column per operation in alphabetical order. If the graphs of a
    space differ in size, all are padded to the largest: nodes keep their number, the output moves
    to the end, and what is missing is zero.

    In ``nb201`` the edges of the cell are the nodes of the graph, wired alike in every cell: the
    first 28 of the 58 columns are constant, and the other 30 equal :func:`one_hot` up to their
    order.

    Args:
        space: A space whose architectures have graphs.
        archs: ``n`` legal architectures, or integers of shape ``(n, d)``.

    Returns:
        Zeros and ones of shape ``(n, m * (m - 1) / 2 + (m - 2) * n_operations)``, where ``m`` is
        the number of nodes of the largest graph.

    Raises:
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
        InvalidArgumentError: The space has no graphs, or a graph has a node that no sampled graph
            has.
    """
    rows, union = _rows(space, archs), _union(space)
    m = len(union.labels)
    column = {x: i for i, x in enumerate(sorted(set().union(*union.labels[1:-1])))}
    edges = np.zeros((len(rows), m, m), dtype=np.float32)
    nodes = np.zeros((len(rows), m, len(column)), dtype=np.float32)
    for row, arch in enumerate(rows.tolist()):
        graph = _graph(space, tuple(arch))
        inner = graph.labels[1:-1]
        if len(inner) > m - 2 or not column.keys() >= set(inner):
            raise _no_column(space, arch)
        slots = _slots(graph, m)
        edges[row][np.ix_(slots, slots)] = graph.adjacency
        nodes[row, slots[1:-1], [column[label] for label in inner]] = 1
    above = np.triu_indices(m, 1)
    operations = nodes[:, 1:-1].reshape(len(rows), (m - 2) * len(column))
    return np.concatenate([edges[:, *above], operations], axis=1)


def path(
    space: SearchSpace,
    archs: Sequence[Arch] | NDArray[np.integer],
    *,
    length: int | None = None,
    through_none: bool = False,
) -> NDArray[np.float32]:
    """Encode which paths lead from input to output; a path is the sequence of its operations.

    From BANANAS (White et al., 2021, https://arxiv.org/abs/1910.11858). The columns are those of
    :func:`path_vocabulary`, short paths first; a path that occurs twice counts once. Since long
    paths are numerous and rare, the encoding is often truncated.

    Args:
        space: A space whose architectures have graphs.
        archs: ``n`` legal architectures, or integers of shape ``(n, d)``.
        length: Number of columns to keep; None for all.
        through_none: Whether ``none`` is an operation like any other, as in naszilla and NASLib: in
            ``nb201`` there are then 5 + 5**2 + 5**3 = 155 paths, up to four of them in a cell. This
            is the encoding ``"path_through_none"``. Where no node is ``none``, nothing changes.

    Returns:
        Zeros and ones of shape ``(n, n_paths)``, or ``(n, min(length, n_paths))``.

    Raises:
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
        InvalidArgumentError: The space has no graphs or too many paths, a graph has a path that no
            sampled graph has, or ``length`` is below 1.
    """
    if length is not None and length < 1:
        raise InvalidArgumentError(f"length is {length}, but must be at least 1, or None for all")
    rows = _rows(space, archs)
    column = {labels: i for i, labels in enumerate(path_vocabulary(space, through_none))}
    encoded = np.zeros((len(rows), len(column)), dtype=np.float32)
    for row, arch in enumerate(rows.tolist()):
        graph = _graph(space, tuple(arch))
        labels = [(label,) for label in graph.labels]
        found = paths_between(space, graph.adjacency, labels, through_none)
        if not column.keys() >= found:
            raise _no_column(space, arch)
        encoded[row, [column[labels] for labels in found]] = 1
    return encoded[:, :length].copy()


def path_statistics(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Encode how often operations occur on the paths from input to output, for graphs of any size.

    For every operation of the space, in alphabetical order: the number of nodes on paths that carry
    it, its maximum number on one path, and its mean number over all paths. Then the length of the
    longest path, the mean length, and the logarithm of one plus the number of paths. No path passes
    through the operation ``none``.

    Args:
        space: A space whose architectures have graphs.
        archs: ``n`` legal architectures, or integers of shape ``(n, d)``.

    Returns:
        Numbers of shape ``(n, 3 * n_operations + 3)``: all node counts, all maxima, all means, then
        the last three.

    Raises:
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
        InvalidArgumentError: The space has no graphs, or a graph has an operation that no sampled
            graph has.
    """
    rows, union = _rows(space, archs), _union(space)
    names = sorted(set().union(*union.labels[1:-1]) - {NO_OPERATION})
    column = {name: i for i, name in enumerate(names)}
    encoded = np.zeros((len(rows), 3 * len(names) + 3), dtype=np.float32)
    for row, arch in enumerate(rows.tolist()):
        graph = _graph(space, tuple(arch))
        if not column.keys() >= set(graph.labels[1:-1]) - {NO_OPERATION}:
            raise _no_column(space, arch)
        encoded[row] = path_numbers(graph, column)
    return encoded


ENCODINGS: dict[str, Callable[..., NDArray[np.float32]]] = {
    "one_hot": one_hot,
    "unit_cube": unit_cube,
    "adjacency": adjacency,
    "path": path,
    "path_through_none": partial(path, through_none=True),
    "path_statistics": path_statistics,
}


def encode(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer], encodings: Sequence[str]
) -> NDArray[np.float32]:
    """Put several encodings side by side.

    Args:
        space: The search space.
        archs: ``n`` architectures, or integers of shape ``(n, d)``.
        encodings: Names from :data:`ENCODINGS`.

    Returns:
        Numbers of shape ``(n, n_columns)``.

    Raises:
        UnknownNameError: There is no encoding of such a name.
        InvalidArgumentError: No encoding is given, or the space does not support one of them.
        IllegalArchError: ``archs`` has the wrong shape or an option out of range.
    """
    if not encodings:
        raise InvalidArgumentError(f"no encoding is given{one_of('', ENCODINGS)}")
    for name in encodings:
        if name not in ENCODINGS:
            raise UnknownNameError(f"no encoding is called {name!r}{one_of(name, ENCODINGS)}")
    return np.concatenate([ENCODINGS[name](space, archs) for name in encodings], axis=1)


@cache
def path_vocabulary(space: SearchSpace, through_none: bool = False) -> tuple[tuple[str, ...], ...]:
    """Return all paths that :func:`path` has a column for, by length, then alphabetically.

    A path is the sequence of operations between input and output. No path passes through the
    operation ``none``; a skip is an operation like any other. So ``nb201``, where a path has one,
    two or three edges and four operations pass a signal on, has 4 + 4**2 + 4**3 = 84 paths; other
    implementations have 155 because they count ``none`` as a fifth. A disconnected cell has no path
    and is encoded as zeros.

    Args:
        space: The search space.
        through_none: Whether ``none`` is an operation like any other.

    Raises:
        InvalidArgumentError: The space has no graphs or too many paths.
    """
    union = _union(space)
    return tuple(
        sorted(
            paths_between(space, union.adjacency, union.labels, through_none),
            key=lambda labels: (len(labels), labels),
        )
    )


def labels(space: SearchSpace) -> tuple[str, ...]:
    """Return all labels of nodes in the graphs of a space, sorted, including input and output.

    Raises:
        InvalidArgumentError: The space has no graphs.
    """
    return tuple(sorted(set().union(*_union(space).labels)))


@dataclass(frozen=True, slots=True)
class _Union:
    """The graphs of a space laid on top of each other, inputs on inputs and outputs on outputs.

    Attributes:
        adjacency: Boolean array of shape ``(m, m)``: edges that some architecture has.
        labels: For each of the ``m`` nodes, the labels that it has in some architecture.
    """

    adjacency: NDArray[np.bool_]
    labels: tuple[frozenset[str], ...]


@cache
def _union(space: SearchSpace) -> _Union:
    """Overlay all graphs of a space of at most 10,000 tuples.

    Of a larger one, those of 1,000 samples (seed 0) and of :meth:`SearchSpace.rare_graphs`; of a
    part of a space, or another notation of it, those of the whole.
    """
    if space.whole is not None:
        return _union(space.whole)
    rng = random.Random(0)
    if prod(space.options) <= _ENUMERATED:
        archs: Iterable[Arch] = space.archs()
    else:
        archs = chain((space.sample(rng) for _ in range(_SAMPLED)), space.rare_graphs())
    graphs = [_graph(space, arch) for arch in archs]
    m = max(len(graph.labels) for graph in graphs)
    edges = np.zeros((m, m), dtype=np.bool_)
    labels: list[set[str]] = [set() for _ in range(m)]
    for graph in graphs:
        slots = _slots(graph, m)
        edges[np.ix_(slots, slots)] |= graph.adjacency
        for slot, label in zip(slots, graph.labels, strict=True):
            labels[slot].add(label)
    return _Union(edges, tuple(frozenset(names) for names in labels))


def _slots(graph: Graph, m: int) -> list[int]:
    """Place the nodes of a graph among ``m``: the output last, the others at their numbers."""
    return [*range(len(graph.labels) - 1), m - 1]


def _graph(space: SearchSpace, arch: Arch) -> Graph:
    graph = space.graph(arch)
    if graph is None:
        raise InvalidArgumentError(
            f"{space.name!r} has no graph form, which the encodings adjacency and path need; "
            "possible are one_hot and unit_cube"
        )
    return graph


def _no_column(space: SearchSpace, arch: Sequence[int]) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the graph of {tuple(arch)} has a node or path that none of {_SAMPLED:,} sampled tuples "
        f"of {space.name!r} has, and so no column; possible are one_hot and unit_cube"
    )


def _rows(space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Return architectures as an array of shape ``(n, d)``, every option in range."""
    try:
        rows: NDArray[Any] = np.asarray(archs)
    except ValueError as error:
        raise IllegalArchError(f"architectures of different lengths: {error}") from error
    if rows.shape[:1] == (0,):
        return np.zeros((0, len(space.options)), dtype=np.int64)
    if rows.shape[1:] != (len(space.options),) or rows.dtype.kind not in "iu":
        raise IllegalArchError(
            f"architectures of {space.name!r} are integers of shape (n, {len(space.options)}), "
            f"not {rows.dtype} of shape {rows.shape}"
        )
    outside = ((rows < 0) | (rows >= np.array(space.options))).any(axis=1)
    if outside.any():
        space.check(rows[outside][0].tolist())
    return rows.astype(np.int64)
