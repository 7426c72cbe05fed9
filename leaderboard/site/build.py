"""Builds the static site: ``index.html``, its script, and the same numbers as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leaderboard import curves
from leaderboard.boards import group
from leaderboard.scores import board
from leaderboard.site.feed import feed
from leaderboard.site.page import context
from nasbench.errors import InvalidArgumentError
from nasbench.files import atomic, writable_folder
from nasbench.registry import require
from nasbench.runs.records import find_records

PAGE, FEED, SCRIPT = "index.html", "leaderboard.json", "plotly.min.js"

_TEMPLATES = Path(__file__).parent / "templates"


def build(
    runs: str | Path, out: str | Path, *, progress: Callable[[int], None] = lambda _: None
) -> Path:
    """Rank all records below a folder and write the site.

    The page is written last and atomically: a failed build leaves the previous page in place.

    Args:
        runs: Folder of records.
        out: Folder of the site; created if missing.
        progress: Called with the number of newly scored records.

    Returns:
        Path of the page.

    Raises:
        RecordError: There are no records, one is damaged, the same search is recorded twice, or a
            record was made with other numbers than those of the installed table.
        UnknownNameError: The benchmark of a record is not installed.
        InvalidArgumentError: The folder of the site cannot be written.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    runs, out = Path(runs), Path(out)
    environment = _environment()
    script = require("plotly.offline", "the leaderboard page").get_plotlyjs()
    groups, left_out = group(find_records(runs))
    writable_folder(out)
    boards = [
        (ranked, curves.drawn(ranked))
        for question, records in groups.items()
        for ranked in [board(question, records, progress=progress)]
    ]
    document = feed(boards, left_out, runs)
    page = environment.get_template("page.html.j2").render(
        context(boards, document), feed=FEED, script=SCRIPT
    )
    if not (out / SCRIPT).is_file() or (out / SCRIPT).read_text(encoding="utf-8") != script:
        _write(out / SCRIPT, script)
    _write(out / FEED, json.dumps(document, indent=1, ensure_ascii=False))
    _write(out / PAGE, page)
    return out / PAGE


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
