import math

import numpy as np
import pytest
from toys import drive, rugged, tell

from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

torch = pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.predictor.npenas import NPENAS  # noqa: E402

SMALL = {"hidden": 8, "head": 4, "epochs": 3}


def made(seed=0, **changes):
    return NPENAS(NB201(), fidelities=(1,), seed=seed, **changes)


def loss_of(arch):
    return 10.0 + 5 * float(np.sum(np.array(arch) == 3))


def distance(a, b):
    return int(np.count_nonzero(np.array(a) != b))


def test_the_best_predicted_mutants_of_the_best_are_trained(monkeypatch):
    pools = []

    def scores(self, archs):
        pools.append(archs)
        return np.array([float(rugged(arch, 1000)) for arch in archs])

    monkeypatch.setattr(NPENAS, "scores", scores)
    archs = drive(made(), loss_of, 20)
    parents = sorted(archs[:10], key=loss_of)  # stable: the earlier one first
    (pool,) = pools
    assert len(pool) == len(set(pool)) == 100
    assert not set(pool) & set(archs[:10])
    assert all(min(distance(arch, parent) for parent in parents) == 1 for arch in pool)
    # 100 mutations find 24 neighbours of the best at most, so others follow
    assert sum(distance(arch, parents[0]) == 1 for arch in pool) > 15
    assert archs[10:] == sorted(pool, key=lambda arch: (rugged(arch, 1000), pool.index(arch)))[:10]


@pytest.mark.parametrize("predictor", ["linear", "sigmoid", "gaussian"])
def test_every_predictor_learns_which_operations_are_good(predictor):
    search = made(predictor=predictor, epochs=120, batch_size=16)
    archs = [search.space.sample(search.rng) for _ in range(120)]
    for trial, arch in enumerate(archs[:80]):
        tell(search, arch, loss_of(arch), trial)
    predicted = search.scores(archs[80:])
    assert np.corrcoef(predicted, [loss_of(arch) for arch in archs[80:]])[0, 1] > 0.8
    if predictor != "linear":  # in the unit of the losses
        assert abs(predicted.mean() - np.mean([loss_of(arch) for arch in archs[80:]])) < 3


def test_outputs_are_read_as_in_the_original():
    outputs = torch.tensor([[0.0, 0.0], [2.0, -1.0]]).double()
    mean, std = made(predictor="gaussian")._read(outputs)
    assert mean.tolist() == [0.0, 2.0]
    assert std.tolist() == pytest.approx([1.0, math.exp((math.exp(-1) - 1) / 2)])  # celu
    mean, std = made(predictor="sigmoid", rate=10.0)._read(outputs[:, :1])
    assert mean.tolist() == pytest.approx([5.0, 10 / (1 + math.exp(-2))])
    assert std.tolist() == [0.0, 0.0]


def test_thompson_sampling_draws_from_the_predictions(monkeypatch):
    def scores(self, archs):
        self._std = np.full(len(archs), 1e3)
        return np.arange(float(len(archs)))

    monkeypatch.setattr(NPENAS, "scores", scores)
    five = [(i, 0, 0, 0, 0, 0) for i in range(5)]
    monkeypatch.setattr("algorithms.predictor.npenas.mutants_or_unseen", lambda *_, **__: five)
    chosen = {made(seed, predictor="gaussian").choose(1)[0] for seed in range(40)}
    assert chosen == set(five)  # noise far above the differences: any may win


def test_losses_in_other_units_are_announced():
    assert made().loss_unit is None
    assert made(predictor="gaussian").loss_unit == made(predictor="sigmoid").loss_unit == "%"


def test_random_architectures_join_where_there_are_no_mutants():
    space = RecordedSpace(NB201(), np.arange(0, 15_625, 313))  # without neighbours
    search = NPENAS(space, fidelities=(1,), seed=0, **SMALL)
    assert len(set(drive(search, rugged, 60))) == 50
    assert search.fallbacks == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictor": "gausian"}, "predictor = 'gausian'.*gaussian"),
        ({"rate": 0.0}, "rate = 0.0 must be positive"),
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
