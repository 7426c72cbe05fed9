"""The two plots of a board, as plain data for the page's script."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.boards import Board
from leaderboard.curves import RANDOM, Curve
from leaderboard.searches import Axis
from leaderboard.site.formatting import time_unit, unit_of

HUES = 8
"""Colours of the palette."""

ONCE = "exhaustive search, one training each"
MEAN = "exhaustive search, mean of all trainings"
DASHES = ("solid", "dash", "dashdot", "longdash")
MARKERS = ("", "circle", "square", "diamond", "triangle-up", "cross")
_DIGITS = 5


def style(place: int) -> dict[str, Any]:
    """Look of a row: further rows repeat the colours with another dash, then with markers.

    The first 192 rows of a board look different.
    """
    return {
        "hue": place % HUES,
        "dash": DASHES[place // HUES % len(DASHES)],
        "marker": MARKERS[place // (HUES * len(DASHES)) % len(MARKERS)],
    }


def plots(
    board: Board,
    drawn: Mapping[Axis, Mapping[str, Curve]],
    styles: Mapping[str, Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Data of the plots: axes, series with intervals, reference lines.

    Args:
        board: The board.
        drawn: Its curves, from :func:`leaderboard.curves.drawn`.
        styles: Look of each row by its label, see :func:`style`.
    """
    found = []
    for axis, by_label in drawn.items():
        divisor, unit = 1.0, str(axis)
        if axis == "seconds":
            divisor, unit = time_unit(max(curve.at[-1] for curve in by_label.values()))
        found.append(_plot(board, axis, by_label, styles, divisor, unit))
    return found


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
    styles: Mapping[str, Mapping[str, Any]],
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
    first = min(curve.at[0] for curve in drawn.values()) / divisor
    last = max(curve.at[-1] for curve in drawn.values()) / divisor
    unit = unit_of(board, "points")
    y_title = board.landscape.measure + (f" ({unit})" if unit else "")
    shown = ticks(threshold or bottom, top) if top > 0 else []
    return {
        "axis": axis,
        "x": {
            "title": f"simulated time ({x_unit})" if axis == "seconds" else x_unit,
            "ticks": ticks(first, last),
            "range": [first, last],
            "unit": x_unit,
        },
        "y": {
            "title": y_title,
            "ticks": [-tick for tick in below] + ([0.0] if threshold is not None else []) + shown,
            "range": [bottom, top],
            "linear_below": threshold,
            "unit": unit,
        },
        "series": [
            {
                "name": name,
                "style": styles.get(name),
                "x": _rounded(curve.at / divisor),
                "y": _rounded(curve.mean),
                "low": [] if np.isnan(curve.low).any() or name == RANDOM else _rounded(curve.low),
                "high": [] if np.isnan(curve.low).any() or name == RANDOM else _rounded(curve.high),
            }
            for name, curve in drawn.items()
        ],
        "lines": [
            {"name": name, "y": value, "dash": dash}
            for name, value, dash in (
                (ONCE, board.landscape.exhaustive_once, "dot"),
                (MEAN, board.landscape.exhaustive_mean, "longdash"),
            )
            if value and bottom < value < top
        ],
    }


def _bottom(means: NDArray[np.float64], lows: NDArray[np.float64]) -> float:
    """Lower end of a logarithmic axis: below every mean, and below intervals within reason."""
    least = float(means.min())
    return 0.9 * max(float(np.nanmin(np.append(lows, least))), least / 4)


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
