"""Numbers as short texts: typed arrays in base64, exact where that is cheap, else quantised."""

import base64
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LEVELS = 65_534
"""Steps of a quantised column; the number after the last stands for a missing value."""

_FEW = 1_000
_WIDEST = 100.0


def packed(values: NDArray[np.floating], precision: Literal["exact", "fine"]) -> dict[str, Any]:
    """Pack numbers; NaN and infinite ones are missing.

    Args:
        values: Shape ``(n,)`` or ``(n, m)``, the latter row by row.
        precision: ``"exact"``: to the seven digits of float32, or better. ``"fine"``: the largest
            error may be a part in 131,068 of the range, if that is below a thousandth of every
            number.

    Returns:
        ``{"kind": "f32" | "list" | "steps", "data": …}``; a list has its distinct ``values``, steps
        their ``low`` and ``step``.
    """
    flat = np.where(np.isfinite(values), values, np.nan).astype(np.float64).ravel()
    missing = np.isnan(flat)
    distinct, place = np.unique(flat[~missing], return_inverse=True)
    if not distinct.size:
        return {"kind": "f32", "data": _text(flat.astype("<f4"))}
    numbers = np.full(len(flat), LEVELS + 1, dtype="<u2")
    low, high = float(distinct[0]), float(distinct[-1])
    if precision == "fine" and len(distinct) > _FEW and 0 < high < _WIDEST * low:
        step = (high - low) / LEVELS
        numbers[~missing] = np.rint((flat[~missing] - low) / step)
        return {"kind": "steps", "low": low, "step": step, "data": _text(numbers)}
    if len(distinct) <= LEVELS and 8 * len(distinct) + 2 * len(flat) < 4 * len(flat):
        numbers[~missing] = place
        return {"kind": "list", "values": _text(distinct.astype("<f8")), "data": _text(numbers)}
    return {"kind": "f32", "data": _text(flat.astype("<f4"))}


def packed_integers(values: NDArray[np.integer], bits: Literal[8, 16, 32]) -> str:
    """Pack unsigned integers of 8, 16 or 32 bits."""
    return _text(values.astype(f"<u{bits // 8}"))


def unpacked(document: dict[str, Any]) -> NDArray[np.float64]:
    """The numbers of :func:`packed`, as the page reads them, shape ``(n,)``."""
    if document["kind"] == "f32":
        return _array(document["data"], "<f4").astype(np.float64)
    numbers = _array(document["data"], "<u2")
    missing = numbers > LEVELS
    if document["kind"] == "list":
        distinct = np.append(_array(document["values"], "<f8"), np.nan)
        return distinct[np.where(missing, len(distinct) - 1, numbers)]
    return np.where(missing, np.nan, document["low"] + document["step"] * numbers)


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _array(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=kind)
