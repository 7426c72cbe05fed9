"""Where a table lies in a folder, and what may be replaced there.

Files of other programs are never replaced. A table is replaced only if the caller says so; the same
table is left as it is, and one whose writing was interrupted is completed.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidArgumentError, TableError, one_of
from nasbench.tables.files import said_at
from nasbench.tables.schema import archs_file, file_names
from nasbench.tables.table import Table


def table_path(folder: Path, id: str, version: int) -> Path:
    """Return the file of a table: ``<id>.parquet``, or ``<id>@<version>.parquet`` beside another.

    Args:
        folder: Folder of tables.
        id: Id of the table.
        version: Version of the table.
    """
    plain, exact = (folder / name for name in file_names(id, version))
    held = said_at(plain).get("version", version)
    return exact if exact.exists() or held != version else plain


def check_name(path: Path, id: str, version: int) -> None:
    """Check that a file has a name of its table.

    Raises:
        InvalidArgumentError: It has not.
    """
    names = file_names(id, version)
    if path.name not in names:
        raise InvalidArgumentError(
            f"{path} is no name for the table {id}@{version}{one_of(path.name, names)}"
        )


def digest_at(path: Path) -> str | None:
    """Return what identifies the table in a file; None if it holds none."""
    return said_at(path).get("digest")


def must_write(path: Path, document: Mapping[str, Any], *, replace: bool) -> bool:
    """Return whether a table must be written; False if it is already there, whole.

    Args:
        path: Its file of runs.
        document: What this file will say, with ``digest``.
        replace: Whether it may replace another table.

    Raises:
        InvalidArgumentError: Another table is there and must not be replaced, or a file is there
            that is no table.
    """
    found = _found(path)
    held = found.get(path, {})
    if held.get("digest") == document["digest"]:
        return not _is_whole(path)
    if held and _same_but_for_decisions(held, document):
        return True
    lone = found.get(archs_file(path), {}) if not held else {}
    if found and not replace and lone.get("content_hash") != document["content_hash"]:
        raise InvalidArgumentError(_refusal(path, held, document))
    return True


def check_place(path: Path, what: str, *, replace: bool) -> None:
    """Refuse to begin work whose table could not be written in the end.

    Args:
        path: Its file of runs.
        what: What it is, such as ``"a table of scores"``.
        replace: Whether it may replace another table.

    Raises:
        InvalidArgumentError: A table is there and must not be replaced, or a file is there that is
            no table.
    """
    for file in _found(path):
        if not replace:
            refuse_taken(file, what)


def refuse_taken(path: Path, what: str) -> None:
    """Refuse to begin what would end in replacing a file.

    Args:
        path: Where the result will lie.
        what: What it is, such as ``"a table of scores"``.

    Raises:
        InvalidArgumentError: Something is there.
    """
    if os.path.lexists(path):
        raise InvalidArgumentError(
            f"{path} exists, and {what} would replace it: say so with --replace (replace=True), or "
            "choose another id or folder"
        )


def _found(path: Path) -> dict[Path, dict[str, Any]]:
    """Return what the files at the place of a table say.

    Raises:
        InvalidArgumentError: One is no file of a table.
    """
    found = {file: said_at(file) for file in (path, archs_file(path)) if os.path.lexists(file)}
    if foreign := [file for file, said in found.items() if not said]:
        raise InvalidArgumentError(
            f"{foreign[0]} is no table of this suite, or is damaged, and is never replaced: move "
            "it away, or choose another id or folder"
        )
    return found


def _same_but_for_decisions(held: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether a table of a version that recorded no decisions lacks nothing but these."""
    others = {k: v for k, v in document.items() if k not in ("decisions", "digest")}
    return {k: v for k, v in held.items() if k != "digest"} == others


def _is_whole(path: Path) -> bool:
    try:
        Table(path).check()
    except TableError:
        return False
    return True


def _refusal(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    name = f"{new['id']}@{new['version']}"
    if old.get("id") != new["id"] or old.get("version") != new["version"]:
        held = f"{old['id']}@{old.get('version')}" if old else "numbers of another table"
        reason = f"{path} holds {held}, not {name}"
    elif old.get("content_hash") != new["content_hash"]:
        reason = f"{path} holds {name} with other numbers"
    else:
        differing = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))
        words = ", ".join(key for key in differing if key != "digest") or "meaning of columns"
        reason = f"{path} holds {name} with the same numbers but another {words}"
    return (
        f"{reason}: say --replace (replace=True) to replace it, or give another version, id or "
        "folder to keep both"
    )
