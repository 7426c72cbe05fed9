"""Load time, memory and queries beside those of nats-bench 1.8, in one run.

``python tests/speed/against_nats_bench.py --records FOLDER [--out docs/speed.md]``: in the folder,
``NATS-tss-v1_0-3ffb9-simple`` holds its meta file and some records. Every measurement is made in
several fresh processes, in turn, and the medians are printed. With ``--out``, the table in that
page is replaced.
"""

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nasbench.tables.draft import Draft

ARCHIVE = "NATS-tss-v1_0-3ffb9-simple"
CELLS = 15_625
COPIES = 60
ROUNDS = 5
SETS = {"cifar10-valid": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "imagenet16"}
MARKS = ("<!-- measured -->", "<!-- end -->")


# Input: what the original reads, and tables of full size


def copies(records: Path, folder: Path) -> int:
    """Make a published folder with the records again and again; returns how many there are."""
    folder.mkdir()
    files = sorted(p for p in records.glob("*.pickle.pbz2") if p.name[0].isdigit())
    shutil.copy(records / "meta.pickle.pbz2", folder)
    for index in range(COPIES):
        shutil.copy(files[index % len(files)], folder / f"{index:06d}.pickle.pbz2")
    return len(files)


def full_size(records: Path, folder: Path) -> None:
    """Tables of all cells: the records in turn, every number changed by about a thousandth."""
    from data_builders import IMPORTERS
    from nasbench.tables.writer import write_table

    rng = np.random.default_rng(0)
    for made in IMPORTERS.load("nats")().tables([records], work=folder / "work"):
        owners = made.archs.column("arch").to_pylist()
        archs = given_to_all(made.archs, np.arange(CELLS) % len(owners), np.arange(CELLS))
        runs = tile(made.runs, owners, rng)
        metadata = replace(made.metadata, complete=True)
        draft = Draft(metadata, runs, archs, made.columns)
        write_table(folder / f"{metadata.id}.parquet", draft)


def given_to_all(table: pa.Table, rows: Any, cells: Any) -> pa.Table:
    """The rows of a table, each given to the cell of a rank."""
    archs = np.stack(np.unravel_index(cells, (5,) * 6), axis=1).astype(np.uint8)
    taken = table.take(pa.array(rows))
    return taken.set_column(taken.schema.names.index("arch"), "arch", [pa.array(list(archs))])


def tile(runs: pa.Table, owners: list[list[int]], rng: np.random.Generator) -> pa.Table:
    """The runs of some architectures, given to all; half of the cells lack one long training."""
    of = np.array([owners.index(arch) for arch in runs.column("arch").to_pylist()])
    long, seeds = (runs.column(name).to_numpy() for name in ("schedule", "seed"))
    rows = [
        np.flatnonzero(
            (of == cell % len(owners)) & ((cell % 2 == 0) | (long != 200) | (seeds != 888))
        )
        for cell in range(CELLS)
    ]
    cells = np.repeat(np.arange(CELLS), [len(each) for each in rows])
    tiled = given_to_all(runs, np.concatenate(rows), cells)
    speed = rng.uniform(0.5, 2, CELLS)[cells]
    for place, name in enumerate(tiled.schema.names):
        array = tiled.column(name).combine_chunks()
        if name == "seconds":
            array = steady(array, speed)
        elif pa.types.is_list(array.type) and name != "arch":
            values = array.flatten().to_numpy()
            changed = values * (1 + 1e-3 * rng.standard_normal(len(values)))
            ceiling = 100.0 if name.endswith("_accuracy") else np.inf
            array = pa.ListArray.from_arrays(array.offsets, pa.array(np.minimum(changed, ceiling)))
        elif pa.types.is_floating(array.type):
            array = pa.array(array.to_numpy() * speed)
        tiled = tiled.set_column(place, name, [array])
    return tiled


def steady(seconds: Any, speed: Any) -> Any:
    """Cumulative seconds of trainings whose epochs all take as long as the first did, scaled."""
    lengths = seconds.value_lengths().to_numpy()
    first = seconds.flatten().to_numpy()[seconds.offsets.to_numpy()[:-1]] * speed
    sums = [np.cumsum(np.full(n, once)) for n, once in zip(lengths, first, strict=True)]
    return pa.ListArray.from_arrays(seconds.offsets, pa.array(np.concatenate(sums)))


# Measurements, each in a process of its own


