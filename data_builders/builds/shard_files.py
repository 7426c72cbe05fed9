"""Shards and their files: one Parquet file per block of classes and training seed.

A file is either complete or absent. Whoever trains a shard holds its lock. Where a file system has
no locks, the first writer of a file wins: a process that trains the same shard at the same time
finds the file and keeps it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.origin import Origin
from data_builders.recipe import Recipe
from data_builders.training.outcome import CURVES, Training
from nasbench.errors import BuildError, first_line
from nasbench.space import Arch
from nasbench.storage.documents import parse_json
from nasbench.storage.files import atomic
from nasbench.tables.hashes import numbers_hash
from nasbench.tables.validation import STATUSES

_SEAL = b"made_from"
_ADVICE = "delete it to train the shard again"


@dataclass(frozen=True, slots=True)
class Shard:
    """A unit of work: the trainings of a block of classes with one seed.

    Attributes:
        seed: Training seed.
        number: Number of the block.
        archs: Representatives of the block's classes.
    """

    seed: int
    number: int
    archs: tuple[Arch, ...]

    @property
    def name(self) -> str:
        """Name of the shard's file."""
        return f"seed{self.seed}-{self.number:04d}.parquet"


def schema(n_decisions: int) -> pa.Schema:
    """Return the schema of a shard's file."""
    keys = [
        ("arch", pa.list_(pa.uint8(), n_decisions)),
        ("schedule", pa.int32()),
        ("seed", pa.int32()),
        ("status", pa.string()),
    ]
    return pa.schema([*keys, *((name, pa.list_(pa.float32())) for name in CURVES)])


def row(
    arch: Arch, seed: int, recipe: Recipe, status: str, curves: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Return one training as a row of :func:`schema`."""
    return {"arch": list(arch), "schedule": recipe.epochs, "seed": seed, "status": status, **curves}


def write_shard(
    shard: Shard, recipe: Recipe, origin: Origin, trainings: Sequence[Training], folder: Path
) -> None:
    """Write the trainings of a shard, one per class and in the order of its classes.

    Args:
        shard: What was trained.
        recipe: How.
        origin: What the trainings were made from.
        trainings: One for every class.
        folder: The folder of the build.

    Raises:
        InvalidArgumentError: The file cannot be written.
    """
    rows = [
        row(
            arch,
            shard.seed,
            recipe,
            training.status,
            {name: values.tolist() for name, values in training.curves.items()},
        )
        for arch, training in zip(shard.archs, trainings, strict=True)
    ]
    table = pa.Table.from_pylist(rows, schema=schema(len(shard.archs[0])))
    seal = json.dumps(origin.seal(numbers_hash(table)), sort_keys=True)
    table = table.replace_schema_metadata({_SEAL: seal})
    with atomic(folder / shard.name, first=True) as temporary:
        pq.write_table(table, temporary, write_page_checksum=True)


def read_shard(shard: Shard, recipe: Recipe, origin: Origin, folder: Path) -> pa.Table:
    """Read the rows of a shard.

    Args:
        shard: What was trained.
        recipe: How.
        origin: What the rows must have been made from.
        folder: The folder of the build.

    Raises:
        BuildError: The file is damaged or was edited, or belongs to another build or shard.
    """
    path, expected = folder / shard.name, schema(len(shard.archs[0]))
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
        if table.schema.names != expected.names:
            raise ValueError(f"its columns are {table.schema.names}")
        said = parse_json((table.schema.metadata or {}).get(_SEAL, b"null"))
        table = table.cast(expected)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BuildError(f"{path} is damaged ({first_line(error)}): {_ADVICE}") from error
    if refusal := origin.refusal(said, numbers_hash(table)):
        raise BuildError(f"{path} {refusal}: {_ADVICE}")
    keys = [(list(arch), recipe.epochs, shard.seed) for arch in shard.archs]
    columns = (table.column(name).to_pylist() for name in ("arch", "schedule", "seed"))
    if list(zip(*columns, strict=True)) != keys:
        raise BuildError(f"{path} holds the trainings of another shard: {_ADVICE}")
    lengths = {
        None if curve is None else len(curve)
        for name in CURVES
        for curve in table.column(name).to_pylist()
    }
    statuses = set(table.column("status").to_pylist())
    if lengths != {recipe.epochs} or not statuses <= set(STATUSES):
        raise BuildError(f"{path} is damaged (a curve or status is malformed): {_ADVICE}")
    return table
