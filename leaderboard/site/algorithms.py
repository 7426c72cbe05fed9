"""What the page of an algorithm says: where it stands, its settings and its curves everywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from leaderboard.curves import RANDOM
from leaderboard.labels import plain, shortened, visible
from leaderboard.site.about import about
from leaderboard.site.formatting import LONGEST, columns
from leaderboard.site.looks import family, hue
from leaderboard.site.plots import plots
from leaderboard.site.shown import Shown


def view(
    algorithm: str,
    boards: Sequence[Shown],
    slug: str,
    commands: Mapping[str, Sequence[dict[str, str]]],
) -> dict[str, Any]:
    """Context of the page of an algorithm.

    Args:
        algorithm: Name of the algorithm.
        boards: The boards that have rows of it.
        slug: Name of its page.
        commands: What the pages of the boards, by their names, say of making each row again.
    """
    known = about(algorithm)
    return known | {
        "slug": slug,
        "hue": hue(family(algorithm)),
        "settings": _settings(algorithm, boards, known["meanings"]),
        "places": [
            place for shown in boards for place in _places(algorithm, shown, commands[shown.slug])
        ],
        "figures": [_figure(algorithm, shown) for shown in boards],
    }


def _settings(
    algorithm: str, boards: Sequence[Shown], meanings: dict[str, str]
) -> list[dict[str, str]]:
    """Hyperparameters with their meaning and the values that records have."""
    values: dict[str, list[str]] = {}
    for shown in boards:
        for row in shown.rows(algorithm):
            for name, value in row.records.manifest.hyperparameters.items():
                text = plain(value)
                if text not in values.setdefault(name, []):
                    values[name].append(text)
    return [
        {
            "name": shortened(visible(name), LONGEST),
            "values": shortened("; ".join(found), LONGEST),
            "meaning": meanings.get(name, ""),
        }
        for name, found in values.items()
    ]


def _places(
    algorithm: str, shown: Shown, commands: Sequence[dict[str, str]]
) -> list[dict[str, Any]]:
    board = shown.board
    texts = columns(board)[0]
    found = []
    for row in shown.rows(algorithm):
        normalised = row.scores.get("normalised_regret")
        found.append(
            {
                "board": board.title,
                "slug": shown.slug,
                "measure": board.landscape.measure,
                "label": row.label,
                "mark": row.mark,
                "look": shown.looks[row.label],
                "rank": None if board.unranked else row.rank,
                "n_rows": len(board.rows),
                "tied": row.tied,
                "regret": texts.texts[row.rank - 1],
                "unit": texts.unit,
                "interval": texts.intervals[row.rank - 1],
                "value": row.regret.mean,
                "normalised": "" if normalised is None else f"{normalised.mean:.3g}",
                "normalised_value": "" if normalised is None else normalised.mean,
                "seeds": len(row.seeds),
                "remark": row.remark,
                "verified": shown.marks.get(row.label),
                "command": commands[row.rank - 1],
            }
        )
    return found


def _figure(algorithm: str, shown: Shown) -> dict[str, Any]:
    """Curves of the rows of an algorithm beside the first row, if any is, and random search."""
    labels = [row.label for row in shown.rows(algorithm)]
    first = "" if shown.board.unranked else shown.board.rows[0].label
    kept = {*labels, first, RANDOM}
    drawn = {
        axis: {label: curve for label, curve in by_label.items() if label in kept}
        for axis, by_label in shown.curves.items()
    }
    views = plots(shown.board, drawn, shown.looks)
    for plot in views:
        for series in plot["series"]:
            series["lead"] = True
    return {
        "title": shown.board.title,
        "slug": shown.slug,
        "measure": shown.board.landscape.measure,
        "views": views,
        "first": "" if first in labels else first,
    }
