import json

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

import nasbench
from nasbench.algorithm import kept_hyperparameters
from nasbench.encodings import path_statistics
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.spaces.fcnet import FCNet
from surrogates.regressors.knn import KNN

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
ARCHS = np.array(list(SPACE.archs()))
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:300], ORDER[300:360]
TARGETS = BENCHMARK.query_many(ARCHS, "valid_accuracy")


def by_hand(arch, k):
    """Examples by the number of decisions that differ, equal ones in their order."""
    distances = [sum(a != b for a, b in zip(arch, ARCHS[i], strict=True)) for i in TRAIN]
    nearest = sorted(range(len(TRAIN)), key=lambda i: (distances[i], i))[:k]
    return TARGETS[TRAIN[nearest]]


@pytest.mark.parametrize("k", [1, 7, 10])
def test_the_nearest_have_the_most_equal_decisions(k):
    found = KNN(SPACE, k=k).fit(ARCHS[TRAIN], TARGETS[TRAIN]).predict(ARCHS[TEST])
    expected = [by_hand(arch, k) for arch in ARCHS[TEST]]
    np.testing.assert_allclose(found.mean, np.mean(expected, axis=1))
    np.testing.assert_allclose(found.std, np.std(expected, axis=1), atol=1e-12)


def test_equal_to_scikit_learn_between_encodings():
    x, queries = (path_statistics(SPACE, ARCHS[rows]) for rows in (TRAIN, TEST))
    oracle = KNeighborsRegressor(3, algorithm="brute").fit(x, TARGETS[TRAIN])
    distances, _ = oracle.kneighbors(queries, 4)
    clear = distances[:, 3] > distances[:, 2] + 1e-3  # scikit-learn breaks ties in another way
    assert clear.sum() > 20
    model = KNN(SPACE, k=3, encodings=("path_statistics",)).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    found = model.predict(ARCHS[TEST][clear]).mean
    np.testing.assert_allclose(found, oracle.predict(queries[clear]))


def test_earlier_examples_win_ties():
    archs = np.array([[1] * 6, [2] * 6, [3] * 6])
    found = KNN(SPACE, k=2).fit(archs, np.array([1.0, 2.0, 4.0])).predict(np.array([[0] * 6]))
    assert (found.mean[0], found.std[0]) == (1.5, 0.5)


def test_fewer_examples_than_k_are_all_averaged():
    model = KNN(SPACE, k=10).fit(ARCHS[TRAIN[:4]], TARGETS[TRAIN[:4]])
    assert model.predict(ARCHS[TEST]).mean == pytest.approx(TARGETS[TRAIN[:4]].mean())


def test_blocks_change_nothing():
    model = KNN(SPACE).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    rows = ORDER[:2500]
    found = model.predict(ARCHS[rows])
    parts = [model.predict(ARCHS[rows[i : i + 100]]) for i in range(0, len(rows), 100)]
    assert (found.mean == np.concatenate([part.mean for part in parts])).all()
    assert (found.std == np.concatenate([part.std for part in parts])).all()


def test_examples_of_another_space_are_refused(tmp_path):
    KNN(SPACE).fit(ARCHS[TRAIN], TARGETS[TRAIN]).save(tmp_path)
    with pytest.raises(SurrogateError, match="holds no examples of 'fcnet'"):
        KNN(FCNet()).restore(tmp_path)


def test_hyperparameters_are_checked_and_kept():
    with pytest.raises(InvalidArgumentError, match="k = 0 must be at least 1"):
        KNN(SPACE, k=0)
    kept = kept_hyperparameters(KNN(SPACE, k=3, encodings=("path",)))
    assert json.loads(json.dumps(kept)) == {"k": 3, "encodings": ["path"]}
