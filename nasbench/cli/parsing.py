"""Texts of the command line as values."""

import os
import re
from collections.abc import Sequence
from typing import Any

from nasbench.errors import InvalidArgumentError, first_line
from nasbench.storage.documents import parse_json

_MOST_SEEDS = 1_000_000
_MOST_DIGITS = 18
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_seeds(text: str) -> list[int]:
    """Seeds of ``"0:100"`` (the end is not included), ``"7"`` or ``"0:10,20"``.

    Raises:
        InvalidArgumentError: Anything else, or a seed twice.
    """
    seeds: dict[int, None] = {}  # in their order
    for part in text.split(","):
        first, colon, end = part.strip().partition(":")
        if not (_is_number(first) and (_is_number(end) if colon else not end)):
            raise InvalidArgumentError(
                f"seeds {text!r} are not of the form '0:100', '7' or '0:10,20'"
            )
        chosen = range(int(first), int(end) if colon else int(first) + 1)
        if len(seeds) + len(chosen) > _MOST_SEEDS:
            raise InvalidArgumentError(f"seeds {text!r} are more than {_MOST_SEEDS:,}")
        if twice := seeds.keys() & chosen:
            raise InvalidArgumentError(f"seeds {text!r} name {min(twice)} more than once")
        seeds |= dict.fromkeys(chosen)
    if not seeds:
        raise InvalidArgumentError(f"seeds {text!r} are empty: the end of a range is not included")
    return list(seeds)


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Hyperparameters of ``["population=50", "mutation=each"]``; values as in TOML, or plain text.

    Raises:
        InvalidArgumentError: Not of the form NAME=VALUE.
    """
    import tomllib

    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidArgumentError(f"--set {setting!r} is not of the form NAME=VALUE")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"--set {setting[:40]!r}…: {first_line(error)}") from error
    return values


def parse_deadline(text: str) -> float:
    """Seconds of ``"90s"``, ``"9m"`` or ``"1.5h"``.

    Raises:
        InvalidArgumentError: Anything else.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", number):
        raise InvalidArgumentError(f"deadline {text!r} is not of the form '90s', '9m' or '1.5h'")
    return float(number) * _SECONDS[unit]


def parse_part(text: str) -> tuple[int, int]:
    """``(2, 8)`` of ``"2/8"``, the second of eight parts.

    Raises:
        InvalidArgumentError: Anything else, or no part from the first to the last.
    """
    i, slash, n = text.partition("/")
    if not (slash and _is_number(i) and _is_number(n) and 1 <= int(i) <= int(n)):
        raise InvalidArgumentError(
            f"shard {text!r} is not of the form 'i/n' with i from 1 to n, as '1/8' to '8/8'"
        )
    return int(i), int(n)


def parse_replicate(text: str) -> Any:
    """A training seed if ``text`` is a number, else the name of a policy, unchecked."""
    return int(text) if _is_number(text) else text


def parse_arch(text: str) -> Any:
    """An architecture of ``"3,3,3,1,3,2"`` or of a JSON object, for ``space.read``, or the text.

    Raises:
        InvalidArgumentError: A text in braces that is no JSON object.
    """
    options = [option for part in text.split(",") if (option := part.strip())]
    if "," in text and all(map(_is_number, options)):
        return [int(option) for option in options]
    if text.lstrip().startswith("{"):
        try:
            return parse_json(text)
        except ValueError as error:
            raise InvalidArgumentError(f"{text!r:.200} is no JSON: {first_line(error)}") from error
    return text


def count_processes(wanted: int | None) -> int:
    """As many processes as wanted; None means one per CPU core that this process may use.

    Raises:
        InvalidArgumentError: Less than one.
    """
    if wanted is not None:
        if wanted < 1:
            raise InvalidArgumentError(f"processes = {wanted} must be a positive integer")
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
