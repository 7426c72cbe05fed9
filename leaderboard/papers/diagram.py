"""Draws critical-difference diagrams (Demšar, 2006, JMLR 7) with matplotlib."""

import math
from collections.abc import Sequence
from typing import Any

from leaderboard.papers.styles import looks
from leaderboard.papers.verdicts import Diagram
from nasbench.errors import InvalidArgumentError

_ROW, _BAR, _LETTER, _GAP = 0.15, 0.075, 0.052, 0.05
_LEAST = 0.45
_SHORTEST = 0.5


def draw_diagrams(figure: Any, diagrams: Sequence[Diagram], width: float) -> None:
    """Fill an empty figure with diagrams, one above the other.

    Args:
        figure: A ``matplotlib.figure.Figure`` with constrained layout.
        diagrams: What to draw.
        width: Width of the figure in inches.
    """
    heights = [
        0.6 + _BAR * len(one.groups) + _ROW * (1 + max(row for _, row in _rows(one, width)))
        for one in diagrams
    ]
    figure.set_size_inches(width, sum(heights))
    axes = figure.subplots(len(diagrams), 1, squeeze=False, height_ratios=heights).ravel()
    for ax, diagram, height in zip(axes, diagrams, heights, strict=True):
        _draw(ax, diagram, width, height)


def _side(diagram: Diagram) -> float:
    """Inches that the longest label takes."""
    return _LETTER * (5 + max(map(len, diagram.ranks))) + 0.2


def _rows(diagram: Diagram, width: float) -> list[tuple[bool, int]]:
    """For each method whether its label stands on the left, and in which row.

    Half of the labels stand on each side, if that leaves enough for the line between them; else
    all on the right, the best method in the lowest row.
    """
    n = len(diagram.ranks)
    if width - 2 * _side(diagram) < _LEAST * width:
        return [(False, n - 1 - place) for place in range(n)]
    half = math.ceil(n / 2)
    return [(place < half, min(place, n - 1 - place)) for place in range(n)]


def _draw(ax: Any, diagram: Diagram, width: float, height: float) -> None:
    """Ranks from left to right; inches below the line run downwards."""
    ranks = {label: rank.mean for label, rank in diagram.ranks.items()}
    rows = _rows(diagram, width)
    both, n = rows[0][0], len(ranks)
    left, right = (_side(diagram) if both else 0.15), _side(diagram)
    if (line := width - left - right) < _SHORTEST:
        longest = max(ranks, key=len)
        raise InvalidArgumentError(
            f"a figure {width:g} inches wide has no room for ranks beside the label {longest!r}: "
            "choose a wider one, or fewer methods"
        )
    inch = (n - 1) / line  # ranks in an inch
    ax.set_xlim(1 - left * inch, n + right * inch)
    ax.set_ylim(height - 0.5, -0.26)
    ax.axis("off")
    ax.set_title(diagram.title)
    ax.plot([1, n], [0, 0], color="black", linewidth=0.8)
    step = max(1, math.ceil(n / 10))
    for tick in range(1, n + 1, step):
        ax.plot([tick, tick], [0, -0.05], color="black", linewidth=0.8)
        ax.text(tick, -0.07, str(tick), ha="center", va="bottom", fontsize=6.5)
    for place, group in enumerate(diagram.groups):
        ends = [ranks[group[0]] - 0.04 * inch, ranks[group[-1]] + 0.04 * inch]
        depth = 0.08 + place * _BAR
        (bar,) = ax.plot(ends, [depth, depth], color="black", linewidth=2.2)
        bar.set(gid=f"group {place}", solid_capstyle="butt")
    below = 0.1 + _BAR * len(diagram.groups)
    styles = looks((label, diagram.algorithms[label]) for label in ranks)
    for (label, rank), (on_left, row) in zip(ranks.items(), rows, strict=True):
        depth, look = below + _ROW * (row + 0.5), styles[label]
        outside = 1 - _GAP * inch if on_left else n + _GAP * inch
        edge = outside if both else rank + _GAP * inch
        ax.plot([rank, rank, edge], [0, depth, depth], color=look.color, linewidth=0.8)
        ax.plot([rank], [0], color=look.color, marker=look.marker, markersize=3.5, zorder=3)
        ax.text(
            edge + (-_GAP if on_left else _GAP) * inch,
            depth,
            f"{label} {rank:.2f}" if on_left else f"{rank:.2f} {label}",
            ha="right" if on_left else "left",
            va="center",
            color=look.color,
            fontsize=6.5,
        )
