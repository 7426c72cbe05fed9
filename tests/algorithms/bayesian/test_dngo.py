import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from toys import drive, mean_best

from algorithms.bayesian.dngo import DNGO
from algorithms.models.networks.mlp_ensemble import MLPEnsemble
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201

CHEAP = {"epochs": 5, "width": 8}


def made(space=None, **settings):
    return DNGO(space or NB201(), fidelities=(200,), seed=0, **settings)


def additive(arch):
    return float(sum((option + i) % 5 for i, option in enumerate(arch)))


def test_predictions_are_those_of_a_linear_gaussian_process_on_the_last_layer():
    search = made(epochs=20, alpha=2.0, noise=100.0, standardize=True)
    rng = np.random.default_rng(0)
    x, new = rng.random((40, 5)), rng.random((7, 5))
    y = x[:, 0] - x[:, 1]
    mean, std = search.fit_and_predict(x, y, new)

    def layer(rows):
        return search._network.hidden((rows - x.mean(axis=0)) / x.std(axis=0))

    assert layer(x).shape == (40, 50)
    kernel = DotProduct(0.0, "fixed") * 0.5
    process = GaussianProcessRegressor(kernel, alpha=0.01, optimizer=None).fit(layer(x), y)
    expected, deviation = process.predict(layer(new), return_std=True)
    assert np.allclose(mean, expected, atol=1e-6)
    assert np.allclose(std, np.sqrt(deviation**2 + 0.01), atol=1e-6)


def test_a_feature_without_variation_does_not_matter():
    rng = np.random.default_rng(0)
    x, new = rng.random((30, 4)), rng.random((5, 4))
    constant = [np.concatenate([rows, np.full((len(rows), 1), 7.0)], axis=1) for rows in (x, new)]
    mean, std = made(epochs=3, standardize=True).fit_and_predict(constant[0], x[:, 0], constant[1])
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()


def test_it_has_the_published_settings():
    search = made()
    training = search._network.training
    assert search._network.shapes == ((3, 50),)
    assert (training.activation, training.loss, training.init) == ("tanh", "mse", "lecun")
    assert (training.epochs, training.minibatch, training.learning_rate) == (500, 10, 0.01)
    assert (training.beta_1, training.beta_2) == (0.9, 0.999)
    assert (search._regression.alpha, search._regression.beta) == (1.0, 1000.0)


def test_a_space_without_graphs_is_searched_by_options():
    search = made(FCNet(), **CHEAP)
    assert len(set(drive(search, additive, 40))) == 40
    assert search.fallbacks == 0


def test_a_network_that_diverges_is_a_fallback(monkeypatch):
    search = made(**CHEAP)
    monkeypatch.setattr(MLPEnsemble, "hidden", lambda self, x: np.full((len(x), 8), np.nan))
    assert len(set(drive(search, additive, 20))) == 20
    assert search.fallbacks == 10


def test_it_beats_random_search_on_the_published_table():
    found = mean_best("dngo", 3, 80, epochs=100)
    assert found < mean_best("random_search", 20, 80) - 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0.0}, "alpha = 0.0 must be positive"),
        ({"noise": -1.0}, "noise = -1.0 must be positive"),
        ({"layers": 0}, "layers = 0"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
