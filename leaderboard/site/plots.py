"""The charts of a board as plain data for the script of the page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.boards import Board, Row
from leaderboard.curves import RANDOM, Curve
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import spoken
from leaderboard.searches import Axis, Search
from leaderboard.site.formatting import time_unit, unit_of
from leaderboard.site.looks import Look
from nasbench.registry import require

ONCE = "exhaustive search, one training each"
MEAN = "exhaustive search, mean of all trainings"
FRONT = "Pareto front of the space"

LEADERS = 5
"""Rows whose curves stand out when a page opens; the others are faint until they are pointed at."""

_ALL = 8
_DIGITS = 5
_TOP = 1.25  # of the scaled losses of a drawn front


def plots(
    board: Board, drawn: Mapping[Axis, Mapping[str, Curve]], looks: Mapping[str, Look]
) -> list[dict[str, Any]]:
    """Data of the regret curves: axes, series with intervals, reference lines.

    Args:
        board: The board.
        drawn: Its curves, from :func:`leaderboard.curves.drawn`.
        looks: Look of each row by its label.
    """
    leading = leaders(board)
    return [
        _plot(board, axis, by_label, looks, leading, *_unit(axis, by_label.values()))
        for axis, by_label in drawn.items()
    ]


def distributions(
    board: Board, drawn: Mapping[Axis, Mapping[str, Curve]], looks: Mapping[str, Look]
) -> list[dict[str, Any]]:
    """Data of the runtime distributions, from :func:`leaderboard.targets.ecdf` for each axis."""
    leading, found = leaders(board), []
    for axis, by_label in drawn.items():
        divisor, unit = _unit(axis, by_label.values())
        found.append(
            {
                "axis": axis,
                "x": _x(axis, by_label.values(), divisor, unit),
                "y": {
                    "title": "share of runs and targets reached",
                    "ticks": [0, 0.25, 0.5, 0.75, 1],
                    "range": [0, 1],
                    "scale": "linear",
                    "unit": "",
                },
                **_series(board, by_label, looks, leading, divisor, bands=False),
                "lines": [],
            }
        )
    return found


def fronts(board: Board, looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Data of the fronts of two objectives; empty for another number.

    Of each row the run with the middle regret is drawn, the lower one of two.
    """
    landscape = board.landscape
    if not isinstance(landscape, FrontLandscape) or len(board.question.objectives) != 2:
        return []
    names = [spoken(landscape.benchmark.column(name)) for name in board.question.objectives]
    leading = leaders(board)
    whole = landscape.reported.front
    series = [
        _steps(row.label, _chosen(landscape, _middle(row)), looks.get(row.label), leading)
        | {"row": row.rank}
        for row in board.rows
    ]
    axis = {"scale": "linear", "ticks": [0, 0.25, 0.5, 0.75, 1], "unit": ""}
    return [
        {
            "axis": "",
            "x": {**axis, "title": f"{names[0]}, scaled loss", "range": [-0.05, _TOP]},
            "y": {**axis, "title": f"{names[1]}, scaled loss", "range": [-0.05, _TOP]},
            "grids": [],
            "series": [*series, _steps(FRONT, whole, None, leading) | {"row": None}],
            "lines": [],
        }
    ]


def leaders(board: Board) -> set[str]:
    """Labels of the rows whose curves stand out: all of a small board, else the first."""
    rows = board.rows if len(board.rows) <= _ALL else board.rows[:LEADERS]
    return {row.label for row in rows}


def linear_below(values: NDArray[np.float64]) -> float | None:
    """Threshold below which a logarithmic axis must become linear; None if it need not.

    A logarithmic axis has no place for a regret of exactly 0. The threshold is the largest power of
    ten up to the smallest positive value. Below it the axis is linear down to 0, and mirrored for
    regrets below 0.
    """
    finite = values[np.isfinite(values)]
    if not finite.size or finite.min() > 0:
        return None
    positive = finite[finite > 0]
    return 10.0 ** math.floor(math.log10(positive.min())) if positive.size else 1.0


