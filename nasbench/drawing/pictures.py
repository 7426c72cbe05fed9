"""What is drawn of an architecture: the cells of its space, or its decisions in a row."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nasbench.drawing.arcs import arcs, edges_of
from nasbench.drawing.layers import SUM, layered
from nasbench.drawing.scene import Scene
from nasbench.space import Arch, Graph, SearchSpace

HUES = 8
"""Number of colours; where a space has more operations, they repeat."""
PLAIN = ("none", "identity", "skip", "skip_connect", "absent", "present")
"""Labels without a colour: what does nothing, or passes its input on."""

_LETTER = 7.3
_ROOM = 18
_WIDEST = 260


@dataclass(frozen=True, slots=True)
class Picture:
    """A cell of an architecture.

    Attributes:
        title: Which cell it is; empty if there is one only.
        scene: Where its parts are; it depends on the wiring of the cell alone.
        labels: Label of every node.
        idle: Which nodes no signal passes on its way from the input to the output.
    """

    title: str
    scene: Scene
    labels: tuple[str, ...]
    idle: tuple[bool, ...]


def pictures(space: SearchSpace, arch: Arch) -> list[Picture]:
    """The pictures of an architecture of a space.

    Of a space without graphs, one that shows the decisions in a row.

    Args:
        space: The space.
        arch: An architecture of it.
    """
    cells = space.cells(arch)
    if cells:
        return [picture(space, graph, title) for title, graph in cells.items()]
    labels = tuple(
        f"{decision.name}: {decision.labels[option]}"
        for decision, option in zip(space.decisions, arch, strict=True)
    )
    row = Graph(np.eye(len(labels), k=1, dtype=np.bool_), labels)
    widest = _width(f"{d.name}: {label}" for d in space.decisions for label in d.labels)
    return [Picture("", layered(row, widest), labels, (False,) * len(labels))]


def hues(space: SearchSpace) -> dict[str, int]:
    """A colour from 0 for every label of a space that has one, the same in all its pictures."""
    labels = dict.fromkeys(label for decision in space.decisions for label in decision.labels)
    coloured = [label for label in labels if label not in PLAIN and not label[:1].isdigit()]
    return {label: number % HUES for number, label in enumerate(coloured)}


def picture(space: SearchSpace, graph: Graph, title: str = "") -> Picture:
    """The picture of one cell.

    Args:
        space: The space; all its pictures have boxes of one width.
        graph: One of the graphs of :meth:`nasbench.space.SearchSpace.cells`.
        title: Its title.
    """
    labels = [*(label for d in space.decisions for label in d.labels), *graph.labels]
    width = _width(label for label in labels if label != SUM)
    edges = edges_of(graph) if graph.drawn == "edges" else None
    scene = layered(graph, width) if edges is None else arcs(edges, width)
    return Picture(title, scene, graph.labels, _idle(graph))


def _idle(graph: Graph) -> tuple[bool, ...]:
    n = len(graph.labels)
    first = [v for v in range(n) if not graph.adjacency[:, v].any()]
    open_ = [label != "none" for label in graph.labels]
    reached = [v in first and open_[v] for v in range(n)]
    for v in range(n):
        reached[v] |= open_[v] and any(reached[i] and graph.adjacency[i, v] for i in range(v))
    useful = [False] * (n - 1) + [True]
    for v in reversed(range(n - 1)):
        useful[v] = open_[v] and any(useful[j] and graph.adjacency[v, j] for j in range(v + 1, n))
    return tuple(not (a and b) for a, b in zip(reached, useful, strict=True))


def _width(labels: Iterable[str]) -> int:
    """Width of a box into which every label fits, unless it is very long."""
    longest = max(map(len, labels), default=0)
    return 2 * round(min(longest * _LETTER + _ROOM, _WIDEST) / 2)
