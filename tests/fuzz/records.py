"""Damaged records of searches: bytes of their files, manifests, and rows sealed again."""

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
from fuzz.tables import draft, read

import nasbench
from nasbench.runs.audit import audit
from nasbench.runs.records import find_records
from nasbench.storage.files import json_digest
from nasbench.tables.hashes import numbers_hash
from nasbench.tables.writer import write_table

TRIALS = 20


@cache
def undamaged() -> tuple[bytes, bytes, dict[str, bytes], str]:
    """The files of a table; the files of a record of searches on it, and all that they say."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "fuzzed.parquet", draft())
        nasbench.search(
            "random_search",
            folder / "fuzzed.parquet",
            seeds=range(3),
            budget=nasbench.Budget(trials=TRIALS),
            out=folder / "runs",
        )
        table = [(folder / f).read_bytes() for f in ("fuzzed.parquet", "fuzzed.archs.parquet")]
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in (folder / "runs").rglob("*")
            if path.is_file()
        }
        return (*table, files, told(folder))


def told(folder: Path) -> str:
    """All that the record in a folder says, once it has been audited."""
    (record,) = find_records(folder / "runs")
    audit(record, nasbench.load(folder / "fuzzed.parquet"))
    runs = record.runs()
    columns = ("archs", "epochs", "resumes", "training_seeds", "losses", "starts", "ends")
    with np.printoptions(threshold=10**6):
        return repr([[run.seed, *(getattr(run, name) for name in columns)] for run in runs])


def in_bytes(files: dict[str, bytes], rng: random.Random) -> str:
    name = rng.choice(sorted(name for name in files if "host-" not in name))
    files[name] = mutate_bytes(rng, files[name])
    return f"bytes of {name.rpartition('/')[2]}"


def in_manifest(files: dict[str, bytes], rng: random.Random) -> str:
    """The folder gets the name that the manifest asks for, and the part the digest."""
    name = next(name for name in files if name.endswith("manifest.json"))
    document = mutate_document(rng, json.loads(files.pop(name)))
    digest = json_digest(document)
    folder = name.rpartition("/")[0]
    for old in list(files):
        content = files.pop(old)
        if "part-" in old:
            content = sealed(read(content), {b"manifest": digest.encode()})
        files[f"{folder[:-10]}{digest[:10]}/{old.rpartition('/')[2]}"] = content
    files[f"{folder[:-10]}{digest[:10]}/manifest.json"] = json.dumps(document).encode()
    return "manifest"


def in_rows(files: dict[str, bytes], rng: random.Random) -> str:
    """Rows are changed, and get the digest that fits."""
    name = next(name for name in files if "part-" in name)
    change = rng.choice(CHANGES)
    files[name] = sealed(change(read(files[name]), rng), {})
    return change.__name__


def in_files(files: dict[str, bytes], rng: random.Random) -> str:
    """A file is copied to another name."""
    name = rng.choice(sorted(name for name in files if "host-" not in name))
    other = name.replace("part-000000", "part-000001").replace("manifest", "part-000002")
    files[other] = files[name]
    return f"{name} also as {other}"


def shuffled(table: pa.Table, rng: random.Random) -> pa.Table:
    rows = list(range(len(table)))
    rng.shuffle(rows)
    return table.take(rows)


def dropped(table: pa.Table, rng: random.Random) -> pa.Table:
    """Not the last trial of a run: nobody can tell whether the search had ended before it."""
    seeds = table.column("seed").to_pylist()
    at = rng.choice([i for i, seed in enumerate(seeds[1:]) if seed == seeds[i]])
    return pa.concat_tables([table.slice(0, at), table.slice(at + 1)])


def doubled(table: pa.Table, rng: random.Random) -> pa.Table:
    at = rng.randrange(len(table))
    return pa.concat_tables([table.slice(0, at + 1), table.slice(at)])


def changed(table: pa.Table, rng: random.Random) -> pa.Table:
    n = rng.choice([n for n, name in enumerate(table.schema.names) if name != "inherited"])
    field, values = table.schema.field(n), table.column(n).to_pylist()
    at, odd = rng.randrange(len(values)), rng.choice([0, 1, 2, 3, 4, 77, 1e-9, None])
    old = values[at]
    values[at] = [odd, *old[1:]] if isinstance(old, list) else odd
    try:
        return table.set_column(n, field, pa.array(values, field.type))
    except (pa.ArrowException, TypeError):
        return table.remove_column(n)


def renumbered(table: pa.Table, rng: random.Random) -> pa.Table:
    n = table.schema.get_field_index("seed")
    seeds = [seed + rng.choice([1, 25, -1]) for seed in table.column(n).to_pylist()]
    return table.set_column(n, table.schema.field(n), pa.array(seeds, pa.int32()))


CHANGES: tuple[Callable[[pa.Table, random.Random], pa.Table], ...] = (
    *(shuffled, dropped, doubled, changed, changed, changed, renumbered),
)


def sealed(table: pa.Table, said: dict[bytes, bytes]) -> bytes:
    """The file of rows, with the digest that fits and whatever else it says."""
    metadata = {**table.schema.metadata, **said}
    table = table.replace_schema_metadata(None)
    metadata[b"rows"] = numbers_hash(table).encode()
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def case(rng: random.Random, folder: Path) -> Case:
    """A damaged record; used by auditing and reading it."""
    runs, archs, files, expected = undamaged()
    (folder / "fuzzed.parquet").write_bytes(runs)
    (folder / "fuzzed.archs.parquet").write_bytes(archs)
    files = dict(files)
    kinds: list[Any] = [in_bytes, in_bytes, in_manifest, in_rows, in_rows, in_files]
    how = rng.choice(kinds)(files, rng)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return how, lambda: told(folder) == expected


if __name__ == "__main__":
    main(case)
