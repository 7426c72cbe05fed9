"""Whether a value, as a command line or a file gives it, is what an annotation says."""

import types
from collections.abc import Mapping, Sequence
from inspect import formatannotation
from typing import Any, Literal, Union, get_args, get_origin

from nasbench.errors import InvalidArgumentError, shown

LARGEST = 2**31 - 1
"""Of an integer that counts something."""


def as_annotated(name: str, value: Any, annotation: Any) -> Any:
    """Return a value of an annotated type; an integer becomes a float where that is asked for.

    Args:
        name: What the value is called, for messages.
        value: The value.
        annotation: A type, or a union, sequence or mapping of such. What else it is, or a text,
            allows any value.

    Raises:
        InvalidArgumentError: The value has another type.
    """
    if not fits(value, annotation):
        kind = formatannotation(annotation).replace("collections.abc.", "").replace("typing.", "")
        raise InvalidArgumentError(f"{name} = {value!r} must be of type {kind}")
    takes_float = annotation is float or float in get_args(annotation)
    takes_int = annotation is int or int in get_args(annotation)
    return float(value) if type(value) is int and takes_float and not takes_int else value


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a value has an annotated type."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in args)
    if annotation in (None, type(None)):
        return value is None
    if annotation is float:
        return type(value) in (int, float)
    if annotation in (int, bool, str):
        return type(value) is annotation
    if origin is Literal:
        return value in args
    if origin in (list, tuple, Sequence):
        inner = args[0] if args else Any
        return isinstance(value, list | tuple) and all(fits(each, inner) for each in value)
    if Mapping in (annotation, origin):
        return isinstance(value, Mapping)
    return True


def check_integers(name: str, value: Any) -> None:
    """Refuse integers beyond :data:`LARGEST`, also inside lists.

    Raises:
        InvalidArgumentError: There is one.
    """
    if isinstance(value, list | tuple):
        for each in value:
            check_integers(name, each)
    elif type(value) is int and abs(value) > LARGEST:
        raise InvalidArgumentError(f"{name} = {shown(value)} must be at most {LARGEST:,}")
