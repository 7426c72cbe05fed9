"""The numbers of a figure, before anything is drawn: panels of series."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard import curves, targets
from leaderboard.boards import Board
from leaderboard.curves import RANDOM, Curve
from leaderboard.landscape import Landscape
from leaderboard.papers.selection import check_count, marked, short_titles
from leaderboard.searches import Axis
from leaderboard.site.formatting import time_unit, unit_of
from leaderboard.statistics import SummaryName
from nasbench.errors import InvalidArgumentError

MOST = 16
"""Methods in one figure of lines; as many look different, even of one family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line of a panel; every array has shape ``(n_points,)``.

    Attributes:
        label: Name of the method, with its marks.
        algorithm: Name of its algorithm; empty for a reference.
        x: Places.
        y: Values.
        low: Lower ends of the intervals; NaN for none.
        high: Upper ends.
        stairs: Whether ``y`` stays from one point until the next, and jumps there.
    """

    label: str
    algorithm: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    stairs: bool = False

    @property
    def is_reference(self) -> bool:
        """Whether it is no method."""
        return not self.algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One coordinate system.

    Attributes:
        title: What it shows.
        x_title: Title of the horizontal axis, with its unit.
        y_title: Title of the vertical axis, with its unit.
        x_log: Whether the horizontal axis is logarithmic.
        y_log: Whether the vertical axis is, as far down as there are positive values.
        best_up: Whether the vertical axis is turned round: rank 1 is above.
        series: The lines, best method first.
    """

    title: str
    x_title: str
    y_title: str
    x_log: bool
    y_log: bool
    best_up: bool = False
    series: tuple[Series, ...]


def regret_panels(
    boards: Sequence[Board], axis: Axis | None, summary: SummaryName
) -> tuple[Axis, list[Panel]]:
    """Regret along an axis, one panel a board, and random search as far as its mean is known."""
    chosen = common_axis(boards, axis)

    def lines(board: Board) -> dict[str, Curve]:
        places = curves.grid(board.rows, chosen)
        found = {row.label: curves.curve(row, chosen, places, summary) for row in board.rows}
        if chosen != "seconds" and isinstance(board.landscape, Landscape):
            drawn = curves.random_search(board, board.landscape, chosen, summary)
            found[RANDOM if summary == "mean" else f"random search, {summary}"] = drawn
        return found

    def y_title(board: Board) -> str:
        unit = unit_of(board, "points")
        return board.landscape.measure + (f" ({unit})" if unit else "")

    return chosen, _along(boards, chosen, lines, y_title, y_log=True)


def ecdf_panels(boards: Sequence[Board], axis: Axis | None) -> tuple[Axis, list[Panel]]:
    """Share of the targets reached along an axis, one panel a board.

    Raises:
        InvalidArgumentError: A benchmark sets no targets.
    """
    chosen = common_axis(boards, axis)
    for board in boards:
        if not board.landscape.targets.size:
            raise InvalidArgumentError(
                f"{board.title} has no targets to reach: all its architectures are equally good"
            )

    def lines(board: Board) -> dict[str, Curve]:
        found = targets.ecdf(board, chosen)
        if RANDOM in found:
            found["random search, simulated"] = found.pop(RANDOM)
        return found

    return chosen, _along(boards, chosen, lines, lambda _: "share of targets reached", y_log=False)


def common_axis(boards: Sequence[Board], axis: Axis | None) -> Axis:
    """The axis wanted, or the first of evaluations, epochs and seconds that all boards have.

    Raises:
        InvalidArgumentError: A board does not have it, or they have none in common.
    """
    order: tuple[Axis, ...] = ("evaluations", "epochs", "seconds")
    common = [a for a in order if all(a in curves.axes(board) for board in boards)]
    if axis is None:
        if not common:
            raise InvalidArgumentError(
                "these boards have no axis in common: choose fewer with --benchmark"
            )
        return common[0]
    for board in boards:
        if axis not in curves.axes(board):
            has = " and ".join(sorted(curves.axes(board)))
            raise InvalidArgumentError(
                f"{board.title} cannot be drawn over {axis}: its axes are {has}"
            )
    return axis


def _along(
    boards: Sequence[Board],
    axis: Axis,
    lines: Callable[[Board], dict[str, Curve]],
    y_title: Callable[[Board], str],
    *,
    y_log: bool,
) -> list[Panel]:
    check_count(list({row.label: 0 for board in boards for row in board.rows}), MOST, "a figure")
    found, names = [], marked(boards)
    for board, title in zip(boards, short_titles(boards), strict=True):
        drawn = lines(board)
        algorithms = {row.label: row.algorithm for row in board.rows}
        divisor, unit = 1.0, ""
        if axis == "seconds":
            divisor, unit = time_unit(max(curve.at[-1] for curve in drawn.values()))
        series = [
            Series(
                label=names.get(label, label),
                algorithm=algorithms.get(label, ""),
                x=curve.at / divisor,
                y=curve.mean,
                low=curve.low if label in algorithms else np.full(len(curve.at), np.nan),
                high=curve.high if label in algorithms else np.full(len(curve.at), np.nan),
                stairs=True,
            )
            for label, curve in drawn.items()
        ]
        found.append(
            Panel(
                title=title,
                x_title=f"simulated time ({unit})" if axis == "seconds" else axis,
                y_title=y_title(board),
                x_log=True,
                y_log=y_log,
                series=tuple(series),
            )
        )
    return found
