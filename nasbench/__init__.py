"""Benchmarks for neural architecture search: query, search and rank, offline and reproducible.

>>> import nasbench
>>> benchmark = nasbench.load("nb201-cifar10")
>>> nasbench.query("nb201-cifar10", (3, 3, 3, 1, 3, 2))["valid_accuracy"]  # doctest: +ELLIPSIS
91.60...
"""

from typing import TYPE_CHECKING, Any

from nasbench.benchmark import Evaluation, TableBenchmark, load
from nasbench.errors import (
    AlgorithmError,
    BuildError,
    ContentHashError,
    IllegalArchError,
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    NotRecordedError,
    RecordError,
    SchemaError,
    TableError,
    UnknownNameError,
    UnreadableTableError,
    ValueRangeError,
)
from nasbench.space import Arch

if TYPE_CHECKING:
    from nasbench.search import search
    from nasbench.simulator import Budget, replay

_LAZY = {
    "search": "nasbench.search",
    "replay": "nasbench.simulator",
    "Budget": "nasbench.simulator",
}


def query(
    benchmark: str,
    arch: Arch | str,
    *,
    epoch: int | None = None,
    schedule: int | None = None,
    seed: int | None = None,
) -> dict[str, float]:
    """All that a benchmark records of an architecture; see :meth:`TableBenchmark.query`."""
    return load(benchmark).query(arch, epoch=epoch, schedule=schedule, seed=seed)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'nasbench' has no attribute {name!r}")


__all__ = [
    "AlgorithmError",
    "Arch",
    "Budget",
    "BuildError",
    "ContentHashError",
    "Evaluation",
    "IllegalArchError",
    "InvalidArgumentError",
    "MissingExtraError",
    "NasbenchError",
    "NotRecordedError",
    "RecordError",
    "SchemaError",
    "TableBenchmark",
    "TableError",
    "UnknownNameError",
    "UnreadableTableError",
    "ValueRangeError",
    "load",
    "query",
    "replay",
    "search",
]
