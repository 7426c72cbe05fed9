"""Files of run records: the trials of a block of seeds, and what the host measured beside them.

A part carries the seeds that it holds, how often their searches had no model, the digest of the
manifest that its runs were made with, and a digest of its rows; parts of versions that wrote no
digests are read without.
"""

import json
import platform
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nasbench.errors import RecordError, first_line, shown
from nasbench.runs.budget import MOST
from nasbench.runs.run import NONE, Run
from nasbench.storage.documents import parse_json
from nasbench.storage.files import atomic
from nasbench.tables.hashes import numbers_hash

BLOCK = 25
"""Number of seeds per file."""

_SEEDS, _FALLBACKS, _MANIFEST, _ROWS = b"seeds", b"fallbacks", b"manifest", b"rows"
_TYPES = {
    "seed": "int32",
    "trial": "int32",
    "epoch": "int32",
    "resumes": "int32",
    "training_seed": "int64",
    "start": "double",
    "end": "double",
    "known_seconds": "double",
}
_OPTIONAL = ("resumes", "training_seed")
_OTHER_TYPES = {
    "arch": r"fixed_size_list<\w+: uint(8|16)>\[\d+\]",
    "losses": r"fixed_size_list<\w+: double>\[\d+\]",
    "inherited": "bool",
}


def to_table(runs: Sequence[Run]) -> pa.Table:
    """Return the trials of runs as an Arrow table, ordered by seed and trial."""
    n_decisions, n_objectives = runs[0].archs.shape[1], runs[0].losses.shape[1]
    archs = np.concatenate([run.archs for run in runs])
    kind = np.uint8 if archs.max(initial=0) < 256 else np.uint16
    losses = np.concatenate([run.losses for run in runs])

    def column(name: str) -> Any:
        return np.concatenate([getattr(run, name) for run in runs])

    def optional(name: str) -> pa.Array:
        values = column(name)
        return pa.array(values, mask=values == NONE)

    lengths = [len(run) for run in runs]
    seeds = [run.seed for run in runs]
    table = pa.table(
        {
            "seed": pa.array(np.repeat(np.array(seeds, dtype=np.int32), lengths)),
            "trial": pa.array(np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])),
            "arch": pa.FixedSizeListArray.from_arrays(
                pa.array(archs.astype(kind).ravel()), n_decisions
            ),
            "epoch": pa.array(column("epochs")),
            "resumes": optional("resumes"),
            "inherited": pa.array(np.concatenate([_inherited(run) for run in runs])),
            "training_seed": optional("training_seeds"),
            "losses": pa.FixedSizeListArray.from_arrays(pa.array(losses.ravel()), n_objectives),
            "start": pa.array(column("starts")),
            "end": pa.array(column("ends")),
            "known_seconds": pa.array(column("known_seconds")),
        }
    )
    said = {_SEEDS: seeds}
    if any(run.fallbacks for run in runs):
        said[_FALLBACKS] = [run.fallbacks for run in runs]
    return table.replace_schema_metadata(
        {n: json.dumps(values).encode() for n, values in said.items()}
    )


def from_table(table: pa.Table, where: str = "a part of the records") -> list[Run]:
    """Read runs from an Arrow table; the inverse of :func:`to_table`, without times of the host.

    Args:
        table: Content of a part.
        where: Name of the part, for messages.

    Raises:
        RecordError: A column is missing or has the wrong type, the rows are not those of the listed
            seeds in the order of seed and trial, or ``resumes`` and ``inherited`` contradict them.
    """
    _check_names(table, where)
    _check_types(table, where)
    archs, losses = (
        table.column(name).combine_chunks().flatten().to_numpy().reshape(len(table), size)
        for name, size in (
            (name, table.schema.field(name).type.list_size) for name in ("arch", "losses")
        )
    )
    archs = archs.astype(np.uint16)
    plain = {
        name: table.column(name).combine_chunks().fill_null(NONE).to_numpy() for name in _TYPES
    }
    seeds = listed_seeds(table, where)
    fallbacks = _listed_fallbacks(table, len(seeds), where)
    firsts = np.searchsorted(plain["seed"], seeds)
    ends = [*firsts[1:].tolist(), len(table)]
    resumes = plain["resumes"]
    if not (
        (plain["seed"][1:] >= plain["seed"][:-1]).all()
        and np.array_equal(plain["trial"], np.arange(len(table)) - _repeat(firsts, ends))
        and (resumes >= NONE).all()
        and (resumes < plain["trial"]).all()
    ):
        raise RecordError(
            f"{where}: rows are missing, doubled or not in the order of seed and trial"
        )
    inherited = table.column("inherited").combine_chunks().to_numpy(zero_copy_only=False)
    resumed = np.flatnonzero(resumes != NONE)
    parents = _repeat(firsts, ends)[resumed] + resumes[resumed]
    differs = (archs[resumed] != archs[parents]).any(axis=1)
    if inherited.sum() != differs.sum() or not np.array_equal(inherited[resumed], differs):
        raise RecordError(f"{where}: 'inherited' does not follow from 'resumes' and 'arch'")
    runs = []
    for seed, fallen, first, end in zip(seeds, fallbacks, firsts.tolist(), ends, strict=True):
        rows = slice(first, end)
        runs.append(
            Run(
                seed=seed,
                archs=archs[rows],
                epochs=plain["epoch"][rows],
                resumes=resumes[rows],
                training_seeds=plain["training_seed"][rows],
                losses=losses[rows],
                starts=plain["start"][rows],
                ends=plain["end"][rows],
                known_seconds=plain["known_seconds"][rows],
                optimizer_seconds=np.zeros(end - first, dtype=np.float32),
                fallbacks=fallen,
            )
        )
    return runs


