"""Numbers and texts of architectures in a file of rows: the second file of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_builders.importers.table.assignments import NUMBER, Assignment
from data_builders.importers.table.cells import Cells, trimmed
from data_builders.importers.table.groups import Groups
from data_builders.importers.table.measurements import SPELLINGS
from data_builders.importers.table.rows import Rows
from data_builders.importers.table.trainings import make_archs, shortest
from nasbench.column import Column
from nasbench.errors import ArchiveError
from nasbench.space import SearchSpace

_INTEGER = "^-?[0-9]{1,18}$"
_LABEL = "^[-+]?(0[0-9]|[0-9]{19})"


def make_per_arch(
    assignments: Sequence[Assignment],
    blocks: Sequence[Rows],
    ranks: NDArray[np.int64],
    cells: Cells,
    space: SearchSpace,
    key: str,
) -> pa.Table:
    """Return one row for every architecture with a recorded value.

    Args:
        assignments: Columns of the quantities.
        blocks: The rows of the file.
        ranks: Ranks of the rows' architectures, shape ``(n,)``.
        cells: Reader of the file.
        space: Space of the architectures.
        key: What the table is keyed by.

    Raises:
        ArchiveError: Rows of an architecture differ, a cell is not a number, or nothing is
            recorded.
    """
    places = np.concatenate([block.places for block in blocks])
    groups = Groups(ranks)
    known = np.zeros(len(groups.first), dtype=np.bool_)
    columns = {"arch": make_archs(ranks[groups.first], space)}
    for assignment in assignments:
        values = _values(blocks, assignment, cells)
        encoded = values.dictionary_encode()
        codes = encoded.indices.cast(pa.float64()).fill_null(np.nan).to_numpy()
        chosen, conflict = groups.values(codes)
        if conflict is not None:
            first, second = conflict
            arch = space.to_text(space.unrank(int(ranks[first])))
            raise ArchiveError(
                f"{cells.where(places[first], places[second])}: {assignment.name} = "
                f"{assignment.text} of {arch} is {values[first].as_py()!r} and "
                f"{values[second].as_py()!r}, but must not depend on the training"
                + (f"; {SPELLINGS}" if key == "class" else "")
            )
        empty = np.isnan(chosen)
        known |= ~empty
        indices = pa.array(np.where(empty, 0, chosen).astype(np.int32), mask=empty)
        columns[assignment.name] = encoded.dictionary.take(indices)
    if not known.any():
        names = ", ".join(assignment.text for assignment in assignments)
        raise ArchiveError(f"{cells.where(int(places[0]))} and all after it have no {names}")
    return pa.table(columns).filter(pa.array(known))


def _values(blocks: Sequence[Rows], assignment: Assignment, cells: Cells) -> Any:
    """Return integers, floats or texts of one quantity, null where missing."""
    name = assignment.column
    filled = [b for b in blocks if b.columns[name].null_count < len(b.columns[name])]
    texts = [pa.types.is_string(block.columns[name].type) for block in filled]
    if not all(texts) and any(texts):
        place = int(filled[texts.index(not texts[0])].places[0])
        raise ArchiveError(
            f"{cells.where(place)}: {name!r} holds texts in some {cells.place}s, numbers in others"
        )
    column = [block.columns[name] for block in blocks]
    if any(texts):
        column = [trimmed(array.cast(pa.string())) for array in column]
        must_be_numbers = Column.of(assignment.name).unit != "" or assignment.factor is not None
        if not must_be_numbers and (cells.typed or not _numeric(pa.chunked_array(column))):
            return pa.concat_arrays(column)
    numbers = np.concatenate(
        [cells.numbers(block.columns[name], block.places, assignment) for block in blocks]
    )
    if assignment.factor is None and all(map(_integers, column)):
        return pa.concat_arrays([array.cast(pa.int64()) for array in column])
    empty = ~np.isfinite(numbers)
    return pa.array(shortest(np.where(empty, np.nan, numbers + 0.0)), mask=empty)


def _integers(array: Any) -> bool:
    if not pa.types.is_string(array.type):
        return bool(pa.types.is_integer(array.type) or pa.types.is_null(array.type))
    return pc.all(pc.match_substring_regex(array, _INTEGER)).as_py() is not False


def _numeric(texts: Any) -> bool:
    """Return whether most texts are numbers and none is a label made of digits."""
    if pc.any(pc.match_substring_regex(texts, _LABEL)).as_py():
        return False
    share = pc.mean(pc.match_substring_regex(texts, f"^(?:{NUMBER})$").cast(pa.int8())).as_py()
    return share is not None and share > 0.5
