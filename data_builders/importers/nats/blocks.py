"""Records of NAS-Bench-201 and NATS-Bench as Arrow tables: in blocks on disk, then joined.

A block holds some hundred architectures, in one table per training set; a row is one training.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.importers.nats.results import Record
from data_builders.importers.nats.training_sets import SETS, TOP5, TrainingSet, columns
from data_builders.importers.parts import Parts
from nasbench.errors import ArchiveError
from nasbench.space import SearchSpace
from nasbench.spaces.nb201 import NB201, published_string
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

BLOCK = 512
FORMAT = 2
"""Version of the blocks on disk; raise it whenever they change."""

_SUMMARY = 999_999


class Blocks:
    """Tables of all training sets, kept on disk block by block.

    Args:
        folder: Folder of the blocks.
        source: What the blocks are read from, as JSON values.
    """

    def __init__(self, folder: Path, source: Mapping[str, Any]) -> None:
        self._parts = Parts(folder, {**source, "format": FORMAT, "block": BLOCK})
        self._make_all: Callable[[], object] | None = None

    def add(self, number: int, make: Callable[[], list[pa.Table]]) -> None:
        """Store block ``number``, one table for each of ``SETS``, unless it is stored already."""
        made: list[pa.Table] = []

        def table(place: int) -> pa.Table:
            if not made:
                made.extend(make())
            return made[place]

        for place in range(len(SETS)):
            self._parts.get(number * len(SETS) + place, partial(table, place))

    def summary(self, make: Callable[[], pa.Table]) -> pa.Table:
        """Return the summary of the whole archive, which is stored after its last block.

        Args:
            make: Stores the blocks that are not stored, and returns the summary.
        """
        self._make_all = make
        return self._parts.get(_SUMMARY, make)

    def of(self, images: TrainingSet, records: int) -> list[pa.Table]:
        """Return the tables of one training set, for an archive with this number of records."""
        place = SETS.index(images)
        blocks = range(-(-records // BLOCK))
        numbers = (n * len(SETS) + place for n in blocks)
        return [self._parts.get(number, partial(self._again, number)) for number in numbers]

    def _again(self, number: int) -> pa.Table:
        """Return a block that was stored, but is missing or damaged now."""
        if self._make_all is not None:
            self._make_all()
        return self._parts.get(number, _missing_block)

    def remove(self) -> None:
        """Delete all blocks, once the tables made of them are written."""
        self._parts.remove()


def _missing_block() -> pa.Table:
    raise ArchiveError("a block that this import had stored is missing: import again")


def store(records: Iterable[Record], blocks: Blocks, where: str) -> pa.Table:
    """Store records as they come.

    Returns:
        One row per record: ``index`` and ``text`` of the architecture, number of ``trainings``,
        number of them that are ``timed``, and ``short``, a text with the training sets that have
        trainings of fewer than 200 epochs.

    Raises:
        ArchiveError: No record is given, or two have the same architecture.
    """
    rows: list[dict[str, Any]] = []
    seen: set[int] = set()
    records = iter(records)
    while block := list(islice(records, BLOCK)):
        for record in block:
            if record.index in seen:
                raise ArchiveError(f"{where} holds architecture {record.index} twice")
            seen.add(record.index)
        blocks.add(len(rows) // BLOCK, partial(tables, block))
        rows += map(_summary, block)
    if not rows:
        raise ArchiveError(f"{where} holds no record")
    kinds = {"index": pa.int32(), "text": pa.string(), "trainings": pa.int32()}
    kinds |= {"timed": pa.int32(), "short": pa.string()}
    return pa.Table.from_pylist(rows, pa.schema(list(kinds.items())))


def _summary(record: Record) -> dict[str, Any]:
    trainings = [t for found in record.trainings.values() for t in found]
    return {
        "index": record.index,
        "text": record.text,
        "trainings": len(trainings),
        "timed": sum(len(t.curves["seconds"]) > 0 for t in trainings),
        "short": " ".join(
            name for name, found in record.trainings.items() if any(t.schedule < 200 for t in found)
        ),
    }


def tables(records: Sequence[Record]) -> list[pa.Table]:
    """Return the trainings in records, one table for each of ``SETS``."""
    return [_table(records, images) for images in SETS]


def _table(records: Sequence[Record], images: TrainingSet) -> pa.Table:
    rows = [(record, training) for record in records for training in record.trainings[images.name]]
    costs = [record.costs[images.name] for record, _ in rows]
    columns = {
        "arch": pa.array([list(r.arch) for r, _ in rows], pa.list_(pa.uint8())),
        "index": pa.array([r.index for r, _ in rows], pa.int32()),
        "schedule": pa.array([t.schedule for _, t in rows], pa.int32()),
        "seed": pa.array([t.seed for _, t in rows], pa.int32()),
        "diverged": pa.array([t.diverged for _, t in rows], pa.bool_()),
        "parameters": pa.array([p for p, _ in costs], pa.int64()),
        "macs": pa.array([m for _, m in costs], pa.int64()),
    }
    for name in images.curves:
        columns[name] = _lists([training.curves[name] for _, training in rows])
    for name in images.numbers:
        columns[name] = pa.array([t.numbers[name] for _, t in rows], pa.float64())
    return pa.table(columns)


def _lists(arrays: Sequence[NDArray[np.float64]]) -> pa.Array:
    ends = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(
        pa.array(ends), pa.array(np.concatenate([np.empty(0), *arrays]))
    )


def join(
    parts: list[pa.Table],
    images: TrainingSet,
    space: SearchSpace,
    describe: Callable[[TrainingSet, list[int]], Metadata],
    texts: Mapping[str, str],
    where: str,
) -> list[Draft]:
    """Return the table of one training set, or nothing if no training is on it.

    Values that no training has become no column, and neither do numbers that some trainings lack.

    Args:
        parts: The blocks; the list is emptied, so that memory need not hold them beside the table.
        images: The training set.
        space: The search space.
        describe: Returns the metadata for the given schedules, except epochs and completeness.
        texts: Meaning of columns, see :func:`data_builders.importers.nats.training_sets.columns`.
        where: Name of the archive, for messages.

    Raises:
        ArchiveError: Some trainings have a curve that others lack.
    """
    table = pa.concat_tables(parts)
    parts.clear()
    if not len(table):
        return []
    found = dict(zip(table.schema.names, table.columns, strict=True))
    del table
    ranks = space.rank_many(np.array(found["arch"].to_pylist(), dtype=np.int64))
    order = np.lexsort([found["seed"].to_numpy(), found["schedule"].to_numpy(), ranks])
    for name in found:  # one column at a time, so that its blocks are released
        found[name] = found[name].combine_chunks().take(pa.array(order))
    pa.default_memory_pool().release_unused()
    schedule = found["schedule"].to_numpy()
    sparse = {}
    for name in images.curves:
        if name == TOP5:
            found[name], sparse[name] = _whole_schedules(found[name], schedule)
        else:
            found[name], sparse[name] = _pad_curves(found[name], schedule, f"{where}, {name}")
    archs = _archs(found, np.flatnonzero(np.diff(ranks[order], prepend=-1)), space)
    status = np.where(found["diverged"].to_numpy(zero_copy_only=False), "diverged", "finished")
    runs = {
        **{name: found[name] for name in ("arch", "schedule", "seed")},
        "status": pa.array(status, pa.string()),
        **{name: found[name] for name in images.curves if found[name] is not None},
        **{name: found[name] for name in images.numbers if not np.isnan(found[name]).any()},
    }
    schedules = np.unique(schedule).tolist()
    metadata = replace(
        describe(images, schedules),
        epochs={s: list(range(1, s + 1)) for s in schedules},
        complete=len(archs["arch"]) == space.size,
    )
    described = columns(images, [*runs, *archs], sparse, texts)
    return [Draft(metadata=metadata, runs=pa.table(runs), archs=pa.table(archs), columns=described)]


def _archs(
    found: Mapping[str, Any], first: NDArray[np.int64], space: SearchSpace
) -> dict[str, pa.Array]:
    """Return the columns of architectures, whose trainings begin in the rows ``first``."""
    names = ("arch", "index", "parameters", "macs")
    archs = {name: found[name].take(pa.array(first)) for name in names}
    latency = found["published_latency"].to_numpy()
    known = np.isfinite(latency)
    counts = np.add.reduceat(known.astype(np.int64), first)
    if counts.all():
        sums = np.add.reduceat(np.where(known, latency, 0.0), first)
        archs["latency_gpu_ms"] = pa.array(1e3 * sums / counts, pa.float32())
    if isinstance(space, NB201):
        strings = [published_string(tuple(arch)) for arch in archs["arch"].to_pylist()]
        archs["published_string"] = pa.array(strings, pa.string())
    return archs


def _whole_schedules(
    lists: pa.Array, schedule: NDArray[np.int32]
) -> tuple[Any, dict[int, list[int]]]:
    """Keep curves in schedules in which all trainings have them; also return the other schedules.

    The latter are given with an empty list of epochs.
    """
    lengths = np.diff(lists.offsets.to_numpy())
    others = [s for s in np.unique(schedule).tolist() if (lengths[schedule == s] < s).any()]
    kept = ~np.isin(schedule, others)
    if not kept.any():
        return None, {}
    values = lists.values.to_numpy()[np.repeat(kept, lengths)]
    offsets = np.append(0, np.cumsum(np.where(kept, lengths, 0))).astype(np.int32)
    array = pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
    return array, {other: [] for other in others}


def _pad_curves(
    lists: pa.Array, schedule: NDArray[np.int32], where: str
) -> tuple[Any, dict[int, list[int]]]:
    """Pad curves to equal length per schedule; also return schedules with the last value only.

    If some curves of a schedule have all values and others only the last, NaN fills the others.
    """
    values, ends = lists.values.to_numpy(), lists.offsets.to_numpy()
    lengths = np.diff(ends)
    if not lengths.any():
        return None, {}
    schedules = np.unique(schedule).tolist()
    sparse = {s: [s] for s in schedules if (lengths[schedule == s] < s).all()}
    wanted = np.where(np.isin(schedule, list(sparse)), 1, schedule)
    whole = lengths == wanted
    if not (whole | (lengths == 1)).all():
        raise ArchiveError(f"{where}: some trainings have values and others have none")
    if whole.all():
        return lists, sparse
    padded = np.full(wanted.sum(), np.nan)
    padded[np.repeat(whole, wanted)] = values[np.repeat(whole, lengths)]
    padded[(np.cumsum(wanted) - 1)[~whole]] = values[ends[:-1][~whole]]
    offsets = np.append(0, np.cumsum(wanted)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(padded)), sparse