def ticks(low: float, high: float) -> list[float]:
    """Round tick values for a logarithmic axis between two positive numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [digit * 10.0**decade for decade in decades for digit in digits]
        shown = [float(f"{tick:.3g}") for tick in found if low * 0.999 <= tick <= high * 1.001]
        if len(shown) <= 9:
            break
    return shown


def _plot(
    board: Board,
    axis: Axis,
    drawn: Mapping[str, Curve],
    looks: Mapping[str, Look],
    leading: set[str],
    divisor: float,
    x_unit: str,
) -> dict[str, Any]:
    means = np.concatenate([curve.mean for curve in drawn.values()])
    lows = np.concatenate([curve.low for curve in drawn.values()])
    highs = np.concatenate([curve.high for curve in drawn.values()])
    threshold = linear_below(np.concatenate([means, lows]))
    top = float(np.nanmax(np.concatenate([means, highs])))
    bottom = _bottom(means, lows) if threshold is None else min(0.0, float(means.min()))
    below = ticks(threshold, -bottom)[::-1] if threshold is not None and bottom < 0 else []
    unit = unit_of(board, "points")
    shown = ticks(threshold or bottom, top) if top > 0 else []
    return {
        "axis": axis,
        "x": _x(axis, drawn.values(), divisor, x_unit),
        "y": {
            "title": board.landscape.measure + (f" ({unit})" if unit else ""),
            "ticks": [-tick for tick in below] + ([0.0] if threshold is not None else []) + shown,
            "range": [bottom, top],
            "scale": "log",
            "linear_below": threshold,
            "unit": unit,
        },
        **_series(board, drawn, looks, leading, divisor, bands=True),
        "lines": [
            {"name": name, "y": value, "dash": dash}
            for name, value, dash in (
                (ONCE, board.landscape.exhaustive_once, "dot"),
                (MEAN, board.landscape.exhaustive_mean, "longdash"),
            )
            if value and bottom < value < top
        ],
    }


def _unit(axis: Axis, drawn: Iterable[Curve]) -> tuple[float, str]:
    """What places on an axis are divided by, and the unit that they then have."""
    if axis == "seconds":
        return time_unit(max(curve.at[-1] for curve in drawn))
    return 1.0, str(axis)


def _x(axis: Axis, drawn: Iterable[Curve], divisor: float, unit: str) -> dict[str, Any]:
    curves = list(drawn)
    first = min(curve.at[0] for curve in curves) / divisor
    last = max(curve.at[-1] for curve in curves) / divisor
    return {
        "title": f"simulated time ({unit})" if axis == "seconds" else unit,
        "ticks": ticks(first, last),
        "range": [first, last],
        "scale": "log",
        "unit": unit,
    }


def _series(
    board: Board,
    drawn: Mapping[str, Curve],
    looks: Mapping[str, Look],
    leading: set[str],
    divisor: float,
    *,
    bands: bool,
) -> dict[str, Any]:
    """Series, and the places that they share; ``x`` of a series is the number of its places.

    ``row`` is the rank of the row that a series shows, by which a page finds it: None for others.
    """
    rows = {row.label: row.rank for row in board.rows}
    grids: list[list[float]] = []
    series = []
    for name, curve in drawn.items():
        at = rounded(curve.at / divisor)
        if at not in grids:
            grids.append(at)
        found = {
            "name": name,
            "row": rows.get(name),
            "look": looks.get(name),
            "lead": name in leading or name == RANDOM,
            "x": grids.index(at),
            "y": rounded(curve.mean),
        }
        if bands and name != RANDOM and not np.isnan(curve.low).any():
            found |= {"low": rounded(curve.low), "high": rounded(curve.high)}
        series.append(found)
    return {"grids": grids, "series": series}


def _steps(
    label: str, points: NDArray[np.float64], look: Look | None, leading: set[str]
) -> dict[str, Any]:
    """A front of ``(n, 2)`` scaled losses, from the left to the right."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]
    return {
        "name": label,
        "look": look,
        "lead": label in leading or look is None,
        "step": True,
        "at": rounded(ordered[:, 0]),
        "y": rounded(ordered[:, 1]),
    }


def _middle(row: Row) -> Search:
    ordered: Sequence[Search] = sorted(row.searches, key=lambda search: search.regret)
    return ordered[(len(ordered) - 1) // 2]


def _chosen(landscape: FrontLandscape, search: Search) -> NDArray[np.float64]:
    """Worth of the architectures that a run chose at its end: those that no other one dominates."""
    course = search.course
    chosen = course.archs[course.chosen()]
    if not len(chosen):
        return np.empty((0, course.losses.shape[1]))
    moocore = require("moocore", "fronts")
    worth = landscape.reported.scaled(np.unique(chosen, axis=0))
    best: NDArray[np.float64] = worth[moocore.is_nondominated(worth)]
    return best


def _bottom(means: NDArray[np.float64], lows: NDArray[np.float64]) -> float:
    """Lower end of a logarithmic axis: below every mean, and below intervals within reason."""
    least = float(means.min())
    return 0.9 * max(float(np.nanmin(np.append(lows, least))), least / 4)


def rounded(values: NDArray[np.float64]) -> list[float]:
    """Values with the digits of the charts."""
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
