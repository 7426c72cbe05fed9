"""One seed is the unit of work, and a class of a script is one like any other."""

import subprocess
import sys
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import nasbench
from algorithms.random_search import RandomSearch
from nasbench.errors import InvalidArgumentError
from nasbench.runs.records import Records, find_records
from nasbench.testing import trace

BUDGET = nasbench.Budget(trials=5)


class Slow(RandomSearch):
    """Needs a quarter of a second for a search."""

    def ask(self):
        time.sleep(0.05)
        return super().ask()


@pytest.mark.parametrize("processes", [1, 2])
def test_every_slow_seed_is_saved_and_told_when_it_is_done(tmp_path, processes):
    told = []

    def progress(n):
        recorded = find_records(tmp_path)[0].seeds()
        told.append((n, len(recorded)))

    options = {"seeds": range(5), "budget": BUDGET, "processes": processes, "out": tmp_path}
    runs = nasbench.search(Slow, "nb201-cifar10", progress=progress, **options)
    assert [run.seed for run in runs] == [0, 1, 2, 3, 4]
    assert told == [(0, 0), *((1, n) for n in range(1, 6))]


def test_fast_seeds_are_saved_together(monkeypatch, tmp_path):
    added = []
    monkeypatch.setattr(Records, "add", lambda _, runs: added.append(len(runs)))
    monkeypatch.setattr(Records, "runs", lambda *_, **__: [])
    seeds = range(40)
    nasbench.search("random_search", "nb201-cifar10", seeds=seeds, budget=BUDGET, out=tmp_path)
    assert sum(added) == 40
    assert len(added) < 10


class Threaded(RandomSearch):
    """Proposes as many architectures as a library of linear algebra has threads."""

    def ask(self):
        pools = [pool["num_threads"] for pool in threadpool_info()]
        self.left = getattr(self, "left", max(pools, default=1)) - 1
        return super().ask() if self.left >= 0 else None


@pytest.mark.parametrize("processes", [1, 2])
def test_a_search_has_one_thread_and_leaves_the_others_to_the_caller(processes):
    with threadpool_limits(3):
        before = threadpool_info()
        runs = nasbench.search(
            Threaded, "nb201-cifar10", seeds=range(2), budget=BUDGET, processes=processes
        )
        assert threadpool_info() == before
    assert [len(run) for run in runs] == [1, 1]


SCRIPT = """
import nasbench
from nasbench.algorithm import Algorithm, Proposal
from nasbench.testing import trace


class Mine(Algorithm):
    def __init__(self, space, *, fidelities, seed, step=1):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.step = step

    def ask(self):
        return Proposal(self.space.sample(self.rng))

    def tell(self, observation):
        pass


if __name__ == "__main__":
    options = {"seeds": range(60), "budget": nasbench.Budget(trials=5)}
    found = [
        nasbench.search(algorithm, "nb201-cifar10", processes=processes, **options)
        for algorithm in (Mine, "__main__:Mine")
        for processes in (1, 2)
    ]
    assert len({tuple(map(trace, runs)) for runs in found}) == 1
    assert {run.manifest.algorithm for runs in found for run in runs} == {"__main__:Mine"}
    print("ok")
"""


def test_a_class_of_a_script_runs_in_processes(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_a_class_is_the_registered_algorithm():
    one = nasbench.search(RandomSearch, "nb201-cifar10", budget=BUDGET)
    other = nasbench.search("random_search", "nb201-cifar10", budget=BUDGET)
    assert one[0].manifest == other[0].manifest
    assert trace(one[0]) == trace(other[0])


@pytest.mark.parametrize("algorithm", [42, dict, RandomSearch.ask, None])
def test_what_is_not_an_algorithm_is_refused(algorithm):
    with pytest.raises(InvalidArgumentError, match="not a subclass of"):
        nasbench.search(algorithm, "nb201-cifar10", budget=BUDGET)
