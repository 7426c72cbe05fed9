"""The numbers of the page for programs: ``leaderboard.json``."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leaderboard.admission import NotShown
from leaderboard.boards import Row
from leaderboard.command import command
from leaderboard.curves import RANDOM, Curve
from leaderboard.site import notes, overview
from leaderboard.site.shown import Shown
from leaderboard.verdict.judge import Verdict
from nasbench.errors import RecordError


def feed(
    boards: Sequence[Shown],
    verdicts: Sequence[Verdict],
    not_shown: Sequence[NotShown],
    runs: Sequence[Path],
) -> dict[str, Any]:
    """All boards as plain values; numbers that do not exist are null.

    Args:
        boards: Boards with their curves.
        verdicts: Verdicts over benchmarks.
        not_shown: Records that no board shows.
        runs: Folders of the records; paths are relative to the first that has them.
    """
    runs = [folder.absolute() for folder in runs]
    document = {
        "made_by": f"nasbench {version('nasbench')}",
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


def _board(shown: Shown, runs: Sequence[Path]) -> dict[str, Any]:
    board, drawn = shown.board, shown.curves
    landscape = board.landscape
    about, surrogate = landscape.benchmark.description, landscape.population.surrogate
    described = ("title", "description", "dataset", "space", "source", "licence", "citation")
    return {
        "title": board.title,
        "page": f"boards/{shown.slug}.html",
        "question": asdict(board.question),
        "compared_after_epochs": board.epochs,
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
            "curve": {
                axis: _curve(by_label[RANDOM], interval=False)
                for axis, by_label in drawn.items()
                if RANDOM in by_label
            },
        },
        "differences_over_seeds": shown.seeds and asdict(shown.seeds),
        "rows": [_row(row, shown, runs) for row in board.rows],
    }


def _row(row: Row, shown: Shown, runs: Sequence[Path]) -> dict[str, Any]:
    manifest, mark = row.records.manifest, shown.marks.get(row.label)
    return {
        "rank": row.rank,
        "label": row.label,
        "algorithm": row.algorithm,
        "settings": dict(row.settings),
        "fits_family_of_surrogate": row.fits_family,
        "remark": row.remark,
        "tied_with_first": row.tied,
        "gap_to_first": asdict(row.gap),
        "common_seeds": row.common_seeds,
        "seeds": list(row.seeds),
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
        "targets": {axis: _targets(row.label, axis, shown) for axis in shown.curves},
        "curves": {axis: _curve(by_label[row.label]) for axis, by_label in shown.curves.items()},
        "reached": {
            axis: _curve(by_label[row.label], interval=False)
            for axis, by_label in shown.reached.items()
        },
    }


def _targets(label: str, axis: str, shown: Shown) -> dict[str, list[float]]:
    """Hit rate, expected running time and speed-up of a row by target, see ``targets``."""
    own = [found for found in shown.attained if (found.label, found.axis) == (label, axis)]
    return {
        "target": [found.target for found in own],
        "hits": [found.hits.mean for found in own],
        "runtime": [found.runtime for found in own],
        "speedup": [found.speedup for found in own],
    }


def _curve(curve: Curve, *, interval: bool = True) -> dict[str, list[float]]:
    columns = {"at": curve.at.tolist(), "mean": curve.mean.tolist()}
    if interval:
        columns |= {"low": curve.low.tolist(), "high": curve.high.tolist()}
    return columns


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
