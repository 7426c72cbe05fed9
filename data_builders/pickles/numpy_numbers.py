"""Stand-ins for the two names with which foreign pickles make NumPy numbers."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

_CODE = re.compile("f[248]|[iu][1248]|b1")
_ORDERS = ("<", ">", "|", "=")


class NumberType:
    """Stands in for ``numpy.dtype``: a code such as ``f8``, later with its byte order."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        if not _CODE.fullmatch(code):
            raise ValueError(f"{code!r:.80} is not a numeric type")
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in _ORDERS:
            raise ValueError(f"{order!r:.80} is not a byte order")
        self.code = order + self.code[-2:]


def number(kind: NumberType, data: bytes) -> float | int | bool:
    """Stand in for ``numpy.core.multiarray.scalar``; return a plain number."""
    if not isinstance(kind, NumberType):
        raise TypeError("a number without a type")
    values = np.frombuffer(data, kind.code)
    if len(values) != 1:
        raise ValueError(f"{len(data)} bytes are not one {kind.code}")
    value: float | int | bool = values[0].item()
    return value


NUMBERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "numpy.dtype": NumberType,
        "numpy.core.multiarray.scalar": number,
        "numpy._core.multiarray.scalar": number,
    }
)
"""The names that NumPy 1 and 2 write."""
