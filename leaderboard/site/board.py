"""Context of the page of a board: numbers as text, positions in percent."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from leaderboard.boards import Board, Question, Row
from leaderboard.command import ranges
from leaderboard.site import notes
from leaderboard.site.diagrams import critical_differences
from leaderboard.site.formatting import (
    Digits,
    TextColumn,
    columns,
    duration,
    number,
    settings_text,
    time_unit,
    unit_of,
)
from leaderboard.site.looks import family, family_name, hue
from leaderboard.site.places import FEED
from leaderboard.site.plots import distributions, fronts, plots
from leaderboard.site.shown import Shown

_LONGEST = 20_000
"""Characters of a command or a manifest."""


def view(shown: Shown, numbers: dict[str, Any], algorithms: Mapping[str, str]) -> dict[str, Any]:
    """Context of the page of a board.

    Args:
        shown: The board with its curves.
        numbers: The same board in the feed, from :func:`leaderboard.site.feed.feed`.
        algorithms: Names of the pages of algorithms.
    """
    board = shown.board
    landscape = board.landscape
    high = max(_top(row) for row in board.rows)
    texts = columns(board)
    families = {row.label: family(row.algorithm) for row in board.rows}
    curves = plots(board, shown.curves, shown.looks)
    return {
        "board": board,
        "slug": shown.slug,
        "table": shown.table,
        "about": landscape.benchmark.description,
        "kind": "surrogate" if landscape.population.surrogate else "table",
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
        "families": sorted({(family_name(f), hue(f)) for f in families.values()}),
        "verified": bool(shown.marks),
        "rows": [
            {
                "row": row,
                "anchor": f"row-{row.rank}",
                "page": algorithms[row.algorithm],
                "family": family_name(families[row.label]),
                "hue": hue(families[row.label]),
                "settings": settings_text(row),
                "look": shown.looks[row.label],
                "gap": _gap(board, row, texts[0].digits),
                "strip": _strip(row, high),
                "seeds": ranges(row.seeds),
                "summary": _summary(row, texts[0].digits),
                "mark": shown.marks.get(row.label),
                "command": _command(row, numbers["rows"][row.rank - 1]["command"]),
                "record": numbers["rows"][row.rank - 1]["record"],
                "manifest": _manifest(row),
                "declared": _declared(row),
            }
            for row in board.rows
        ],
        "axes": [{"axis": plot["axis"], "title": plot["x"]["title"]} for plot in curves],
        "curves": curves,
        "reached": distributions(board, shown.reached, shown.looks),
        "fronts": fronts(board, shown.looks),
        "targets": _targets(shown, texts[0].digits),
        "differences": _differences(shown),
        "several": len(board.question.objectives),
    }


def entry(shown: Shown) -> dict[str, Any]:
    """What the overview says of a board."""
    board = shown.board
    texts = columns(board)[0]
    return {
        "title": board.title,
        "slug": shown.slug,
        "about": board.landscape.benchmark.description.title,
        "measure": board.landscape.measure,
        "leader": "" if board.unranked else board.rows[0].label,
        "mark": board.rows[0].mark,
        "look": shown.looks[board.rows[0].label],
        "ties": sum(row.tied for row in board.rows),
        "regret": f"{texts.texts[0]} {texts.unit}".strip(),
        "interval": texts.intervals[0],
        "rows": len(board.rows),
        "seeds": notes.seeds(board).removesuffix(" per row"),
    }


def _summary(row: Row, digits: Digits) -> str:
    """Inter-quartile mean and median of the regret, with their intervals."""
    both = (("inter-quartile mean", row.summary.iqm), ("median", row.summary.median))
    text = ", ".join(
        f"{name} {digits.text(found.mean)} {digits.interval(found)}".strip() for name, found in both
    )
    return f"{text} {digits.unit}".strip()


def _targets(shown: Shown, digits: Digits) -> list[dict[str, Any]]:
    """Hit rates and expected running times at some targets, by axis."""
    every = sorted({found.target for found in shown.attained}, reverse=True)
    picked = sorted({*every[9:-1:10], *every[-1:]}, reverse=True)
    by_place = {(found.axis, found.label, found.target): found for found in shown.attained}
    found = []
    for axis, by_label in shown.curves.items():
        divisor, unit = 1.0, str(axis)
        if axis == "seconds":
            divisor, unit = time_unit(max(curve.at[-1] for curve in by_label.values()))
        rows = []
        for row in shown.board.rows:
            cells = []
            for target in picked:
                one = by_place[axis, row.label, target]
                known = math.isfinite(one.runtime)
                cells.append(
                    {
                        "share": f"{100 * one.hits.mean:.0f}",
                        "interval": f"{100 * one.hits.low:.0f} to {100 * one.hits.high:.0f} %",
                        "runtime": number(one.runtime / divisor, digits=3) if known else "never",
                        "value": one.runtime if known else "Infinity",
                        "speedup": number(one.speedup) if math.isfinite(one.speedup) else "",
                    }
                )
            rows.append({"label": row.label, "look": shown.looks[row.label], "cells": cells})
        heads = [f"{digits.text(t)} {digits.unit}" if t else "the optimum" for t in picked]
        found.append({"axis": axis, "unit": unit, "heads": heads, "rows": rows})
    return found if picked else []


def _differences(shown: Shown) -> dict[str, Any] | None:
    """Critical differences over seeds; None where none are judged."""
    judged = shown.seeds
    if judged is None:
        return None
    hues = {row.label: hue(family(row.algorithm)) for row in shown.board.rows}
    marks = {row.label: row.mark for row in shown.board.rows}
    title = f"Average ranks over {judged.n_seeds:,} seeds"
    return {
        "title": title,
        "drawn": critical_differences(
            judged.labels, judged.ranks, judged.groups, hues, title, marks
        ),
        "p": f"= {judged.p:.2g}" if judged.p >= 1e-4 else "< 0.0001",
        "left_out": judged.left_out,
        "n": len(judged.labels),
    }


def _facts(board: Board) -> list[tuple[str, str]]:
    """What is compared, as terms and descriptions."""
    landscape, question = board.landscape, board.question
    sampled = landscape.population.extent == "sampled"
    which = "random architectures" if sampled else "architectures"
    if question.constraints:
        which += f" with {question.condition}"
    best = "Best found" if sampled else "Best of the space"
    facts = [
        ("Dataset", landscape.benchmark.description.dataset),
        ("Space", f"{landscape.benchmark.space.name}, {len(landscape.archs):,} {which}"),
        ("Selected by", landscape.observed.name),
        ("Judged by", landscape.reported.name),
        (best, _value(board, landscape.reported.optimum)),
        ("Random architecture", _value(board, landscape.reported.mean)),
        ("Budget", _budget(question)),
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


def _budget(question: Question) -> str:
    """The budget and the constraints in words, with seconds also in a handy unit."""
    text = question.budget
    if question.seconds is not None and question.seconds >= 600:
        text += f" ({duration(question.seconds)})"
    return f"{text}, {question.condition}" if question.constraints else text


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


def _command(row: Row, command: str | None) -> dict[str, str]:
    """The command that makes a row again; or, in a sentence, why the page has none."""
    if row.records.manifest.outside:
        why = "its trials were proposed by a loop of its author's own"
        return {"text": "", "why": f"No command makes this row again: {why}."}
    if command is None:
        why = "a setting cannot be written on a command line"
        return {"text": "", "why": f"No command makes this row again: {why}."}
    if len(command) > _LONGEST:
        why = f"{len(command):,} characters are too many for a page: {FEED} has it"
        return {"text": "", "why": f"The command that makes this row again is not shown: {why}."}
    return {"text": command, "why": ""}


def _declared(row: Row) -> list[tuple[str, str]]:
    """What the sender of a row declares, beyond nothing."""
    if row.sender is None:
        return []
    said = row.sender.declared
    found = {
        "Chosen by": said.selected_on,
        "Starts from": said.warm_start,
        "Learned before from": ", ".join(said.trained_on),
        "Tuned with": said.tuning_budget,
    }
    return [(what, text) for what, text in found.items() if text]


def _manifest(row: Row) -> str:
    """The manifest in ASCII, or its beginning."""
    text = json.dumps(row.records.manifest.encode(), indent=2)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}\n({len(text):,} characters in all: {FEED} has them)"


def _gap(board: Board, row: Row, digits: Digits) -> str:
    """Comparison with the first row as a sentence; empty for that row, and without ranks."""
    if row.rank == 1 or board.unranked:
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
