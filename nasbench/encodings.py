"""Architectures as arrays of numbers, for models that learn from them; one row an architecture.

Compared in White et al. (2020), "A Study on Neural Architecture Encodings",
https://arxiv.org/abs/2007.04965. :func:`one_hot` and :func:`unit_cube` exist for every space,
:func:`adjacency` and :func:`path` for those that have a graph form. What a column means depends on
the space alone, never on the architectures that are encoded together.
"""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from math import log1p, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, Graph, SearchSpace

NO_OPERATION = "none"

_DRAWS = 1_000
_MOST_PATHS = 100_000


def one_hot(space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]) -> NDArray[np.float32]:
    """One block of columns per decision, one column per option.

    Args:
        space: The space.
        archs: ``n`` architectures, or an ``(n, d)`` array of them.

    Returns:
        Zeros and ones of shape ``(n, sum(space.options))``.

    Raises:
        IllegalArchError: Something in ``archs`` is not in the ranges of the decisions.
    """
    rows = _rows(space, archs)
    first = np.cumsum((0, *space.options[:-1]))
    encoded = np.zeros((len(rows), sum(space.options)), dtype=np.float32)
    encoded[np.arange(len(rows))[:, None], first + rows] = 1
    return encoded


def unit_cube(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """One column per decision: option ``k`` of ``n`` is ``k / (n - 1)``, a lone option is 0.

    Only the order of the options enters, also where a decision has numeric values.

    Args:
        space: The space.
        archs: ``n`` architectures, or an ``(n, d)`` array of them.

    Returns:
        Numbers in [0, 1] of shape ``(n, d)``.

    Raises:
        IllegalArchError: Something in ``archs`` is not in the ranges of the decisions.
    """
    last = np.maximum(np.array(space.options) - 1, 1)
    scaled: NDArray[np.float32] = (_rows(space, archs) / last).astype(np.float32)
    return scaled


def adjacency(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """Which edges the graph has, then which operation each of its inner nodes carries.

    The edges are the upper triangle of the adjacency matrix, row by row. Every inner node has one
    block, one column per operation in the order of the operations' names. In a space whose graphs
    differ in size all are padded to the largest: nodes keep their number, the output moves to the
    end, what is missing is zero.

    In ``nb201`` the edges of the cell are the nodes of the graph, wired alike in every cell: the
    first 28 of the 58 columns are constant, the other 30 say the same as :func:`one_hot`.

    Args:
        space: A space with a graph form.
        archs: ``n`` legal architectures, or an ``(n, d)`` array of them.

    Returns:
        Zeros and ones of shape ``(n, m * (m - 1) / 2 + (m - 2) * n_operations)``, where ``m`` is
        the number of nodes of the largest graph.

    Raises:
        IllegalArchError: Something in ``archs`` is not in the ranges of the decisions.
        InvalidArgumentError: The space has no graph form.
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
) -> NDArray[np.float32]:
    """Which paths the graph has from input to output, a path being the operations along it.

    From BANANAS (White et al., 2021, https://arxiv.org/abs/1910.11858). The columns are those of
    :func:`path_vocabulary`, short paths first; a path that a graph has twice counts once. Long
    paths are many and each is rare, so the encoding is often truncated.

    Args:
        space: A space with a graph form.
        archs: ``n`` legal architectures, or an ``(n, d)`` array of them.
        length: How many columns to keep, from the first; None for all.

    Returns:
        Zeros and ones of shape ``(n, n_paths)``, or ``(n, min(length, n_paths))``.

    Raises:
        IllegalArchError: Something in ``archs`` is not in the ranges of the decisions.
        InvalidArgumentError: The space has no graph form or too many paths, or ``length`` is
            below 1.
    """
    if length is not None and length < 1:
        raise InvalidArgumentError(f"length is {length}, possible are 1, 2, … and None for all")
    rows = _rows(space, archs)
    column = {labels: i for i, labels in enumerate(path_vocabulary(space))}
    encoded = np.zeros((len(rows), len(column)), dtype=np.float32)
    for row, arch in enumerate(rows.tolist()):
        graph = _graph(space, tuple(arch))
        found = _paths(space, graph.adjacency, [(label,) for label in graph.labels])
        if not column.keys() >= found:
            raise _no_column(space, arch)
        encoded[row, [column[labels] for labels in found]] = 1
    return encoded[:, :length].copy()


def path_statistics(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]
) -> NDArray[np.float32]:
    """How often operations occur on the paths from input to output; for graphs of any size.

    For every operation of the space, in the order of their names: how many nodes on a path carry
    it, how many at most one path has of them, and how many it has on average over all paths; then
    the longest path, the mean length of a path, and the logarithm of one plus the number of paths.
    Nothing passes through the operation ``none``.

    Args:
        space: A space with a graph form.
        archs: ``n`` legal architectures, or an ``(n, d)`` array of them.

    Returns:
        Numbers of shape ``(n, 3 * n_operations + 3)``.

    Raises:
        IllegalArchError: Something in ``archs`` is not in the ranges of the decisions.
        InvalidArgumentError: The space has no graph form, or a graph has an operation that no
            sampled one has.
    """
    rows, union = _rows(space, archs), _union(space)
    names = sorted(set().union(*union.labels[1:-1]) - {NO_OPERATION})
    column = {name: i for i, name in enumerate(names)}
    encoded = np.zeros((len(rows), 3 * len(names) + 3), dtype=np.float32)
    for row, arch in enumerate(rows.tolist()):
        graph = _graph(space, tuple(arch))
        if not column.keys() >= set(graph.labels[1:-1]) - {NO_OPERATION}:
            raise _no_column(space, arch)
        encoded[row] = _path_statistics(graph, column)
    return encoded


def _path_statistics(graph: Graph, column: dict[str, int]) -> list[float]:
    n, last = len(column), len(graph.labels) - 1
    sources = [np.flatnonzero(graph.adjacency[:, j]).tolist() for j in range(last + 1)]
    passes = [label in column for label in graph.labels]
    passes[0] = passes[last] = True
    useful = {last}
    for j in range(last, 0, -1):
        if j in useful:
            useful.update(i for i in sources[j] if passes[i])
    # Of the paths from the input to a node: their number, for every operation the most of it on one
    # path and the sum over all, then the same of the length
    paths = [1] + [0] * last
    most = [[0] * (n + 1) for _ in range(last + 1)]
    total = [[0] * (n + 1) for _ in range(last + 1)]
    nodes = [0] * n
    for j in range(1, last + 1):
        arriving = [i for i in sources[j] if paths[i]]
        if j not in useful or not arriving:
            continue
        paths[j] = sum(paths[i] for i in arriving)
        most[j] = [max(values) for values in zip(*(most[i] for i in arriving), strict=True)]
        total[j] = [sum(values) for values in zip(*(total[i] for i in arriving), strict=True)]
        if j < last:
            k = column[graph.labels[j]]
            nodes[k] += 1
            for place in (k, n):
                most[j][place] += 1
                total[j][place] += paths[j]
    mean = [value / max(paths[last], 1) for value in total[last]]
    return [*nodes, *most[last][:n], *mean[:n], most[last][n], mean[n], log1p(paths[last])]


ENCODINGS: dict[str, Callable[..., NDArray[np.float32]]] = {
    "one_hot": one_hot,
    "unit_cube": unit_cube,
    "adjacency": adjacency,
    "path": path,
    "path_statistics": path_statistics,
}


def encode(
    space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer], encodings: Sequence[str]
) -> NDArray[np.float32]:
    """Several encodings side by side, shape ``(n, n_columns)``.

    Raises:
        UnknownNameError: No encoding has such a name.
        InvalidArgumentError: None is named, or the space lacks what one of them needs.
        IllegalArchError: Something in ``archs`` is not in the space.
    """
    if not encodings:
        raise InvalidArgumentError(f"no encoding is named{one_of('', ENCODINGS)}")
    for name in encodings:
        if name not in ENCODINGS:
            raise UnknownNameError(f"no encoding is called {name!r}{one_of(name, ENCODINGS)}")
    return np.concatenate([ENCODINGS[name](space, archs) for name in encodings], axis=1)


@cache
def path_vocabulary(space: SearchSpace) -> tuple[tuple[str, ...], ...]:
    """Every path that :func:`path` has a column for, by length, then by names of operations.

    A path is the operations between input and output. One through the operation ``none`` does not
    exist, since nothing passes there; a skip is an operation like any other. So ``nb201``, where a
    path has one, two or three edges and four operations let a signal pass, has 4 + 4**2 + 4**3 = 84
    paths; the 155 of other implementations count ``none`` as a fifth. A disconnected cell has no
    path and is encoded as zeros.

    Raises:
        InvalidArgumentError: The space has no graph form, or too many paths.
    """
    union = _union(space)
    return tuple(
        sorted(
            _paths(space, union.adjacency, union.labels), key=lambda labels: (len(labels), labels)
        )
    )


def labels(space: SearchSpace) -> tuple[str, ...]:
    """Labels of nodes that the graphs of a space have, sorted, those of input and output included.

    Raises:
        InvalidArgumentError: The space has no graph form.
    """
    return tuple(sorted(set().union(*_union(space).labels)))


@dataclass(frozen=True, slots=True)
class _Union:
    """The graphs of a space laid over each other, inputs on inputs and outputs on outputs.

    Attributes:
        adjacency: Boolean array of shape ``(m, m)``: edges that some architecture has.
        labels: For each of the ``m`` nodes the labels that it has in some architecture.
    """

    adjacency: NDArray[np.bool_]
    labels: tuple[frozenset[str], ...]


@cache
def _union(space: SearchSpace) -> _Union:
    """Overlay of all graphs of a small space, of 1,000 drawn with a fixed seed in a large one."""
    rng = random.Random(0)
    small = prod(space.options) <= _DRAWS
    archs = space.archs() if small else (space.sample(rng) for _ in range(_DRAWS))
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
    """Where the nodes of a graph lie among ``m``: the output last, the others at their number."""
    return [*range(len(graph.labels) - 1), m - 1]


def _paths(
    space: SearchSpace, edges: NDArray[np.bool_], labels: Sequence[Collection[str]]
) -> set[tuple[str, ...]]:
    """Labels of all paths from the first to the last node, each node with any of its labels."""
    arrived: list[set[tuple[str, ...]]] = [set() for _ in labels]
    sources, targets = np.nonzero(edges)
    for i, j in zip(sources.tolist(), targets.tolist(), strict=True):
        if i == 0:
            arrived[j].add(())
            continue
        for label in labels[i]:
            if label != NO_OPERATION:
                arrived[j].update([(*before, label) for before in arrived[i]])
        if len(arrived[j]) > _MOST_PATHS:
            raise InvalidArgumentError(
                f"{space.name!r} has more than {_MOST_PATHS:,} paths, too many for a column each; "
                "possible are one_hot, unit_cube and adjacency"
            )
    return arrived[-1]


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
        f"the graph of {tuple(arch)} has a node or path that none of {_DRAWS:,} other tuples of "
        f"{space.name!r} has, and so no column; possible are one_hot and unit_cube"
    )


def _rows(space: SearchSpace, archs: Sequence[Arch] | NDArray[np.integer]) -> NDArray[np.int64]:
    """The architectures as an ``(n, d)`` array, every option in its range."""
    try:
        rows: NDArray[Any] = np.asarray(archs)
    except ValueError as error:
        raise IllegalArchError(f"architectures of different lengths: {error}") from error
    if rows.shape[:1] == (0,):
        return np.zeros((0, len(space.options)), dtype=np.int64)
    if rows.shape[1:] != (len(space.options),) or rows.dtype.kind not in "iu":
        raise IllegalArchError(
            f"architectures of {space.name!r} are integers of shape (n, {len(space.options)}); "
            f"given are {rows.dtype} of shape {rows.shape}"
        )
    outside = ((rows < 0) | (rows >= np.array(space.options))).any(axis=1)
    if outside.any():
        space.check(rows[outside][0].tolist())
    return rows.astype(np.int64)
