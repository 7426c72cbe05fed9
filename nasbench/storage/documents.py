"""JSON and TOML that anybody may have written: whatever is wrong with it is a ValueError."""

import json
from pathlib import Path
from typing import Any

MAX_DEPTH = 64
"""Levels of lists and objects inside each other."""
MAX_BYTES = 2**26
"""Size of a file."""


def parse_json(text: str | bytes) -> Any:
    """Read a JSON document.

    Raises:
        ValueError: It is no JSON or not in UTF-8, an object has a key twice, a number has thousands
            of digits, or the nesting is deeper than :data:`MAX_DEPTH`.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(document)
    return document


def parse_toml(text: bytes) -> dict[str, Any]:
    """Read a TOML document.

    Raises:
        ValueError: It is no TOML or not in UTF-8, a number has thousands of digits, or the nesting
            is deeper than :data:`MAX_DEPTH`.
    """
    import tomllib  # costs a cold query more than all other modules here

    try:
        document = tomllib.loads(text.decode())
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(document)
    return document


def read_json(path: Path) -> Any:
    """Read a file that holds a JSON document.

    Raises:
        OSError: The file cannot be read.
        ValueError: As for :func:`parse_json`, or the file is larger than :data:`MAX_BYTES`.
    """
    return parse_json(_read(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file that holds a TOML document.

    Raises:
        OSError: The file cannot be read.
        ValueError: As for :func:`parse_toml`, or the file is larger than :data:`MAX_BYTES`.
    """
    return parse_toml(_read(path))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"the file has more than {MAX_BYTES // 2**20} MiB")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {doubled!r} is there twice")
    return found


def _check_depth(document: Any) -> None:
    level = _containers([document])
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise _too_deep()


def _containers(outer: dict[str, Any] | list[Any]) -> list[Any]:
    inside = outer.values() if isinstance(outer, dict) else outer
    return [value for value in inside if isinstance(value, dict | list)]


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects are nested more than {MAX_DEPTH} deep")
