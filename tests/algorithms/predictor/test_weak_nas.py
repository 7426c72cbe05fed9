import math

import numpy as np
import pytest
from toys import Tiny, drive, mean_best

from algorithms.predictor.weak_nas import WeakNAS
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.darts import Darts
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201

CHEAP = {"epochs": 3, "layers": 1, "width": 10}


def made(space=None, **settings):
    return WeakNAS(space or NB201(), fidelities=(200,), seed=0, **settings)


def additive(arch):
    return float(sum((option + i) % 5 for i, option in enumerate(arch)))


def predict_as(search, monkeypatch, truth):
    """Let the network predict what is given, and nothing be learned."""
    monkeypatch.setattr(search._network, "fit", lambda *_: None)
    monkeypatch.setattr(search, "_features", lambda archs: archs)
    predict = lambda archs: np.array([[truth(arch) for arch in archs]])  # noqa: E731
    monkeypatch.setattr(search._network, "predict", predict)


def test_a_batch_is_drawn_from_the_top_of_the_whole_space(monkeypatch):
    search = made(top=100, **CHEAP)
    predict_as(search, monkeypatch, additive)
    ranked = sorted(NB201().archs(), key=additive)
    archs = drive(search, additive, 60)
    assert set(archs[10:]) <= set(ranked[:100])
    assert archs[10:20] != ranked[:10]
    assert len(set(archs)) == 60


def test_when_the_top_is_used_up_the_next_best_follow(monkeypatch):
    search = made(top=12, **CHEAP)
    predict_as(search, monkeypatch, additive)
    ranked = sorted(NB201().archs(), key=additive)
    archs = drive(search, additive, 50)
    fresh = [arch for arch in ranked if arch not in archs[:10]]
    assert set(archs[10:]) == set(fresh[:40])


def test_a_large_space_is_predicted_in_part(monkeypatch):
    search = made(Darts(), pool=50, top=10, **CHEAP)
    sizes = []
    predict = search._network.predict
    monkeypatch.setattr(search._network, "predict", lambda x: sizes.append(len(x)) or predict(x))
    assert len(set(drive(search, additive, 40))) == 40
    assert sizes == [60, 70, 80]


@pytest.mark.parametrize("space", [FCNet(), Tiny()])
def test_any_space_is_searched_to_its_end(space):
    search = made(space, **CHEAP)
    archs = drive(search, additive, 40)
    assert len(set(archs)) == len(archs) == min(space.size, 40)


def test_where_networks_diverge_random_architectures_follow():
    search = made(learning_rate=1e300, **CHEAP)
    assert len(set(drive(search, additive, 20))) == 20
    assert search.fallbacks == 10


def test_diverged_trainings_are_examples():
    search = made(**CHEAP)
    losses = [math.inf if i % 3 == 0 else float(i) for i in range(30)]
    assert len(drive(search, losses)) == 30
    assert search.fallbacks == 0


def test_presets_have_the_published_network():
    assert WeakNAS.presets["nb201"]["width"] == WeakNAS.presets["nb101"]["width"] == 1000
    search = made(**WeakNAS.presets["nb101"])
    assert search._network.shapes == ((4, 1000),)
    assert (search.initial, search.batch, search.top, search.epochs) == (100, 10, 100, 100)
    assert search._network.training.learning_rate == 0.001


def test_it_beats_random_search_on_the_published_table():
    found = mean_best("weak_nas", 3, 80, width=50)
    assert found < mean_best("random_search", 20, 80) - 0.1


@pytest.mark.parametrize("name", ["top", "pool", "initial", "batch"])
def test_impossible_settings_are_refused(name):
    with pytest.raises(InvalidArgumentError, match=f"{name} = 0 must be at least 1"):
        made(**{name: 0})
