"""Reads Universal Binary JSON, in which XGBoost writes models: the subset that it writes.

Nothing that a file states is believed: a count is never larger than what is left of the file, and
nesting is bounded.
"""

from collections.abc import Mapping
from struct import Struct, error
from typing import Any

import numpy as np

_ARRAYS: Mapping[bytes, np.dtype[Any]] = {
    b"$i#L": np.dtype("i1"),
    b"$U#L": np.dtype("u1"),
    b"$I#L": np.dtype(">i2"),
    b"$l#L": np.dtype(">i4"),
    b"$L#L": np.dtype(">i8"),
    b"$d#L": np.dtype(">f4"),
    b"$D#L": np.dtype(">f8"),
}
_NUMBERS = {
    ord("i"): Struct(">b"),
    ord("U"): Struct(">B"),
    ord("I"): Struct(">h"),
    ord("l"): Struct(">i"),
    ord("L"): Struct(">q"),
    ord("d"): Struct(">f"),
    ord("D"): Struct(">d"),
}
_COUNT = Struct(">Q")
_ARRAY, _OBJECT, _END, _TEXT, _LONG = b"[{}SL"
_MAX_DEPTH = 16


def decode(data: bytes) -> Any:
    """Read a document; an array whose type precedes it becomes a read-only NumPy array.

    Raises:
        ValueError: It is no such document.
    """
    try:
        document, end = _value(data, 0, 0)
    except (IndexError, error) as cause:
        raise ValueError("it ends too early") from cause
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow it")
    return document


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins at a place, and where it ends."""
    tag = data[at]
    if tag == _ARRAY:
        if kind := _ARRAYS.get(data[at + 1 : at + 5]):
            n = _count(data, at + 5, kind.itemsize)
            return np.frombuffer(data, kind, n, at + 13), at + 13 + n * kind.itemsize
        if data[at + 1 : at + 3] != b"#L" or depth == _MAX_DEPTH:
            raise ValueError(f"byte {at} begins no array")
        n, at = _count(data, at + 3, 1), at + 11
        values = []
        for _ in range(n):
            value, at = _value(data, at, depth + 1)
            values.append(value)
        return values, at
    if tag == _OBJECT:
        if depth == _MAX_DEPTH:
            raise ValueError(f"objects are nested more than {_MAX_DEPTH} deep")
        return _object(data, at + 1, depth + 1)
    if tag == _TEXT:
        if data[at + 1] != _LONG:
            raise ValueError(f"byte {at} begins no text")
        end = at + 10 + _count(data, at + 2, 1)
        return data[at + 10 : end].decode(), end
    if number := _NUMBERS.get(tag):
        return number.unpack_from(data, at + 1)[0], at + 1 + number.size
    raise ValueError(f"byte {at} begins no value")


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while (tag := data[at]) != _END:
        end = at + 9 + _count(data, at + 1, 1)
        name = data[at + 9 : end].decode()
        if tag != _LONG or name in found:
            raise ValueError(f"the entry {name!r} before byte {end} is there twice, or is none")
        found[name], at = _value(data, end, depth)
    return found, at + 1


def _count(data: bytes, at: int, size: int) -> int:
    """A number of things of a size, which must be there."""
    n: int = _COUNT.unpack_from(data, at)[0]
    if n * size > len(data) - at - 8:
        raise ValueError(f"the count at byte {at} is larger than the file")
    return n
