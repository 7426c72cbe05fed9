"""Further features, such as scores known before training."""

import random

import numpy as np
import pytest
from scipy.stats import spearmanr

from nasbench.encodings import encode
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix
from surrogates import REGRESSORS
from surrogates.regressors.ensemble import Ensemble
from surrogates.regressors.parts.features import features

SPACE = NB201()
CHEAP = {
    "xgb": {"rounds": 60},
    "ngb": {"rounds": 40},
    "mlp": {"layers": 2, "width": 16, "epochs": 40},
    "random_forest": {"trees": 20},
    "ensemble": {"regressor": "linear", "members": 2, "bootstrap": True},
}
TAKE = [name for name in REGRESSORS if REGRESSORS.load(name).takes_columns] + ["ensemble"]


def score(archs):
    """A number that the encoding does not tell."""
    return np.array([[mix(key(tuple(arch))) % 1000 / 250 - 2] for arch in archs.tolist()])


def archs(n):
    rng = random.Random(1)
    return np.array([SPACE.sample(rng) for _ in range(n)])


def test_all_that_read_encodings_take_columns():
    assert set(REGRESSORS) - set(TAKE) == {"gin"}


def test_columns_stand_beside_the_encodings():
    chosen = archs(5)
    found = features(SPACE, chosen, ("one_hot", "path_statistics"), score)
    expected = encode(SPACE, chosen, ("one_hot", "path_statistics"))
    assert np.array_equal(found, np.hstack((expected, score(chosen).astype(np.float32))))


@pytest.mark.parametrize("name", TAKE)
def test_a_model_learns_from_columns_what_the_architecture_does_not_tell(name):
    chosen = archs(200)
    targets = score(chosen)[:, 0] ** 2 + score(chosen)[:, 0]
    correlation = []
    for columns in (None, score):
        model = REGRESSORS.load(name)(SPACE, **CHEAP.get(name, {}))
        if columns is not None:
            model.add_columns(columns)
        model.fit(chosen[:150], targets[:150])
        correlation.append(spearmanr(model.predict(chosen[150:]).mean, targets[150:]).statistic)
    assert correlation[1] > max(correlation[0] + 0.15, 0.2)


def test_a_graph_network_takes_none():
    model = REGRESSORS.load("gin")(SPACE)
    with pytest.raises(InvalidArgumentError, match="GIN reads nothing but the architecture"):
        model.add_columns(score)
    with pytest.raises(InvalidArgumentError, match="GIN reads nothing but the architecture"):
        Ensemble(SPACE, regressor="gin", members=2).add_columns(score)


@pytest.mark.parametrize("members", ["gin", "knn"])
def test_an_ensemble_takes_columns_if_its_members_do(members):
    assert Ensemble(SPACE, regressor=members).takes_columns == (members == "knn")
