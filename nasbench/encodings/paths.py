"""Paths from the input to the output of a graph, which encodings list and count."""

from collections.abc import Collection, Mapping, Sequence
from math import log1p

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError
from nasbench.space import Graph, SearchSpace

NO_OPERATION = "none"
"""Label of a node that passes nothing on."""

_MAX_PATHS = 100_000


def paths_between(
    space: SearchSpace,
    edges: NDArray[np.bool_],
    labels: Sequence[Collection[str]],
    through_none: bool,
) -> set[tuple[str, ...]]:
    """Find all paths from the first to the last node as sequences of labels.

    Args:
        space: The space, for messages.
        edges: Adjacency matrix, shape ``(n, n)``.
        labels: Labels of every node; it contributes each of them in turn.
        through_none: Whether paths pass through :data:`NO_OPERATION`.

    Raises:
        InvalidArgumentError: There are too many.
    """
    arrived: list[set[tuple[str, ...]]] = [set() for _ in labels]
    sources, targets = np.nonzero(edges)
    for i, j in zip(sources.tolist(), targets.tolist(), strict=True):
        if i == 0:
            arrived[j].add(())
            continue
        for label in labels[i]:
            if through_none or label != NO_OPERATION:
                arrived[j].update([(*before, label) for before in arrived[i]])
        if len(arrived[j]) > _MAX_PATHS:
            raise InvalidArgumentError(
                f"{space.name!r} has more than {_MAX_PATHS:,} paths, too many for one column each; "
                "possible are one_hot, unit_cube and adjacency"
            )
    return arrived[-1]


def path_numbers(graph: Graph, column: Mapping[str, int]) -> list[float]:
    """Count operations on the paths of a graph, for :func:`nasbench.encodings.path_statistics`.

    Args:
        graph: The graph.
        column: Number of every operation that passes a signal on.

    Returns:
        One row of that encoding.
    """
    n, last = len(column), len(graph.labels) - 1
    sources = [np.flatnonzero(graph.adjacency[:, j]).tolist() for j in range(last + 1)]
    passes = [label in column for label in graph.labels]
    passes[0] = passes[last] = True
    useful = {last}
    for j in range(last, 0, -1):
        if j in useful:
            useful.update(i for i in sources[j] if passes[i])
    # Over the paths from the input to each node: their number, and for every operation (the last
    # place counts the length) the maximum on one path and the sum over all paths
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
