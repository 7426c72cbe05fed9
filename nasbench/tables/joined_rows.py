"""Rows of several tables joined into one: trainings by key, numbers of architectures by arch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace
from nasbench.tables.columns import is_list, list_ends, list_items, open_file, read_rows, to_numpy
from nasbench.tables.joined_column import Part, agreed
from nasbench.tables.schema import KEYS, archs_file, is_repeated
from nasbench.tables.table import Table

_COSTS = ("seconds", "validation_seconds")


class JoinedRuns:
    """The joined trainings of several tables of one space.

    Args:
        tables: The tables with trainings, by name; may be empty.
        space: Their search space.

    Attributes:
        epochs: Recorded epochs by schedule.
        ranks: Ranks of the architectures that own the ``n`` trainings, ascending, shape ``(n,)``.
        schedules: Their schedules, shape ``(n,)``.
        keys: The distinct ranks, ascending.
    """

    def __init__(self, tables: Mapping[str, Table], space: SearchSpace) -> None:
        self._tables = tables
        self._space = space
        self.epochs: dict[int, list[int]] = {}
        for table in tables.values():
            for schedule, epochs in table.metadata.epochs.items():
                self.epochs[schedule] = sorted({*epochs, *self.epochs.get(schedule, ())})
        keys = [
            np.concatenate([getattr(table, key).astype(np.int64) for table in tables.values()])
            if tables
            else np.empty(0, dtype=np.int64)
            for key in ("ranks", "schedule", "seed")
        ]
        order = np.lexsort(keys[::-1])
        new = np.ones(len(order), dtype=np.bool_)
        new[1:] = np.logical_or.reduce([np.diff(key[order]) != 0 for key in keys])
        self.ranks, self.schedules, self._seeds = (key[order[new]] for key in keys)
        self.keys = np.unique(self.ranks)
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.cumsum(new) - 1
        ends = np.cumsum([len(table.seed) for table in tables.values()])
        self._places = dict(zip(tables, np.split(places, ends[:-1]), strict=True)) if tables else {}

    def fewer_epochs(self, name: str) -> dict[int, list[int]]:
        """Return a curve's recorded epochs in the schedules in which it lacks some."""
        holders = [t for t in self._tables.values() if name in t.columns and t.is_curve(name)]
        found: dict[int, list[int]] = {}
        for schedule, epochs in self.epochs.items():
            held = {
                epoch
                for table in holders
                if schedule in table.schedules
                for epoch in table.epochs(name, schedule)
            }
            if holders and len(held) < len(epochs):
                found[schedule] = sorted(held)
        return found

    def rows(self, objective: str | None) -> pa.Table:
        """Return the trainings as rows of a table.

        Args:
            objective: Column that every training without divergence must have at its end, or None.

        Raises:
            InvalidArgumentError: Tables contradict each other, or a training lacks a required
                number.
            TableError: A table is damaged.
        """
        columns = {
            "arch": arch_column(self.ranks, self._space),
            "schedule": pa.array(self.schedules, pa.int32()),
            "seed": pa.array(self._seeds, pa.int32()),
        }
        contents = {n: read_rows(open_file(t.path), t.path) for n, t in self._tables.items()}
        if not contents:
            return pa.table(columns | {"status": pa.array([], pa.string())})
        columns["status"] = self._numbers("status", _column_by_table("status", contents))
        diverged = to_numpy(pc.equal(columns["status"], "diverged").cast(pa.uint8())) == 1
        for name in dict.fromkeys(name for rows in contents.values() for name in rows.schema.names):
            if name in (*KEYS, "status") or is_repeated(name):
                continue
            held = _column_by_table(name, contents)
            lists = [table for table, column in held.items() if is_list(column.type)]
            if lists and len(lists) < len(held):
                other = next(table for table in held if table not in lists)
                raise InvalidArgumentError(
                    f"{name!r} is a curve in {lists[0]}, but one number per training in {other}"
                )
            columns[name] = self._curves(name, held) if lists else self._numbers(name, held)
            self._check_missing(name, columns[name], diverged, objective, list(held))
        return pa.table(columns)

    def _numbers(self, name: str, held: Mapping[str, Any]) -> Any:
        parts = [Part(table, self._places[table], column) for table, column in held.items()]
        joined = agreed(name, parts, len(self.ranks), self._describe)
        if joined.null_count and not pa.types.is_string(joined.type):
            joined = joined.cast(pa.float64()).fill_null(np.nan)
        return joined

    def _curves(self, name: str, held: Mapping[str, Any]) -> Any:
        recorded = self.epochs | self.fewer_epochs(name)
        lengths = np.zeros(len(self.ranks), dtype=np.int64)
        for schedule, epochs in recorded.items():
            lengths[self.schedules == schedule] = len(epochs)
        starts = np.cumsum(lengths) - lengths
        parts = []
        for label, lists in held.items():
            table, rows_of = self._tables[label], self._places[label]
            firsts, items = np.append(0, list_ends(lists)[:-1]), list_items(lists)
            places, chosen = [], []
            for schedule in table.schedules:
                epochs = table.epochs(name, schedule)
                rows = np.flatnonzero(table.schedule == schedule)
                at = np.searchsorted(recorded[schedule], epochs)
                places.append((starts[rows_of[rows]][:, None] + at).ravel())
                chosen.append((firsts[rows][:, None] + np.arange(len(epochs))).ravel())
            values = pa.array(items[np.concatenate(chosen)], from_pandas=False)
            parts.append(Part(label, np.concatenate(places), values))

        def describe(place: int) -> str:
            row = int(np.searchsorted(starts + lengths, place, side="right"))
            epoch = recorded[int(self.schedules[row])][place - int(starts[row])]
            return f"at epoch {epoch} {self._describe(row)}"

        joined = agreed(name, parts, int(lengths.sum()), describe).fill_null(np.nan)
        offsets = pa.array(np.append(0, starts + lengths), pa.int32())
        return pa.ListArray.from_arrays(offsets, joined)

    def _check_missing(
        self,
        name: str,
        column: Any,
        diverged: NDArray[np.bool_],
        objective: str | None,
        holders: list[str],
    ) -> None:
        """Check that every training has the numbers without which a table is invalid.

        Raises:
            InvalidArgumentError: One has not.
        """
        lists = is_list(column.type)
        ends = list_ends(column) if lists else np.arange(1, len(column) + 1)
        missing = np.isnan(list_items(column) if lists else to_numpy(column))
        lengths = np.diff(ends, prepend=0)
        last = np.append(missing, False)[ends - 1]
        if name in _COSTS:
            lacking = np.logical_or.reduceat(np.append(missing, False), ends - lengths)
            lacking &= lengths > 0
        elif name == objective:
            lacking = ~diverged & (last | (lengths == 0))
        else:
            excused = self._tables[holders[0]].columns[name].split != ""
            lacking = last & (lengths == 1) & ~(diverged & excused)
        if lacking.any():
            row = int(np.argmax(lacking))
            owners = [n for n, places in self._places.items() if row in places]
            raise InvalidArgumentError(
                f"{name!r} is in {' and '.join(holders)}, but missing {self._describe(row)}, in "
                f"{' and '.join(owners)}: every training of a table must have it"
            )

    def _describe(self, row: int) -> str:
        arch = self._space.to_text(self._space.unrank(int(self.ranks[row])))
        return f"of {arch}, schedule {self.schedules[row]}, seed {self._seeds[row]}"


