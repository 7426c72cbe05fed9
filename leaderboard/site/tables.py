"""What the page of a table says: recipe, distribution, noise between trainings, best cells."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.boards import Board
from leaderboard.fronts import AnyLandscape
from leaderboard.landscape import spoken, test_column
from leaderboard.site import diagrams, notes
from leaderboard.site.formatting import duration, number
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.tables.cards.croissant import croissant

BEST = 10
"""Cells that are listed."""

MOST = 2_000
"""Architectures of a sample whose values are drawn: a surrogate predicts each."""


def view(board: Board) -> dict[str, Any]:
    """Context of the page of the benchmark of a board."""
    landscape = board.landscape
    about, benchmark = landscape.benchmark.description, landscape.benchmark
    sampled = landscape.population.extent == "sampled"
    recorded = benchmark.table if isinstance(benchmark, TableBenchmark) else None
    table = recorded and recorded.metadata
    columns = _columns(landscape)
    condition = _condition(landscape)
    said = {
        "Space": f"{benchmark.space.name}, {len(landscape.archs):,} architectures{condition}",
        "Dataset": about.dataset,
        "Columns of trainings": ", ".join(benchmark.columns),
        "Columns of architectures": recorded and ", ".join(recorded.arch_columns),
        "Surrogate": notes.surrogate(board),
        "Mean full training": landscape.full_seconds and duration(landscape.full_seconds),
        "Training seeds": getattr(about, "seeds", ""),
        "Licence": about.licence,
        "Source": about.source,
        "Cite": about.citation,
        "Not in the table": getattr(about, "elsewhere", ""),
        "Content hash": about.content_hash,
    }
    return {
        "name": f"{about.id}@{about.version}",
        "kind": "Surrogate" if table is None else "Table",
        "title": about.title or about.id,
        "description": about.description,
        "facts": [(term, str(text)) for term, text in said.items() if text],
        "recipe": table and _pretty(table.recipe),
        "judged": [] if table else [(k, str(v)) for k, v in getattr(about, "judged", {}).items()],
        "columns": [_distribution(landscape, column) for column in columns],
        "noise": [found for column in columns if (found := _noise(landscape, column))],
        "among": f"of {MOST:,} random architectures" if sampled else condition.strip(),
        "best": _best(landscape, columns),
        "titles": [spoken(column) for column in columns],
        "croissant": recorded and croissant(recorded),
    }


def _condition(landscape: AnyLandscape) -> str:
    """What the architectures meet, if the searches did not see the others."""
    constraints = landscape.benchmark.constraints
    return f" with {' and '.join(constraints)}" if constraints else ""


def _columns(landscape: AnyLandscape) -> list[Column]:
    """What searches see by default, and what judges it."""
    benchmark = landscape.benchmark
    name = benchmark.default_objective or benchmark.objectives[0]
    objective = benchmark.column(name)
    test = test_column(benchmark, objective)
    return [objective] if test is None else [objective, test]


def _archs(landscape: AnyLandscape) -> NDArray[np.integer]:
    """The architectures that are drawn."""
    sampled = landscape.population.extent == "sampled"
    return landscape.archs[:MOST] if sampled else landscape.archs


def _values(landscape: AnyLandscape, column: Column) -> NDArray[np.float64]:
    return landscape.benchmark.query_many(_archs(landscape), column.name).astype(np.float64)


def _distribution(landscape: AnyLandscape, column: Column) -> dict[str, Any]:
    values = _values(landscape, column)
    finite = values[np.isfinite(values)]
    best = float(finite.min() if column.goal == "min" else finite.max())
    marks = {"median": float(np.median(finite)), "best": best}
    unit = column.unit.replace("1", "")
    sampled = landscape.population.extent == "sampled"
    of = f"{len(values):,} random" if sampled else "all"
    title = f"Mean {spoken(column)} of {of} architectures{_condition(landscape)}"
    return {
        "title": title,
        "drawn": diagrams.histogram(finite, unit, title, marks, (0.5, 100)),
        "numbers": ", ".join(
            f"{name} {number(value, digits=4)} {unit}".strip() for name, value in marks.items()
        )
        + "; the lowest 0.5 % lie left of the axis",
    }


def _noise(landscape: AnyLandscape, column: Column) -> dict[str, Any] | None:
    """Standard deviations between trainings of one architecture; None if none was repeated."""
    population = landscape.population
    if column.name not in population.trained or population.extent == "sampled":
        return None
    trainings = population.trainings(column.name)
    values = trainings.values.astype(np.float64)
    finite = np.isfinite(values)
    _, place, n = np.unique(trainings.owners[finite], return_inverse=True, return_counts=True)
    values = values[finite]
    means = np.bincount(place, weights=values) / n
    squares = np.bincount(place, weights=(values - means[place]) ** 2)
    repeated = n > 1
    if not repeated.any():
        return None
    deviations = np.sqrt(squares[repeated] / (n[repeated] - 1))
    unit = "pp" if column.unit == "%" else column.unit.replace("1", "")
    title = f"Standard deviation of {spoken(column)} between trainings of one architecture"
    marks = {"median": float(np.median(deviations))}
    spread = float(means.std())
    return {
        "title": title,
        "drawn": diagrams.histogram(deviations, unit, title, marks, (0, 99)),
        "numbers": f"{int(repeated.sum()):,} architectures with several trainings; median "
        f"{number(marks['median'], digits=3)} {unit}; the means of all architectures have a "
        f"standard deviation of {number(spread, digits=3)} {unit}".replace(" ;", ";").strip()
        + "; the highest 1 % lie right of the axis",
    }


def _best(landscape: AnyLandscape, columns: list[Column]) -> list[dict[str, Any]]:
    """The best architectures by the last column; one of each class of identical networks."""
    space, values = landscape.benchmark.space, [_values(landscape, column) for column in columns]
    sign = 1.0 if columns[-1].goal == "min" else -1.0
    archs = _archs(landscape)
    order = np.argsort(np.where(np.isnan(values[-1]), np.inf, sign * values[-1]), kind="stable")
    found: list[dict[str, Any]] = []
    seen: set[tuple[int, ...]] = set()
    for i in order.tolist():
        arch = tuple(archs[i].tolist())
        same = tuple(space.canonical(arch))
        if same in seen:
            continue
        seen.add(same)
        numbers = [number(float(value[i]), digits=4) for value in values]
        found.append({"text": space.to_text(arch), "values": numbers})
        if len(found) == BEST:
            break
    return found


def _pretty(recipe: Any) -> str:
    return json.dumps(recipe, indent=2, ensure_ascii=False, default=str) if recipe else ""
