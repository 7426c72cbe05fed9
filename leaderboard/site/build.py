"""Builds the static site: ``index.html``, its script, and the same numbers as JSON."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaderboard import curves
from leaderboard.admission import find_readable
from leaderboard.scores import rank
from leaderboard.site.feed import feed
from leaderboard.site.page import context
from nasbench.errors import InvalidArgumentError
from nasbench.registry import require
from nasbench.storage.files import atomic, writable_folder

PAGE, FEED, SCRIPT = "index.html", "leaderboard.json", "plotly.min.js"

_OURS = {
    PAGE: '<meta name="generator" content="nasbench">',
    FEED: '"made_by": "nasbench',
    SCRIPT: "* plotly.js",
}
"""What the first characters of our files say, by which they are known."""
_FIRST = 2_000
_TEMPLATES = Path(__file__).parent / "templates"


def build(
    runs: str | Path,
    out: str | Path,
    *,
    progress: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Rank all records below a folder and write the site.

    A record that cannot be shown stops no other: the page lists it with the reason and a remedy.
    The page is written last and atomically: a failed build leaves the previous page in place.

    Args:
        runs: Folder of records.
        out: Folder of the site; created if missing.
        progress: Called with the number of newly scored records.
        tell: Called with a line for each record that is not shown.

    Returns:
        Path of the page.

    Raises:
        RecordError: There are no records.
        InvalidArgumentError: The folder of the site cannot be written, or has a page of others.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    runs, out = Path(runs), Path(out)
    check_place(out)
    records, damaged = find_readable(runs)
    environment = _environment()
    script = require("plotly.offline", "the leaderboard page").get_plotlyjs()
    writable_folder(out)
    ranking = rank(records, progress=progress)
    boards = [(board, curves.drawn(board)) for board in ranking]
    document = feed(boards, [*damaged, *ranking.not_shown], runs)
    page = environment.get_template("page.html.j2").render(
        context(boards, document), feed=FEED, script=SCRIPT
    )
    if not (out / SCRIPT).is_file() or (out / SCRIPT).read_text(encoding="utf-8") != script:
        _write(out / SCRIPT, script)
    _write(out / FEED, json.dumps(document, indent=1, ensure_ascii=False))
    _write(out / PAGE, page)
    for left in document["not_shown"]:
        tell(f"Not shown: {left['record']}: {left['reason']}. {left['remedy']}")
    return out / PAGE


def check_place(out: Path) -> None:
    """Refuse to replace files that are not of such a site.

    Args:
        out: Folder of the site; it need not exist.

    Raises:
        InvalidArgumentError: One is there.
    """
    for name, mark in _OURS.items():
        path = out / name
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                is_ours = mark in file.read(_FIRST)
        else:
            is_ours = not os.path.lexists(path)
        if not is_ours:
            raise InvalidArgumentError(
                f"{path} is not of a leaderboard, and is never replaced: move it away, or choose "
                "another folder"
            )


def _environment() -> Any:
    """Template environment; everything that templates print is escaped."""
    jinja2 = require("jinja2", "the leaderboard page")
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write(path: Path, text: str) -> None:
    try:
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error