def _repeat(firsts: NDArray[np.int64], ends: Sequence[int]) -> NDArray[np.int64]:
    """Return the first row of the run of every row."""
    return np.repeat(firsts, np.array(ends, dtype=np.int64) - firsts)


def _check_names(table: pa.Table, where: str) -> None:
    names = table.schema.names
    known = (*_TYPES, *_OTHER_TYPES)
    for name in known:
        if name not in names:
            raise RecordError(f"{where} has no column {name!r}, only {shown(names, 400)}")
    for name in names:
        if name not in known or names.count(name) > 1:
            what = "is there twice" if name in known else "is none of a record"
            raise RecordError(f"{where}: column {shown(name)} {what}")


def _check_types(table: pa.Table, where: str) -> None:
    for name in (*_TYPES, *_OTHER_TYPES):
        found = str(table.schema.field(name).type)
        if not re.fullmatch(_TYPES.get(name) or _OTHER_TYPES[name], found):
            raise RecordError(f"{where}: column {name!r} has type {shown(found)}")
        column = table.column(name)
        inside = column.combine_chunks().values if name in ("arch", "losses") else column
        if name not in _OPTIONAL and (column.null_count or inside.null_count):
            raise RecordError(f"{where}: column {name!r} has a null")


def listed_seeds(table: pa.Table, where: str) -> list[int]:
    """Return the seeds of the runs in a part, ascending, including runs without a trial.

    Args:
        table: The part, or its column ``seed`` alone.
        where: Name of the part, for messages.

    Raises:
        RecordError: The part does not list its seeds, lists none, or holds others.
    """
    try:
        seeds: list[int] = parse_json(table.schema.metadata[_SEEDS])
        is_list = isinstance(seeds, list) and all(
            type(seed) is int and 0 <= seed < 2**31 for seed in seeds
        )
        column = table.column("seed").to_numpy()
    except (TypeError, KeyError, ValueError) as error:
        raise RecordError(f"{where} does not list the seeds that it holds") from error
    if not is_list or any(a >= b for a, b in pairwise(seeds)):
        raise RecordError(f"{where} does not list the seeds that it holds")
    if not seeds:
        raise RecordError(f"{where} holds no run: it lists no seed")
    if column.size:
        changes = np.flatnonzero(column[1:] != column[:-1]) + 1
        if not {int(column[0]), *column[changes].tolist()} <= set(seeds):
            raise RecordError(f"{where} holds seeds that it does not list")
    return seeds


def _listed_fallbacks(table: pa.Table, n_seeds: int, where: str) -> list[int]:
    """Return how often the search of every seed had no model.

    Raises:
        RecordError: The part says something else.
    """
    said = (table.schema.metadata or {}).get(_FALLBACKS)
    if said is None:
        return [0] * n_seeds
    try:
        counts = parse_json(said)
    except ValueError:
        counts = None
    if (
        not isinstance(counts, list)
        or len(counts) != n_seeds
        or not all(type(count) is int and 0 <= count <= MOST for count in counts)
    ):
        raise RecordError(f"{where} does not list fallbacks, a number for every seed")
    return counts


def read_seeds(path: Path, manifest: str) -> list[int]:
    """Return the seeds of a part, ascending.

    Args:
        path: Its file.
        manifest: Digest of the manifest of the record.

    Raises:
        RecordError: The file is damaged, holds runs of another search, or is not the part that its
            name says.
    """
    table = _read(path, ["seed"])
    _check_search(path, table, manifest)
    return _of_block(path, listed_seeds(table, str(path)))


