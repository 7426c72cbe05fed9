"""Read the content of a file of rows once: architectures, training seeds, numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data_builders.importers.table.assignments import Assignment
from data_builders.importers.table.cells import Cells
from data_builders.importers.table.groups import Groups
from data_builders.importers.table.rows import Rows
from nasbench.column import Column
from nasbench.errors import ArchiveError
from nasbench.space import SearchSpace

SPELLINGS = "spellings of one network must agree, unless each is its own: say --key arch"


@dataclass(frozen=True, slots=True)
class Measurements:
    """Numbers by architecture, or by architecture and training seed.

    Attributes:
        ranks: Ranks of the architectures, shape ``(n,)``.
        seeds: Training seeds, shape ``(n,)``; None if no column holds them.
        places: Positions in the file, shape ``(n,)``.
        values: By column, shape ``(n,)`` each; NaN for empty cells, ``NAN_WRITTEN`` for NaN
            and ``FAILED`` for what stands for a failed training.
    """

    ranks: NDArray[np.int64]
    seeds: NDArray[np.int64] | None
    places: NDArray[np.int64]
    values: dict[Assignment, NDArray[np.float64]]


def read(
    blocks: Iterable[Rows],
    cells: Cells,
    *,
    arch: str,
    seed: str | None,
    metrics: Sequence[Assignment],
    per_arch: Sequence[Assignment],
) -> tuple[Measurements, list[Rows]]:
    """Read every row.

    Args:
        blocks: The rows.
        cells: Reader of their cells.
        arch: Column of the architectures.
        seed: Column of the training seeds.
        metrics: Columns of numbers.
        per_arch: Columns to return as they are.

    Raises:
        ArchiveError: The file has no row, or a cell is not what its column must hold.
    """
    ranks, seeds, places, kept = [], [], [], []
    values: dict[Assignment, list[NDArray[np.float64]]] = {column: [] for column in metrics}
    for block in blocks:
        places.append(block.places)
        ranks.append(cells.ranks(block.columns[arch], block.places, arch))
        if seed is not None:
            seeds.append(cells.seeds(block.columns[seed], block.places, seed))
        for column, parts in values.items():
            parts.append(cells.numbers(block.columns[column.column], block.places, column))
        given = {c.column: block.columns[c.column] for c in per_arch}
        given = {name: cells.sentinels.without_missing(given[name], name) for name in given}
        kept.append(Rows(block.places, given))
    if not places:
        raise ArchiveError(f"{cells.path} has no rows")
    measurements = Measurements(
        ranks=np.concatenate(ranks),
        seeds=np.concatenate(seeds) if seeds else None,
        places=np.concatenate(places),
        values={column: np.concatenate(parts) for column, parts in values.items()},
    )
    return measurements, kept


def check_percentages(measurements: Measurements, cells: Cells) -> None:
    """Refuse accuracies that look like fractions, unless the user gave a factor (even 1).

    Raises:
        ArchiveError: The largest accuracy of a column is at most 1.
    """
    for assignment, values in measurements.values.items():
        finite = values[np.isfinite(values)]
        percent = Column.of(assignment.name).unit == "%" and assignment.factor is None
        if percent and finite.size and finite.max() <= 1:
            column = assignment.column
            raise ArchiveError(
                f"{cells.path}: {assignment.name} = {column!r} ranges from {finite.min():g} to "
                f"{finite.max():g}, but accuracies are percentages: write {column}*100 for "
                f"fractions, {column}*1 if these are percentages"
            )


def by_class(measurements: Measurements, space: SearchSpace) -> Measurements:
    """Return measurements of the representatives of the classes of equal networks."""
    ranks, places = np.unique(measurements.ranks, return_inverse=True)
    archs = np.stack(np.unravel_index(ranks, space.options), axis=1)
    owners = space.rank_many(space.canonical_many(archs))
    return replace(measurements, ranks=owners[places])


def join(measurements: Measurements, cells: Cells, space: SearchSpace, key: str) -> Measurements:
    """Return one row per architecture and seed.

    Raises:
        ArchiveError: Two rows of the same architecture and seed disagree.
    """
    ranks, seeds, places = measurements.ranks, measurements.seeds, measurements.places
    groups = Groups(ranks) if seeds is None else Groups(ranks, seeds)
    values = {}
    for assignment, given in measurements.values.items():
        values[assignment], conflict = groups.values(given)
        if conflict is not None:
            first, second = conflict
            of, hint = space.to_text(space.unrank(int(ranks[first]))), ""
            if seeds is None:
                hint = "; if these are several trainings, name the column of their seeds"
            else:
                of += f", seed {seeds[first]},"
            if key == "class":
                hint += f"; {SPELLINGS}"
            raise ArchiveError(
                f"{cells.where(places[first], places[second])}: {assignment.name} = "
                f"{assignment.text} of {of} is {_format(given[first])} and "
                f"{_format(given[second])}{hint}"
            )
    return Measurements(
        ranks=ranks[groups.first],
        seeds=None if seeds is None else seeds[groups.first],
        places=places[groups.first],
        values=values,
    )


def _format(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else "nan"
