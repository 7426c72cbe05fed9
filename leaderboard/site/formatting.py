"""Numbers and settings as text, the same on the page and in the terminal."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.boards import Board, Row, plain
from leaderboard.statistics import Estimate

_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of a board as text.

    Attributes:
        name: Registered name.
        title: Title without the unit.
        unit: ``"pp"`` for percentage points; empty for none.
        description: What the column measures.
        goal: Which end is better: ``"min"``, ``"max"`` or ``""``.
        places: Decimals of the texts.
        values: Mean of every row.
        texts: ``values`` as rounded text.
        intervals: ``"[0.12, 0.15]"`` for every row; empty if it has only one seed.
    """

    name: str
    title: str
    unit: str
    description: str
    goal: str
    places: int
    values: tuple[float, ...]
    texts: tuple[str, ...]
    intervals: tuple[str, ...]


def columns(board: Board) -> list[TextColumn]:
    """The columns of a board in registry order, with one text per row."""
    found = []
    for name, column in board.columns.items():
        scores = [row.scores[name] for row in board.rows]
        means = [score.mean for score in scores]
        if column.kind == "seconds":
            divisor, unit = time_unit(max(means))
            places = decimals([mean / divisor for mean in means], most=1)
        else:
            divisor, unit = 1.0, unit_of(board, column.kind)
            digits = 3 if column.kind == "ratio" else 2
            places = decimals(means, digits=digits) if column.kind in ("points", "ratio") else 2
            if column.kind == "count":
                places = 0 if all(mean == int(mean) or mean >= 100 for mean in means) else 1
        found.append(
            TextColumn(
                name=name,
                title=board.title_of(name),
                unit=unit,
                description=column.description,
                goal=column.goal,
                places=places,
                values=tuple(means),
                texts=tuple(f"{mean / divisor:,.{places}f}" for mean in means),
                intervals=tuple(_interval(score, divisor, places) for score in scores),
            )
        )
    return found


def unit_of(board: Board, kind: str) -> str:
    """Unit of a kind of column; percentages differ by percentage points."""
    unit = board.landscape.reported.column.unit.replace("1", "")
    if kind == "points":
        return "pp" if unit == "%" else unit
    return unit if kind == "value" else ""


def decimals(values: Iterable[float], *, digits: int = 2, least: int = 1, most: int = 4) -> int:
    """Decimals that show ``digits`` digits of the smallest nonzero value."""
    positive = [abs(value) for value in values if value and math.isfinite(value)]
    if not positive:
        return least
    return max(least, min(most, digits - 1 - math.floor(math.log10(min(positive)))))


def time_unit(seconds: float) -> tuple[float, str]:
    """Seconds per unit, and name of the unit, in which a duration is easy to read."""
    return next((unit for unit in _UNITS if seconds >= 2 * unit[0]), _UNITS[-1])


def duration(seconds: float) -> str:
    """A duration in an easily read unit, such as ``"10.6 days"``."""
    divisor, name = time_unit(seconds)
    value = seconds / divisor
    return f"{value:,.{decimals([value], least=0, most=2) if value < 100 else 0}f} {name}"


def settings_text(row: Row) -> str:
    """Preset, hyperparameters, and fidelities unless they are all of the benchmark's.

    Settings that the label of the row already shows are left out.
    """
    benchmark = row.searches[0].landscape.benchmark
    said = row.variant.split(", ")
    return assignments(
        {
            name: value
            for name, value in row.settings.items()
            if (name != "preset" or value not in said)
            and f"{name} {plain(value)}" not in said
            and (name != "fidelities" or value != list(benchmark.fidelities))
        }
    )


def assignments(values: Mapping[str, Any]) -> str:
    """Settings as text, such as ``"population 100, sample 10"``."""
    return ", ".join(f"{name} {plain(value)}" for name, value in values.items())


def _interval(score: Estimate, divisor: float, places: int) -> str:
    if math.isnan(score.low):
        return ""
    return f"[{score.low / divisor:,.{places}f}, {score.high / divisor:,.{places}f}]"
