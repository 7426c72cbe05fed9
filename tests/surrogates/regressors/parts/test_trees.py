import json

import numpy as np
import pytest
import xgboost
from sklearn.ensemble import RandomForestRegressor

import surrogates.regressors.parts.trees
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import read_arrays, write_arrays
from surrogates.regressors.parts.boosted_model import BoostedModel
from surrogates.regressors.parts.trees import Trees

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).astype(np.float32)
Y = np.stack([X[:, 0] * X[:, 1] + X[:, 2], X[:, 3] ** 2], axis=1)


def boost(rounds=20, targets=1, **parameters):
    settings = {"max_depth": 4, "nthread": 1, "tree_method": "hist", "learning_rate": 0.3}
    examples = xgboost.DMatrix(X, Y[:, :targets], nthread=1)
    return xgboost.train(settings | parameters, examples, rounds)


def trees_of(boosters):
    models = [BoostedModel.read(bytes(b.save_raw("ubj")), "a test") for b in boosters]
    return Trees.of_boosters(models)


def on_thresholds(n_features, thresholds):
    """Rows whose features lie on thresholds and on the nearest numbers of either side."""
    near = [np.nextafter(thresholds, np.float32(side)) for side in (-np.inf, np.inf)]
    values = np.concatenate([thresholds, *near])
    return np.random.default_rng(1).choice(values, size=(400, n_features)).astype(np.float32)


