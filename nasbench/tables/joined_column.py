"""One column made of columns of several tables, which must not contradict each other."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError
from nasbench.tables.columns import to_numpy


class Part(NamedTuple):
    """The values that one table contributes to a joined column.

    Attributes:
        table: Name of the table, for messages.
        places: Position in the joined column of each value, shape ``(n,)``.
        values: ``n`` numbers or texts.
    """

    table: str
    places: NDArray[np.int64]
    values: Any


def agreed(column: str, parts: Sequence[Part], n: int, where: Callable[[int], str]) -> Any:
    """Join values of several tables; the result is null where no table has a value.

    NaN and null are not values and give way to what another table holds. A single-precision number
    equals the double-precision number that it was rounded from; the latter is then taken.

    Args:
        column: Name of the column.
        parts: At least one.
        n: Length of the joined column.
        where: Describes a position for messages, such as "of ARCH, schedule 200, seed 0".

    Raises:
        InvalidArgumentError: Two values differ, or some tables hold texts and others numbers.
    """
    parts = sorted(parts, key=lambda part: not pa.types.is_float64(part.values.type))
    values = _in_one_type(column, parts)
    numbers, known = _comparable(values)
    places = np.concatenate([part.places for part in parts])
    starts = np.cumsum([0, *(len(part.places) for part in parts)])
    choice = np.full(n, -1)
    for part, start in zip(parts, starts[:-1].tolist(), strict=True):
        rows = np.arange(start, start + len(part.places))
        rows = rows[known[rows]]
        new = rows[choice[places[rows]] < 0]
        choice[places[new[::-1]]] = new[::-1]
        chosen, given = numbers[choice[places[rows]]], numbers[rows]
        if pa.types.is_float32(part.values.type):
            chosen = chosen.astype(np.float32).astype(chosen.dtype)
        if (differing := np.flatnonzero(chosen != given)).size:
            row = rows[differing[0]]
            other = choice[places[row]]
            both = [
                f"{values[i].as_py()!r} in {parts[np.searchsorted(starts, i, 'right') - 1].table}"
                for i in sorted((int(other), int(row)))
            ]
            place = where(int(places[row]))
            raise InvalidArgumentError(f"{column!r} {place} is {' and '.join(both)}")
    rest = np.flatnonzero(~known & values.is_valid().to_numpy(zero_copy_only=False))
    rest = rest[choice[places[rest]] < 0]
    choice[places[rest]] = rest
    return values.take(pa.array(choice, mask=choice < 0))


def _in_one_type(column: str, parts: Sequence[Part]) -> Any:
    kinds = {part.values.type for part in parts}
    texts = [part.table for part in parts if pa.types.is_string(part.values.type)]
    if texts and len(texts) < len(parts):
        others = [part.table for part in parts if part.table not in texts]
        raise InvalidArgumentError(
            f"{column!r} holds texts in {texts[0]}, numbers in {others[0]}: they cannot be joined"
        )
    if texts:
        kind = pa.string()
    elif all(map(pa.types.is_integer, kinds)):
        kind = pa.int64()
    elif kinds == {pa.float32()}:
        kind = pa.float32()
    else:
        kind = pa.float64()
    return pa.concat_arrays([part.values.cast(kind, safe=False) for part in parts])


def _comparable(values: Any) -> tuple[NDArray[np.number], NDArray[np.bool_]]:
    """Return numbers that are equal exactly for equal values, and which values exist."""
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_string(values.type):
        values = values.dictionary_encode().indices
    if pa.types.is_integer(values.type):
        return to_numpy(pc.fill_null(values, 0)), valid
    numbers = to_numpy(values)
    return numbers, valid & ~np.isnan(numbers)
