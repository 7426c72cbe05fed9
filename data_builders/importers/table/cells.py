"""Interpret the cells of a file of rows: numbers, architectures, training seeds."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_builders.importers.table.assignments import Assignment
from data_builders.importers.table.rows import Format
from data_builders.importers.table.sentinels import Sentinels
from nasbench.column import Column
from nasbench.errors import ArchiveError, IllegalArchError
from nasbench.space import Arch, SearchSpace
from nasbench.tables.columns import is_list, list_ends, list_items

NAN_WRITTEN = np.inf
"""Stands for a cell that says NaN; NaN itself stands for an empty cell."""

FAILED = -np.inf
"""Stands for a cell with a value that the user named as that of failed trainings."""

_OPTIONS = re.compile(r"[\[(]?\s*[0-9]+\s*(,\s*[0-9]+\s*)+,?\s*[\])]?")
_DIGITS = 15
_MOST_SEEDS = 2**31


class Cells:
    """Reads the cells of one file.

    Args:
        path: The file.
        kind: Its format.
        space: Space of its architectures.
        sentinels: Values that stand for no number.

    Attributes:
        path: As given.
        place: Unit in which its rows are counted.
        typed: Whether the format tells the text ``"1"`` from the number 1.
    """

    def __init__(self, path: Path, kind: Format, space: SearchSpace, sentinels: Sentinels) -> None:
        self.path = path
        self.place = kind.place
        self.typed = kind.typed
        self.sentinels = sentinels
        self._space = space
        self._ranks: dict[str, int] = {}
        self._legal: set[int] = set()

    def where(self, *places: int) -> str:
        """Return the name of rows for a message."""
        unit = self.place if len(places) == 1 else f"{self.place}s"
        return f"{self.path}, {unit} {' and '.join(map(str, places))}"

    def numbers(
        self, cells: Any, places: NDArray[np.int64], assignment: Assignment
    ) -> NDArray[np.float64]:
        """Return numbers times their factor, else NaN, ``NAN_WRITTEN`` or ``FAILED``.

        Raises:
            ArchiveError: A cell is not a number, or its number is infinite or out of range.
        """
        cells = self.sentinels.without_missing(cells, assignment.column)
        failed = self.sentinels.failed(cells, assignment.column)
        if failed.any():
            cells = pc.if_else(pa.array(failed), pa.scalar(None, cells.type), cells)
        values, empty = self._floats(cells, places, assignment.column)
        nan = np.isnan(values) & ~empty
        column = Column.of(assignment.name)
        low, high = column.range
        with np.errstate(invalid="ignore", over="ignore"):
            if assignment.factor not in (None, 1):
                products = (values * assignment.factor).tolist()
                values = np.array([float(f"{product:.{_DIGITS}g}") for product in products])
            bad = np.flatnonzero((values < low) | (values > high) | np.isinf(values))
        if bad.size:
            value, place = values[bad[0]], places[bad[0]]
            possible = f"{low:g} to {high:g} {column.unit}".rstrip()
            hint = (
                " (where a training diverged, write nan)"
                if np.isinf(value)
                else f"; if {value:g} stands for no number, say --missing or --diverged {value:g}"
                if assignment.factor in (None, 1)
                else ""
            )
            raise ArchiveError(
                f"{self.where(place)}: {assignment.name} = {assignment.text} is {value:g}, "
                f"possible are {possible}{hint}"
            )
        values[nan] = NAN_WRITTEN
        values[empty] = np.nan
        values[failed] = FAILED
        return values

    def _floats(
        self, cells: Any, places: NDArray[np.int64], name: str
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the numbers as written, and which cells are empty."""
        if is_list(cells.type):
            raise ArchiveError(f"{self.path}: column {name!r} holds lists, not numbers")
        if pa.types.is_string(cells.type):
            cells = trimmed(cells)
            try:
                numbers = cells.cast(pa.float64())
            except pa.ArrowInvalid as error:
                place, text = next(
                    (place, text)
                    for place, text in zip(places, cells.to_pylist(), strict=True)
                    if text is not None and not _is_float(text)
                )
                raise ArchiveError(
                    f"{self.where(place)}: {name!r} is {text!r:.60}, not a number; leave a cell "
                    "without a number empty"
                ) from error
        else:
            numbers = cells.cast(pa.float64(), safe=False)
        empty = numbers.is_null().to_numpy(zero_copy_only=False)
        values = numbers.fill_null(0).to_numpy(zero_copy_only=False)
        return np.where(empty, 0.0, values), empty

    def seeds(self, cells: Any, places: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """Return training seeds, shape ``(n,)``.

        Raises:
            ArchiveError: A cell is not an integer from 0 to 2**31 - 1.
        """
        values, empty = self._floats(cells, places, name)
        with np.errstate(invalid="ignore"):
            wrong = empty | ~((values >= 0) & (values < _MOST_SEEDS) & (values == np.floor(values)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ArchiveError(
                f"{self.where(places[row])}: the seed {name!r} is {cells[row].as_py()!r}, not an "
                f"integer in 0..{_MOST_SEEDS - 1}"
            )
        return values.astype(np.int64)

    def ranks(self, cells: Any, places: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """Return ranks of architectures, given in the notation of the space or as option lists.

        Raises:
            ArchiveError: A cell is not an architecture of the space.
        """
        listed = is_list(cells.type)
        if not (listed or pa.types.is_string(cells.type) or pa.types.is_null(cells.type)):
            raise ArchiveError(
                f"{self.path}: the architectures in {name!r} are {cells.type}; give texts or lists "
                "of integers, since numbers lose leading zeros"
            )
        if not listed:
            cells = trimmed(cells.cast(pa.string()))
        if cells.null_count:
            row = int(np.argmax(cells.is_null().to_numpy(zero_copy_only=False)))
            raise ArchiveError(f"{self.where(places[row])}: the architecture {name!r} is empty")
        return (
            self._ranks_of_lists(cells, places) if listed else self._ranks_of_texts(cells, places)
        )

    def _ranks_of_lists(self, cells: Any, places: NDArray[np.int64]) -> NDArray[np.int64]:
        options = np.array(self._space.options)
        ends = list_ends(cells)
        if cells.flatten().null_count or (np.diff(ends, prepend=0) != len(options)).any():
            raise self._refusal(cells, places)
        archs = list_items(cells).reshape(len(cells), len(options))
        if ((archs < 0) | (archs >= options)).any():
            raise self._refusal(cells, places)
        ranks = self._space.rank_many(archs)
        _, rows = np.unique(ranks, return_index=True)
        for row in rows.tolist():
            if ranks[row] not in self._legal:
                self._check(archs[row].tolist(), places[row])
                self._legal.add(int(ranks[row]))
        return ranks

    def _refusal(self, cells: Any, places: NDArray[np.int64]) -> ArchiveError:
        place, arch = next(
            (place, arch)
            for place, arch in zip(places.tolist(), cells.to_pylist(), strict=True)
            if tuple(arch) not in self._space
        )
        return ArchiveError(
            f"{self.where(place)}: {arch!r:.80} is not an architecture of {self._space.name!r}: "
            f"give integers below {self._space.options}"
        )

    def _ranks_of_texts(self, cells: Any, places: NDArray[np.int64]) -> NDArray[np.int64]:
        encoded = cells.dictionary_encode()
        codes = encoded.indices.to_numpy()
        _, rows = np.unique(codes, return_index=True)
        texts = encoded.dictionary.to_pylist()
        for text, row in zip(texts, rows.tolist(), strict=True):
            if text not in self._ranks:
                self._ranks[text] = self._space.rank(self._parse(text, places[row]))
        ranks: NDArray[np.int64] = np.array([self._ranks[text] for text in texts], np.int64)[codes]
        return ranks

    def _parse(self, text: str, place: int) -> Arch:
        if _OPTIONS.fullmatch(text):
            return self._check([int(option) for option in re.findall("[0-9]+", text)], place)
        try:
            return self._space.check(self._space.from_text(text))
        except IllegalArchError as error:
            raise ArchiveError(f"{self.where(place)}: {error!s:.500}") from error

    def _check(self, arch: Any, place: int) -> Arch:
        try:
            return self._space.check(arch)
        except IllegalArchError as error:
            raise ArchiveError(f"{self.where(place)}: {error!s:.500}") from error


def trimmed(texts: Any) -> Any:
    """Return texts without surrounding blanks; null where nothing is left, or for ``null``."""
    texts = pc.utf8_trim_whitespace(texts)
    empty = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(["", "null"]))
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts)


def _is_float(text: str) -> bool:
    try:
        pa.array([text]).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
