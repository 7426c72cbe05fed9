import math

import numpy as np
import pytest
from toys import Tiny, drive, rugged, tell

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.predictor.neural_predictor import NeuralPredictor

SMALL = {"trials": 12, "selected": 4, "pool": 5, "hidden": 4, "head": 3, "epochs": 2}


def made(space=None, seed=0, **changes):
    return NeuralPredictor(space or NB201(), fidelities=(1,), seed=seed, **changes)


@pytest.mark.parametrize(
    ("trials", "selected"), [(172, 20), (150, 17), (100, 11), (20, 2), (9, 1), (2, 1)]
)
def test_the_budget_is_shared_as_in_the_paper(trials, selected):
    """20 of 172, rounded down as naszilla does, but at least one."""
    search = made(trials=trials)
    assert (search.initial, search.batch) == (trials - selected, selected)
    assert search.random_trials == trials - selected


def test_the_best_predictions_of_the_pool_are_trained(monkeypatch):
    pools = []

    def scores(self, archs):
        pools.append(archs)
        return np.array([float(rugged(arch, 1000)) for arch in archs])

    monkeypatch.setattr(NeuralPredictor, "scores", scores)
    archs = drive(made(**SMALL), lambda arch: float(sum(arch)), 16)
    assert [len(pool) for pool in pools] == [60, 60]
    assert (
        archs[8:12]
        == sorted(pools[0], key=lambda arch: (rugged(arch, 1000), pools[0].index(arch)))[:4]
    )
    assert not set(pools[0]) & set(archs[:8])
    assert len(set(archs)) == 16


def test_a_small_space_is_ranked_whole_and_exhausted():
    search = made(Tiny(), trials=6, selected=2, hidden=4, head=3, epochs=2)
    assert len(set(drive(search, rugged, 20))) == 12
    assert search.fallbacks == 0


def test_a_network_learns_which_operations_are_good():
    search = made(hidden=16, head=8, epochs=40, learning_rate=0.01)
    rng = search.rng
    archs = [search.space.sample(rng) for _ in range(120)]
    for trial, arch in enumerate(archs[:80]):
        tell(search, arch, loss_of(arch), trial)
    predicted = search.scores(archs[80:])
    assert np.corrcoef(predicted, [loss_of(arch) for arch in archs[80:]])[0, 1] > 0.8


def loss_of(arch):
    return float(np.sum(np.array(arch) == 3))


def test_a_diverged_network_is_a_fallback(monkeypatch):
    monkeypatch.setattr(
        NeuralPredictor, "scores", lambda self, archs: np.full(len(archs), math.nan)
    )
    search = made(**SMALL)
    drive(search, rugged, 12)
    assert search.fallbacks == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trials": 1}, "trials = 1 must be at least 2"),
        ({"trials": 10, "selected": 10}, "selected = 10 must be in 1..9"),
        ({"selected": 0}, "selected = 0 must be in 1..149"),
        ({"pool": 0}, "pool = 0 must be at least 1"),
        ({"dropout": 1.0}, "dropout = 1.0 must be in"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
