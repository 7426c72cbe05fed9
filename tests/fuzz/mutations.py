"""Seeded mutations of JSON documents, of arrays and of bytes, for the programs of this folder."""

import copy
import math
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

NAMES = ["../../escaped", "x.parquet", "a/b", "", "CON", "é", "x\x1b[31m", "os:system", "x" * 999]
NUMBERS = [0, -1, 1, 2**31, 2**63, 10**300, 10**400, 1e308, -1e308, 5e-324, 0.5, True, False]
ODD: list[Any] = [None, [], {}, "", [[]], {"a": {}}, math.nan, math.inf, -math.inf]


def nested(depth: int) -> Any:
    """Lists inside each other."""
    made: Any = 0
    for _ in range(depth):
        made = [made]
    return made


def mutate_document(rng: Random, document: Any) -> Any:
    """A copy in which one place is deleted, doubled, moved or has another value."""
    changed = copy.deepcopy(document)
    outer, key = rng.choice([*_places(changed)])
    value = outer[key]
    match rng.randrange(6):
        case 0:
            del outer[key]
        case 1:
            outer[key] = rng.choice(NUMBERS)
        case 2:
            outer[key] = rng.choice(NAMES)
        case 3:
            outer[key] = rng.choice([*ODD, nested(80)])
        case 4 if isinstance(value, list) and value:
            outer[key] = rng.choice([value * 2, value[::-1], value[:-1], value[0]])
        case 4 if isinstance(value, dict):
            value[rng.choice(NAMES)] = rng.choice(NUMBERS)
        case 4:
            outer[key] = [value]
        case _ if isinstance(value, int | float) and not isinstance(value, bool):
            less = value / 7 if abs(value) < 1e300 else 0.5
            outer[key] = rng.choice([-value, value + 1, value * 1000, less, str(value)])
        case _:
            other, place = rng.choice([*_places(changed)])
            outer[key] = copy.deepcopy(other[place])
    return changed


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: what it lies in, and its key there."""
    keys = document.keys() if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _places(document[key])


def mutate_text(rng: Random, text: str) -> bytes:
    """A document as text, cut, doubled, with foreign letters, or nested too deeply."""
    data = text.encode()
    at = rng.randrange(len(data) + 1)
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes(rng.randrange(256) for _ in range(4)) + data[at:]
        case 2:
            return b"[" * 100_000 + data
        case 3:
            return data.replace(b"1", b"1" * 5_000, 1)
        case 4:
            return data.replace(b"{", b'{"id": "x", "id": "y", ', 1)
        case _:
            return data + data


def mutate_array(rng: Random, array: np.ndarray) -> np.ndarray:
    """A copy with other numbers, another shape or another type."""
    changed = np.array(array)
    flat = changed.reshape(-1)
    match rng.randrange(9):
        case 0:
            return changed[:-1] if changed.ndim and len(changed) else changed[None]
        case 1:
            return changed.reshape(-1, 1)
        case 2:
            kinds = [np.float16, np.int64, np.complex128, "U8", bool]
            return changed.astype("U3" if changed.dtype.kind == "U" else rng.choice(kinds))
        case 3:
            return changed[None]
        case 4:
            return np.concatenate([flat, flat])
        case 5:
            return changed[::-1] if changed.ndim else -changed
    if flat.size:
        place = rng.randrange(flat.size)
        odd = [np.nan, np.inf, -np.inf, 1e308, 1e30, -1, 0, 2**31 - 1, -(2**31), 1e6]
        with np.errstate(all="ignore"):
            values = np.array(rng.choice(odd)).astype(changed.dtype)
            if rng.randrange(3):
                flat[place] = values
            else:
                flat[:] = values
    return changed


def mutate_bytes(rng: Random, content: bytes) -> bytes:
    """A copy with some bytes flipped, cut off, repeated, blanked or put elsewhere."""
    data, n = bytearray(content), len(content)
    at, length = rng.randrange(n), 1 + min(rng.randrange(200), rng.randrange(n))
    how = rng.choice(["flip", "flip", "cut", "repeat", "blank", "move", "empty", "end"])
    if how == "flip":
        for _ in range(rng.choice([1, 1, 2, 10])):
            data[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del data[at : at + length]
    elif how == "repeat":
        data[at:at] = data[at : at + length]
    elif how == "blank":
        data[at : at + length] = bytes(len(data[at : at + length]))
    elif how == "move":
        part = data[at : at + length]
        del data[at : at + length]
        to = rng.randrange(len(data) + 1)
        data[to:to] = part
    elif how == "end":
        del data[at:]
    else:
        data.clear()
    return bytes(data)