def walked(booster, row):
    """Walk of every tree by its text form, added to the start in single precision."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    total = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    for tree in learner["gradient_booster"]["model"]["trees"]:
        node = 0
        while tree["left_children"][node] >= 0:
            is_left = row[tree["split_indices"][node]] < np.float32(tree["split_conditions"][node])
            node = tree["left_children" if is_left else "right_children"][node]
        total = np.float32(total + np.float32(tree["split_conditions"][node]))
    return total


def test_a_stump_by_hand():
    x = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    examples = xgboost.DMatrix(x, np.array([1.0, 1.0, 5.0, 5.0]), nthread=1)
    parameters = {"max_depth": 1, "reg_lambda": 0, "learning_rate": 0.5, "nthread": 1}
    trees = trees_of([xgboost.train(parameters, examples, 1)])
    # From the mean 3, half of the way to the means 1 and 5
    np.testing.assert_array_equal(trees.sums(x), [[2], [2], [4], [4]])
    assert (trees.shape, trees.depth, trees.n_features) == ((1, 2), 1, 1)
    np.testing.assert_array_equal(trees.child, [0, 2, 2, 3])
    np.testing.assert_array_equal(trees.value, [3, 0, -1, 1])


@pytest.mark.parametrize(
    "parameters", [{}, {"max_depth": 9, "subsample": 0.5}, {"grow_policy": "lossguide"}]
)
def test_equal_to_xgboost_to_the_last_bit(parameters):
    booster = boost(**parameters)
    trees = trees_of([booster])
    for x in (X, on_thresholds(5, trees.threshold[np.isfinite(trees.threshold)])):
        np.testing.assert_array_equal(trees.sums(x)[:, 0], booster.inplace_predict(x))
        assert trees.sums(x).dtype == np.float32
        assert [walked(booster, row) for row in x[:20]] == trees.sums(x[:20])[:, 0].tolist()


def test_models_of_different_sizes_and_of_several_targets():
    boosters = [boost(3), boost(30, max_depth=2), boost(7, targets=2), boost(1)]
    trees = trees_of(boosters)
    expected = [booster.inplace_predict(X).reshape(len(X), -1) for booster in boosters]
    assert trees.shape == (5, 31)
    np.testing.assert_array_equal(trees.sums(X), np.concatenate(expected, axis=1))


def test_trees_without_a_split():
    booster = boost(3, min_child_weight=1e6)
    trees = trees_of([booster])
    assert trees.depth == 0
    np.testing.assert_array_equal(trees.sums(X)[:, 0], booster.inplace_predict(X))


def test_a_pruned_model_skips_deleted_nodes():
    booster = boost(10, max_depth=6)
    pruned = xgboost.train(
        {"process_type": "update", "updater": "prune", "gamma": 2.0, "nthread": 1, "verbosity": 0},
        xgboost.DMatrix(X, Y[:, 0], nthread=1),
        10,
        xgb_model=booster,
    )
    trees = trees_of([pruned])
    assert len(trees.child) < len(trees_of([booster]).child)
    np.testing.assert_array_equal(trees.sums(X)[:, 0], pruned.inplace_predict(X))


def test_leaves_are_those_of_every_tree_of_scikit_learn():
    forest = RandomForestRegressor(12, max_features=0.5, random_state=0).fit(X, Y[:, 0])
    trees = Trees.of_forest(forest)
    thresholds = np.concatenate([tree.tree_.threshold for tree in forest.estimators_])
    for x in (X, on_thresholds(5, thresholds.astype(np.float32))):
        leaves = np.concatenate(list(trees.leaves(x)))
        expected = np.stack([tree.predict(x) for tree in forest.estimators_], axis=1)
        assert leaves.shape == (len(x), 1, 12)
        np.testing.assert_array_equal(leaves[:, 0], expected)


@pytest.mark.parametrize("walks", [1, 100, 10**6])
def test_size_of_blocks_changes_nothing(monkeypatch, walks):
    trees = trees_of([boost(), boost(seed=1, subsample=0.5)])
    expected = trees.sums(X)
    monkeypatch.setattr(surrogates.regressors.parts.trees, "_WALKS", walks)
    np.testing.assert_array_equal(trees.sums(X), expected)
    assert trees.sums(X[:0]).shape == (0, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(value):
    x = X.copy()
    x[3, 2] = value
    with pytest.raises(InvalidArgumentError, match="1 of 1500 features"):
        trees_of([boost(1)]).sums(x)


def test_other_features_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"\(300, 4\); the trees need \(n, 5\)"):
        trees_of([boost(1)]).sums(X[:, :4])


@pytest.fixture
def saved(tmp_path):
    forest = RandomForestRegressor(5, random_state=0).fit(X, Y[:, 0])
    for name, trees in (("b", trees_of([boost()])), ("f", Trees.of_forest(forest))):
        trees.save(tmp_path / f"{name}.npz")
        restored = Trees.restore(tmp_path / f"{name}.npz")
        assert restored.value.dtype == trees.value.dtype
        np.testing.assert_array_equal(restored.sums(X), trees.sums(X))
    return tmp_path / "b.npz"


def test_damaged_files_are_refused(saved):
    written = saved.read_bytes()
    for cut in (0, 1, len(written) // 2, len(written) - 1):
        saved.write_bytes(written[:cut])
        with pytest.raises(SurrogateError, match="cannot read"):
            Trees.restore(saved)
    saved.unlink()
    with pytest.raises(SurrogateError, match="cannot read"):
        Trees.restore(saved)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("child", 5, 3),
        ("child", 0, 10**6),
        ("child", 0, -1),
        ("condition", 2, 10**6),
        ("feature", 0, 5),
        ("value", 0, np.nan),
        ("numbers", 0, -1),
        ("numbers", 1, 10**6),
        ("numbers", 3, 10**6),
    ],
)
def test_arrays_that_are_no_forest_are_refused(saved, name, place, value):
    names = ("numbers", "value", "threshold", "child", "condition", "feature")
    arrays = read_arrays(saved, names)
    arrays[name][place] = value
    write_arrays(saved, arrays)
    with pytest.raises(SurrogateError, match="does not hold a forest"):
        Trees.restore(saved)
    write_arrays(saved, arrays | {name: arrays[name].astype(complex)})
    with pytest.raises(SurrogateError, match="does not hold a forest"):
        Trees.restore(saved)
