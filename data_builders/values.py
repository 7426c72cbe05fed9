"""Checks of the values that recipes, tasks and plans are made of."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import numpy as np

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of

MAX_SEED = 2**31 - 1
_LARGEST = float(np.finfo(np.float32).max)

Value = TypeVar("Value")


def has_type(value: object, kind: Any) -> bool:
    """Return whether a value fits a field; integers count as numbers, booleans do not."""
    if kind is float:
        return type(value) in (int, float) and abs(value) <= _LARGEST  # type: ignore[arg-type]
    return type(value) is kind


def refuse_unless(possible: bool, name: str, value: object, kind: str) -> None:
    """Raise an InvalidArgumentError that says what ``kind`` is needed, unless ``possible``."""
    if not possible:
        raise InvalidArgumentError(f"{name} = {value!r} is not possible: it must be {kind}")


def construct(kind: Callable[..., Value], values: dict[str, Any], where: str) -> Value:
    """Return a dataclass made from a TOML section; the class itself checks the values.

    Raises:
        UnknownNameError: A key is not a field of the class.
        InvalidArgumentError: A required field is missing, or the class refuses a value.
    """
    known = {field.name: field.default is MISSING for field in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise UnknownNameError(f"{where}: unknown key {name!r}{one_of(name, sorted(known))}")
    missing = [name for name, required in known.items() if required and name not in values]
    if missing:
        raise InvalidArgumentError(f"{where}: missing {', '.join(map(repr, missing))}")
    try:
        return kind(**values)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{where}: {error}") from error
