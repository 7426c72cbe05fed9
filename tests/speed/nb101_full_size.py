"""NAS-Bench-101 at full size: how long an import takes, and how fast its table is.

``python tests/speed/nb101_full_size.py OUT`` writes a file in the official layout into the folder
OUT (5,083,488 records, 2 GB; seeded numbers, the real cells), imports it, and prints a table. Every
measurement is a fresh process; memory is its largest resident size (Linux only). What OUT holds
already is not written again.
"""

import argparse
import random
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import crc32c
import numpy as np

import nasbench
from data_builders.importers.nb101.importer import NB101Importer
from nasbench.api import ModelSpec, NASBench
from nasbench.spaces.nb101 import CELLS, NB101, cells, to_matrix
from nasbench.spaces.nb101_hash import module_hash
from nasbench.storage.files import atomic
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

BUDGETS = (4, 12, 36, 108)
REPEATS = 3
ROWS = len(BUDGETS) * REPEATS
CHUNK = 10_000
VALUES = ("epoch", "seconds", "train", "validation", "test")
EVALUATION = np.dtype(
    [
        ("start", "u1", 2),
        *(field for name in VALUES for field in ((f"{name} tag", "u1"), (name, "<f8"))),
    ]
)
METRICS = np.dtype(
    [
        ("evaluations", EVALUATION, 3),
        ("parameters tag", "u1"),
        ("parameters", "u1", 4),
        ("total tag", "u1"),
        ("total", "<f8"),
    ]
)


