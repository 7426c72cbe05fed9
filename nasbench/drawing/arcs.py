"""Layout of graphs whose nodes are the edges of a cell: its nodes in a column, operations on arcs.

Such a graph is a line graph: its nodes are edges, and one leads to all that leave its target.
"""

from collections.abc import Sequence

from nasbench.drawing.scene import BOX_HEIGHT, DOT, Box, Line, Scene, arrow
from nasbench.space import Graph

_PITCH = 92
_MARGIN = 8


def edges_of(graph: Graph) -> list[tuple[int, int]] | None:
    """The source and the target of every node but the first and the last, as edges of a cell.

    Returns:
        Numbers of the nodes of the cell in topological order, from 0; None if the graph is not one
        of edges.
    """
    n = len(graph.labels)
    before = {v: frozenset(i for i in range(n) if graph.adjacency[i, v]) for v in range(1, n)}
    owner: dict[int, frozenset[int]] = {}  # of an edge: the edges into its target
    for edges in before.values():
        for edge in edges:
            if owner.setdefault(edge, edges) != edges:
                return None
    if any(v not in owner for v in range(1, n - 1)) or before.get(n - 1, frozenset()) & {0}:
        return None
    order = sorted({*before.values()}, key=lambda edges: (edges == before[n - 1], max(edges)))
    number = {edges: i for i, edges in enumerate(order)}
    found = [(number[before[v]], number[owner[v]]) for v in range(1, n - 1)]
    return found if all(source < target for source, target in found) else None


def arcs(edges: Sequence[tuple[int, int]], width: int) -> Scene:
    """Lay out a cell with operations on its edges, from top to bottom.

    Args:
        edges: Source and target of the edges; edge e shows node e + 1 of the graph.
        width: Width of a box.
    """
    depths = _depths(edges)
    step = width + 10
    left = min([0, *depths]) * step - width // 2 - _MARGIN
    right = max([0, *depths]) * step + width // 2 + _MARGIN
    last = max(target for _, target in edges)
    y = [_MARGIN + DOT + _PITCH * i for i in range(last + 1)]
    boxes = [Box(-left, at, 2 * DOT, -1) for at in y]  # numbered by their places in the list
    lines = []
    for number, ((source, target), depth) in enumerate(zip(edges, depths, strict=True), start=1):
        boxes.append(Box(-left + depth * step, (y[source] + y[target]) // 2, width, number))
        lines.append(Line(_arc(-left, y[source], y[target], depth * step), number))
    return Scene(right - left, y[-1] + DOT + _MARGIN, tuple(boxes), tuple(lines))


def _depths(edges: Sequence[tuple[int, int]]) -> list[int]:
    """How far every arc bends: 0 for none, below 0 to the left, above 0 to the right."""
    depths = [0] * len(edges)
    placed: list[int] = []
    for e in sorted(range(len(edges)), key=lambda e: (edges[e][1] - edges[e][0], edges[e][0], e)):
        (source, target), sides = edges[e], [0, 0]
        straight = target - source == 1
        for other in placed:
            a, b = edges[other]
            if source < b and a < target:
                straight = straight and depths[other] != 0
                side = depths[other] > 0
                sides[side] = max(sides[side], abs(depths[other]))
        if not straight:
            right = sides[1] < sides[0]
            depths[e] = sides[1] + 1 if right else -sides[0] - 1
        placed.append(e)
    return depths


def _arc(x: int, top: int, bottom: int, bend: int) -> str:
    if not bend:
        end = bottom - DOT - 1
        return f"M{x} {top + DOT}V{end}{arrow(x, end)}"
    side = 1 if bend > 0 else -1
    out, far = x + side * (DOT - 1), x + bend
    middle, half = (top + bottom) // 2, BOX_HEIGHT
    start, end = top + 5, bottom - 5
    head = f"M{out + side * 9} {end - 4}L{out} {end}L{out + side * 3} {end - 8}"
    return (
        f"M{out} {start}C{far} {start} {far} {start + half} {far} {middle}"
        f"C{far} {end - half} {far} {end} {out} {end}{head}"
    )
