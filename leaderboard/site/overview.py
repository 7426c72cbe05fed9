"""What the overview says: the verdict over benchmarks, and who leads each board."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from leaderboard.boards import Board
from leaderboard.site import diagrams
from leaderboard.site.looks import family, family_name, hue
from leaderboard.verdict.field import field
from leaderboard.verdict.judge import Verdict, judge
from leaderboard.verdict.tasks import comparable
from nasbench.errors import InvalidArgumentError, first_line

MOST = 20
"""Methods in the matrix of wins and in the profile of ranks."""


def verdicts(boards: Sequence[Board]) -> tuple[list[Verdict], str, list[str]]:
    """The verdicts over benchmarks, that on the most tasks first.

    Boards are judged together if they ask the same of several benchmarks.

    Returns:
        The verdicts; why there is none, empty if there is one; and a sentence for each that is
        missing because of an error that no check foresees.
    """
    found, reasons, faults = [], [], []
    for name, together in comparable(boards):
        if len({board.question.benchmark for board in together}) < 2:
            continue
        try:
            found.append(judge(field(together, name=name, every_task=False)))
        except InvalidArgumentError as error:
            reasons.append(f"{name}: {error}")
        except Exception as error:
            faults.append(f"No verdict on {name}: {type(error).__name__}: {first_line(error)}")
    found.sort(key=lambda v: (-len(v.field.tasks), -len(v.field.methods), v.field.name))
    if found or faults:
        return found, "", faults
    why = (
        f"{reasons[0]}."
        if reasons
        else (
            "no two boards ask the same of different benchmarks. Run the same methods with the "
            "same budget and seeds on several benchmarks."
        )
    )
    return [], f"No verdict over benchmarks: {why}", []


def encoded(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values."""
    about = verdict.field
    return {
        "field": about.name,
        "tasks": list(about.tasks),
        "seeds": list(about.seeds),
        "methods": [asdict(method) for method in about.methods],
        "left_out": [asdict(left) for left in about.left_out],
        "sentence": verdict.sentence,
        "standings": [asdict(standing) for standing in verdict.standings],
        "profile": [asdict(place) for place in verdict.profile],
        "pairs": [asdict(pair) for pair in verdict.pairs],
        "tests": verdict.tests and asdict(verdict.tests),
        "groups": [list(group) for group in verdict.groups],
    }


def view(verdict: Verdict) -> dict[str, Any]:
    """Context of a verdict: sentence, standings, diagrams, wins."""
    labels = [standing.label for standing in verdict.standings]
    methods = {method.label: method for method in verdict.field.methods}
    families = {label: family(methods[label].algorithm) for label in labels}
    hues = {label: hue(families[label]) for label in labels}
    marks = {label: methods[label].mark for label in labels}
    ranks = [standing.rank.mean for standing in verdict.standings]
    name = verdict.field.name
    shown = labels[:MOST]
    profile: dict[str, list[float]] = {label: [] for label in shown}
    for place in verdict.profile:
        if place.label in profile:
            profile[place.label].append(place.rank.mean)
    shares = sorted({place.share for place in verdict.profile})
    return {
        "name": name,
        "sentence": verdict.sentence,
        "tested": verdict.tests is not None,
        "tasks": verdict.field.tasks,
        "n_methods": len(labels),
        "n_shown": len(shown),
        "left_out": verdict.field.left_out,
        "footnotes": verdict.field.footnotes,
        "standings": [
            {
                "place": f"{standing.place:g}",
                "label": standing.label,
                "algorithm": methods[standing.label].algorithm,
                "family": family_name(families[standing.label]),
                "hue": hues[standing.label],
                "mark": marks[standing.label],
                "rank": _estimate(standing.rank),
                "iqm": _estimate(standing.iqm, 3),
            }
            for standing in verdict.standings
        ],
        "differences": verdict.tests
        and diagrams.critical_differences(
            labels, ranks, verdict.groups, hues, f"Average ranks over benchmarks, {name}", marks
        ),
        "profile": diagrams.rank_profile(
            shares, profile, hues, f"Average ranks after shares of the budget, {name}", marks
        ),
        "shown": shown,
        "marks": marks,
        "wins": _wins(verdict, shown),
    }


def _estimate(estimate: Any, places: int = 2) -> dict[str, str]:
    interval = "" if np.isnan(estimate.low) else f"[{estimate.low:.{places}f}, "
    return {
        "text": f"{estimate.mean:.{places}f}",
        "interval": interval and f"{interval}{estimate.high:.{places}f}]",
    }


def _wins(verdict: Verdict, labels: Sequence[str]) -> list[list[dict[str, Any] | None]]:
    """For each row and column: tasks won by the row, tied and lost, and the effect size."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for pair in verdict.pairs:
        for sign, first, second in ((1, pair.first, pair.second), (-1, pair.second, pair.first)):
            effect, chance = sign * pair.effect, pair.improvement.mean
            won, lost = (pair.wins, pair.losses)[::sign]
            known[first, second] = {
                "won": won,
                "tied": pair.ties,
                "lost": lost,
                "effect": f"{effect:+.2f}".replace("-", "\N{MINUS SIGN}") if effect else "0",
                "strength": round(abs(effect) * 100),
                "better": effect > 0,
                "chance": f"{chance if sign > 0 else 1 - chance:.0%}".replace("%", " %"),
                "separated": pair.separated,
            }
    return [[known.get((row, column)) for column in labels] for row in labels]
