"""The numbers of a benchmark for the cells of a page."""

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.explorer.cells import held, owners
from leaderboard.explorer.packing import packed, packed_integers
from leaderboard.landscape import spoken
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.errors import NotRecordedError

_LEFT_OUT = ("validation_seconds", "activation_bytes")
_POINTS = 40
"""Points of a learning curve, at most."""


class Numbers:
    """What one benchmark knows of some cells.

    Args:
        benchmark: The benchmark.
        archs: The cells, shape ``(n, d)``.
    """

    def __init__(self, benchmark: AnyBenchmark, archs: NDArray[np.integer]) -> None:
        self._benchmark = benchmark
        self._archs = archs
        self._held = np.flatnonzero(held(benchmark, archs))
        names = owners(benchmark, archs[self._held])
        _, self._first, self._row = np.unique(names, return_index=True, return_inverse=True)
        self.by_class = len(self._first) < len(self._held)

    def document(self) -> dict[str, Any]:
        """The numbers as JSON: description, columns, results of every seed, curves."""
        benchmark = self._benchmark
        about = benchmark.description
        rows = np.full(len(self._archs), 2**32 - 1, dtype=np.int64)
        rows[self._held] = self._row
        shared = self.by_class or len(self._held) < len(self._archs)
        return {
            "id": benchmark.name,
            "version": benchmark.version,
            "title": about.title or benchmark.name,
            "dataset": about.dataset,
            "surrogate": not isinstance(benchmark, TableBenchmark),
            "by_class": self.by_class,
            "epochs": benchmark.schedules[-1],
            "objective": self._objective(),
            "n": len(self._first),
            "rows": packed_integers(rows, 32 if len(self._first) > 60_000 else 16)
            if shared
            else None,
            "columns": [found for column in self._columns() if (found := self._column(column))],
            "seeds": self._seeds(),
            "curve": self._curve(),
        }

    def _objective(self) -> str | None:
        """The column that is shown first."""
        chosen = self._benchmark.objectives
        return chosen[0] if chosen else None

    def _columns(self) -> list[Column]:
        """Columns worth a look: results first, then costs, then scores."""
        benchmark = self._benchmark
        columns = dict(benchmark.columns)
        if isinstance(benchmark, TableBenchmark):
            table = benchmark.table
            columns |= {n: c for n, c in table.arch_columns.items() if not table.is_text(n)}
        else:
            columns["seconds"] = Column.of("seconds")
        order = {"valid": 0, "test": 1, "valtest": 2, "train": 3}
        kept = [
            column
            for name, column in columns.items()
            if name not in _LEFT_OUT and not name.startswith("written_")
            if not (name.endswith("_seconds") or name.endswith("_std"))
        ]
        return sorted(kept, key=lambda c: (order.get(c.split, 9), c.unit != "%"))

    def _column(self, column: Column) -> dict[str, Any] | None:
        try:
            values = self._values(column.name)
        except NotRecordedError:
            return None
        if not np.isfinite(values).any():
            return None
        by_row = values[self._first]
        shared = self.by_class and bool(np.array_equal(by_row[self._row], values, equal_nan=True))
        precise = column.unit == "%" or column.name == self._objective() or column.goal == ""
        if not shared:
            whole = np.full(len(self._archs), np.nan)
            whole[self._held] = values
        return {
            "name": column.name,
            "title": spoken(column).removesuffix(f" {column.unit}"),
            "unit": column.unit.replace("1", ""),
            "count": column.unit == "1",
            "goal": column.goal,
            "kind": "result" if column.split else "cost" if column.goal else "score",
            "shared": shared,
            **packed(by_row if shared else whole, "exact" if precise else "fine"),
        }

    def _values(self, name: str, **asked: int) -> NDArray[np.float64]:
        archs = self._archs[self._held]
        return np.asarray(self._benchmark.query_many(archs, name, **asked))

    def _seeds(self) -> dict[str, Any] | None:
        """Results of every training by the objective, row by row."""
        benchmark, name = self._benchmark, self._objective()
        if name is None or not isinstance(benchmark, TableBenchmark):
            return None
        if name not in benchmark.columns:
            return None
        table, length = benchmark.table, benchmark.schedules[-1]
        rows = table.schedule == length
        read = table.final if table.is_curve(name) else table.numbers
        seeds, place = np.unique(table.seed[rows], return_inverse=True)
        names = owners(benchmark, self._archs[self._held][self._first])
        order = np.argsort(names)
        found = np.searchsorted(names[order], table.ranks[rows])
        inside = np.append(names[order], -1)[found] == table.ranks[rows]
        values = np.full((len(names), len(seeds)), np.nan)
        values[order[found[inside]], place[inside]] = read(name, length)[inside]
        return {"column": name, "seeds": seeds.tolist(), **packed(values, "exact")}

    def _curve(self) -> dict[str, Any] | None:
        """The objective at some recorded epochs, mean of the seeds, row by row."""
        benchmark, name = self._benchmark, self._objective()
        length = benchmark.schedules[-1]
        if name is None:
            return None
        epochs = list(range(1, length + 1))
        if isinstance(benchmark, TableBenchmark):
            if name not in benchmark.columns or not benchmark.table.is_curve(name):
                return None
            epochs = benchmark.table.epochs(name, length)
        if len(epochs) < 2:
            return None
        places = np.unique(np.linspace(0, len(epochs) - 1, min(_POINTS, len(epochs))).round())
        epochs = [epochs[int(place)] for place in places]
        found = []
        with suppress(NotRecordedError):
            for epoch in epochs:
                values = self._values(name, epoch=epoch, schedule=length)
                found.append(values[self._first])
        if len(found) < len(epochs):
            return None
        return {"column": name, "epochs": epochs, **packed(np.stack(found, axis=1), "exact")}
