"""Benchmarks for neural architecture search: query, search and compare, offline and reproducible.

>>> import nasbench
>>> benchmark = nasbench.load("nb201-cifar10")
>>> round(benchmark.query((3, 3, 3, 1, 3, 2))["valid_accuracy"], 2)
91.61
>>> budget = nasbench.Budget(trials=100)
>>> runs = nasbench.search("regularized_evolution", "nb201-cifar10", seeds=range(3), budget=budget)
>>> len(runs), len(runs[0])
(3, 100)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasbench import startup as _startup  # noqa: F401 (first, for an interruption from here on)
from nasbench.benchmark import Evaluation
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import (
    AlgorithmError,
    ArchiveError,
    BudgetExhausted,
    BuildError,
    ContentHashError,
    IllegalArchError,
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    NotRecordedError,
    RecordError,
    SchemaError,
    SurrogateError,
    TableError,
    UnknownNameError,
    UnreadableTableError,
    ValueRangeError,
)
from nasbench.space import AnyArch, Arch

if TYPE_CHECKING:
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
    from nasbench.runs.budget import Budget
    from nasbench.runs.recording import record
    from nasbench.runs.records import Records, find_records, save
    from nasbench.runs.replay import replay
    from nasbench.runs.search import search

_WHEN_ASKED = {
    "SurrogateBenchmark": "nasbench.benchmarks.surrogate.benchmark",
    "Budget": "nasbench.runs.budget",
    "Records": "nasbench.runs.records",
    "find_records": "nasbench.runs.records",
    "save": "nasbench.runs.records",
    "record": "nasbench.runs.recording",
    "replay": "nasbench.runs.replay",
    "search": "nasbench.runs.search",
}
"""Where names are defined whose modules a query does without."""


def __getattr__(name: str) -> Any:
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module 'nasbench' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_WHEN_ASKED[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHEN_ASKED})


def query(
    benchmark: str,
    arch: AnyArch,
    *,
    epoch: int | None = None,
    schedule: int | None = None,
    seed: int | None = None,
) -> dict[str, float]:
    """Return what a benchmark records for an architecture; see :meth:`TableBenchmark.query`."""
    return load(benchmark).query(arch, epoch=epoch, schedule=schedule, seed=seed)


__all__ = [
    "AlgorithmError",
    "Arch",
    "ArchiveError",
    "Budget",
    "BudgetExhausted",
    "BuildError",
    "ContentHashError",
    "Evaluation",
    "IllegalArchError",
    "InvalidArgumentError",
    "MissingExtraError",
    "NasbenchError",
    "NotRecordedError",
    "RecordError",
    "Records",
    "SchemaError",
    "SurrogateBenchmark",
    "SurrogateError",
    "TableBenchmark",
    "TableError",
    "UnknownNameError",
    "UnreadableTableError",
    "ValueRangeError",
    "find_records",
    "load",
    "query",
    "record",
    "replay",
    "save",
    "search",
]
