"""What the scripts of the pages share: where pages lie, how figures look, how tables are filled in.

Figures are SVG files that do not depend on the time at which they were made. A page names the place
of a generated table by a pair of comments, ``<!-- name -->`` and ``<!-- end -->``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from leaderboard import curves

DOCS = Path(__file__).resolve().parents[1]
"""The folder of the pages and their figures."""


def style() -> None:
    """Plain panels, text as text, the same bytes for the same numbers."""
    mpl.rcParams.update(
        {
            "svg.hashsalt": "nasbench",
            "svg.fonttype": "none",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "legend.fontsize": 8,
        }
    )


def draw(axes: Axes, lines: Mapping[str, curves.Curve], rest: Sequence[curves.Curve] = ()) -> None:
    """Curves with their intervals, in front of others in grey."""
    for curve in rest:
        axes.plot(curve.at, curve.mean, color="0.88", linewidth=0.8, zorder=1)
    for i, (label, curve) in enumerate(lines.items()):
        if label == curves.RANDOM:
            axes.plot(curve.at, curve.mean, "--", color="black", linewidth=1, label="random, exact")
            continue
        axes.plot(curve.at, curve.mean, color=f"C{i}", linewidth=1.4, label=label, zorder=3)
        axes.fill_between(curve.at, curve.low, curve.high, color=f"C{i}", alpha=0.2, linewidth=0)


def label(panels: NDArray[np.object_], x: str, y: str) -> None:
    """Name the axes at the lower and the left edge of a grid of panels."""
    for axes in panels[-1]:
        axes.set_xlabel(x)
    for axes in panels[:, 0]:
        axes.set_ylabel(y)


def save(figure: Figure, name: str) -> None:
    """Write a figure beside the pages and close it."""
    figure.savefig(DOCS / f"{name}.svg", metadata={"Date": None}, dpi=150)
    plt.close(figure)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_rows(text: str) -> list[list[str]]:
    """The cells of the Markdown table of a text, row by row, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def fill(page: Path, name: str, text: str) -> None:
    """Put a generated part between its comments on a page.

    Raises:
        ValueError: The page has no such place.
    """
    head, _, tail = _around(page, name)
    page.write_text(f"{head}\n{text}\n{tail}", encoding="utf-8")


def filled(page: Path, name: str) -> str:
    """The generated part between its comments on a page.

    Raises:
        ValueError: The page has no such place.
    """
    return _around(page, name)[1].strip()


def _around(page: Path, name: str) -> tuple[str, str, str]:
    """What stands before, in and after a place of a page; its comments belong to the outside."""
    head, mark, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->")
    if not mark:
        raise ValueError(f"{page} has no place <!-- {name} -->")
    inside, end, tail = rest.partition("<!-- end -->")
    return head + mark, inside, end + tail
