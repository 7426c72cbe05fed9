"""The numbers of the page for programs: ``leaderboard.json``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leaderboard.boards import Board, Row
from leaderboard.curves import RANDOM, Axis, Curve
from leaderboard.site import notes
from leaderboard.site.command import command
from nasbench.runs.records import Records

Drawn = Mapping[Axis, Mapping[str, Curve]]


def feed(
    boards: Sequence[tuple[Board, Drawn]], left_out: Sequence[tuple[Records, str]], runs: Path
) -> dict[str, Any]:
    """All boards as plain values; numbers that do not exist are null.

    Args:
        boards: Boards with their curves.
        left_out: Records that no board shows, each with the reason.
        runs: Folder of the records; paths are relative to it.
    """
    document = {
        "made_by": f"nasbench {version('nasbench')}",
        "boards": [_board(board, drawn, runs) for board, drawn in boards],
        "left_out": [
            {"record": _relative_path(record, runs), "reason": reason}
            for record, reason in left_out
        ],
    }
    plain: dict[str, Any] = _without_nan(document)
    return plain


def _board(board: Board, drawn: Drawn, runs: Path) -> dict[str, Any]:
    landscape = board.landscape
    about, surrogate = landscape.benchmark.description, landscape.population.surrogate
    described = ("title", "description", "dataset", "space", "source", "licence", "citation")
    return {
        "title": board.title,
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
            "perfect_search_on_validation": landscape.floor,
            "noise_ceiling": landscape.ceiling,
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
            "curve": _curve(drawn["evaluations"][RANDOM], interval=False),
        },
        "rows": [_row(row, drawn, runs) for row in board.rows],
    }


def _row(row: Row, drawn: Drawn, runs: Path) -> dict[str, Any]:
    manifest = row.records.manifest
    return {
        "rank": row.rank,
        "label": row.label,
        "algorithm": row.algorithm,
        "settings": dict(row.settings),
        "fits_family_of_surrogate": row.fits_family,
        "tied_with_first": row.tied,
        "gap_to_first": asdict(row.gap),
        "common_seeds": row.common_seeds,
        "seeds": list(row.seeds),
        "scores": {name: asdict(score) for name, score in row.scores.items()},
        "record": _relative_path(row.records, runs),
        "record_content_hash": row.content_hash,
        "command": command(manifest, row.seeds, row.searches[0].landscape.benchmark),
        "manifest": manifest.encode(),
        "curves": {axis: _curve(by_label[row.label]) for axis, by_label in drawn.items()},
    }


def _curve(curve: Curve, *, interval: bool = True) -> dict[str, list[float]]:
    columns = {"at": curve.at.tolist(), "mean": curve.mean.tolist()}
    if interval:
        columns |= {"low": curve.low.tolist(), "high": curve.high.tolist()}
    return columns


def _relative_path(record: Records, runs: Path) -> str:
    return record.folder.relative_to(runs).as_posix()


def _without_nan(value: Any) -> Any:
    """The value with NaN and infinities, which JSON lacks, replaced by None."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
