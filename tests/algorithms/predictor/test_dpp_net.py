import math

import numpy as np
import pytest
from toys import drive, rugged

from nasbench.algorithm import Observation, Proposal
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="LSTMs need the extra torch")

from algorithms.predictor.dpp_net import DPPNet, pareto_first  # noqa: E402

SMALL = {"hidden": 4, "embedding": 4, "epochs": 2}


def made(**changes):
    return DPPNet(NB201(), fidelities=(1,), seed=0, **changes)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@pytest.mark.parametrize("n", [1, 5, 12, 30])
@pytest.mark.parametrize("seed", range(3))
def test_fronts_are_taken_one_after_the_other(seed, n):
    points = [tuple(row) for row in np.random.default_rng(seed).random((30, 2)).tolist()]
    chosen, left = pareto_first(points, n), list(range(30))
    assert len(chosen) == len(set(chosen)) == n
    taken = set(chosen)
    while taken:
        front = {
            i for i in left if not any(dominates(points[j], points[i]) for j in left if j != i)
        }
        assert front <= taken or taken < front  # the last one in part
        taken -= front
        left = [i for i in left if i not in front]


def test_the_ends_of_a_front_that_does_not_fit_are_kept():
    points = [(float(i), float(10 - i)) for i in range(11)]
    assert pareto_first(points, 2) == [0, 10]
    assert pareto_first([*points[:5], (math.inf, 0.0)], 2) == [0, 5]


def test_predicted_losses_and_known_costs_are_compared(monkeypatch):
    pools = []

    def predict(self, archs, objectives):
        assert len(objectives) == 1
        pools.append(archs)
        return np.array([[rugged(arch, 1000) for arch in archs]])

    def cost(arch):
        return (math.nan,) if arch[0] == 0 else (float(sum(arch)),)

    monkeypatch.setattr(DPPNet, "predict", predict)
    search = made(beam=10, known=cost)
    archs = drive(search, rugged, 24 + 10)
    pool = pools[0]
    points = {
        arch: (rugged(arch, 1000), math.inf if arch[0] == 0 else float(sum(arch))) for arch in pool
    }
    new = [arch for arch in archs if arch in points]
    assert len(new) == 10
    best = [a for a in pool if not any(dominates(points[b], points[a]) for b in pool)]
    assert set(best) <= set(new) or set(new) <= set(best)
    assert min(pool, key=points.get) in new


def test_other_losses_are_predicted_where_no_costs_are_known():
    search = made(**SMALL)
    for trial in range(12):
        arch = search.space.sample(search.rng)
        losses = (rugged(arch), float(sum(arch)))
        search.tell(Observation(trial, Proposal(arch), losses, 1.0))
    calls = []
    real = search.predict
    search.predict = lambda archs, objectives: calls.append(objectives) or real(archs, objectives)
    chosen = search.select([(0,) * 6, (1,) * 6, (2,) * 6], 2)
    assert len(chosen) == 2
    ((first, second),) = calls
    assert second.losses == [float(sum(arch)) for arch in second.archs]
    assert first.archs == second.archs
