"""Whether what a surrogate's description says is possible, before anything is made from it."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from nasbench.column import GOALS, SPLITS
from nasbench.storage.names import is_id, is_inside

MAX_EPOCHS = 1_000_000
"""Length of a training."""
MAX_COUNT = 1_000_000
"""Largest number among hyperparameters."""
_MOST = 1_000  # epochs, columns and components
_LONG = 100
_DIGEST = re.compile(r"[0-9a-f]{64}")

_Test = Callable[[Any], bool]


def impossible(values: Mapping[str, Any]) -> str | None:
    """Return what a description says that cannot be; None if everything can.

    Args:
        values: The attributes of :class:`~nasbench.benchmarks.surrogate.folder.Description`.
    """
    for name, (test, possible) in _TESTS.items():
        if not test(value := values[name]):
            if name == "hyperparameters" and isinstance(value, dict):
                value = {setting: x for setting, x in value.items() if not _is_setting(x)} or value
            return f"{name} = {_short(value)} is not {possible}"
    epochs, schedule = values["epochs"], values["schedule"]
    if not all(a < b for a, b in pairwise([0, *epochs, schedule + 1])):
        return f"epochs = {_short(epochs)} do not ascend within 1..{schedule}"
    objective = values["default_objective"]
    if objective is not None and objective not in values["columns"]:
        return f"default_objective = {_short(objective)} is none of its columns"
    return None


def is_count(value: Any, least: int, most: int) -> bool:
    """Return whether a value is an integer in a range; booleans are not."""
    return type(value) is int and least <= value <= most


def is_text(value: Any, longest: int | None = None) -> bool:
    """Return whether a value is a text, of printable letters in one line if its length is bounded.

    Args:
        value: Any value.
        longest: Its largest length.
    """
    if longest is None:
        return isinstance(value, str)
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _is_setting(value: Any) -> bool:
    """Whether a value can be a hyperparameter: numbers and texts, and lists and objects of them."""
    if isinstance(value, list):
        return len(value) <= _MOST and all(map(_is_setting, value))
    if isinstance(value, dict):
        return len(value) <= _MOST and all(map(_is_setting, value.values()))
    if isinstance(value, str):
        return len(value) <= _MOST
    return (
        value is None
        or isinstance(value, bool)
        or (type(value) in (int, float) and abs(value) <= MAX_COUNT)
    )


def _is_column(name: str, meaning: Any) -> bool:
    return (
        is_text(name, _LONG)
        and isinstance(meaning, dict)
        and meaning.keys() <= {"unit", "goal", "split", "description"}
        and all(map(is_text, meaning.values()))
        and meaning.get("goal", "") in GOALS
        and meaning.get("split", "") in ("", *SPLITS)
    )


def _is_table(table: Any) -> bool:
    return (
        isinstance(table, dict)
        and table.keys() == {"id", "version", "content_hash", "architectures"}
        and is_id(table["id"])
        and is_count(table["version"], 1, MAX_COUNT)
        and is_text(table["content_hash"], _LONG)
        and is_count(table["architectures"], 1, 10**12)
    )


def _is_file(name: str, digest: Any) -> bool:
    return is_inside(name) and isinstance(digest, str) and bool(_DIGEST.fullmatch(digest))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:60]}…"


_NAME: tuple[_Test, str] = (is_id, "a name of letters, digits, '-', '_' and '.'")
_TEXT: tuple[_Test, str] = (is_text, "text")
_LINE: tuple[_Test, str] = (lambda v: is_text(v, _LONG), f"1 to {_LONG} printable letters")
_COUNT: tuple[_Test, str] = (
    lambda v: is_count(v, 1, MAX_COUNT),
    f"an integer from 1 to {MAX_COUNT:,}",
)
_TESTS: Mapping[str, tuple[_Test, str]] = {
    "id": _NAME,
    "version": _COUNT,
    "space": _LINE,
    "dataset": (lambda v: is_text(v) and len(v) <= _MOST, "text"),
    "schedule": (lambda v: is_count(v, 1, MAX_EPOCHS), f"an integer from 1 to {MAX_EPOCHS:,}"),
    "epochs": (
        lambda v: (
            isinstance(v, list)
            and 0 < len(v) <= _MOST
            and all(is_count(epoch, 1, MAX_EPOCHS) for epoch in v)
        ),
        f"a list of 1 to {_MOST:,} epochs",
    ),
    "columns": (
        lambda v: (
            isinstance(v, dict)
            and 0 < len(v) <= _MOST
            and all(_is_column(name, meaning) for name, meaning in v.items())
        ),
        "an object with the unit, goal, split and description of each column",
    ),
    "default_objective": (lambda v: v is None or _LINE[0](v), f"null or {_LINE[1]}"),
    "regressor": (
        lambda v: is_text(v, _LONG) and ":" not in v,
        "a registered name; files never name a module to import",
    ),
    "family": _LINE,
    "hyperparameters": (
        lambda v: isinstance(v, dict) and _is_setting(v),
        f"an object of texts, and of numbers up to {MAX_COUNT:,}",
    ),
    "components": _COUNT,
    "seed": (lambda v: type(v) is int and abs(v) < 2**63, "an integer below 2**63"),
    "clocked": (lambda v: isinstance(v, bool), "true or false"),
    "table": (_is_table, "the id, version, content_hash and architectures of a table"),
    "repeated": (lambda v: v is None or is_count(v, 0, 10**12), "a count"),
    "left_out": _TEXT,
    "judged": (
        lambda v: isinstance(v, dict) and all(isinstance(n, float) for n in v.values()),
        "an object of numbers with a decimal point",
    ),
    "title": _TEXT,
    "description": _TEXT,
    "source": _TEXT,
    "licence": _TEXT,
    "citation": _TEXT,
    "software": (
        lambda v: isinstance(v, dict) and all(map(is_text, v.values())),
        "an object of texts",
    ),
    "files": (
        lambda v: isinstance(v, dict) and all(_is_file(name, digest) for name, digest in v.items()),
        "an object of files below the folder with their SHA-256",
    ),
    "content_hash": _TEXT,
}
