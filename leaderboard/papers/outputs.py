"""Files for papers: known by a mark, so that no file of anybody else is ever replaced."""

import os
from pathlib import Path

from nasbench.errors import InvalidArgumentError, one_of
from nasbench.storage.files import atomic

MADE_BY = "made by nasbench"
"""Stands in every file but CSV, which has no place for it: first of all in a text, which may have
been pasted into another, and among the metadata of a figure."""

_COMMENTS = ("% ", "<!-- ")
_FIGURES = (".pdf", ".svg", ".png")

CSV_FIRST = ("panel,series,", "table,method,")
"""First columns of our CSV files."""


def check_place(path: Path, endings: tuple[str, ...]) -> str:
    """The ending of a file that may be written.

    Args:
        path: The file.
        endings: Possible endings, such as ``".pdf"``.

    Raises:
        InvalidArgumentError: It has another ending, or what is there is not ours.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        raise InvalidArgumentError(
            f"{path}: the ending {path.suffix!r} names no format{one_of(ending, endings)}"
        )
    if os.path.lexists(path) and not (path.is_file() and _is_ours(path.read_bytes(), ending)):
        raise InvalidArgumentError(
            f"{path} was not made by nasbench, and is never replaced: move it away, or choose "
            "another name"
        )
    return ending


def _is_ours(content: bytes, ending: str) -> bool:
    if ending in _FIGURES:
        return MADE_BY.encode() in content
    starts = (*CSV_FIRST, *(f"{comment}{MADE_BY}" for comment in _COMMENTS))
    return content.startswith(tuple(start.encode() for start in starts))


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InvalidArgumentError: It cannot be written.
    """
    with atomic(path) as temporary:
        temporary.write_bytes(content)
