"""The facts about a benchmark that ``nasbench info`` prints."""

from collections.abc import Mapping
from typing import Any

from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.tables.described_space import is_described
from nasbench.tables.table import Table


def table_facts(table: Table) -> Mapping[str, Any]:
    """Return facts about a table by name; a text is empty if nothing is known."""
    metadata = table.metadata
    facts = {
        "id": f"{metadata.id}@{metadata.version}",
        "title": metadata.title,
        "description": metadata.description,
        "space": metadata.space,
        "dataset": metadata.dataset,
    }
    if table.schedules:
        facts |= _of_trainings(TableBenchmark(table))
    if is_described(table.space):
        facts["not installed"] = (
            f"the package that defines {metadata.space!r}: its rules, notation and graphs, and "
            "which of its networks are equal, are not known"
        )
    return facts | {
        "source": metadata.source,
        "licence": metadata.licence,
        "citation": metadata.citation,
        "not recorded": metadata.elsewhere,
        "content hash": metadata.content_hash,
        "file": str(table.path),
    }


def _of_trainings(benchmark: TableBenchmark) -> dict[str, str]:
    """Return facts about the trainings of a table."""
    metadata, size = benchmark.table.metadata, benchmark.space.size
    is_whole = not isinstance(benchmark.space, RecordedSpace)
    recorded = "" if is_whole else "recorded "
    return {
        "space": f"{metadata.space} ({size:,} {recorded}architectures)" if size else metadata.space,
        "objectives": ", ".join(benchmark.objectives),
        "schedules": ", ".join(f"{s} epochs" for s in benchmark.schedules),
        "fidelities": ", ".join(map(str, benchmark.fidelities)),
        "seeds": f"{', '.join(map(str, benchmark.seeds))} ({metadata.seeds})",
        "runs": f"{len(benchmark.table.seed):,}",
    }


def surrogate_facts(benchmark: SurrogateBenchmark) -> Mapping[str, Any]:
    """Return facts about a surrogate by name; a text is empty if nothing is known."""
    description, size = benchmark.description, benchmark.space.size
    count = f" ({size:,} architectures)" if size else ""
    table = description.table
    return {
        "id": f"{description.id}@{description.version}",
        "title": description.title,
        "description": description.description,
        "space": f"{description.space}{count}",
        "dataset": description.dataset,
        "objectives": ", ".join(benchmark.objectives),
        "schedules": f"{description.schedule} epochs",
        "fidelities": ", ".join(map(str, benchmark.fidelities)),
        "seeds": "any integer from 0",
        "noise": description.noise,
        "regressor": f"{description.regressor} ({description.family})",
        "fitted to": f"{table['architectures']} architectures of {table['id']}@{table['version']}",
        "left out": description.left_out,
        "judged": ", ".join(f"{k} {v:.3g}" for k, v in description.judged.items()),
        "source": description.source,
        "licence": description.licence,
        "citation": description.citation,
        "content hash": description.content_hash,
        "file": str(benchmark.path),
    }