def per_call(call: Callable[[], object], n: int) -> float:
    """Microseconds of a call that was made before; median of 7 loops."""
    call()
    loops = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(n):
            call()
        loops.append((time.perf_counter() - start) / n * 1e6)
    return statistics.median(loops)


def memory() -> float:
    """Largest memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what the process that started this one used does not count there
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def warm(api: Any, index: int, n: int) -> dict[str, float]:
    """Questions that were asked before, of both packages."""
    found = {}
    for hp, seed in (("200", 777), ("12", 111)):
        for dataset, is_random in product(("cifar10-valid", "cifar100"), (False, seed)):
            found[f"query {hp} {dataset} {is_random}"] = per_call(
                partial(api.get_more_info, index, dataset, hp=hp, is_random=is_random), n
            )
        for name in ("simulate_train_eval", "get_cost_info"):
            found[f"{name} {hp}"] = per_call(
                partial(getattr(api, name), index, "cifar100", hp=hp), n
            )
    return found


def measure_theirs(folder: Path) -> dict[str, float]:
    start = time.perf_counter()
    import nats_bench

    imported = time.perf_counter()
    api = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    opened = time.perf_counter()
    before = memory()
    for index in range(COPIES):
        api.get_more_info(index, "cifar10-valid", hp="200", is_random=False)
    read = time.perf_counter()
    after = memory()
    found = {
        "import": imported - start,
        "open": opened - imported,
        "read one": (read - opened) / COPIES,
        "memory": before,
        "memory of one": (after - before) / COPIES,
    }
    for hp in ("200", "12"):
        start = time.perf_counter()
        api.find_best("cifar100", "x-test", hp=hp, enforce_all=False)
        found[f"find_best {hp}"] = (time.perf_counter() - start) / COPIES * CELLS
    return found | warm(api, 0, 100)


def measure_table(folder: Path) -> dict[str, float]:
    start = time.perf_counter()
    import nasbench

    found = {"import": time.perf_counter() - start}
    benchmarks = {}
    for name, table in SETS.items():
        start = time.perf_counter()
        benchmarks[name] = nasbench.load(folder / f"nats-tss-{table}.parquet")
        found[f"open {name}"] = time.perf_counter() - start
        archs = np.stack(np.unravel_index(np.arange(CELLS), benchmarks[name].space.options), axis=1)
        accuracies = benchmarks[name].query_many(archs, "valid_accuracy", schedule=200)
        found[f"read {name}"] = time.perf_counter() - start
        if np.isnan(accuracies).any():
            raise SystemExit(f"{name}: a validation accuracy is missing")
    found["memory"] = memory()
    arch = tuple(archs[77].tolist())
    for (schedule, seed), dataset in product(
        ((200, 777), (12, 111)), ("cifar10-valid", "cifar100")
    ):
        for given, named in ((None, False), (seed, seed)):
            found[f"query {schedule} {dataset} {named}"] = per_call(
                partial(benchmarks[dataset].query, arch, schedule=schedule, seed=given), 10_000
            )
    return found


def measure_drop_in(folder: Path) -> dict[str, float]:
    start = time.perf_counter()
    from nasbench.compat.nats_bench import create

    imported = time.perf_counter()
    api = create(folder, "tss", fast_mode=True, verbose=False)
    opened = time.perf_counter()
    for index in range(CELLS):
        api.get_more_info(index, "cifar10-valid", hp="200", is_random=False)
    read = time.perf_counter()
    found = {
        "import": imported - start,
        "open": opened - imported,
        "read all": read - opened,
        "memory": memory(),
    }
    for hp in ("200", "12"):
        start = time.perf_counter()
        api.find_best("cifar100", "x-test", hp=hp)
        found[f"find_best {hp}"] = time.perf_counter() - start
    return found | warm(api, 0, 10_000)


MEASUREMENTS = {"theirs": measure_theirs, "table": measure_table, "drop-in": measure_drop_in}


def measured(folders: dict[str, Path]) -> dict[str, dict[str, float]]:
    """Medians over processes, which take turns.

    Before each, another one fills and frees a gigabyte: where free memory was given back to the
    host of a virtual machine, the first to use it again would pay for that.
    """
    fill = [sys.executable, "-c", "b'1' * 2**30"]
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in folders}
    for _ in range(ROUNDS):
        for name, folder in folders.items():
            subprocess.run(fill, check=True)
            command = [sys.executable, __file__, "--measure", name, "--records", str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rounds[name].append(json.loads(done.stdout))
    return {
        name: {key: statistics.median(each[key] for each in found) for key in found[0]}
        for name, found in rounds.items()
    }


# The table


def report(
    theirs: dict[str, float], table: dict[str, float], ours: dict[str, float], n_records: int
) -> str:
    """All measurements as Markdown."""
    everything = theirs["open"] + CELLS * theirs["read one"]
    rows: list[tuple[str, str, list[float | None]]] = [
        ("import the package", "s", [theirs["import"], table["import"], ours["import"]]),
        ("open", "s", [theirs["open"], table["open cifar10-valid"], ours["open"]]),
        (
            "open and read every architecture once: cifar10-valid, hp '200' ¹",
            "s",
            [everything, table["read cifar10-valid"], ours["open"] + ours["read all"]],
        ),
        *(
            (f"the same: {name}, hp '200' ¹", "s", [everything, table[f"read {name}"], None])
            for name in ("cifar100", "ImageNet16-120")
        ),
        (
            "peak memory of the process so far ²",
            "MB",
            [theirs["memory"] + CELLS * theirs["memory of one"], table["memory"], ours["memory"]],
        ),
    ]
    for key in theirs:
        if key.startswith("query "):
            _, hp, dataset, seed = key.split()
            policy = "mean" if seed == "False" else f"seed {seed}"
            label = f"one query: {dataset}, hp '{hp}', {policy} ³"
            rows.append((label, "µs", [theirs[key], table[key], ours[key]]))
    for name in ("simulate_train_eval", "get_cost_info"):
        for hp in ("200", "12"):
            key = f"{name} {hp}"
            rows.append((f"`{name}`: cifar100, hp '{hp}'", "µs", [theirs[key], None, ours[key]]))
    for hp in ("200", "12"):
        key = f"find_best {hp}"
        label = f"`find_best` of all architectures: cifar100, hp '{hp}' ¹"
        rows.append((label, "s", [theirs[key], None, ours[key]]))
    return "\n".join(
        [
            "| | nats-bench | `nasbench.load` | ratio | drop-in | ratio |",
            "|---|--:|--:|--:|--:|--:|",
            *(line(label, unit, numbers) for label, unit, numbers in rows),
            "",
            f"¹ nats-bench: extrapolated to all {CELLS:,} architectures from {COPIES} records, "
            f"copies of {n_records} published ones. `nasbench.load`: `query_many` of the final "
            "validation accuracy. Drop-in: `get_more_info` of each.",
            "",
            "² nats-bench: extrapolated in the same way. `nasbench.load`: all three tables open.",
            "",
            "³ `get_more_info`, or `query` of the table; repeated, for one architecture.",
            "",
            f"Medians of {ROUNDS} processes. nats-bench {version('nats-bench')}, nasbench "
            f"{version('nasbench')}, Python {platform.python_version()}, NumPy {version('numpy')}, "
            f"pyarrow {version('pyarrow')}, {platform.system()} {platform.machine()}.",
        ]
    )


def line(label: str, unit: str, numbers: list[float | None]) -> str:
    """One row: the numbers, and how many times the first is each of the others."""
    first, *others = numbers
    cells = [label, f"{figure(first)} {unit}"]
    for number in others:
        known = number is not None
        cells += [f"{figure(number)} {unit}", figure(first / number)] if known else ["", ""]
    return f"| {' | '.join(cells)} |"


def figure(number: float) -> str:
    """Two digits or all before the point, thousands set apart."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, required=True, help=f"folder with {ARCHIVE}")
    parser.add_argument("--out", type=Path, help="page whose table is replaced")
    parser.add_argument("--measure", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(MEASUREMENTS[given.measure](given.records)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        n_records = copies(given.records / ARCHIVE, folder / "theirs")
        full_size(given.records / ARCHIVE, folder / "tables")
        folders = {"theirs": folder / "theirs", "table": folder / "tables"}
        found = measured(folders | {"drop-in": folder / "tables"})
        page = report(found["theirs"], found["table"], found["drop-in"], n_records)
    print(page)
    if given.out:
        before, _, rest = given.out.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        given.out.write_text(f"{before}{MARKS[0]}\n{page}\n{MARKS[1]}{after}")


if __name__ == "__main__":
    main()
