import numpy as np
import pytest
from toys import drive, mean_best

from algorithms.bayesian.bananas import BANANAS
from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201

CHEAP = {"epochs": 3, "layers": 2, "width": 5}


def made(space=None, preset=None, **changes):
    values = hyperparameters(BANANAS, changes, preset)
    return BANANAS(space or NB201(), fidelities=(200,), seed=0, **values)


def additive(arch):
    return 10.0 + sum((option + i) % 5 for i, option in enumerate(arch))


def test_naszilla_has_the_published_settings():
    search = made(preset="naszilla")
    networks = search._ensemble
    assert networks.shapes == ((10, 20),) * 5
    training = networks.training
    assert (training.loss, training.epochs, training.minibatch) == ("mae", 150, 32)
    assert (training.learning_rate, training.beta_1, training.beta_2) == (0.01, 0.9, 0.99)
    assert (search.initial, search.batch, search.candidates, search.parents) == (10, 10, 100, 1)
    assert (search.acquisition, search.targets, search.loss_unit) == ("ts", "raw", "%")
    assert search._rates == [0.25] * 6


def test_diverse_networks_have_the_published_shapes():
    shapes = made(preset="diverse")._ensemble.shapes
    assert shapes == ((10, 20), (5, 5), (5, 30), (30, 5), (30, 30))


def test_every_fit_sees_all_results_and_predicts_unseen_mutants(monkeypatch):
    search = made(**CHEAP)
    fits = []
    monkeypatch.setattr(
        search, "fit_and_predict", lambda x, y, c: fits.append((len(y), len(c))) or (c[:, 0],) * 2
    )
    archs = drive(search, additive, 40)
    assert [n for n, _ in fits] == [10, 20, 30]
    assert all(100 <= candidates < 200 for _, candidates in fits)
    assert len(set(archs)) == 40


@pytest.mark.parametrize("acquisition", ["ei", "log_ei", "pi", "ucb", "mean"])
def test_an_acquisition_function_decides(acquisition):
    traces = [drive(made(acquisition=name, **CHEAP), additive, 60) for name in ("ts", acquisition)]
    assert traces[0][:10] == traces[1][:10]
    assert traces[0] != traces[1]


def test_a_space_without_graphs_is_searched_by_options():
    search = made(FCNet(), **CHEAP)
    assert len(set(drive(search, additive, 40))) == 40
    assert search._features.encoding == "one_hot"
    assert search.fallbacks == 0


def test_networks_that_diverge_are_fallbacks():
    search = made(learning_rate=1e300, **CHEAP)
    assert len(set(drive(search, additive, 30))) == 30
    assert search.fallbacks == 20


def test_it_beats_random_search_on_the_published_table():
    found = mean_best("bananas", 3, 80, epochs=60, members=3)
    assert found < mean_best("random_search", 20, 80) - 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": 0}, "members = 0 must be in 1"),
        ({"layers": 0}, "layers = 0"),
        ({"shapes": [[1]]}, r"shape = \[1\] must be a pair"),
        ({"shapes": []}, "0 networks were asked for"),
        ({"minibatch": 0}, "minibatch = 0"),
        ({"encoding": "pathes"}, "encoding = 'pathes'.*path"),
        ({"loss": "mse "}, "loss = 'mse '.*mse"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)


def test_mean_and_standard_deviation_are_over_members():
    search = made(**CHEAP)
    x = np.random.default_rng(0).random((12, 4))
    mean, std = search.fit_and_predict(x, x[:, 0], x)
    members = search._ensemble.predict(x)
    assert members.shape == (5, 12)
    assert np.allclose(mean, members.mean(axis=0))
    assert np.allclose(std, members.std(axis=0))
