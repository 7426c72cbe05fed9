"""Where the pages of a site lie, and which files of a folder are ours."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from nasbench.errors import InvalidArgumentError

PAGE, FEED = "index.html", "leaderboard.json"
RELEASES = "releases"
EXPLORER = "explorer"
FOLDERS = ("algorithms", "boards", "downloads", EXPLORER, "tables")
"""Folders of the further files."""

_OURS = {PAGE: '<meta name="generator" content="nasbench">', FEED: '"made_by": "nasbench'}
"""What the first characters of our files say, by which they are known."""
_FIRST = 2_000
_INSIDE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[A-Za-z0-9_][A-Za-z0-9._-]*")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 90


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Names of files for some texts: letters, digits, dots and dashes, no two alike in lower case.

    Texts come from records of strangers, so nothing else passes.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", name)[:_LONGEST].strip("-.") or "unnamed"
        slug, number = stem, 2
        while slug.casefold() in taken:
            slug, number = f"{stem}-{number}", number + 1
        taken.add(slug.casefold())
        found[name] = slug
    return found


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
            raise _taken(path)


def check_files(out: Path, files: Iterable[str]) -> None:
    """Refuse to replace files that no former site in this folder wrote.

    Raises:
        InvalidArgumentError: One is there.
    """
    known = written(out)
    for name in files:
        path = out / name
        if name not in _OURS and os.path.lexists(path) and (name not in known or path.is_dir()):
            raise _taken(path)


def written(out: Path) -> set[str]:
    """Further files of the site that is in a folder, as its ``leaderboard.json`` lists them."""
    try:
        listed = json.loads((out / FEED).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    names = listed if isinstance(listed, list) else []
    return {name for name in names if isinstance(name, str) and _INSIDE.fullmatch(name)}


def releases(out: Path) -> list[str]:
    """Names of the frozen releases below a site, in alphabetical order."""
    folder = out / RELEASES
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if (path / PAGE).is_file()]
    return sorted(name for name in names if _RELEASE.fullmatch(name))


def check_release(out: Path, name: str) -> Path:
    """The folder of a new release.

    Raises:
        InvalidArgumentError: The name is none for a folder, or is taken: a release never changes.
    """
    if not _RELEASE.fullmatch(name):
        raise InvalidArgumentError(
            f"release {name!r:.80} is no name: up to 64 letters, digits, dots, dashes and "
            "underscores, such as 2026.1"
        )
    folder = out / RELEASES / name
    if os.path.lexists(folder):
        raise InvalidArgumentError(
            f"the release {folder} is there, and releases never change: choose another name"
        )
    return folder


def _taken(path: Path) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path} is not of a leaderboard, and is never replaced: move it away, or choose another "
        "folder"
    )