def read_part(path: Path, manifest: str, *, verify: bool) -> list[Run]:
    """Read the runs of a part.

    Args:
        path: Its file.
        manifest: Digest of the manifest of the record.
        verify: Whether to compare the rows with their digest, which takes about half as long again.

    Raises:
        RecordError: The file is damaged, holds runs of another search, or is not the part that its
            name says.
    """
    table = _read(path)
    said = _check_search(path, table, manifest)
    _check_names(table, str(path))
    if verify and _ROWS in said and said[_ROWS] != numbers_hash(table).encode():
        raise RecordError(f"{path} is damaged: its rows do not match their hash")
    runs = from_table(table, str(path))
    _of_block(path, [run.seed for run in runs])
    return runs


def write_part(path: Path, manifest: str, runs: Sequence[Run]) -> None:
    """Write the runs of a part, ordered by seed.

    Args:
        path: Its file.
        manifest: Digest of the manifest of the record.
        runs: The runs.

    Raises:
        InvalidArgumentError: The file cannot be written.
    """
    table = to_table(runs)
    said = {_MANIFEST: manifest, _ROWS: numbers_hash(table)}
    _write(path, table.replace_schema_metadata({**table.schema.metadata, **said}))


def read_host(path: Path) -> dict[int, NDArray[np.float32]]:
    """Return the real seconds of the algorithm, one a trial, by seed; empty if there is no file.

    Raises:
        RecordError: The file is damaged.
    """
    if not path.exists():
        return {}
    table = _read(path)
    try:
        seeds, seconds = (table.column(name).to_numpy() for name in ("seed", "optimizer_seconds"))
    except (KeyError, pa.ArrowException) as error:
        raise RecordError(f"{path} is damaged: {first_line(error)}") from error
    return {seed: seconds[seeds == seed] for seed in np.unique(seeds).tolist()}


def read_suite_version(path: Path) -> str:
    """Return the version of the suite that last added to a block; empty if it is not recorded.

    Raises:
        RecordError: The file is damaged.
    """
    if not path.exists():
        return ""
    try:
        metadata = pq.read_schema(path).metadata or {}
        return str(parse_json(metadata.get(b"host", b"{}")).get("nasbench", ""))
    except (OSError, ValueError, AttributeError, pa.ArrowException) as error:
        raise RecordError(f"{path} is damaged: {first_line(error)}") from error


def write_host(path: Path, runs: Sequence[Run], old: Mapping[int, NDArray[np.float32]]) -> None:
    """Write the real seconds of the algorithm, and what machine and software made them.

    Args:
        path: The file.
        runs: The runs, ordered by seed.
        old: Seconds by seed of runs that were made before.

    Raises:
        InvalidArgumentError: The file cannot be written.
    """
    from importlib.metadata import version  # costs a cold query a tenth of its time

    columns = [old.get(run.seed, run.optimizer_seconds) for run in runs]
    host = {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("nasbench", "numpy", "pyarrow")},
    }
    seeds = np.array([run.seed for run in runs], dtype=np.int32)
    table = pa.table(
        {
            "seed": pa.array(np.repeat(seeds, list(map(len, columns)))),
            "optimizer_seconds": pa.array(np.concatenate(columns)),
        }
    )
    _write(path, table.replace_schema_metadata({b"host": json.dumps(host).encode()}))


def _check_search(path: Path, table: pa.Table, manifest: str) -> dict[bytes, bytes]:
    """Return what a part says of itself if it belongs to the search with this manifest."""
    said: dict[bytes, bytes] = table.schema.metadata or {}
    if said.get(_MANIFEST, manifest.encode()) != manifest.encode():
        raise RecordError(f"{path} holds runs of another search")
    return said


def _of_block(path: Path, seeds: list[int]) -> list[int]:
    """Return the seeds of a part if its name says that they are there."""
    for seed in seeds:
        if path.name != part_name(seed // BLOCK):
            raise RecordError(
                f"{path} holds seed {seed}, which belongs into {part_name(seed // BLOCK)}"
            )
    return seeds


def part_name(block: int) -> str:
    """Return the name of the file with a block of seeds."""
    return f"part-{block:06d}.parquet"


def host_name(block: int) -> str:
    """Return the name of the file with what the host measured of a block of seeds."""
    return f"host-{block:06d}.parquet"


def _inherited(run: Run) -> Any:
    """Return which resumed trials have another architecture than the trial they resume."""
    parents = np.maximum(run.resumes, 0)
    return (run.resumes != NONE) & (run.archs != run.archs[parents]).any(axis=1)


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for field in file.schema_arrow:
                str(field)  # raises for damaged names
            return file.read(columns)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise RecordError(f"{path} is damaged: {first_line(error)}") from error


def _write(path: Path, table: pa.Table) -> None:
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
