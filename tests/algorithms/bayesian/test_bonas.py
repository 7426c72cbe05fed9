import numpy as np
import pytest
from toys import drive, rugged, tell

from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

pytest.importorskip("torch", reason="graph networks need the extra torch")

from algorithms.bayesian import bonas
from algorithms.bayesian.bonas import BONAS
from algorithms.models.acquisition import expected_improvement


def made(seed=0, **changes):
    return BONAS(NB201(), fidelities=(1,), seed=seed, **changes)


def loss_of(arch):
    return float(np.sum(np.array(arch) == 3))


def test_the_largest_expected_improvements_are_trained(monkeypatch):
    pools = []

    def predict(self, archs):
        pools.append(archs)
        mean = np.array([rugged(arch, 7) / 7 for arch in archs]) - 2
        return mean, np.array([rugged(arch[::-1], 5) / 5 + 0.1 for arch in archs])

    monkeypatch.setattr(BONAS, "predict", predict)
    search = made()
    archs = drive(search, loss_of, 20)
    losses = np.array([loss_of(arch) for arch in archs[:10]])
    best = (losses.min() - losses.mean()) / losses.std()
    gain = expected_improvement(*predict(search, pools[0]), best)
    assert archs[10:] == [pools[0][i] for i in np.argsort(-gain, kind="stable")[:10]]
    assert len(set(archs)) == 20


def test_predictions_are_a_regression_on_the_vectors_of_the_network(monkeypatch):
    """In closed form (Bishop, 2006, eq. 3.53 to 3.59), on a column of ones beside the vectors."""
    seen = []

    class Spied(bonas._Regressor):
        def outputs(self, inputs):
            seen.append(super().outputs(inputs))
            return seen[-1]

    monkeypatch.setattr(bonas, "_Regressor", Spied)
    search = made(hidden=5, epochs=3, alpha=2.0, beta=50.0)
    archs = [search.space.sample(search.rng) for _ in range(30)]
    for trial, arch in enumerate(archs[:20]):
        tell(search, arch, loss_of(arch), trial)
    mean, std = search.predict(archs[20:])
    x, new = (np.column_stack((part.numpy(), np.ones(len(part)))) for part in seen)
    covariance = np.linalg.inv(2.0 * np.eye(6) + 50.0 * x.T @ x)
    weights = 50.0 * covariance @ x.T @ search.examples.targets()
    np.testing.assert_allclose(mean, new @ weights, atol=1e-8)
    variance = 1 / 50.0 + np.einsum("ni,ij,nj->n", new, covariance, new)
    np.testing.assert_allclose(std, np.sqrt(variance))


def test_it_learns_which_operations_are_good():
    search = made(epochs=60)
    archs = [search.space.sample(search.rng) for _ in range(120)]
    for trial, arch in enumerate(archs[:80]):
        tell(search, arch, loss_of(arch), trial)
    predicted = search.scores(archs[80:])
    assert np.corrcoef(predicted, [loss_of(arch) for arch in archs[80:]])[0, 1] > 0.8


def test_a_model_that_fails_is_a_fallback(monkeypatch):
    def predict(self, archs):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(BONAS, "predict", predict)
    search = made()
    drive(search, rugged, 15)
    assert search.fallbacks == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 0.0}, "alpha = 0.0 must be positive"),
        ({"candidates": 0}, "candidates = 0 must be at least 1"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
    ],
)
def test_impossible_hyperparameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**changes)
