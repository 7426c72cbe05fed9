"""Builds the static site: pages of boards, algorithms and tables, and the same numbers as files."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from leaderboard.admission import NotShown, Obstacle, attempt, find_readable, undrawn
from leaderboard.boards import Board
from leaderboard.explorer.pages import file_name
from leaderboard.explorer.pages import pages as explorer_pages
from leaderboard.scores import rank
from leaderboard.shipped import RECORDS
from leaderboard.site.feed import feed
from leaderboard.site.overview import verdicts
from leaderboard.site.pages import Link, Site, files
from leaderboard.site.places import (
    EXPLORER,
    FEED,
    PAGE,
    RELEASES,
    check_files,
    check_place,
    check_release,
    releases,
    written,
)
from leaderboard.site.shown import shown
from leaderboard.submissions.verified import Mark, Seal, read_marks
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.registry import require
from nasbench.storage.files import atomic, writable_folder


def build(
    runs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    marks: str | Path | None = None,
    release: str | None = None,
    shipped: bool = False,
    explorer: bool = False,
    progress: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Rank all records below a folder and write the site.

    A record that cannot be shown stops no other: the overview lists it with the reason and a
    remedy. Nor does a board of which a page cannot be made: it is left out with all its records.
    The overview is written last, every file as a whole; what an earlier site in the folder had and
    this one has not is deleted.

    Args:
        runs: Folder of records, full or compact; or several.
        out: Folder of the site; created if missing.
        marks: Folder of marks of verified submissions, or one; None for none.
        release: Name of a frozen copy to be kept below ``releases``; None for none.
        shipped: Whether to show the records that ship as well; where the same search is among
            ``runs``, that one is shown.
        explorer: Whether the site has a page of :mod:`leaderboard.explorer` for each space of its
            boards.
        progress: Called with the number of newly scored records.
        tell: Called with a line for each record that is not shown; with ``shipped`` also with one
            for each board that has rows from ``runs``.

    Returns:
        Path of the overview.

    Raises:
        RecordError: There are no records, none can be shown, or a mark is none. Or the site is
            written, but an error that no check foresees keeps something from it.
        InvalidArgumentError: The folder of the site cannot be written, or has files of others; the
            release exists.
        MissingExtraError: jinja2 is not installed.
    """
    folders, out = [runs] if isinstance(runs, str | Path) else list(runs), Path(out)
    check_place(out)
    frozen = None if release is None else check_release(out, release)
    records, damaged = find_readable(*folders) if folders else ([], [])
    mine = {record.manifest.digest for record in records}
    if shipped:
        records += [
            record for record in find_readable(RECORDS)[0] if record.manifest.digest not in mine
        ]
    known = {} if marks is None else read_marks(_existing(marks))
    require("jinja2", "the leaderboard page")
    writable_folder(out)
    ranking = rank(records, progress=progress)
    not_shown = [*damaged, *ranking.not_shown]
    make = partial(
        _made,
        marks=known,
        roots=[*_roots(folders), RECORDS],
        releases_=sorted({*releases(out), *([release] if release else [])}),
        release=release,
        explorer=explorer,
    )
    made, undrawable = _drawable(ranking.boards, not_shown, make)
    not_shown += undrawable
    if made is None:
        for left in not_shown:
            tell(f"Not shown: {left.folder}: {left.reason}. {left.remedy}")
        raise RecordError("no record can be shown: nothing was written")
    check_files(out, made.pages)
    if frozen is not None:
        _freeze(frozen, made.frozen, made.document)
    _write(out, made.pages, made.document)
    for left in made.document["not_shown"]:
        tell(f"Not shown: {left['record']}: {left['reason']}. {left['remedy']}")
    if shipped and folders:
        for line in _standings(made.boards, mine):
            tell(line)
    faults = [*(left.reason for left in not_shown if left.unforeseen), *made.faults]
    if faults:
        raise RecordError(f"{out / PAGE} is written, but not whole: {faults[0]}")
    return out / PAGE


class _Made(NamedTuple):
    """A site, before anything of it is written.

    Attributes:
        boards: What it shows.
        document: The feed.
        pages: All other files.
        frozen: The same for a release; empty without one.
        faults: Errors that keep something else than boards from its pages.
    """

    boards: Sequence[Board]
    document: dict[str, Any]
    pages: Mapping[str, str | bytes]
    frozen: Mapping[str, str | bytes]
    faults: Sequence[str]


