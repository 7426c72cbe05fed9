"""How methods and pages look in print: colours by family, markers, line styles, fonts, widths.

The hues are those of Paul Tol's schemes for colour-blind readers (https://personal.sron.nl/~pault/).
Thirteen families are more than hues can tell apart, so every family has a marker of its own, and
the methods of one family differ by line style, then by how the marker is filled.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from leaderboard.papers.references import family
from nasbench.errors import InvalidArgumentError

WIDTHS = {"one": 3.25, "two": 6.75}
"""Widths of a column and of a page with two, in inches."""

REFERENCE: dict[str, Any] = {"color": "#444444", "linestyle": (0, (4, 2)), "linewidth": 1.0}
"""Look of references, of which there is one in a panel: the only dashed line."""

OTHER = ("#000000", "*")
"""Colour and marker of methods that are not ours."""

FAMILIES: Mapping[str, tuple[str, str]] = {
    "": ("#8A8A8A", "x"),
    "local": ("#999933", "s"),
    "evolution": ("#117733", "o"),
    "reinforcement": ("#AA4499", "^"),
    "tree_search": ("#882255", "v"),
    "distribution": ("#332288", "<"),
    "multi_fidelity": ("#33A0A0", "D"),
    "multi_objective": ("#661100", "P"),
    "bayesian": ("#0077BB", "h"),
    "predictor": ("#EE7733", ">"),
    "zero_cost": ("#CC3311", "p"),
    "constrained": ("#7A6A3A", "X"),
    "oneshot": ("#EE3377", "d"),
}
"""Colour and marker of every family of algorithms."""

LINES: tuple[Any, ...] = (
    "solid",
    (0, (1, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (6, 1.2, 1, 1.2, 1, 1.2)),
    (0, (10, 1.5)),
)
"""Line styles of the methods of one family, in the order in which they come."""

FILLS = ("full", "open", "left", "top")
"""How the markers of one family are filled, each with all line styles: the halves are filled."""

STROKES = "x"
"""Marker that cannot be filled."""

INSTEAD = ((STROKES, "full"), ("+", "full"), ("8", "full"), ("8", "open"))
"""Markers of its family, in place of :data:`FILLS`."""

CAPACITY = len(LINES) * len(FILLS)
"""Methods of one family that look different."""

SETTINGS: Mapping[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "text.parse_math": False,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.4,
    "grid.color": "#DDDDDD",
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.frameon": False,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "nasbench",
}
"""Settings of matplotlib, over its defaults: what a user has set does not count.

Texts are never formulas, as labels from records may hold any character.
"""

_LEAST, _MOST = 2.5, 20.0


class Look(NamedTuple):
    """How a method is drawn.

    Attributes:
        color: Its colour.
        marker: Its marker.
        linestyle: Its line style.
        fill: How the marker is filled, one of :data:`FILLS`.
    """

    color: str
    marker: str
    linestyle: Any
    fill: str


def looks(methods: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """The look of every method; no two are the same up to :data:`CAPACITY` of a family.

    Args:
        methods: Label and algorithm of each; the order decides within families only.
    """
    found: dict[str, Look] = {}
    seen: dict[str | None, int] = {}
    for label, algorithm in methods:
        if label in found:
            continue
        kin = family(algorithm)
        place = seen.get(kin, 0)
        seen[kin] = place + 1
        color, marker = OTHER if kin is None else FAMILIES[kin]
        turn = place // len(LINES) % len(FILLS)
        marker, fill = INSTEAD[turn] if marker == STROKES else (marker, FILLS[turn])
        found[label] = Look(color, marker, LINES[place % len(LINES)], fill)
    return found


def inches(width: str) -> float:
    """A width in inches of ``"one"`` or ``"two"`` columns, or of a number of inches.

    Raises:
        InvalidArgumentError: Anything else.
    """
    if width in WIDTHS:
        return WIDTHS[width]
    try:
        wanted = float(width)
    except ValueError:
        wanted = float("nan")
    if not _LEAST <= wanted <= _MOST:
        raise InvalidArgumentError(
            f"width {width!r} is neither 'one' column, 'two' columns nor a number of inches from "
            f"{_LEAST:g} to {_MOST:g}"
        )
    return wanted
