"""Files of numbers beside the pages: CSV and Parquet of an algorithm's seeds and curves."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from leaderboard.site.shown import Shown


def downloads(algorithm: str, boards: Sequence[Shown]) -> dict[str, bytes]:
    """Scores of every seed and the mean curves of an algorithm, by the end of the file's name.

    Args:
        algorithm: Name of the algorithm.
        boards: The boards that have rows of it.
    """
    tables = {"seeds": _seeds(algorithm, boards), "curves": _curves(algorithm, boards)}
    found = {}
    for name, table in tables.items():
        found[f"{name}.csv"] = _csv(table)
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        found[f"{name}.parquet"] = sink.getvalue()
    return found


def _csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(table, sink)
    return sink.getvalue()


def _seeds(algorithm: str, boards: Sequence[Shown]) -> pa.Table:
    """One row for each board, row and seed, with all columns that some board has."""
    names = list(dict.fromkeys(name for shown in boards for name in shown.board.columns))
    parts: list[dict[str, Any]] = []
    for shown in boards:
        for row in shown.rows(algorithm):
            columns = shown.board.columns
            scores = {
                name: [columns[name](search) for search in row.searches]
                if name in columns
                else [None] * len(row.seeds)
                for name in names
            }
            parts.append({**_place(shown, row.label, len(row.seeds)), "seed": row.seeds, **scores})
    return _joined(parts, {name: pa.float64() for name in names} | {"seed": pa.int64()})


def _curves(algorithm: str, boards: Sequence[Shown]) -> pa.Table:
    """Mean regret with its interval along every axis."""
    parts = []
    for shown in boards:
        labels = [row.label for row in shown.rows(algorithm)]
        for axis, by_label in shown.curves.items():
            for label in labels:
                curve = by_label[label]
                parts.append(
                    {
                        **_place(shown, label, len(curve.at)),
                        "axis": [axis] * len(curve.at),
                        "at": curve.at,
                        "mean": curve.mean,
                        "low": curve.low,
                        "high": curve.high,
                    }
                )
    return _joined(parts, {name: pa.float64() for name in ("at", "mean", "low", "high")})


def _place(shown: Shown, label: str, n: int) -> dict[str, list[str]]:
    return {
        "board": [shown.board.title] * n,
        "benchmark": [shown.benchmark] * n,
        "row": [label] * n,
    }


def _joined(parts: Sequence[dict[str, Any]], types: dict[str, pa.DataType]) -> pa.Table:
    columns = {
        name: pa.chunked_array(
            [
                pa.array(part[name], types.get(name, pa.string()), from_pandas=True)
                for part in parts
            ],
            types.get(name, pa.string()),
        )
        for name in parts[0]
    }
    return pa.table(columns)
