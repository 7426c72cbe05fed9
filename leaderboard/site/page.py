"""Context of the page template: numbers as text, positions in percent."""

import json
import math
from collections.abc import Sequence
from typing import Any

from leaderboard import COLUMNS
from leaderboard.boards import Board, Question, Row, count
from leaderboard.curves import POINTS
from leaderboard.site import notes
from leaderboard.site.feed import Drawn
from leaderboard.site.formatting import (
    Digits,
    TextColumn,
    columns,
    duration,
    number,
    settings_text,
    unit_of,
)
from leaderboard.site.plots import plots, style
from leaderboard.statistics import DRAWS, LEVEL


def context(boards: Sequence[tuple[Board, Drawn]], document: dict[str, Any]) -> dict[str, Any]:
    """Context for the page template.

    Args:
        boards: Boards with their curves.
        document: The feed, from :func:`leaderboard.site.feed.feed`.
    """
    rows = [row for board, _ in boards for row in board.rows]
    algorithms = {row.algorithm for row in rows}
    benchmarks = {board.question.benchmark for board, _ in boards}
    searches = sum(len(row.seeds) for row in rows)
    counts = [
        _count(len(algorithms), "algorithm"),
        f"on {_count(len(benchmarks), 'benchmark')}",
        f"in {_count(searches, 'recorded search', 'recorded searches')}",
    ]
    names = list(dict.fromkeys(row.label for row in rows))
    return {
        "lede": f"{' '.join(counts)}.",
        "views": [
            _view(number, board, drawn, numbers, names)
            for number, ((board, drawn), numbers) in enumerate(
                zip(boards, document["boards"], strict=True), start=1
            )
        ],
        "not_shown": document["not_shown"],
        "made_by": document["made_by"],
        "terms": _terms(),
        "draws": DRAWS,
        "level": f"{100 * LEVEL:g}",
        "points": POINTS,
    }


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _terms() -> list[tuple[str, str]]:
    """Titles and descriptions of all columns, independent of any board."""
    found = []
    for name in COLUMNS:
        column = COLUMNS.load(name)
        title = column.title.format(measure="regret", reported="value")
        found.append((title[:1].upper() + title[1:], column.description))
    return found


