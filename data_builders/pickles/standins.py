"""Stand-ins for names in pickles of plain data: ordered dicts, sets, bytes, NumPy scalars.

They are meant for the argument ``allowed`` of :func:`data_builders.pickles.unpickle.load` and are
safe to call with any arguments.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from data_builders.pickles.machine import expect, hashable
from data_builders.pickles.numpy_numbers import NUMBERS


def ordered_dict() -> dict[Any, Any]:
    """Stand in for ``collections.OrderedDict``, whose items are set later."""
    return {}


def set_of(members: list[Any]) -> set[Any]:
    """Stand in for ``set``, which protocols below 4 call with a list."""
    return set(hashable(expect(members, list)))


def no_bytes() -> bytes:
    """Stand in for ``bytes``, which protocols below 3 call to write an empty one."""
    return b""


def encoded(text: str, encoding: str) -> bytes:
    """Stand in for ``codecs.encode``, which protocols below 3 call to write bytes."""
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
"""All stand-ins by name."""
