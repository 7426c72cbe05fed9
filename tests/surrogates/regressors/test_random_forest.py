import json

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.ensemble import RandomForestRegressor

import nasbench
from nasbench.algorithm import kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from surrogates.regressors.parts.features import features
from surrogates.regressors.random_forest import RandomForest

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:300], ORDER[300:900]


def fitted(seed=0, **changes):
    return RandomForest(SPACE, seed=seed, **{"trees": 20} | changes).fit(
        ARCHS[TRAIN], TARGETS[TRAIN]
    )


@pytest.mark.parametrize("changes", [{}, {"depth": 3}, {"leaf": 4, "feature_share": 1.0}])
def test_equal_to_scikit_learn(changes):
    model = fitted(7, **changes)
    forest = RandomForestRegressor(
        20,
        max_depth=changes.get("depth"),
        min_samples_leaf=changes.get("leaf", 1),
        max_features=changes.get("feature_share", 0.5),
        random_state=int(np.random.default_rng(7).integers(2**32)),
    ).fit(features(SPACE, ARCHS[TRAIN], None), TARGETS[TRAIN])
    x = features(SPACE, ARCHS[TEST], None)
    found = model.predict(ARCHS[TEST])
    np.testing.assert_allclose(found.mean, forest.predict(x), rtol=1e-13)
    of_trees = [tree.predict(x) for tree in forest.estimators_]
    np.testing.assert_allclose(found.std, np.std(of_trees, axis=0), rtol=1e-10, atol=1e-10)


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    model = fitted()
    many = model.predict(ARCHS)
    for i in TEST[:50]:
        one = model.predict(ARCHS[[i]])
        assert (one.mean[0], one.std[0]) == (many.mean[i], many.std[i])
    assert model.predict(ARCHS[:0]).mean.shape == (0,)


def test_ranks_unseen_networks_and_knows_where_it_errs():
    train, test = ORDER[:1000], ORDER[1000:]
    ranks = SPACE.rank_many(ARCHS)
    test = test[~np.isin(ranks[test], ranks[train])]
    found = RandomForest(SPACE).fit(ARCHS[train], TARGETS[train]).predict(ARCHS[test])
    assert kendalltau(found.mean, TARGETS[test]).statistic > 0.77
    assert kendalltau(found.std, np.abs(found.mean - TARGETS[test])).statistic > 0.2


def test_the_seed_decides():
    means = [fitted(seed).predict(ARCHS[TEST]).mean for seed in (3, 3, 2**63 - 1)]
    np.testing.assert_array_equal(means[0], means[1])
    assert (means[0] != means[2]).any()


def test_hyperparameters_are_kept():
    values = kept_hyperparameters(RandomForest(SPACE))
    assert values == json.loads(json.dumps(values))


@pytest.mark.parametrize(
    "changes", [{"trees": 0}, {"depth": 0}, {"leaf": 0}, {"feature_share": 0.0}]
)
def test_hyperparameters_out_of_range_are_refused(changes):
    with pytest.raises(InvalidArgumentError, match=next(iter(changes))):
        RandomForest(SPACE, **changes)


def test_restored_predictions_are_equal(tmp_path):
    model = fitted()
    model.save(tmp_path)
    again = RandomForest(SPACE, trees=20).restore(tmp_path)
    expected, found = model.predict(ARCHS[TEST]), again.predict(ARCHS[TEST])
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.std, expected.std)


def test_files_that_do_not_belong_are_refused(tmp_path):
    fitted().save(tmp_path)
    with pytest.raises(SurrogateError, match="45 features; the encodings of 'nb201' have 30"):
        RandomForest(SPACE, trees=20, encodings=("one_hot",)).restore(tmp_path)
    with pytest.raises(SurrogateError, match="1 x 20 trees, expected 1 x 21"):
        RandomForest(SPACE, trees=21).restore(tmp_path)
    path = tmp_path / "forest.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SurrogateError, match="cannot read"):
        RandomForest(SPACE, trees=20).restore(tmp_path)
    path.unlink()
    with pytest.raises(SurrogateError, match="cannot read"):
        RandomForest(SPACE, trees=20).restore(tmp_path)