def _view(
    number: int, board: Board, drawn: Drawn, numbers: dict[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    landscape = board.landscape
    high = max(_top(row) for row in board.rows)
    labels = {row.label for row in board.rows}
    styles = {name: style(i) for i, name in enumerate(n for n in names if n in labels)}
    drawings = plots(board, drawn, styles)
    texts = columns(board)
    return {
        "anchor": f"board-{number}",
        "board": board,
        "about": landscape.benchmark.description,
        "kind": "surrogate" if landscape.population.surrogate else "table",
        "source": _source(board),
        "columns": texts,
        "expected": _expected(board),
        "facts": _facts(board),
        "method": notes.method(board),
        "warnings": notes.warnings(board),
        "ties": [row.label for row in board.rows if row.tied],
        "lacks_interval": any(row.tied and math.isnan(row.gap.low) for row in board.rows),
        "best_regret": notes.points(board, board.rows[0].regret.mean),
        "random": _random(board, texts),
        "random_strip": _percent(board.random_regret, high),
        "reference": _percent(landscape.exhaustive_once, high),
        "rows": [
            {
                "row": row,
                "anchor": f"board-{number}-row-{row.rank}",
                "settings": settings_text(row),
                "style": styles[row.label],
                "gap": _gap(board, row, texts[0].digits),
                "strip": _strip(row, high),
                "command": numbers["rows"][row.rank - 1]["command"],
                "record": numbers["rows"][row.rank - 1]["record"],
                "manifest": json.dumps(row.records.manifest.encode(), indent=2, ensure_ascii=False),
            }
            for row in board.rows
        ],
        "plots": drawings,
        "legend": drawings[-1],
    }


def _facts(board: Board) -> list[tuple[str, str]]:
    """What is compared, as terms and descriptions."""
    landscape, question = board.landscape, board.question
    sampled = landscape.population.extent == "sampled"
    which = "random architectures" if sampled else "architectures"
    best = "Best found" if sampled else "Best of the space"
    facts = [
        ("Dataset", landscape.benchmark.description.dataset),
        ("Space", f"{landscape.benchmark.space.name}, {len(landscape.archs):,} {which}"),
        ("Selected by", landscape.observed.name),
        ("Judged by", landscape.reported.name),
        (best, _value(board, landscape.reported.optimum)),
        ("Random architecture", _value(board, landscape.reported.mean)),
        ("Budget", _budget(question)),
        ("Compared after", "" if board.epochs is None else count(board.epochs, "epoch")),
        ("Seeds", notes.seeds(board)),
        ("Workers", str(question.workers)),
        ("Each trial sees", notes.replicate(board)),
    ]
    if surrogate := notes.surrogate(board):
        facts.insert(2, ("Surrogate", surrogate))
    if "anytime_area" in board.columns:
        low, high = map(duration, board.window)
        facts.append(("Anytime area", f"from {low} to {high}"))
    return [(term, text) for term, text in facts if text]


def _source(board: Board) -> list[tuple[str, str]]:
    """Sources of the numbers, as terms and descriptions."""
    about = board.landscape.benchmark.description
    terms = {
        "licence": "Licence",
        "source": "Source",
        "citation": "Cite",
        "seeds": "Training seeds",
        "elsewhere": "Not in the table",
    }
    said = ((term, getattr(about, name, "")) for name, term in terms.items())
    return [(term, text) for term, text in said if text]


def _budget(question: Question) -> str:
    """The budget in words, with seconds also in a handy unit."""
    if question.seconds is None or question.seconds < 600:
        return question.budget
    return f"{question.budget} ({duration(question.seconds)})"


def _value(board: Board, value: float) -> str:
    return f"{number(value, digits=4)} {unit_of(board, 'value')}".strip()


def _random(board: Board, texts: Sequence[TextColumn]) -> dict[str, str] | None:
    """Cells of the random-search row by column name; None if the board has no such row."""
    n, regret, reported = (
        board.random_evaluations,
        board.random_regret,
        board.landscape.reported,
    )
    if n is None or regret is None:
        return None
    share = regret / reported.random_regret if reported.random_regret else 0.0
    values = {
        "regret": regret,
        "final_value": reported.value(regret),
        "normalised_regret": share,
    }
    digits = {column.name: column.digits for column in texts}
    counts = {"evaluations": n, "epochs": n * board.landscape.benchmark.fidelities[-1]}
    found = {name: digits[name].text(value) for name, value in values.items() if name in digits}
    return found | {name: f"{n:,}" for name, n in counts.items()}


def _gap(board: Board, row: Row, digits: Digits) -> str:
    """Comparison with the first row as a sentence; empty for the first row."""
    if row.rank == 1:
        return ""
    gap = row.gap
    if math.isnan(gap.low):
        return f"{notes.points(board, gap.mean)} behind the first row; no interval with one seed"
    basis = f"on {row.common_seeds:,} common seeds" if row.common_seeds else "on separate seeds"
    verdict = "tied with it" if row.tied else "not tied with it"
    unit = f" {digits.unit}" if digits.unit else ""
    return (
        f"{digits.text(gap.mean)} {digits.interval(gap)}{unit} behind the first row {basis}: "
        f"{verdict}"
    )


def _expected(board: Board) -> str:
    """What random search expects, as a sentence; empty if that is unknown."""
    if board.random_regret is None:
        return ""
    regret = notes.points(board, board.random_regret)
    return f"With the same budget, random search expects {regret}."


def _top(row: Row) -> float:
    return row.regret.mean if math.isnan(row.regret.high) else row.regret.high


def _percent(value: float | None, high: float) -> float | None:
    """Position in a strip that ends at ``high``; None if it lies outside."""
    return None if not value or value > high else 100 * value / high


def _strip(row: Row, high: float) -> dict[str, float]:
    """Positions of mean and interval in the table's strip, in percent of its width."""
    regret, scale = row.regret, 100 / high if high > 0 else 0.0
    low, top = (regret.mean if math.isnan(end) else end for end in (regret.low, regret.high))
    ends = {"low": low, "mean": regret.mean, "high": top}
    return {name: max(end, 0.0) * scale for name, end in ends.items()}
