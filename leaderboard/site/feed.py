"""The numbers of the pages for programs: ``leaderboard.json``, and a file of points a board."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leaderboard.admission import NotShown
from leaderboard.boards import Row
from leaderboard.command import command, ranges
from leaderboard.curves import RANDOM
from leaderboard.searches import Axis
from leaderboard.site import notes, overview
from leaderboard.site.plots import rounded
from leaderboard.site.shown import Shown
from leaderboard.targets import Attainment
from leaderboard.verdict.judge import Verdict
from nasbench.errors import RecordError


def feed(
    boards: Sequence[Shown],
    verdicts: Sequence[Verdict],
    not_shown: Sequence[NotShown],
    runs: Sequence[Path],
) -> dict[str, Any]:
    """All boards as plain values, without their curves; numbers that do not exist are null.

    Args:
        boards: Boards with their curves.
        verdicts: Verdicts over benchmarks.
        not_shown: Records that no board shows.
        runs: Folders of the records; paths are relative to the first that has them.
    """
    runs = [folder.absolute() for folder in runs]
    document = {
        "made_by": _made_by(),
        "files": [],
        "verdicts": [overview.encoded(verdict) for verdict in verdicts],
        "boards": [_board(shown, runs) for shown in boards],
        "not_shown": [
            {
                "record": _relative_path(left.folder, runs),
                "reason": _without(left.reason, runs),
                "remedy": left.remedy,
            }
            for left in not_shown
        ],
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def points(shown: Shown) -> dict[str, Any]:
    """What the charts of a board show, with as many digits; numbers that do not exist are null.

    Args:
        shown: A board with its curves.
    """
    runtimes: dict[tuple[str, Axis], list[Attainment]] = {}
    for found in shown.attained:
        runtimes.setdefault((found.label, found.axis), []).append(found)
    axes = tuple(shown.curves)
    board = shown.board
    document = {
        "made_by": _made_by(),
        "title": board.title,
        "page": f"boards/{shown.slug}.html",
        "targets": _of(runtimes[board.rows[0].label, axes[0]], lambda found: found.target),
        "reached_at": {
            axis: rounded(next(iter(by_label.values())).at)
            for axis, by_label in shown.reached.items()
        },
        "rows": [
            {
                "rank": None if board.unranked else row.rank,
                "label": row.label,
                "hits": _of(runtimes[row.label, axes[0]], lambda found: found.hits.mean),
                "axes": {
                    axis: {
                        **_curve(shown, axis, row.label, interval=True),
                        "runtime": _of(runtimes[row.label, axis], lambda found: found.runtime),
                        "speedup": _of(runtimes[row.label, axis], lambda found: found.speedup),
                    }
                    for axis in axes
                },
            }
            for row in board.rows
        ],
        "random_search": {
            axis: _curve(shown, axis, RANDOM, interval=False)
            for axis, by_label in shown.curves.items()
            if RANDOM in by_label
        },
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def _curve(shown: Shown, axis: Axis, label: str, *, interval: bool) -> dict[str, list[float]]:
    """Mean regret along an axis, and the share of runs and targets that are reached."""
    curve = shown.curves[axis][label]
    found = {"at": curve.at, "mean": curve.mean}
    if interval:
        found |= {"low": curve.low, "high": curve.high}
    if axis in shown.reached:
        found["reached"] = shown.reached[axis][label].mean
    return {name: rounded(values) for name, values in found.items()}


def _of(found: Sequence[Attainment], number: Callable[[Attainment], float]) -> list[float]:
    return rounded(np.array([number(one) for one in found]))


def _made_by() -> str:
    return f"nasbench {version('nasbench')}"


def _board(shown: Shown, runs: Sequence[Path]) -> dict[str, Any]:
    board = shown.board
    landscape = board.landscape
    about, surrogate = landscape.benchmark.description, landscape.population.surrogate
    described = ("title", "description", "dataset", "space", "source", "licence", "citation")
    return {
        "title": board.title,
        "page": f"boards/{shown.slug}.html",
        "points": f"boards/{shown.slug}.json",
        "question": asdict(board.question),
        "benchmark": {name: getattr(about, name) for name in described},
        "surrogate": surrogate
        and {name: getattr(surrogate, name) for name in ("regressor", "family", "table", "judged")},
        "measure": landscape.measure,
        "method": notes.method(board),
        "warnings": notes.warnings(board),
        "scale": {
            "selected_by": landscape.observed.column.name,
            "reported": landscape.reported.column.name,
            "unit": landscape.reported.column.unit,
            "optimum": landscape.reported.optimum,
            "mean": landscape.reported.mean,
            "architectures": len(landscape.archs),
            "complete": landscape.complete,
            "selected_on_test": landscape.selected_on_test,
            "exhaustive_search_one_training_each": landscape.exhaustive_once,
            "exhaustive_search_mean_of_trainings": landscape.exhaustive_mean,
            "mean_training_seconds": landscape.full_seconds,
            "area_window_seconds": list(board.window),
        },
        "columns": {
            name: {"title": board.title_of(name), "description": column.description}
            for name, column in board.columns.items()
        },
        "random_search": {
            "evaluations": board.random_evaluations,
            "regret": board.random_regret,
        },
        "differences_over_seeds": shown.seeds and asdict(shown.seeds),
        "rows": [_row(row, shown, runs) for row in board.rows],
    }


def _row(row: Row, shown: Shown, runs: Sequence[Path]) -> dict[str, Any]:
    manifest, mark = row.records.manifest, shown.marks.get(row.label)
    return {
        "rank": None if shown.board.unranked else row.rank,
        "label": row.label,
        "algorithm": row.algorithm,
        "settings": dict(row.settings),
        "fits_family_of_surrogate": row.fits_family,
        "remark": row.remark,
        "tied_with_first": row.tied,
        "gap_to_first": asdict(row.gap),
        "common_seeds": row.common_seeds,
        "seeds": ranges(row.seeds),
        "scores": {
            name: asdict(row.scores[name]) if name in row.scores else None
            for name in shown.board.columns
        },
        "summary": asdict(row.summary),
        "verified": mark and asdict(mark),
        "sender": row.sender and asdict(row.sender),
        "record": _relative_path(row.records.folder, runs),
        "record_content_hash": row.content_hash,
        "command": _command(row),
        "manifest": manifest.encode(),
    }


def _command(row: Row) -> str | None:
    """The command that makes a row again; None if no command can."""
    try:
        return command(row.records.manifest, row.seeds, row.searches[0].landscape.benchmark)
    except RecordError:
        return None


def _relative_path(path: Path, runs: Sequence[Path]) -> str:
    path = path.absolute()
    folder = next(folder for folder in runs if path.is_relative_to(folder))
    return path.relative_to(folder).as_posix()


def _without(text: str, folders: Sequence[Path]) -> str:
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def _without_nan(value: Any) -> Any:
    """The value with NaN and infinities, which JSON lacks, replaced by None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
