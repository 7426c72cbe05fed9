"""The speed budgets of the design: medians, to be compared with the bare loop beside them."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import nasbench
from algorithms.evolution.regularized_evolution import RegularizedEvolution
from nasbench.algorithm import Algorithm, Proposal
from nasbench.benchmarks.catalogue import open_table
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.runs.setup import Setup
from nasbench.spaces import nb101
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.merge import merge
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
)
TRIALS = 1000
SINGLE, CURVES = "nb201-cifar10", "lite201-digits"
BUDGETS = {  # microseconds a trial, the replay and the record included
    ("random_search", SINGLE): 5,
    ("local_search", SINGLE): 8,
    ("regularized_evolution", SINGLE): 8,
    ("reinforce", SINGLE): 15,
    ("nsga2", SINGLE): 40,
    ("hyperband", CURVES): 15,
    ("asha", CURVES): 15,
    ("dehb", CURVES): 15,
}
OBJECTIVES = {"nsga2": ("valid_accuracy", "parameters")}


@pytest.fixture(scope="module")
def published():
    return nasbench.load("nb201-cifar10")


@pytest.fixture(scope="module")
def archs(published):
    rng = random.Random(0)
    return [published.space.sample(rng) for _ in range(TRIALS)]


def median(benchmark) -> float:
    return float(benchmark.stats.stats.median)


def test_cold_query(benchmark, report):
    command = [str(Path(sys.executable).with_name("nasbench")), "query", "nb201-cifar10", CELL]
    benchmark.pedantic(
        subprocess.run,
        (command,),
        {"check": True, "capture_output": True},
        rounds=7,
        warmup_rounds=1,
    )
    report(
        "cold process: import, load, first query, command line",
        "≤ 0.5 s",
        f"{median(benchmark):.2f} s",
    )


@pytest.mark.parametrize(
    ("name", "budget"), [("nb201-cifar10", "≤ 3 µs"), ("lite201-digits", "≤ 3 µs")]
)
def test_query(benchmark, report, archs, name, budget):
    opened = nasbench.load(name)
    benchmark.pedantic(lambda: [opened.query(a) for a in archs], rounds=30, warmup_rounds=3)
    report(f"`query`, {name}", budget, f"{median(benchmark) / len(archs) * 1e6:.2f} µs")


def test_evaluate(benchmark, report, published, archs):
    benchmark.pedantic(lambda: [published.evaluate(a) for a in archs], rounds=30, warmup_rounds=3)
    report("`evaluate`", "≤ 1 µs", f"{median(benchmark) / len(archs) * 1e6:.2f} µs")


def test_query_many(benchmark, report, published):
    rng = np.random.default_rng(0)
    many = rng.integers(0, 5, size=(1_000_000, 6), dtype=np.uint8)
    benchmark.pedantic(published.query_many, (many, "valid_accuracy"), rounds=10, warmup_rounds=2)
    report(
        "`query_many`",
        "≥ 10⁷ a second",
        f"{len(many) / median(benchmark) / 1e7:.1f} · 10⁷ a second",
    )


def test_first_sight_of_a_cell(benchmark, report):
    space, rng = NB101(), random.Random(5)
    cells = [space.sample(rng) for _ in range(500)]

    def forget():
        nb101._numberings.cache_clear()

    def see():
        for cell in cells:
            space.is_legal(cell)
            space.canonical(cell)

    benchmark.pedantic(see, setup=forget, rounds=10, warmup_rounds=1)
    report(
        "first sight of a cell of NAS-Bench-101",
        "≤ 250 µs",
        f"{median(benchmark) / len(cells) * 1e6:.0f} µs",
    )


class Prepared(Algorithm):
    """Proposes what it was given: what is left is the cost of the replay."""

    proposals: tuple[Proposal, ...] = ()

    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.ask = iter(self.proposals).__next__

    def ask(self):
        raise NotImplementedError

    def tell(self, observation):
        pass


def searches(algorithm, published, seeds):
    for seed in range(seeds):
        made = algorithm(published.space, fidelities=published.fidelities, seed=seed)
        replay(made, published, budget=Budget(trials=TRIALS), seed=seed)


def test_replay_overhead(benchmark, report, published, archs, monkeypatch):
    monkeypatch.setattr(Prepared, "proposals", tuple(map(Proposal, archs)))
    benchmark.pedantic(searches, (Prepared, published, 10), rounds=15, warmup_rounds=2)
    report(
        "replay a trial, without the algorithm",
        "≤ 3 µs",
        f"{median(benchmark) / 10 / TRIALS * 1e6:.2f} µs",
    )


@pytest.mark.parametrize(("method", "table"), BUDGETS)
def test_search(benchmark, report, method, table):
    prepared = Setup(
        algorithm=method,
        benchmark=table,
        budget=Budget(trials=TRIALS),
        objectives=OBJECTIVES.get(method),
    ).prepare()
    benchmark.pedantic(
        lambda: [prepared.run(seed) for seed in range(10)], rounds=10, warmup_rounds=2
    )
    report(
        f"`{method}` a trial, {table}",
        f"≤ {BUDGETS[method, table]} µs",
        f"{median(benchmark) / 10 / TRIALS * 1e6:.2f} µs",
    )


def test_regularized_evolution(benchmark, report, published):
    benchmark.pedantic(searches, (RegularizedEvolution, published, 500), rounds=3, warmup_rounds=1)
    report(
        "regularized evolution (100, 10), 500 seeds x 1,000 trials, one core",
        "≤ 4 s",
        f"{median(benchmark):.2f} s",
    )


def bare_evolution(values, seed):
    """Regularized evolution over a list, with nothing around it: what Python itself costs."""
    draw = random.Random(seed).random
    population = []
    for i in range(TRIALS):
        if i < 100:
            arch = tuple([int(draw() * 5) for _ in range(6)])
        else:
            changed = list(min([population[int(draw() * 100)] for _ in range(10)])[1])
            position, option = int(draw() * 6), int(draw() * 4)
            changed[position] = option + (option >= changed[position])
            arch = tuple(changed)
        rank = 0
        for option in arch:
            rank = 5 * rank + option
        member = (values[rank], arch)
        if i < 100:
            population.append(member)
        else:
            population[i % 100] = member


def test_bare_loop(benchmark, report, published):
    grid = np.array(list(NB201().archs()))
    values = published.query_many(grid, "valid_accuracy").tolist()
    benchmark.pedantic(
        lambda: [bare_evolution(values, s) for s in range(10)], rounds=15, warmup_rounds=2
    )
    report(
        "for scale: a bare loop over a list, a trial",
        "",
        f"{median(benchmark) / 10 / TRIALS * 1e6:.2f} µs",
    )


def write_curves(path: Path, epochs: int, name: str = "valid_accuracy") -> int:
    """A table of the size of NAS-Bench-201 with curves; the bytes of its numbers."""
    archs = np.repeat(np.array(list(NB201().archs()), dtype=np.uint8), 3, axis=0)
    n = len(archs)
    rng = np.random.default_rng(0)
    offsets = pa.array(np.arange(0, n * epochs + 1, epochs, dtype=np.int32))

    def curve(values):
        return pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.float32).ravel()))

    runs = pa.table(
        {
            "arch": pa.FixedSizeListArray.from_arrays(pa.array(archs.ravel()), 6),
            "schedule": pa.array(np.full(n, epochs, dtype=np.int32)),
            "seed": pa.array(np.tile(np.arange(3, dtype=np.int32), n // 3)),
            "status": pa.array(["finished"] * n),
            name: curve(rng.uniform(10, 95, (n, epochs))),
            "seconds": curve(np.tile(np.arange(1.0, epochs + 1), (n, 1))),
        }
    )
    metadata = Metadata(
        id=path.stem, space="nb201", key="arch", dataset="none", default_objective=name,
        epochs={epochs: list(range(1, epochs + 1))},
    )  # fmt: skip
    write_table(path, Draft(metadata, runs))
    return 2 * 4 * n * epochs


MEASURE = """
import resource, sys
from pathlib import Path
import nasbench
from nasbench.spaces.nb201 import NB201
def resident(): return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
before = resident()
benchmark = nasbench.load(sys.argv[1])
for epoch in (1, 50, 100):
    for seed in (None, 0, 1, 2):
        for arch in NB201().archs():
            benchmark.query(arch, epoch=epoch, seed=seed)
print(resident() - before)
"""


def test_memory_and_opening(benchmark, report, tmp_path):
    path = tmp_path / "curves.parquet"
    numbers = write_curves(path, 100)
    benchmark.pedantic(lambda: open_table(path), rounds=20)
    report("opening a table of 46,875 runs x 100 epochs", "", f"{median(benchmark) * 1e3:.1f} ms")
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], check=True, capture_output=True
    )
    report(
        "memory of a loaded table with curves",
        "≤ 2 x its numbers",
        f"{int(run.stdout) / numbers:.2f} x",
    )


def test_merge(benchmark, report, tmp_path):
    tables = []
    for name in ("valid_accuracy", "valid_loss"):
        path = tmp_path / f"{name}.parquet"
        write_curves(path, 200, name)
        tables.append(open_table(path))
    merged = benchmark.pedantic(merge, (tables, "joined"), rounds=3)
    assert {"valid_accuracy", "valid_loss", "seconds"} < set(merged.runs.schema.names)
    report("merging two tables of 46,875 runs x 200 epochs", "", f"{median(benchmark):.1f} s")
