"""Curves: regret of each row over simulated time, evaluations and epochs, with intervals.

Where a search has trials shorter than a full training, there is no axis of evaluations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leaderboard import statistics
from leaderboard.boards import Board, Row
from leaderboard.landscape import Landscape
from leaderboard.searches import Axis, Search, step_values
from leaderboard.statistics import SummaryName

POINTS = 120
"""Points per curve."""

RANDOM = "random search, expectation"
"""Label of the reference curve."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A mean over seeds, or another summary, along an axis; every array has shape ``(n_points,)``.

    Attributes:
        at: Simulated seconds, or numbers of evaluations or trained epochs, ascending.
        mean: Mean regret at each point, or the other summary; exact.
        low: Lower end of its interval; NaN if there is none.
        high: Upper end of its interval; NaN if there is none.
    """

    at: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def drawn(board: Board) -> dict[Axis, dict[str, Curve]]:
    """The curves of a board by axis and label, see :func:`axes`.

    Where every trial is a full training, epochs are a multiple of evaluations.
    """
    found: dict[Axis, dict[str, Curve]] = {}
    for axis in axes(board):
        if axis == "epochs" and "evaluations" in found:
            full = board.landscape.benchmark.fidelities[-1]
            found[axis] = {
                label: replace(curve, at=full * curve.at)
                for label, curve in found["evaluations"].items()
            }
            continue
        places = grid(board.rows, axis)
        found[axis] = {row.label: curve(row, axis, places) for row in board.rows}
        if axis != "seconds" and isinstance(board.landscape, Landscape):
            found[axis][RANDOM] = random_search(board, board.landscape, axis)
    return found


def axes(board: Board) -> tuple[Axis, ...]:
    """The axes on which the rows of a board can be compared.

    Simulated time, if times are recorded; evaluations, unless trials differ in length; epochs,
    if a full training has more than one.
    """
    seconds: tuple[Axis, ...] = ("seconds",) if board.landscape.full_seconds else ()
    evaluations: tuple[Axis, ...] = () if board.partial else ("evaluations",)
    longer = board.partial or board.landscape.benchmark.fidelities[-1] > 1
    epochs: tuple[Axis, ...] = ("epochs",) if longer else ()
    return (*seconds, *evaluations, *epochs)


def curve(row: Row, axis: Axis, grid: NDArray[np.float64], summary: SummaryName = "mean") -> Curve:
    """Regret of a row over its seeds, from the first grid point to the end of its longest run.

    A run that ended earlier keeps its last incumbent.
    """
    last = max(search.cost(axis) for search in row.searches)
    inside = grid[grid < last]
    at = np.append(inside, last) if last > grid[0] else grid[:1]
    values = np.stack([_values(search, axis, at) for search in row.searches])
    if summary == "mean":
        return Curve(at, values.mean(axis=0), *statistics.interval(values))
    found = [getattr(statistics.summary(column), summary) for column in values.T]
    middle, low, high = np.array([(one.mean, one.low, one.high) for one in found]).T
    return Curve(at, middle, low, high)


def random_search(
    board: Board, landscape: Landscape, axis: Axis, summary: SummaryName = "mean"
) -> Curve:
    """Expected regret of random search over full trainings, as far as the longest row.

    Args:
        board: The board.
        landscape: Its scale.
        axis: ``"evaluations"`` or ``"epochs"``.
        summary: What stands in place of the expectation.
    """
    at = grid(board.rows, axis)
    cost = landscape.benchmark.fidelities[-1] if axis == "epochs" else 1
    trainings = at.astype(np.int64) // cost
    mean = np.full(len(at), landscape.reported.random_regret)
    some = trainings[trainings > 0].tolist()
    mean[trainings > 0] = (
        landscape.random_search(some)
        if summary == "mean"
        else landscape.random_search_middle(some, summary)
    )
    return Curve(at, mean, mean, mean)


def grid(rows: Sequence[Row], axis: Axis, points: int = POINTS) -> NDArray[np.float64]:
    """Log-spaced points up to the end of the longest run.

    Over evaluations and epochs they begin at 1. Over simulated time they begin where half of the
    runs of the quickest row have an incumbent.

    Args:
        rows: Rows of a board.
        axis: What is paid.
        points: Number of points, at most.

    Returns:
        Shape ``(n_points,)``, ascending.
    """
    last = max(search.cost(axis) for row in rows for search in row.searches)
    if axis != "seconds":
        return np.unique(np.round(np.geomspace(1, max(last, 1), points)))
    found = (
        np.median([search.times[0] if len(search.times) else last for search in row.searches])
        for row in rows
    )
    first = min(map(float, found))
    return np.geomspace(first, last, points) if 0 < first < last else np.array([last])


def _values(search: Search, axis: Axis, at: NDArray[np.float64]) -> NDArray[np.float64]:
    return step_values(search.steps(axis), np.append(search.before, search.regrets), at)
