import json

import numpy as np
import pytest
import statsmodels.api
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

import surrogates.regressors.linear as module
from nasbench.algorithm import kept_hyperparameters
from nasbench.errors import SurrogateError, UnknownNameError
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201
from surrogates.regressors.linear import Linear
from surrogates.regressors.parts.features import features

SPACE = FCNet()
RNG = np.random.default_rng(0)
ARCHS = np.stack([RNG.integers(n, size=160) for n in SPACE.options], axis=1)
TRAIN, TEST = ARCHS[:100], ARCHS[100:]
TABLES = [RNG.standard_normal(n) for n in SPACE.options]


def additive(archs):
    return 70 + sum(table[options] for table, options in zip(TABLES, archs.T, strict=True))


def noisy(archs, scale):
    return additive(archs) + scale * np.random.default_rng(1).standard_normal(len(archs))


def standardised(examples):
    """Features of the examples and of the test architectures."""
    x, queries = (features(SPACE, archs, None).astype(float) for archs in (examples, TEST))
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), scaler.transform(queries)


def by_matrices(x, y, queries, penalty):
    """Score of the penalty, then mean and standard deviation, each by its definition."""
    n = len(x)
    hat = 1 / n + x @ np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1])) @ x.T
    errors, free = y - hat @ y, n - np.trace(hat)
    score = errors @ errors / free**2
    weights = np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1]))
    variance = 1 + 1 / n + np.einsum("ij,jk,ik->i", queries, weights, queries)
    return (
        score,
        y.mean() + queries @ weights @ x.T @ y,
        np.sqrt(errors @ errors / free * variance),
    )


@pytest.mark.parametrize("n", [100, 15])
@pytest.mark.parametrize("scale", [0.1, 3])
def test_penalty_has_the_least_score_and_the_rest_is_by_definition(n, scale):
    y = noisy(TRAIN[:n], scale)
    x, queries = standardised(TRAIN[:n])
    candidates = [by_matrices(x, y, queries, n * penalty) for penalty in module._PENALTIES]
    _, mean, std = min(candidates, key=lambda candidate: candidate[0])
    found = Linear(SPACE).fit(TRAIN[:n], y).predict(TEST)
    # of penalties whose scores are equal but for rounding, either may be the least
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(found.std, std, rtol=1e-3)


def test_equal_to_scikit_learn(monkeypatch):
    monkeypatch.setattr(module, "_PENALTIES", np.array([0.03]))
    y = noisy(TRAIN, 1)
    x, queries = standardised(TRAIN)
    oracle = Ridge(0.03 * len(x), solver="svd").fit(x, y)
    found = Linear(SPACE).fit(TRAIN, y).predict(TEST)
    np.testing.assert_allclose(found.mean, oracle.predict(queries), rtol=1e-12)


def test_without_penalty_it_is_ordinary_least_squares(monkeypatch):
    monkeypatch.setattr(module, "_PENALTIES", np.array([1e-13]))
    y = noisy(TRAIN, 1)
    x, queries = (
        statsmodels.api.add_constant(features(SPACE, archs, ("unit_cube",)).astype(float))
        for archs in (TRAIN, TEST)
    )
    oracle = statsmodels.api.OLS(y, x).fit().get_prediction(queries)
    found = Linear(SPACE, encodings=("unit_cube",)).fit(TRAIN, y).predict(TEST)
    np.testing.assert_allclose(found.mean, oracle.predicted_mean, rtol=1e-9)
    np.testing.assert_allclose(found.std, oracle.se_obs, rtol=1e-3)


def test_learns_an_additive_function():
    found = Linear(SPACE).fit(TRAIN, additive(TRAIN)).predict(TEST)
    np.testing.assert_allclose(found.mean, additive(TEST), atol=1e-3)


def test_an_option_never_seen_is_uncertain():
    seen = TRAIN[TRAIN[:, 2] != 3]
    model = Linear(SPACE).fit(seen, noisy(seen, 1))
    known, unknown = TEST[TEST[:, 2] != 3], TEST[TEST[:, 2] == 3]
    assert model.predict(unknown).std.min() > model.predict(known).std.max()


def test_two_examples_are_enough():
    found = Linear(SPACE).fit(TRAIN[:2], np.array([1.0, 3.0])).predict(TRAIN[:2])
    assert 1 <= found.mean[0] < 2 < found.mean[1] <= 3
    assert np.isfinite(found.std).all()


def test_files_for_other_features_are_refused(tmp_path):
    Linear(SPACE).fit(TRAIN, additive(TRAIN)).save(tmp_path)
    for other in (Linear(SPACE, encodings=("unit_cube",)), Linear(NB201())):
        with pytest.raises(SurrogateError, match=r"float64 of shape .* for another space"):
            other.restore(tmp_path)


def test_hyperparameters_are_kept_and_encodings_checked():
    kept = kept_hyperparameters(Linear(SPACE, encodings=("unit_cube",)))
    assert json.loads(json.dumps(kept)) == {"encodings": ["unit_cube"]}
    with pytest.raises(UnknownNameError, match=r"'onehot'.*one_hot"):
        Linear(SPACE, encodings=("onehot",)).fit(TRAIN, additive(TRAIN))
