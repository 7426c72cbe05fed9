"""Values that stand for a number that is not there: -1, 999, nan, "N/A"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_builders.importers.table.assignments import NUMBER
from nasbench.errors import InvalidArgumentError, one_of

_NUMBER = f"^(?:{NUMBER})$"


@dataclass(frozen=True, slots=True)
class _Values:
    """Values of one meaning.

    Attributes:
        everywhere: Those that stand in any column.
        of: Those that stand in one column, by its name.
    """

    everywhere: list[str] = field(default_factory=list)
    of: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        column, equals, value = (part.strip() for part in text.rpartition("="))
        if not value or (equals and not column):
            raise InvalidArgumentError(f"{text!r} is not of the form VALUE or COLUMN=VALUE")
        (self.of.setdefault(column, []) if column else self.everywhere).append(value)

    def at(self, column: str) -> list[str]:
        return [*self.everywhere, *self.of.get(column, ())]


class Sentinels:
    """Which cells say that a number is not recorded, and which that its training failed.

    A value is compared as a number if it is one: ``-1`` stands for ``-1.0`` too.

    Args:
        missing: ``VALUE`` or ``COLUMN=VALUE`` of cells that stand for empty ones.
        diverged: The same of cells whose training was done and failed.

    Raises:
        InvalidArgumentError: A text has another form, or a value is in both lists.
    """

    def __init__(self, missing: Iterable[str], diverged: Iterable[str]) -> None:
        self._missing, self._diverged = _Values(), _Values()
        for values, texts in ((self._missing, missing), (self._diverged, diverged)):
            for text in texts:
                values.add(text)
        for value in self._missing.everywhere:
            if value in self._diverged.everywhere:
                raise InvalidArgumentError(
                    f"{value!r} is given as missing and as diverged: it can stand for one of them"
                )

    def check(self, columns: Sequence[str]) -> None:
        """Check that every named column is read.

        Raises:
            InvalidArgumentError: One is not.
        """
        for values in (self._missing, self._diverged):
            for column in values.of:
                if column not in columns:
                    raise InvalidArgumentError(
                        f"a value of column {column!r} is given, which is not read"
                        f"{one_of(column, columns)}"
                    )

    def without_missing(self, cells: Any, column: str) -> Any:
        """Return cells with null for what is missing."""
        missing = self._missing.at(column)
        if not missing or not _is_comparable(cells.type):
            return cells
        return pc.if_else(_stands_for(cells, missing), pa.scalar(None, cells.type), cells)

    def failed(self, cells: Any, column: str) -> NDArray[np.bool_]:
        """Return which cells say that a training failed, shape ``(n,)``."""
        diverged = self._diverged.at(column)
        if not diverged or not _is_comparable(cells.type):
            return np.zeros(len(cells), dtype=np.bool_)
        found: NDArray[np.bool_] = _stands_for(cells, diverged).to_numpy(zero_copy_only=False)
        return found


def _stands_for(cells: Any, values: Sequence[str]) -> Any:
    """Return which cells hold one of some values; never null."""
    if pa.types.is_string(cells.type):
        texts = pc.utf8_trim_whitespace(cells)
        is_number = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
        numbers = pc.if_else(is_number, texts, pa.scalar(None, pa.string())).cast(pa.float64())
        found = pc.is_in(pc.utf8_lower(texts), value_set=pa.array([v.lower() for v in values]))
    else:
        numbers = cells.cast(pa.float64(), safe=False)
        found = pc.and_(pc.fill_null(pc.is_nan(numbers), False), "nan" in map(str.lower, values))
    wanted = pa.array([float(v) for v in values if _is_float(v)], pa.float64())
    return pc.or_(found, pc.is_in(numbers, value_set=wanted, skip_nulls=True))


def _is_comparable(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_integer(kind) or types.is_floating(kind))


def _is_float(value: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([value]), _NUMBER)[0].as_py())