def _made(
    boards: Sequence[Board],
    not_shown: Sequence[NotShown],
    *,
    marks: Mapping[Seal, Mark],
    roots: Sequence[Path],
    releases_: Sequence[str],
    release: str | None,
    explorer: bool,
) -> _Made:
    """The site of some boards."""
    drawn = shown(boards, marks)
    judged, reason, faults = verdicts(boards)
    document = feed(drawn, judged, not_shown, roots)
    further = _explorer(boards) if explorer else {}
    places = {space: f"{EXPLORER}/{file_name(space)}" for space in further}
    links = tuple(Link(f"Explore {space}", place) for space, place in places.items())
    site = Site(drawn, judged, reason, faults, document, tuple(releases_), links)
    pages = files(site) | {places[space]: page for space, page in further.items()}
    return _Made(boards, document, pages, files(site, release=release) if release else {}, faults)


def _drawable(
    boards: Sequence[Board],
    not_shown: Sequence[NotShown],
    make: Callable[[Sequence[Board], Sequence[NotShown]], _Made],
) -> tuple[_Made | None, list[NotShown]]:
    """The site of all boards that have a site when alone; None if there is none.

    Returns:
        The site, and the records of the boards that are left out.

    Raises:
        Exception: What stops the site is not to be had with one of the boards alone.
    """
    if not boards:
        return None, []
    try:
        return make(boards, not_shown), []
    except Exception:
        alone = [attempt(partial(make, [b], []), partial(undrawn, b.title)) for b in boards]
        if not any(isinstance(made, Obstacle) for made in alone):
            raise
    left_out = [
        NotShown(row.records.folder, *made)
        for board, made in zip(boards, alone, strict=True)
        if isinstance(made, Obstacle)
        for row in board.rows
    ]
    kept = [b for b, made in zip(boards, alone, strict=True) if not isinstance(made, Obstacle)]
    return (make(kept, [*not_shown, *left_out]) if kept else None), left_out


def _roots(folders: Sequence[str | Path]) -> list[Path]:
    """What folders have in common, so that no two paths below it are the same."""
    places = [Path(folder).absolute() for folder in folders]
    places = [place if place.is_dir() else place.parent for place in places]
    try:
        return [Path(os.path.commonpath(places))] if places else []
    except ValueError:  # on several drives
        return places


def _standings(boards: Iterable[Board], mine: Container[str]) -> Iterator[str]:
    """Where the rows of some records stand, a line for each board that has any."""
    for board in boards:
        own = [row for row in board.rows if row.records.manifest.digest in mine]
        if len(own) == len(board.rows):
            yield f"{board.title}: nothing else that ships answers the same question"
        elif own and board.unranked:
            yield f"{board.title}: {len(own)} of {len(board.rows)} rows. {board.unranked}"
        elif own:
            places = (f"{row.label} {row.rank}{' (tied with 1)' * row.tied}" for row in own)
            yield f"{board.title}: of {len(board.rows)} rows, {', '.join(places)}"


def _explorer(boards: Iterable[Board]) -> dict[str, str]:
    """Pages of the explorer for the benchmarks of the boards, by their spaces."""
    opened = {b.landscape.benchmark.content_hash: b.landscape.benchmark for b in boards}
    return explorer_pages(opened.values(), home=f"../{PAGE}")


def _existing(marks: str | Path) -> Path:
    path = Path(marks)
    if not path.exists():
        raise InvalidArgumentError(
            f"there is no folder of marks {path}: 'nasbench leaderboard verify --out' makes them"
        )
    return path


def _write(out: Path, pages: Mapping[str, str | bytes], document: dict[str, Any]) -> None:
    """Write all files: first the list of them, last the overview."""
    new = sorted(name for name in pages if name != PAGE)
    old = written(out)
    _write_feed(out, document, sorted({*new, *old}))
    for name in (*new, PAGE):
        _write_file(out / name, pages[name])
    for name in sorted(old.difference(new)):
        (out / name).unlink(missing_ok=True)
    _write_feed(out, document, new)


def _write_feed(out: Path, document: dict[str, Any], names: list[str]) -> None:
    text = json.dumps({**document, "files": names})
    _write_file(out / FEED, text)


def _freeze(folder: Path, pages: Mapping[str, str | bytes], document: dict[str, Any]) -> None:
    """Make a release as a whole, or not at all."""
    above = writable_folder(folder.parent)
    temporary = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=above))
    try:
        _write(temporary / folder.name, pages, document)
        try:
            (temporary / folder.name).rename(folder)
        except OSError as error:
            raise InvalidArgumentError(
                f"cannot write {folder}: {error.strerror or error}"
            ) from error
    finally:
        shutil.rmtree(temporary)


def _write_file(path: Path, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.is_file() and path.read_bytes() == data:
            return
        with atomic(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error


__all__ = ["RELEASES", "build", "check_place"]
