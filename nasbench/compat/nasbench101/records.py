"""All trainings of NAS-Bench-101 in a table, in the form that google-research/nasbench returns."""

from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from nasbench.benchmarks.lookup import Lookup, view
from nasbench.compat.nasbench101.fractions import published
from nasbench.compat.nasbench101.opening import METRICS, TEXTS
from nasbench.errors import SchemaError
from nasbench.tables.columns import open_file, read_column
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table

_HASH, _ADJACENCY, _OPERATIONS = TEXTS


class Records:
    """The modules of a table by position, the place of their class among the keys of the table.

    Numbers are read when they are first needed, also by several threads.

    Args:
        table: The table, as :func:`open_cells` returns it.

    Attributes:
        table: The table.
        position: Position by architecture; raises ``IllegalArchError`` or ``NotRecordedError``.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._lookup = Lookup(table)
        self.position = self._lookup.position
        self._names: list[str] = []
        self._numbers: dict[int, list[tuple[memoryview, float]]] = {}
        self._firsts: dict[int, memoryview] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; the copy opens the table again."""
        return _reopen, (self.table.path,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position by name of the module, in the order of the published file.

        Version 1 of the table does not say that order; then it is that of the positions.
        """
        hashes = self._names = self._texts[_HASH].to_pylist()
        written = np.asarray(self._written)
        order = np.arange(len(written))
        if "index" in self.table.arch_columns:
            order = np.argsort(self.table.arch_numbers("index")[written], kind="stable")
        return {hashes[written[position]]: position for position in order.tolist()}

    def name(self, position: int) -> str:
        """Return the name of a module."""
        row = self._written[position]
        return self._names[row] if self._names else str(self._texts[_HASH][row].as_py())

    def fixed(self, position: int) -> dict[str, Any]:
        """Return what is recorded of a module without a training."""
        row = self._written[position]
        operations = self._texts[_OPERATIONS][row].as_py().split(",")
        digits = self._texts[_ADJACENCY][row].as_py().encode()
        adjacency = np.frombuffer(digits, dtype=np.int8) - np.int8(ord("0"))
        return {
            "module_adjacency": adjacency.reshape(len(operations), len(operations)),
            "module_operations": operations,
            "trainable_parameters": int(self._parameters[row]),
        }

    def computed(self, position: int) -> dict[int, list[dict[str, float]]]:
        """Return the trainings of a module by their length."""
        return {
            epochs: [
                {
                    f"{moment}_{name}": value
                    for index, moment in enumerate(("halfway", "final"))
                    for name, value in self.trained(row, epochs, index).items()
                }
                for row in rows
            ]
            for epochs in self.table.schedules
            if (rows := self.rows(position, epochs))
        }

    def rows(self, position: int, epochs: int) -> range:
        """Return the rows of the repeats, in the order in which they were published."""
        first = self._firsts.get(epochs)
        if first is None:
            first = self._firsts[epochs] = view(self._lookup.runs(epochs).first)
        return range(first[position], first[position + 1])

    def trained(self, row: int, epochs: int, index: int) -> dict[str, float]:
        """Return the numbers of a training, half-way (0) or at its end (1)."""
        columns = self._numbers.get(epochs)
        if columns is None:
            found = (published(self.table, name, epochs) for name in METRICS.values())
            columns = self._numbers[epochs] = [(view(curves), unit) for curves, unit in found]
        return {
            name: curves[row, index] / unit
            for name, (curves, unit) in zip(METRICS, columns, strict=True)
        }

    @cached_property
    def _written(self) -> memoryview:
        """Row in the file of architectures, by position."""
        table, keys = self.table, self._lookup.keys
        rows = np.searchsorted(table.written_ranks, keys)
        missing = np.flatnonzero(np.append(table.written_ranks, -1)[rows] != keys)
        if missing.size:
            arch = table.space.unrank(int(keys[missing[0]]))
            raise SchemaError(
                f"{archs_file(table.path)} has no row for {table.space.to_text(arch)}, which has "
                "trainings"
            )
        return view(rows)

    @cached_property
    def _texts(self) -> dict[str, Any]:
        """Texts of architectures as Arrow arrays, from which single texts can be read."""
        path = archs_file(self.table.path)
        file = open_file(path)
        return {name: read_column(file, path, name) for name in TEXTS}

    @cached_property
    def _parameters(self) -> memoryview:
        return view(self.table.arch_numbers("parameters"))


def _reopen(path: Path) -> Records:
    return Records(Table(path))