def write(path: Path, n_cells: int) -> None:
    """A synthetic ``nasbench_full.tfrecord``, sorted by module hash."""
    modules = []
    for arch in islice(cells(), 0, None, CELLS // n_cells):
        matrix, operations = to_matrix(arch)
        adjacency = "".join("".join(map(str, row)) for row in matrix)
        modules.append((module_hash(matrix, operations), adjacency, ",".join(operations)))
    modules = sorted(modules[:n_cells])
    rng = np.random.default_rng(0)
    with atomic(path) as temporary, temporary.open("wb") as file:
        for first in range(0, n_cells, CHUNK):
            chunk = modules[first : first + CHUNK]
            messages = metrics(rng, len(chunk)).view(f"V{METRICS.itemsize}").ravel().tolist()
            for number, (module, adjacency, operations) in enumerate(chunk):
                for row in range(ROWS):
                    start = (
                        f'["{module}", {BUDGETS[row // REPEATS]}, "{adjacency}", "{operations}", "'
                    )
                    encoded = b2a_base64(messages[number * ROWS + row], newline=False)
                    payload = start.encode() + encoded + b'"]'
                    file.write(header(len(payload)) + payload + checksum(payload))


def metrics(rng: np.random.Generator, n: int) -> np.ndarray[Any, Any]:
    """Encoded ``ModelMetrics`` of all trainings of ``n`` cells."""
    found = np.zeros(n * ROWS, METRICS)
    parameters = np.repeat(rng.integers(2**21, 50_000_000, n), ROWS)
    found["parameters tag"], found["total tag"] = 0x10, 0x19
    for byte in range(4):
        found["parameters"][:, byte] = parameters >> 7 * byte & 127 | (128 if byte < 3 else 0)
    epochs = np.tile(np.repeat(BUDGETS, REPEATS), n)
    seconds = np.float32(epochs * rng.uniform(2, 40, len(epochs)))
    evaluations = found["evaluations"]
    evaluations["start"] = 0x0A, EVALUATION.itemsize - 2
    for number, name in enumerate(VALUES, start=1):
        evaluations[f"{name} tag"] = number << 3 | 1
    for name in VALUES[2:]:
        evaluations[name] = np.float32(rng.integers(1000, 9500, (len(found), 3)) / 9984)
    for moment in range(3):
        evaluations["epoch"][:, moment] = epochs * moment / 2
        evaluations["seconds"][:, moment] = np.float32(seconds * moment / 2)
    found["total"] = 1.1 * seconds
    return found


@cache
def header(length: int) -> bytes:
    """The part of a record before its payload."""
    data = length.to_bytes(8, "little")
    return data + checksum(data)


def checksum(data: bytes) -> bytes:
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")


# --- what is measured, each in a process of its own ----------------------------------------------


def import_all(archive: Path, folder: Path) -> Iterator[tuple[str, float]]:
    started = time.perf_counter()
    for made in NB101Importer().tables([archive], work=folder / "work"):
        read = time.perf_counter()
        yield "read", read - started
        yield "memory after reading", peak()
        write_table(folder / f"{made.metadata.id}.parquet", made)
        yield "write", time.perf_counter() - read
        yield "import", time.perf_counter() - started
        yield "memory of the import", peak()


def load(table: Path) -> Iterator[tuple[str, float]]:
    arch = NB101().from_text("01 00 input,output")
    started = time.perf_counter()
    benchmark = nasbench.load(table)
    opened = time.perf_counter()
    benchmark.query(arch)
    yield "load", opened - started
    yield "first query", time.perf_counter() - opened
    yield "memory after the first query", peak()
    started = time.perf_counter()
    benchmark.query(arch, epoch=4)
    yield "first query of another schedule", time.perf_counter() - started
    started = time.perf_counter()
    benchmark.query(arch, seed=1)
    yield "first query of a seed", time.perf_counter() - started
    yield "memory after these", peak()


def ask(table: Path) -> Iterator[tuple[str, float]]:
    benchmark, rng = nasbench.load(table), random.Random(0)
    table_archs = benchmark.table.written_archs
    recorded = [tuple(table_archs[rng.randrange(len(table_archs))].tolist()) for _ in range(5000)]
    benchmark.query(recorded[0])
    benchmark.evaluate(recorded[0])
    yield "first sight of a cell, µs", 1e6 * each(benchmark.query, recorded, 1)
    yield "warm query, µs", 1e6 * each(benchmark.query, recorded, 9)
    yield "first evaluate, µs", 1e6 * each(benchmark.evaluate, recorded, 1)
    yield "warm evaluate, µs", 1e6 * each(benchmark.evaluate, recorded, 9)
    if benchmark.table.metadata.complete:
        drawn = [NB101().sample(rng) for _ in range(5000)]
        yield "first sight of a drawn tuple, µs", 1e6 * each(benchmark.query, drawn, 1)
    yield "memory after 5,000 cells", peak()
    specs = [ModelSpec(*to_matrix(arch)) for arch in recorded]
    original = NASBench(table, seed=0)
    yield "first NASBench.query of a cell, µs", 1e6 * each(original.query, specs, 1)
    yield "warm NASBench.query, µs", 1e6 * each(original.query, specs, 9)


def ask_all(table: Path) -> Iterator[tuple[str, float]]:
    benchmark = nasbench.load(table)
    archs = benchmark.table.written_archs
    started = time.perf_counter()
    benchmark.query_many(archs, "valid_accuracy")
    yield "query_many of all cells", time.perf_counter() - started
    started = time.perf_counter()
    benchmark.query_many(archs, "valid_accuracy")
    yield "query_many again", time.perf_counter() - started
    yield "memory of query_many", peak()


def check(table: Path) -> Iterator[tuple[str, float]]:
    started = time.perf_counter()
    Table(table).check()
    yield "check", time.perf_counter() - started
    yield "memory of check", peak()


def each(function: Callable[[Any], Any], arguments: list[Any], rounds: int) -> float:
    """Median over rounds of the mean seconds of a call."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        for argument in arguments:
            function(argument)
        times.append(time.perf_counter() - started)
    return median(times) / len(arguments)


def peak() -> float:
    """Largest resident size of this process so far, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1.024e-3


def measured(what: Callable[[], Iterator[tuple[str, float]]]) -> dict[str, float]:
    return dict(what())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder for the file and the table")
    parser.add_argument("--cells", type=int, default=CELLS, help="how many cells (default: all)")
    given = parser.parse_args()
    if not 1 <= given.cells <= CELLS:
        parser.error(f"--cells {given.cells} must be within 1..{CELLS}")
    folder = given.out / f"nb101-{given.cells}"
    archive, table = folder / "synthetic.tfrecord", folder / "nb101-cifar10.parquet"
    steps: list[tuple[Callable[..., Any], tuple[Path, ...]]] = [
        (import_all, (archive, folder)),
        (load, (table,)),
        (ask, (table,)),
        (ask_all, (table,)),
        (check, (table,)),
    ]
    results: dict[str, float] = {}
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh:
        if not archive.exists():
            started = time.perf_counter()
            fresh.submit(write, archive, given.cells).result()
            print(f"wrote {archive} in {time.perf_counter() - started:.0f} s", flush=True)
        for step, paths in steps:
            results |= fresh.submit(measured, partial(step, *paths)).result()
    n_records = given.cells * ROWS
    size = sum(p.stat().st_size for p in folder.glob("*.parquet")) / 1e6
    print(f"\n{n_records:,} records, {archive.stat().st_size / 1e6:,.0f} MB; ", end="")
    print(f"{1e6 * results['read'] / n_records:.1f} µs a record; table {size:,.0f} MB\n")
    print("| what | measured |\n|---|---|")
    for name, value in results.items():
        unit = "MB" if "memory" in name else "µs" if name.endswith(", µs") else "s"
        digits = 0 if unit == "MB" else 2
        print(f"| {name.removesuffix(', µs')} | {value:,.{digits}f} {unit} |")


if __name__ == "__main__":
    main()
