"""Draws panels with matplotlib."""

import math
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np

from leaderboard.papers.panels import Panel, Series
from leaderboard.papers.styles import REFERENCE, Look, looks
from leaderboard.site.formatting import power

_PANEL, _HEIGHT, _LINE = 2.0, 1.75, 0.135
_LETTER, _HANDLE = 0.051, 0.38
_MARKS = 6


def draw_panels(figure: Any, panels: Sequence[Panel], width: float) -> None:
    """Fill an empty figure with panels, and one legend for all below them.

    Args:
        figure: A ``matplotlib.figure.Figure`` with constrained layout.
        panels: What to draw.
        width: Width of the figure in inches.
    """
    methods = [(s.label, s.algorithm) for p in panels for s in p.series if not s.is_reference]
    styles = looks(methods)
    n_across = min(len(panels), max(1, int(width / _PANEL)))
    n_down = math.ceil(len(panels) / n_across)
    axes = figure.subplots(n_down, n_across, squeeze=False).ravel()
    letters = int((width / n_across - 0.3) / 0.058)
    handles: dict[str, Any] = {}
    for ax, panel in zip(axes, panels, strict=False):
        ax.set_title(fill(panel.title, letters))
        _panel(ax, panel, styles, handles)
    for ax in axes[len(panels) :]:
        ax.remove()
    shown = [*styles, *(label for label in handles if label not in styles)]
    n_columns = _legend_columns(shown, width)
    titles = max(1 + fill(panel.title, letters).count("\n") for panel in panels)
    height = n_down * (_HEIGHT + 0.1 * titles) + _LINE * math.ceil(len(shown) / n_columns) + 0.08
    figure.set_size_inches(width, height)
    figure.legend(
        [handles[label] for label in shown],
        shown,
        loc="outside lower center",
        ncols=n_columns,
        handlelength=2.4,
        handletextpad=0.5,
        columnspacing=1.0,
        labelspacing=0.25,
        borderaxespad=0.1,
    )


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """As many columns as fit into a width, filled one after another."""
    for n in range(len(labels), 1, -1):
        rows = math.ceil(len(labels) / n)
        columns = [labels[start : start + rows] for start in range(0, len(labels), rows)]
        if sum(_HANDLE + _LETTER * max(map(len, column)) for column in columns) <= width:
            return len(columns)
    return 1


def _panel(ax: Any, panel: Panel, styles: dict[str, Look], handles: dict[str, Any]) -> None:
    ax.set_xlabel(panel.x_title)
    ax.set_ylabel(panel.y_title)
    for place, series in enumerate(panel.series):
        handles.setdefault(series.label, _line(ax, series, styles, place))
    first, last = _reach(panel)
    if panel.x_log:
        ax.set_xscale("log")
        ax.set_xlim(first, last * 1.04)
        _ticks(ax.xaxis, first, last * 1.04)
    else:
        if last >= _LARGE:
            from matplotlib.ticker import EngFormatter

            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        ax.margins(x=0.02)
    if panel.y_log:
        _log_down(ax, panel)
    if panel.best_up:
        ax.invert_yaxis()


_LARGE = 1e4


def _reach(panel: Panel) -> tuple[float, float]:
    """Where the lines begin to differ from what they were at their start, and their end."""
    starts, ends = [], []
    for series in panel.series:
        if not len(series.x):
            continue
        moved = np.flatnonzero(series.y != series.y[:1])
        starts.append(float(series.x[max(int(moved[0]) - 1, 0)] if moved.size else series.x[0]))
        ends.append(float(series.x.max()))
    return min(starts), max(ends)


def _line(ax: Any, series: Series, styles: dict[str, Look], place: int) -> Any:
    step = "steps-post" if series.stairs else "default"
    if series.is_reference:
        (line,) = ax.plot(series.x, series.y, **REFERENCE, drawstyle=step, zorder=2.5)
        line.set_gid(f"line {series.label}")
        return line
    look = styles[series.label]
    every = max(1, len(series.x) // _MARKS)
    (line,) = ax.plot(
        series.x,
        series.y,
        color=look.color,
        linestyle=look.linestyle,
        drawstyle=step,
        marker=look.marker,
        markevery=(place * 3 % every, every),
        fillstyle="full" if look.fill == "open" else look.fill,
        markerfacecolor="white" if look.fill == "open" else look.color,
        markerfacecoloralt="white",
        markeredgewidth=0.7,
        zorder=3 - 0.01 * place,
    )
    line.set_gid(f"line {series.label}")
    if not np.isnan(series.low).any():
        band = ax.fill_between(
            series.x,
            series.low,
            series.high,
            step="post" if series.stairs else None,
            color=look.color,
            alpha=0.16,
            linewidth=0,
            zorder=2,
        )
        band.set_gid(f"band {series.label}")
    return line


def _log_down(ax: Any, panel: Panel) -> None:
    """A logarithmic axis, linear below the smallest power of ten where a mean is 0 or less.

    Every mean is inside, that of a reference too; ends of intervals are, within reason.
    """
    methods = [series for series in panel.series if not series.is_reference]
    drawn = np.concatenate([series.y for series in panel.series])
    means = np.concatenate([series.y for series in methods])
    ends = np.concatenate([series.low for series in methods])
    least, top = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    if least > 0:
        lowest = float(means.min())
        bottom = 0.9 * min(least, max(float(np.nanmin(np.append(ends, lowest))), lowest / 4))
        ax.set_yscale("log")
        ax.set_ylim(bottom, 1.5 * top)
        _ticks(ax.yaxis, bottom, 1.5 * top)
        return
    positive = means[means > 0]
    small = 10.0 ** math.floor(math.log10(positive.min())) if positive.size else 1.0
    bottom, top = min(0.0, 1.15 * least), 1.5 * max(top, small)
    ax.set_yscale("symlog", linthresh=small, linscale=0.4)
    ax.set_ylim(bottom, top)
    _ticks(ax.yaxis, small, top, [0.0] if bottom == 0 else [bottom / 1.15, 0.0])


def _ticks(axis: Any, low: float, high: float, more: Sequence[float] = ()) -> None:
    """Round numbers on a logarithmic axis, such as 1, 10, 100 or 1, 2, 5, 10."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    shown: list[float] = []
    for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        shown = [tick for tick in found if low <= tick <= high]
        if len(shown) <= (5 if len(digits) > 1 else 7):
            break
    else:
        shown = shown[:: math.ceil(len(shown) / 7)]
    axis.set_major_locator(FixedLocator([*more, *shown]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    axis.set_minor_formatter(NullFormatter())


def _number(value: float) -> str:
    if not value or 1e-3 <= abs(value) < _LARGE:
        return f"{value:,.4g}"
    digits, _, exponent = f"{value:.0e}".partition("e")
    raised = power(int(exponent))
    return raised if digits == "1" else f"{digits}\N{MIDDLE DOT}{raised}"
