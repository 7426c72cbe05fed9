"""Layered layout: every node below its sources, lines to one target joined on their way.

After Sugiyama, Tagawa and Toda (1981), https://doi.org/10.1109/TSMC.1981.4308636: layers by longest
paths, few crossings by barycentres, long lines through places of their own.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from nasbench.drawing.scene import BOX_HEIGHT, DOT, Box, Line, Scene, arrow
from nasbench.space import Graph

SUM = "sum"
"""Label of a node that only adds what it gets; it is drawn as a circle."""

_PITCH = 56
_GAP = 16
_LANE = 16
_MARGIN = 8
_SWEEPS = 12

_Place: TypeAlias = tuple[int, int]
"""A node as ``(node, -1)``, or a place in a layer that a line to a target passes, as
``(target, layer)``."""
_Links: TypeAlias = Mapping[_Place, Sequence[_Place]]


def layered(graph: Graph, width: int) -> Scene:
    """Lay out a graph from top to bottom.

    Args:
        graph: At least one node, in topological order.
        width: Width of a box.
    """
    n = len(graph.labels)
    sources = [[i for i in range(j) if graph.adjacency[i, j]] for j in range(n)]
    layers = _layers(sources)
    links = _links(sources, layers)
    rows = _ordered(_rows(links, layers), links)
    size = {place: _size(place, graph, width) for row in rows for place in row}
    across = _across(rows, links, size)
    left = min(across[place] - size[place] / 2 for place in across) - _MARGIN
    x = {place: round(across[place] - left) for place in across}
    right = max(x[place] + size[place] / 2 for place in across) + _MARGIN
    middle = _MARGIN + BOX_HEIGHT // 2
    y = {place: middle + _PITCH * number for number, row in enumerate(rows) for place in row}
    boxes = tuple(
        Box(x[p], y[p], size[p], p[0]) for p in sorted(p for row in rows for p in row if p[1] < 0)
    )
    lines = [
        _line(x[a], y[a] + _half(a, size), x[b], y[b] - _half(b, size), passes=b[1] >= 0)
        for a, following in links.items()
        for b in following
    ]
    height = middle + _PITCH * (len(rows) - 1) + BOX_HEIGHT // 2 + _MARGIN
    return Scene(round(right), height, boxes, tuple(lines))


def _layers(sources: Sequence[Sequence[int]]) -> list[int]:
    """The layer of every node: below its sources; a link of a chain right above its target."""
    n = len(sources)
    targets: list[list[int]] = [[j for j in range(n) if i in sources[j]] for i in range(n)]
    layers = [0] * n
    for j in range(n):
        layers[j] = max((layers[i] + 1 for i in sources[j]), default=0)
    layers[-1] = max(layers)
    for j in reversed(range(n)):
        if len(sources[j]) == 1 and len(targets[j]) == 1:
            layers[j] = layers[targets[j][0]] - 1
    return layers


def _links(sources: Sequence[Sequence[int]], layers: Sequence[int]) -> dict[_Place, list[_Place]]:
    links: dict[_Place, list[_Place]] = {(v, -1): [] for v in range(len(sources))}
    for target, before in enumerate(sources):
        for source in before:
            place = (source, -1)
            for layer in range(layers[source] + 1, layers[target] + 1):
                following = (target, layer if layer < layers[target] else -1)
                if following not in links.setdefault(place, []):
                    links[place].append(following)
                place = following
    return links


def _rows(links: _Links, layers: Sequence[int]) -> list[list[_Place]]:
    rows: list[list[_Place]] = [[] for _ in range(max(layers) + 1)]
    seen: set[_Place] = set()

    def visit(place: _Place) -> None:
        if place not in seen:
            seen.add(place)
            rows[layers[place[0]] if place[1] < 0 else place[1]].append(place)
            for following in links[place]:
                visit(following)

    for node in range(len(layers)):
        visit((node, -1))
    return rows


def _ordered(rows: list[list[_Place]], links: _Links) -> list[list[_Place]]:
    """Rows in the order with the fewest crossings that some sweeps down and up find."""
    before: dict[_Place, list[_Place]] = {place: [] for place in links}
    for place, following in links.items():
        for other in following:
            before[other].append(place)
    best, fewest = rows, _crossings(rows, links)
    for sweep in range(_SWEEPS):
        rows = [list(row) for row in rows]
        down = sweep % 2 == 0
        near = before if down else links
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for number in order:
            fixed = {p: i for i, p in enumerate(rows[number - 1 if down else number + 1])}
            rows[number] = _by_barycentre(rows[number], near, fixed)
        if (found := _crossings(rows, links)) < fewest:
            best, fewest = rows, found
    return best


def _by_barycentre(
    row: Sequence[_Place], near: _Links, fixed: Mapping[_Place, int]
) -> list[_Place]:
    key = {}
    for i, place in enumerate(row):
        at = [fixed[other] for other in near[place] if other in fixed]
        key[place] = (sum(at) / len(at) if at else float(i), i)
    return sorted(row, key=key.__getitem__)


def _crossings(rows: Sequence[Sequence[_Place]], links: _Links) -> int:
    crossings = 0
    for number, row in enumerate(rows[:-1]):
        at = {place: i for i, place in enumerate(rows[number + 1])}
        ends = [(i, at[b]) for i, a in enumerate(row) for b in links[a]]
        crossings += sum(a < c and b > d for a, b in ends for c, d in ends)
    return crossings


def _across(
    rows: Sequence[Sequence[_Place]], links: _Links, size: Mapping[_Place, int]
) -> dict[_Place, float]:
    """A coordinate of every place: in the order of its row, near those that it is linked to."""
    near: dict[_Place, list[_Place]] = {place: list(links[place]) for place in links}
    for place, following in links.items():
        for other in following:
            near[other].append(place)
    x: dict[_Place, float] = {}
    for row in rows:
        _spread(row, dict.fromkeys(row, 0.0), size, x)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {
                p: sum(x[o] for o in near[p]) / len(near[p]) if near[p] else x[p] for p in row
            }
            _spread(row, wanted, size, x)
    return x


def _spread(
    row: Sequence[_Place],
    wanted: Mapping[_Place, float],
    size: Mapping[_Place, int],
    x: dict[_Place, float],
) -> None:
    """Place a row as near to where its places want to be as their order and sizes allow.

    Neighbours that overlap form a block, which lies around the mean of what its members want.
    """
    offset, offsets = 0.0, []
    for i, place in enumerate(row):
        if i:
            offset += (size[row[i - 1]] + size[place]) / 2 + _GAP
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []  # sum of wanted starts, number of members
    for place, at in zip(row, offsets, strict=True):
        total, count = wanted[place] - at, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    for place, at, start in zip(row, offsets, starts, strict=True):
        x[place] = start + at


def _size(place: _Place, graph: Graph, width: int) -> int:
    if place[1] >= 0:
        return _LANE
    return 2 * DOT if graph.labels[place[0]] == SUM else width


def _half(place: _Place, size: Mapping[_Place, int]) -> int:
    return DOT if place[1] < 0 and size[place] == 2 * DOT else BOX_HEIGHT // 2


def _line(x1: int, y1: int, x2: int, y2: int, *, passes: bool) -> Line:
    end = y2 if passes else y2 - 1
    bend = (y1 + y2) // 2
    path = f"M{x1} {y1}"
    path += f"V{end}" if x1 == x2 else f"C{x1} {bend} {x2} {bend} {x2} {end}"
    return Line(path + (f"V{y2 + BOX_HEIGHT}" if passes else arrow(x2, end)))
