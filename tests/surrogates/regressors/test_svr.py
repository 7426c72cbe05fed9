import json

import numpy as np
import pytest
import sklearn.svm
from scipy.stats import kendalltau

import nasbench
from nasbench.algorithm import kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from surrogates.regressors.knn import KNN
from surrogates.regressors.parts.features import features
from surrogates.regressors.svr import SVR

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:300], ORDER[1000:3000]

MACHINES = {
    "nu": sklearn.svm.NuSVR(C=2, nu=0.3, gamma="scale"),
    "epsilon": sklearn.svm.SVR(C=2, epsilon=0.1, gamma="scale"),
}


@pytest.mark.parametrize("encodings", [None, ("path",)])
@pytest.mark.parametrize("kind", MACHINES)
def test_equal_to_scikit_learn(kind, encodings):
    x, queries = (features(SPACE, ARCHS[rows], encodings).astype(float) for rows in (TRAIN, TEST))
    center, scale = x.mean(axis=0), np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1)
    x, queries = (x - center) / scale, (queries - center) / scale
    mean, std = TARGETS[TRAIN].mean(), TARGETS[TRAIN].std()
    oracle = MACHINES[kind].fit(x, (TARGETS[TRAIN] - mean) / std)
    model = SVR(SPACE, kind=kind, C=2.0, nu=0.3, epsilon=0.1, encodings=encodings)
    found = model.fit(ARCHS[TRAIN], TARGETS[TRAIN]).predict(ARCHS[TEST])
    np.testing.assert_allclose(found.mean, mean + std * oracle.predict(queries), rtol=1e-9)
    assert (found.std == 0).all()


def test_nu_is_the_least_share_of_support_vectors():
    few, many = (
        SVR(SPACE, nu=nu).fit(ARCHS[TRAIN], TARGETS[TRAIN])._arrays["weights"].size
        for nu in (0.2, 0.7)
    )
    assert few >= 0.2 * len(TRAIN)
    assert many >= 0.7 * len(TRAIN)
    assert few < many


def test_epsilon_is_the_error_that_costs_nothing():
    rows = np.unique(ARCHS[TRAIN], axis=0, return_index=True)[1]
    archs, y = ARCHS[TRAIN[rows]], TARGETS[TRAIN[rows]]
    found = SVR(SPACE, kind="epsilon", C=1e3, epsilon=0.2, gamma=3.0).fit(archs, y).predict(archs)
    assert np.abs(found.mean - y).max() / y.std() == pytest.approx(0.2, abs=0.01)


def test_an_epsilon_above_all_errors_leaves_a_constant():
    model = SVR(SPACE, kind="epsilon", epsilon=100.0).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    assert np.ptp(model.predict(ARCHS[TEST]).mean) == 0


def test_ranks_unseen_networks_better_than_their_neighbours_do():
    ranks = SPACE.rank_many(ARCHS)
    test = TEST[~np.isin(ranks[TEST], ranks[TRAIN])]
    svr, near = (
        kendalltau(model.fit(ARCHS[TRAIN], TARGETS[TRAIN]).predict(ARCHS[test]).mean, TARGETS[test])
        for model in (SVR(SPACE), KNN(SPACE))
    )
    assert svr.statistic > 0.7
    assert near.statistic < 0.62


def test_identical_architectures_are_no_error():
    twice = np.repeat(ARCHS[TRAIN[:1]], 4, axis=0)
    found = SVR(SPACE).fit(twice, np.array([1.0, 2.0, 2.0, 3.0])).predict(ARCHS[TEST])
    np.testing.assert_allclose(found.mean, 2, atol=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "nv"}, "kind = 'nv'.*nu"),
        ({"C": 0.0}, "C = 0.0 must be positive and finite"),
        ({"gamma": float("inf")}, "gamma = inf"),
        ({"nu": 1.5}, "nu = 1.5 must be in"),
        ({"epsilon": -0.1}, "epsilon = -0.1 must be finite, not negative"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        SVR(SPACE, **settings)


def test_hyperparameters_are_kept():
    kept = kept_hyperparameters(SVR(SPACE, **SVR.presets["nb301_nu"]))
    assert json.loads(json.dumps(kept))["nu"] == 0.18390286043623272


def test_files_for_other_features_are_refused(tmp_path):
    SVR(SPACE).fit(ARCHS[TRAIN], TARGETS[TRAIN]).save(tmp_path)
    with pytest.raises(SurrogateError, match=r"float64 of shape .* for another space"):
        SVR(SPACE, encodings=("one_hot",)).restore(tmp_path)
