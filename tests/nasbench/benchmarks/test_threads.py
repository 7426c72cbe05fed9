"""One benchmark may be asked by many threads; a crash would end the process that asks."""

import subprocess
import sys

import pytest

ASK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

import nasbench

space, rng = nasbench.load(sys.argv[1]).space, Random(0)
archs = [space.sample(rng) for _ in range(20)]
metric = nasbench.load(sys.argv[1]).objectives[0]


def ask(benchmark, barrier):
    barrier.wait()
    answers = [dict(benchmark.query(arch)) for arch in archs]
    curves = []
    if len(benchmark.fidelities) > 1:
        curves = [benchmark.curve(arch, metric).tolist() for arch in archs]
    losses = [benchmark.evaluate(arch) for arch in archs]
    return repr((answers, curves, losses, benchmark.query_many(archs, metric).tolist()))


expected = ask(nasbench.load(sys.argv[1]), Barrier(1))
for _ in range(int(sys.argv[2])):
    benchmark, barrier = nasbench.load(sys.argv[1]), Barrier(8)
    with ThreadPoolExecutor(8) as threads:
        found = threads.map(ask, [benchmark] * 8, [barrier] * 8)
        assert set(found) == {expected}
"""


@pytest.mark.parametrize(
    "name", ["lite201-digits", "lite201-fashion", "nb201-cifar10", "darts-fashion-surrogate"]
)
def test_eight_threads_that_ask_first_are_answered(name):
    command = [sys.executable, "-c", ASK, name, "4" if name.endswith("surrogate") else "8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_tables_of_a_drop_in_are_read_by_threads():
    ask = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from nasbench.benchmarks.catalogue import open_table\n"
        "for _ in range(8):\n"
        "    table = open_table('nb201-cifar10')\n"
        "    names = [*table.arch_columns] * 8\n"
        "    with ThreadPoolExecutor(8) as threads:\n"
        "        found = [*threads.map(table.arch_texts, names)]\n"
        "    assert found[: len(names) // 8] == found[-len(names) // 8 :]\n"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