def join_archs(
    tables: Mapping[str, Table], space: SearchSpace, owners: NDArray[np.int64] | None
) -> pa.Table | None:
    """Return the numbers and texts of architectures as rows of a table; None if there are none.

    Args:
        tables: The tables by name.
        space: Their search space.
        owners: If the numbers belong to classes, the ranks of the representatives that have
            trainings, ascending; otherwise None.

    Raises:
        InvalidArgumentError: Tables contradict each other.
        TableError: A table is damaged.
    """
    files = {name: archs_file(t.path) for name, t in tables.items() if len(t.written_ranks)}
    if not files:
        return None
    contents = {name: read_rows(open_file(path), path) for name, path in files.items()}
    ranks = {name: tables[name].written_ranks for name in files}
    if owners is not None:
        for name in files:
            ranks[name] = _representatives(ranks[name], space, owners)
            kept = np.isin(ranks[name], owners)
            ranks[name], contents[name] = ranks[name][kept], contents[name].filter(pa.array(kept))
    union = np.unique(np.concatenate(list(ranks.values())))
    places = {name: np.searchsorted(union, of_table) for name, of_table in ranks.items()}
    columns = {"arch": arch_column(union, space)}

    def describe(place: int) -> str:
        return f"of {space.to_text(space.unrank(int(union[place])))}"

    for column in dict.fromkeys(name for rows in contents.values() for name in rows.schema.names):
        if column not in KEYS:
            held = _column_by_table(column, contents)
            parts = [Part(name, places[name], values) for name, values in held.items()]
            columns[column] = agreed(column, parts, len(union), describe)
    return pa.table(columns)


def _representatives(
    ranks: NDArray[np.int64], space: SearchSpace, owners: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the ranks of the representatives of the classes of architectures, shape ``(n,)``."""
    found = ranks.copy()
    others = ~np.isin(ranks, owners)
    if others.any():
        tuples = np.stack(np.unravel_index(ranks[others], space.options), axis=1)
        found[others] = space.rank_many(space.canonical_many(tuples))
    return found


def _column_by_table(name: str, contents: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Return a column of every table that has it, by name of the table."""
    return {
        table: rows.column(name).combine_chunks()
        for table, rows in contents.items()
        if name in rows.schema.names
    }


def arch_column(ranks: NDArray[np.int64], space: SearchSpace) -> Any:
    """Return the column ``arch`` for architectures given by their ranks."""
    tuples = np.stack(np.unravel_index(ranks, space.options), axis=1)
    values = pa.array(tuples.ravel(), pa.uint16())
    return pa.FixedSizeListArray.from_arrays(values, len(space.options))
