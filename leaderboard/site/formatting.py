"""Numbers and settings as text, the same on the page and in the terminal."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leaderboard.boards import Board, Row
from leaderboard.labels import assignment, plain, shortened
from leaderboard.statistics import Estimate

LONGEST = 2_000
"""Characters of settings on a page; ``leaderboard.json`` has all."""

MISSING = "\N{EN DASH}"
"""In place of a value that a row does not have."""

_SMALL = 1e-3
"""Below this, numbers are written with a power of ten."""

_UNITS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Digits:
    """How the numbers of one column are written.

    Attributes:
        divisor: What they are divided by; its name is part of the unit.
        unit: Unit, such as ``"pp"``, ``"hours"`` or ``"10⁻⁵ pp"``; empty for none.
        places: Decimals.
    """

    divisor: float
    unit: str
    places: int

    def text(self, value: float) -> str:
        """A number as text; one that is not 0 never looks like 0."""
        scaled = value / self.divisor
        text = f"{scaled:,.{self.places}f}"
        return number(scaled) if value and not text.strip("-0.") else text

    def interval(self, score: Estimate) -> str:
        """``"[0.12, 0.15]"``; empty if there is none."""
        if math.isnan(score.low):
            return ""
        return f"[{self.text(score.low)}, {self.text(score.high)}]"


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of a board as text.

    Attributes:
        name: Registered name.
        title: Title without the unit.
        description: What the column measures.
        goal: Which end is better: ``"min"``, ``"max"`` or ``""``.
        digits: How its numbers are written.
        values: Mean of every row; NaN for a row without a value.
        texts: ``values`` as rounded text, or :data:`MISSING`.
        intervals: ``"[0.12, 0.15]"`` for every row; empty if it has only one seed, or no value.
    """

    name: str
    title: str
    description: str
    goal: str
    digits: Digits
    values: tuple[float, ...]
    texts: tuple[str, ...]
    intervals: tuple[str, ...]

    @property
    def keys(self) -> tuple[float | str, ...]:
        """What rows are sorted by: ``values``, but nothing where there is none."""
        return tuple("" if math.isnan(value) else value for value in self.values)

    @property
    def unit(self) -> str:
        """Unit of the texts, with their power of ten; empty for none."""
        return self.digits.unit


def columns(board: Board) -> list[TextColumn]:
    """The columns that a row of a board has, in registry order, with one text per row."""
    found = []
    for name, column in board.columns.items():
        scores = [row.scores.get(name) for row in board.rows]
        means = [math.nan if score is None else score.mean for score in scores]
        if not (known := [score.mean for score in scores if score]):
            continue
        digits = _digits(board, column.kind, known)
        found.append(
            TextColumn(
                name=name,
                title=board.title_of(name),
                description=column.description,
                goal=column.goal,
                digits=digits,
                values=tuple(means),
                texts=tuple(digits.text(one.mean) if one else MISSING for one in scores),
                intervals=tuple(digits.interval(one) if one else "" for one in scores),
            )
        )
    return found


def _digits(board: Board, kind: str, means: Sequence[float]) -> Digits:
    """The digits that tell the means of a column apart, whatever its scale."""
    if kind == "count":
        whole = all(mean == int(mean) or mean >= 100 for mean in means)
        return Digits(1.0, "", 0 if whole else 1)
    if kind == "rate":
        return Digits(0.01, "%", 1)
    if kind == "seconds":
        divisor, unit = time_unit(max(means))
        return Digits(divisor, unit, decimals([mean / divisor for mean in means]))
    size = max((abs(mean) for mean in means if math.isfinite(mean)), default=0.0)
    exponent = math.floor(math.log10(size)) if 0 < size < _SMALL else 0
    divisor, unit = 10.0**exponent, unit_of(board, kind)
    if exponent:
        unit = f"{power(exponent)} {unit}".strip()
    if kind == "value":  # values differ by their regrets
        means = [row.regret.mean for row in board.rows]
    scaled = [mean / divisor for mean in means]
    places = decimals(scaled, digits=3 if kind == "ratio" else 2, least=2 if kind == "value" else 1)
    return Digits(divisor, unit, places)


def unit_of(board: Board, kind: str) -> str:
    """Unit of a kind of column; percentages differ by percentage points."""
    unit = board.landscape.reported.column.unit.replace("1", "")
    if kind == "points":
        return "pp" if unit == "%" else unit
    return unit if kind == "value" else ""


def number(value: float, digits: int = 2) -> str:
    """A number with some significant digits, below 0.001 with a power of ten."""
    if not value:
        return "0"
    if abs(value) < _SMALL:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}\N{MULTIPLICATION SIGN}{power(int(exponent))}"
    return f"{value:,.{decimals([value], digits=digits)}f}"


def power(exponent: int) -> str:
    """A power of ten, such as ``"10⁻⁵"``."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def decimals(values: Iterable[float], *, digits: int = 2, least: int = 1) -> int:
    """Decimals that show ``digits`` digits of the smallest nonzero value, and 5 of the largest."""
    sizes = [math.floor(math.log10(abs(v))) for v in values if v and math.isfinite(v)]
    if not sizes:
        return least
    return max(least, min(digits - 1 - min(sizes), 4 - max(sizes)))


def time_unit(seconds: float) -> tuple[float, str]:
    """Seconds per unit, and name of the unit, in which a duration is easy to read."""
    return next((unit for unit in _UNITS if seconds >= 2 * unit[0]), _UNITS[-1])


def duration(seconds: float) -> str:
    """A duration in an easily read unit, such as ``"10.6 days"``."""
    divisor, name = time_unit(seconds)
    value = seconds / divisor
    return f"{value:,.{decimals([value], least=0) if value < 100 else 0}f} {name}"


def settings_text(row: Row) -> str:
    """Preset, hyperparameters, and fidelities unless they are all of the benchmark's.

    Settings that the label of the row already shows are left out; what is longer than
    :data:`LONGEST` characters is shortened.
    """
    benchmark = row.searches[0].landscape.benchmark
    said = row.variant.split(", ")
    text = ", ".join(
        assignment(name, value)
        for name, value in row.settings.items()
        if (name != "preset" or plain(value) not in said)
        and assignment(name, value) not in said
        and (name != "fidelities" or value != list(benchmark.fidelities))
    )
    return shortened(text, LONGEST)
