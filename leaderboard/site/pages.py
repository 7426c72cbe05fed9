"""All files of a site but its feed, as text or bytes by their names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from leaderboard import COLUMNS
from leaderboard.curves import POINTS
from leaderboard.site import algorithms, board, overview, tables
from leaderboard.site.downloads import downloads
from leaderboard.site.feed import points
from leaderboard.site.looks import family, family_name, hue
from leaderboard.site.places import FEED, PAGE, RELEASES, slugs
from leaderboard.site.shown import Shown
from leaderboard.statistics import DRAWS, LEVEL
from leaderboard.verdict.judge import Verdict
from nasbench.registry import require

_TEMPLATES = Path(__file__).parent / "templates"


class Link(NamedTuple):
    """A further page of the site, such as an explorer.

    Attributes:
        title: What it is called.
        place: Where it lies, relative to the folder of the site.
    """

    title: str
    place: str


@dataclass(frozen=True, slots=True)
class Site:
    """All that the pages say.

    Attributes:
        boards: The boards.
        verdicts: Verdicts over benchmarks, the widest first.
        reason: Why there is none; empty if there is one.
        faults: Errors that keep a verdict from the overview, in sentences.
        document: The feed.
        releases: Names of the frozen releases.
        links: Further pages.
    """

    boards: Sequence[Shown]
    verdicts: Sequence[Verdict]
    reason: str
    faults: Sequence[str]
    document: dict[str, Any]
    releases: tuple[str, ...]
    links: tuple[Link, ...]


def files(site: Site, *, release: str = "") -> dict[str, str | bytes]:
    """The pages and downloads of a site.

    Args:
        site: What they say.
        release: Name of the frozen release that the pages are of; empty for the living site.
    """
    names = sorted({row.algorithm for shown in site.boards for row in shown.board.rows})
    of_algorithms = slugs(names)
    plain_first = sorted(site.boards, key=lambda shown: bool(shown.board.question.constraints))
    benchmarks = {shown.benchmark: shown for shown in reversed(plain_first)}
    common = {
        "root": "../",
        "release": release,
        "releases": () if release else site.releases,
        "releases_folder": RELEASES,
        "links": () if release else site.links,
        "made_by": site.document["made_by"],
        "feed": FEED,
        "level": f"{100 * LEVEL:g}",
    }
    found: dict[str, str | bytes] = {}
    commands = {}
    for shown, numbers in zip(site.boards, site.document["boards"], strict=True):
        view = board.view(shown, numbers, of_algorithms)
        commands[shown.slug] = [row["command"] for row in view["rows"]]
        found[f"boards/{shown.slug}.html"] = _render("board", common, view=view, **_reading())
        found[f"boards/{shown.slug}.json"] = json.dumps(points(shown))
    for name in names:
        boards = [shown for shown in site.boards if shown.rows(name)]
        slug = of_algorithms[name]
        view = algorithms.view(name, boards, slug, commands)
        parts = downloads(name, boards)
        view["downloads"] = [(part, f"{slug}-{part}") for part in parts]
        found[f"algorithms/{slug}.html"] = _render("algorithm", common, view=view)
        found |= {f"downloads/{slug}-{part}": content for part, content in parts.items()}
    for name in sorted(benchmarks):
        view = tables.view(benchmarks[name].board)
        view["boards"] = [shown for shown in site.boards if shown.benchmark == name]
        page = _render("table", common, view=view)
        found[f"tables/{benchmarks[name].table}.html"] = page
    view = _overview(site, of_algorithms)
    found[PAGE] = _render("overview", common | {"root": ""}, view=view, **_reading())
    return found


def _overview(site: Site, of_algorithms: dict[str, str]) -> dict[str, Any]:
    rows = [row for shown in site.boards for row in shown.board.rows]
    benchmarks = {shown.board.question.benchmark for shown in site.boards}
    searches = sum(len(row.seeds) for row in rows)
    counts = [
        _count(len(of_algorithms), "algorithm"),
        f"on {_count(len(benchmarks), 'benchmark')}",
        f"in {_count(searches, 'recorded search', 'recorded searches')}",
    ]
    tables_ = {shown.benchmark: shown for shown in reversed(site.boards)}
    return {
        "lede": f"{' '.join(counts)}.",
        "verdicts": [overview.view(verdict) for verdict in site.verdicts],
        "reason": site.reason,
        "faults": site.faults,
        "boards": [board.entry(shown) for shown in site.boards],
        "algorithms": [
            {
                "name": name,
                "slug": slug,
                "family": family_name(family(name)),
                "hue": hue(family(name)),
                "boards": sum(bool(shown.rows(name)) for shown in site.boards),
                "first": sum(_leads(name, shown) for shown in site.boards),
            }
            for name, slug in of_algorithms.items()
        ],
        "tables": [
            {
                "name": name,
                "slug": tables_[name].table,
                "title": tables_[name].board.landscape.benchmark.description.title,
                "licence": tables_[name].board.landscape.benchmark.description.licence,
            }
            for name in sorted(tables_)
        ],
        "not_shown": site.document["not_shown"],
    }


def _leads(algorithm: str, shown: Shown) -> bool:
    """Whether rows of an algorithm alone are first, and say something of it."""
    first = shown.board.first
    return bool(first) and all(row.algorithm == algorithm and not row.remark for row in first)


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _reading() -> dict[str, Any]:
    """What the explanations say: titles and descriptions of all columns, and numbers."""
    terms = []
    for name in COLUMNS:
        column = COLUMNS.load(name)
        title = column.title.format(measure="regret", reported="value")
        terms.append((title[:1].upper() + title[1:], column.description))
    return {"terms": terms, "draws": DRAWS, "points": POINTS}


def _render(template: str, common: dict[str, Any], **context: Any) -> str:
    text: str = _environment().get_template(f"{template}.html.j2").render(**common, **context)
    return text


@cache
def _environment() -> Any:
    """Template environment; everything that templates print is escaped."""
    jinja2 = require("jinja2", "the leaderboard page")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = _linked
    return environment


def _linked(text: str) -> Any:
    """A text as HTML, with its addresses as links; a semicolon ends an address."""
    urlize = require("jinja2.utils", "the leaderboard page").urlize
    parts = (urlize(part, rel="noopener") for part in text.split("; "))
    return require("markupsafe", "the leaderboard page").Markup("; ".join(parts))
