"""Fronts of searches with two objectives: what half of the runs attain, and the true front.

The line of a method is its median attainment surface (Fonseca and Fleming, 1996,
https://doi.org/10.1007/3-540-61723-X_1024), by moocore.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from leaderboard.boards import Board, Row
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import spoken
from leaderboard.papers.panels import MOST, Panel, Series
from leaderboard.papers.selection import check_count, marked, short_titles
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError
from nasbench.registry import require

TRUE = "Pareto front of the space"
"""Label of the reference."""

_MANY = 20.0


def front_panels(boards: Sequence[Board]) -> list[Panel]:
    """Fronts, one panel a board.

    Raises:
        MissingExtraError: moocore is not installed.
    """
    check_count(list({row.label: 0 for board in boards for row in board.rows}), MOST, "a figure")
    names = marked(boards)
    titled = zip(boards, short_titles(boards), strict=True)
    return [_panel(board, title, names) for board, title in titled]


def with_two(boards: Sequence[Board]) -> list[Board]:
    """The boards with two objectives.

    Raises:
        InvalidArgumentError: There is none.
    """
    found = [board for board in boards if len(board.question.objectives) == 2]
    if not found:
        raise InvalidArgumentError(
            f"a front needs searches with two objectives; there are: "
            f"{'; '.join(board.title for board in boards)}"
        )
    return found


def chosen_losses(row: Row, columns: Sequence[Column]) -> list[NDArray[np.float64]]:
    """What the choice of every run is worth: ``(n, n_columns)`` losses by the columns that judge.

    An architecture with a diverged training is left out, as in the hypervolume.
    """
    found = []
    for search in row.searches:
        archs = search.course.archs[search.course.chosen()]
        losses = _losses(search.landscape.benchmark, columns, archs)
        found.append(losses[np.isfinite(losses).all(axis=1)])
    return found


def median_surface(sets: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Corners of what at least half of some sets attain.

    Args:
        sets: Losses, each ``(n, 2)``; a set may be empty.

    Returns:
        Shape ``(n_corners, 2)``; none if more than half of the sets are empty.
    """
    level, filled = math.ceil(len(sets) / 2), [one for one in sets if len(one)]
    if len(filled) < level:
        return np.empty((0, 2))
    owners = np.repeat(np.arange(len(filled)), [len(one) for one in filled])
    percentile = 100 * (level - 0.25) / len(filled)
    found = require("moocore", "fronts").eaf(
        np.concatenate(filled), owners, percentiles=[percentile]
    )
    return np.asarray(found[:, :2])


def _panel(board: Board, title: str, names: Mapping[str, str]) -> Panel:
    landscape = board.landscape
    assert isinstance(landscape, FrontLandscape)
    moocore = require("moocore", "fronts")
    columns = landscape.reported.columns
    up = int(columns[0].goal != "max" and columns[1].goal == "max")
    across = 1 - up
    signs = np.array([-1.0 if column.goal == "max" else 1.0 for column in columns])
    losses = _losses(landscape.benchmark, columns, landscape.archs)
    losses = losses[np.isfinite(losses).all(axis=1)]
    lines = [(TRUE, "", np.unique(losses[moocore.is_nondominated(losses)], axis=0))]
    for row in board.rows:
        sets = chosen_losses(row, columns)
        surface = median_surface(sets)
        lines.append((names[row.label], row.algorithm, surface))
    series = []
    for label, algorithm, corners in [*lines[1:], lines[0]]:
        ordered = corners[np.argsort(corners[:, across], kind="stable")]
        x, y = (signs[i] * ordered[:, i] for i in (across, up))
        none = np.full(len(x), np.nan)
        series.append(
            Series(label=label, algorithm=algorithm, x=x, y=y, low=none, high=none, stairs=True)
        )
    wide = np.concatenate([one.x for one in series])
    return Panel(
        title=title,
        x_title=_titled(columns[across]),
        y_title=_titled(columns[up]),
        x_log=bool(wide.min() > 0 and wide.max() > _MANY * wide.min()),
        y_log=False,
        series=tuple(series),
    )


def _losses(
    benchmark: object, columns: Sequence[Column], archs: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Values of columns, negated where more is better, shape ``(n, n_columns)``."""
    query = benchmark.query_many  # type: ignore[attr-defined]
    values = [np.asarray(query(archs, column.name), dtype=np.float64) for column in columns]
    signs = [-1.0 if column.goal == "max" else 1.0 for column in columns]
    return np.stack([s * v for s, v in zip(signs, values, strict=True)], axis=1)


def _titled(column: Column) -> str:
    unit = column.unit.replace("1", "")
    return spoken(column) + (f" ({unit})" if unit else "")
