"""A budget of seconds alone has to be spent: no search runs for ever."""

import sys
from dataclasses import replace

import pytest
from toys import Hashed, OneDecision

import nasbench
from nasbench.algorithm import Algorithm, Proposal
from nasbench.benchmark import Evaluation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay

REFUSED = "seconds alone allows more than 100,000,000 trials: limit trials or epochs as well"


class Same(Algorithm):
    """Proposes one architecture, again and again, at the first fidelity and then at the last."""

    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.told = 0

    def ask(self):
        if self.told % 2:
            return Proposal((0,), self.fidelities[-1], self.told - 1)
        return Proposal((0,), self.fidelities[0])

    def tell(self, observation):
        self.told += 1


class Free(Hashed):
    """A benchmark of which a trial costs ``cost`` seconds, and the validation nothing."""

    cost = 0.0

    def evaluate(self, arch, *, epoch=None, seed=None):
        found = super().evaluate(arch, epoch=epoch, seed=seed)
        return Evaluation(found.losses, self.cost, 0.0)


@pytest.fixture
def free(monkeypatch):
    """A benchmark of trials without cost, of which 500 show that they are."""
    monkeypatch.setattr(sys.modules["nasbench.runs.ledger"], "_JUDGED", 500)
    return Free(OneDecision())


def run(benchmark, **limits):
    algorithm = Same(benchmark.space, fidelities=benchmark.fidelities, seed=0)
    return replay(algorithm, benchmark, budget=Budget(**limits))


@pytest.mark.parametrize("cost", [0.0, 5e-324, 1e-9])
def test_trials_that_cost_hardly_anything_are_noticed(free, cost):
    """Also those that resume one, which here cost nothing at all."""
    free.cost = cost
    with pytest.raises(InvalidArgumentError, match=REFUSED):
        run(free, seconds=10.0)


def test_seconds_that_are_spent_slowly_are_no_fault(free):
    free.cost = 1 / 128
    assert len(run(free, seconds=10.0)) == 2560


def test_other_limits_end_a_search_without_cost(free):
    assert len(run(free, seconds=10.0, trials=1200)) == 1200
    assert len(run(free, seconds=10.0, epochs=9000)) == 2000


@pytest.mark.parametrize("cost", [0.0, 5e-324, 1e-8])
def test_a_table_of_which_no_search_can_spend_the_budget_is_refused(content, tmp_path, cost):
    toy = content()
    for row in toy.runs:
        row["seconds"] = [cost] * len(row["seconds"])
        row["validation_seconds"] = 0.0
    path = toy.write(tmp_path / "toy.parquet")
    asked = {"algorithm": "random_search", "benchmark": path, "fidelities": [2, 4]}
    asked |= {"replicate": 0, "out": tmp_path / "runs"}
    with pytest.raises(InvalidArgumentError, match=REFUSED):
        nasbench.search(**asked, budget=Budget(seconds=10.0))
    assert not (tmp_path / "runs").exists()
    with pytest.raises(InvalidArgumentError, match=REFUSED):
        nasbench.search(**asked, workers=1000, budget=Budget(seconds=10.0))


def test_a_table_with_some_trainings_without_cost_is_searched(content, tmp_path):
    toy = content()
    for row in toy.runs[:4]:
        row["seconds"], row["validation_seconds"] = [0.0] * len(row["seconds"]), 0.0
    toy = replace(toy, metadata=replace(toy.metadata, complete=False))
    path = toy.write(tmp_path / "toy.parquet")
    (found,) = nasbench.search("random_search", path, budget=Budget(seconds=1000.0))
    assert 0 < found.ends[-1] <= 1000
