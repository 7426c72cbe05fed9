import math

import numpy as np
import pytest
from toys import drive

from algorithms.models.mutant_search import MutantSearch
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

SETTINGS = {
    "initial": 10,
    "batch": 5,
    "targets": "standardized",
    "encoding": "one_hot",
    "cutoff": 0,
    "acquisition": "mean",
    "beta": 0.5,
    "candidates": 40,
    "parents": 2,
    "patience": 5,
    "mutation": "one",
}


class Linear(MutantSearch):
    """Least squares with a ridge."""

    def fit_and_predict(self, x, y, candidates):
        self.y = y
        weights = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y)
        mean = candidates @ weights
        self.mean = mean
        return mean, np.zeros(len(mean))


class NaN(Linear):
    """Never learns."""

    def fit_and_predict(self, x, y, candidates):
        return np.full(len(candidates), np.nan), np.ones(len(candidates))


class Singular(Linear):
    """Cannot be fitted."""

    def fit_and_predict(self, x, y, candidates):
        raise np.linalg.LinAlgError("singular")


def made(kind=Linear, **settings):
    return kind(NB201(), fidelities=(200,), seed=0, **SETTINGS | settings)


def additive(arch):
    return float(sum((option + i) % 5 for i, option in enumerate(arch)))


def test_candidates_are_mutants_of_the_best():
    """Two of them, one of each of the two best."""
    archs = drive(made(candidates=2, batch=2), additive, 12)
    best = sorted(archs[:10], key=lambda arch: (additive(arch), archs.index(arch)))[:2]
    changes = [
        [sum(a != b for a, b in zip(arch, parent, strict=True)) for arch in archs[10:]]
        for parent in best
    ]
    assert 1 in changes[0]
    assert 1 in changes[1]


@pytest.mark.parametrize(("patience", "parents"), [(1, 2), (2, 4)])
def test_so_many_parents_are_mutated_where_they_have_too_few_mutants(patience, parents):
    """A cell has 24 neighbours."""
    search = made(candidates=100, patience=patience)
    drive(search, additive, 10)
    best = search.examples.best(parents)
    near = {arch for parent in best for arch in search.space.neighbors(parent)}
    found = search._mutants()
    assert set(found) <= near
    assert all(set(found) & set(search.space.neighbors(parent)) for parent in best)
    assert not set(found) & set(search.seen)


def test_a_batch_has_the_lowest_predictions_in_order():
    search = made()
    archs = drive(search, additive, 15)
    x = search._features(archs[:10])
    weights = np.linalg.solve(x.T @ x + 1e-3 * np.eye(30), x.T @ search.y)
    assert len(search.mean) > 20
    assert np.allclose(search._features(archs[10:]) @ weights, np.sort(search.mean)[:5])


def test_it_finds_the_minimum_of_a_sum():
    assert min(map(additive, drive(made(), additive, 60))) == 0


def test_raw_targets_are_losses_and_diverged_trainings_count_as_the_worst():
    losses = [math.inf if i % 4 == 0 else 10.0 + i for i in range(11)]
    search = made(targets="raw")
    drive(search, losses)
    assert search.y.tolist() == [19.0 if x == math.inf else x for x in losses[:10]]
    assert search.loss_unit == "%"
    assert made().loss_unit is None


@pytest.mark.parametrize("kind", [NaN, Singular])
def test_a_model_that_fails_is_a_fallback(kind):
    search = made(kind)
    assert len(set(drive(search, additive, 30))) == 30
    assert search.fallbacks == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
        ({"parents": 0}, "parents = 0 must be at least 1"),
        ({"beta": -1.0}, "beta = -1.0 must be finite, not negative"),
        ({"mutation": "ones"}, "mutation = 'ones'.*one"),
        ({"targets": "row"}, "targets = 'row'.*raw"),
        ({"acquisition": "eis"}, "acquisition = 'eis'.*ei"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
