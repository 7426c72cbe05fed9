"""Benchmarks by name, whatever they are made of."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from nasbench.benchmarks.catalogue import find, is_surrogate
from nasbench.benchmarks.surrogate_benchmark import SurrogateBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.tables.table import Table

AnyBenchmark: TypeAlias = TableBenchmark | SurrogateBenchmark


def load(
    id_or_path: str | Path, *, objectives: Sequence[str] | None = None, known: Sequence[str] = ()
) -> AnyBenchmark:
    """Open a benchmark; nothing but its description is read before it is asked.

    Args:
        id_or_path: ``"nb201-cifar10"`` (the newest version), ``"nb201-cifar10@1"``, the path of a
            table or the folder of a surrogate.
        objectives: Columns that a search minimises or maximises; default: the benchmark's own.
        known: Columns of architectures that a search may see before it trains.

    Raises:
        UnknownNameError: No such benchmark or column.
        TableError: The file is damaged or not a table.
        SurrogateError: The folder is damaged.
    """
    path = find(id_or_path)
    if is_surrogate(path):
        return SurrogateBenchmark(path, objectives, known)
    return TableBenchmark(Table(path), objectives, known)
