"""What stands for the names in pickles of plain data: ordered dicts, sets, bytes, NumPy scalars.

For the argument ``allowed`` of :func:`data_builders.pickles.unpickle.load`. All bear any arguments.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from data_builders.pickles.machine import expect, hashable
from data_builders.pickles.numpy_numbers import NUMBERS


def ordered_dict() -> dict[Any, Any]:
    """For ``collections.OrderedDict``, whose items are set later."""
    return {}


def set_of(members: list[Any]) -> set[Any]:
    """For ``set``, which protocols below 4 call with a list."""
    return set(hashable(expect(members, list)))


def no_bytes() -> bytes:
    """For ``bytes``, by which protocols below 3 write none."""
    return b""


def encoded(text: str, encoding: str) -> bytes:
    """For ``codecs.encode``, by which protocols below 3 write bytes."""
    if expect(encoding, str) not in ("latin1", "latin-1"):
        raise ValueError(f"the encoding {encoding!r:.20}")
    return bytes(expect(text, str).encode("latin-1"))


PLAIN: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "collections.OrderedDict": ordered_dict,
        "builtins.set": set_of,
        "__builtin__.set": set_of,
        "__builtin__.bytes": no_bytes,
        "_codecs.encode": encoded,
        **NUMBERS,
    }
)
"""All of them by name."""
