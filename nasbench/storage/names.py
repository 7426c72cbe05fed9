"""Ids and paths that files state: one rule for all, so that none leads out of its folder."""

import re
from pathlib import PurePosixPath

from nasbench.errors import NasbenchError

MAX_LENGTH = 100
"""Letters of an id."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENDS = (".archs", ".parquet", ".")
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\..*)?", re.IGNORECASE | re.DOTALL)
"""Names that open a device on Windows, whatever follows the first dot."""
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MAX_PATH = 200


def check_id(id_: object, where: str, error: type[NasbenchError]) -> None:
    """Check that a benchmark, and so a file or folder, can have this id.

    Args:
        id_: The id.
        where: Where it stands, for messages.
        error: What is raised.
    """
    if fault := _fault(id_):
        raise error(f"{where}: the id {_short(id_)} {fault}")


def is_id(id_: object) -> bool:
    """Return whether a benchmark can have this id."""
    return _fault(id_) is None


def is_inside(path: object) -> bool:
    """Return whether a text is the path of a file below a folder, with ``/`` between its parts.

    Parts are made of letters, digits, ``-``, ``_`` and ``.``, and do not begin with ``.``.
    """
    return (
        isinstance(path, str)
        and len(path) <= _MAX_PATH
        and PurePosixPath(path).as_posix() == path
        and all(_PART.fullmatch(p) and not _DEVICES.fullmatch(p) for p in path.split("/"))
    )


def _fault(id_: object) -> str | None:
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return "must be made of letters, digits, '-', '_' and '.', the first a letter or digit"
    if len(id_) > MAX_LENGTH:
        return f"must have at most {MAX_LENGTH} letters, not {len(id_)}"
    for end in _ENDS:
        if id_.endswith(end):
            return f"must not end in {end!r}{', as files do' if len(end) > 1 else ''}"
    return "is the name of a device on Windows" if _DEVICES.fullmatch(id_) else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_LENGTH + 2 else f"{text[:60]}…"
