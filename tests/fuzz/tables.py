"""Damaged tables: bytes, descriptions sealed again, and columns of odd types and orders."""

import json
import random
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.harness import Case, main
from fuzz.mutations import mutate_bytes, mutate_document

import nasbench
from nasbench.spaces import SPACES
from nasbench.tables.columns import read_document
from nasbench.tables.draft import Draft
from nasbench.tables.hashes import said_digest
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

NAMES = ("fuzzed.parquet", "fuzzed.archs.parquet")
EPOCHS = [1, 2, 3, 4]


def draft() -> Draft:
    """A table of 30 cells, two seeds and four epochs."""
    rng = np.random.default_rng(0)
    space = SPACES.load("nb201")()
    archs = [space.unrank(int(rank)) for rank in rng.choice(15_625, 30, replace=False)]
    runs = [
        {
            "arch": arch,
            "schedule": 4,
            "seed": seed,
            "status": "finished",
            "valid_accuracy": rng.uniform(10, 90, 4).tolist(),
            "test_accuracy": rng.uniform(10, 90, 4).tolist(),
            "seconds": np.cumsum(rng.uniform(1, 2, 4)).tolist(),
            "validation_seconds": rng.uniform(0, 1),
        }
        for arch in archs
        for seed in (0, 1)
    ]
    numbers = [{"arch": a, "parameters": 10 * i, "label": f"n{i}"} for i, a in enumerate(archs)]
    metadata = Metadata(
        id="fuzzed",
        space="nb201",
        key="arch",
        dataset="none",
        epochs={4: EPOCHS},
        complete=False,
        default_objective="valid_accuracy",
        title="A table to be damaged",
        recipe={"learning_rate": 0.1, "inner": {"epochs": 4, "steps": [1, 2, 3]}},
    )
    return Draft(metadata, pa.Table.from_pylist(runs), pa.Table.from_pylist(numbers))


@cache
def undamaged() -> tuple[dict[str, bytes], str]:
    """The files by name, and all answers."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / NAMES[0]
        write_table(path, draft())
        return {name: (path.parent / name).read_bytes() for name in NAMES}, answers(path)


def answers(path: Path) -> str:
    """Everything that a benchmark answers, in a text."""
    benchmark = nasbench.load(path, known=["parameters"])
    archs = np.array(sorted(benchmark.space.archs()))
    found: list[Any] = [benchmark.query_many(archs, "valid_accuracy", epoch=e) for e in EPOCHS]
    for arch in map(tuple, archs.tolist()):
        found += [benchmark.query(arch, epoch=e, seed=s) for e in EPOCHS for s in (0, 1, None)]
        found += [benchmark.curve(arch, "test_accuracy", seed=1), benchmark.evaluate(arch, seed=0)]
        found += [benchmark.known_numbers(arch), benchmark.trainings(arch, 4)]
    with np.printoptions(threshold=10**6):
        return repr(found)


def in_bytes(files: dict[str, bytes], rng: random.Random) -> str:
    name = rng.choice(NAMES)
    files[name] = mutate_bytes(rng, files[name])
    return f"bytes of {name}"


def in_description(files: dict[str, bytes], rng: random.Random) -> str:
    name = rng.choice([NAMES[0], NAMES[0], NAMES[1]])
    table = read(files[name])
    document = mutate_document(rng, read_document(table.schema))
    files[name] = sealed(table, document)
    return f"description of {name}"


def in_columns(files: dict[str, bytes], rng: random.Random) -> str:
    name = rng.choice(NAMES)
    table = read(files[name])
    change = rng.choice(CHANGES)
    files[name] = sealed(change(table, rng), read_document(table.schema))
    return f"{change.__name__} in {name}"


def recast(table: pa.Table, rng: random.Random) -> pa.Table:
    n = rng.randrange(table.num_columns)
    kinds: list[Any] = [pa.float16(), pa.int32(), pa.string(), pa.large_string(), pa.bool_()]
    kinds += [pa.list_(pa.float64()), pa.large_list(pa.uint8()), pa.list_(pa.int8(), 6), pa.null()]
    kind = rng.choice(kinds)
    try:
        column = table.column(n).cast(kind)
    except pa.ArrowException:
        column = pa.nulls(len(table), kind)
    return table.set_column(n, table.schema.field(n).with_type(kind), column)


def dropped(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.remove_column(rng.randrange(table.num_columns))


def doubled(table: pa.Table, rng: random.Random) -> pa.Table:
    n = rng.randrange(table.num_columns)
    return table.append_column(table.schema.field(n), table.column(n))


def renamed(table: pa.Table, rng: random.Random) -> pa.Table:
    names = list(table.schema.names)
    names[rng.randrange(len(names))] = rng.choice(["", "arch", "rank", "x@final", "../x", "a\x00b"])
    return table.rename_columns(names)


def reordered(table: pa.Table, rng: random.Random) -> pa.Table:
    rows = list(range(len(table)))
    rng.shuffle(rows)
    return table.take(rows)


def repeated(table: pa.Table, rng: random.Random) -> pa.Table:
    at = rng.randrange(len(table))
    return pa.concat_tables([table.slice(0, at + 1), table.slice(at)])


def cut(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.slice(0, rng.choice([0, 1, len(table) - 1]))


def with_nulls(table: pa.Table, rng: random.Random) -> pa.Table:
    n = rng.randrange(table.num_columns)
    values = table.column(n).to_pylist()
    values[rng.randrange(len(values))] = None
    field = table.schema.field(n)
    return table.set_column(n, field, pa.array(values, field.type))


def with_odd_numbers(table: pa.Table, rng: random.Random) -> pa.Table:
    n = rng.randrange(table.num_columns)
    field, values = table.schema.field(n), table.column(n).to_pylist()
    at = rng.randrange(len(values))
    odd = rng.choice([-1, 255, 2**31 - 1, float("nan"), float("inf"), 1e300])
    old = values[at]
    values[at] = [odd, *old[1:]] if isinstance(old, list) else odd
    try:
        return table.set_column(n, field, pa.array(values, field.type))
    except (pa.ArrowException, OverflowError, TypeError):
        return with_nulls(table, rng)


CHANGES: tuple[Callable[[pa.Table, random.Random], pa.Table], ...] = (
    *(recast, dropped, doubled, renamed, reordered, repeated, cut, with_nulls, with_odd_numbers),
)


def read(content: bytes) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(content)).read()


def sealed(table: pa.Table, document: Any) -> bytes:
    """The file of a table and its description, with the digest that fits."""
    if isinstance(document, dict):
        document = document | {"digest": said_digest(document, table.schema)}
    said = json.dumps(document).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({b"nasbench": said}), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def case(rng: random.Random, folder: Path) -> Case:
    """A damaged table; used by asking for everything, then by verifying and checking it."""
    files, expected = undamaged()
    files = dict(files)
    how = rng.choice([in_bytes, in_bytes, in_description, in_columns])(files, rng)
    for name, content in files.items():
        (folder / name).write_bytes(content)

    def use() -> bool:
        path = folder / NAMES[0]
        found = answers(path)
        Table(path).verify()
        Table(path).check()
        return found == expected

    return how, use


if __name__ == "__main__":
    main(case)
