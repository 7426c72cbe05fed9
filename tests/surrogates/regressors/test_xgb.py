import hashlib
import json

import numpy as np
import pytest
import xgboost
from scipy.stats import kendalltau

import nasbench
import surrogates.regressors.parts.boosted
from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from surrogates.regressors.ngb import NGB
from surrogates.regressors.parts.features import features
from surrogates.regressors.parts.trees import Trees
from surrogates.regressors.xgb import XGB

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:200], ORDER[200:500]


def fitted(seed=0, **changes):
    model = XGB(SPACE, seed=seed, **{"rounds": 30, "depth": 4} | changes)
    return model.fit(ARCHS[TRAIN], TARGETS[TRAIN])


@pytest.fixture(params=[True, False], ids=["few rows", "many rows"])
def rows(request, monkeypatch):
    """Architectures to ask for, so few or so many that the named way answers."""
    monkeypatch.setattr(
        surrogates.regressors.parts.boosted, "_MAX_STEPS", 10**9 if request.param else -1
    )
    return ARCHS[TEST]


def test_equal_to_xgboost_alone(rows):
    x = features(SPACE, ARCHS, None)
    parameters = {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "max_depth": 4,
        "eta": 0.1,
        "min_child_weight": 2.0,
        "subsample": 0.7,
        "colsample_bytree": 0.6,
        "colsample_bylevel": 0.5,
        "lambda": 3.0,
        "alpha": 0.5,
        "seed": 5,
        "nthread": 1,
    }
    alone = xgboost.train(parameters, xgboost.DMatrix(x[TRAIN], TARGETS[TRAIN], nthread=1), 30)
    model = fitted(
        5,
        learning_rate=0.1,
        min_child_weight=2.0,
        subsample=0.7,
        colsample_bytree=0.6,
        colsample_bylevel=0.5,
        l2=3.0,
        l1=0.5,
    )
    found = model.predict(rows)
    np.testing.assert_array_equal(found.mean, alone.predict(xgboost.DMatrix(x[TEST], nthread=1)))
    np.testing.assert_array_equal(found.std, np.zeros(len(rows)))
    assert found.mean.dtype == found.std.dtype == np.float64


def test_members_together_say_what_each_says_alone(rows):
    members = [fitted(seed, early_stop=stop) for seed, stop in ((0, 0), (1, 0), (2, 3))]
    for group in (members, members[:2], members[::-1], members):
        together = XGB.predict_members(group, rows)
        for member, found in zip(group, together, strict=True):
            np.testing.assert_array_equal(found.mean, member.predict(rows).mean)


def test_two_lists_of_members_in_turn_are_joined_once_each(monkeypatch):
    joined, join = [], Trees.of_boosters
    monkeypatch.setattr(Trees, "of_boosters", lambda models: joined.append(models) or join(models))
    members = [fitted(seed=seed, rounds=2) for seed in range(2)]
    for asked in (members, members[:1]) * 2:
        XGB.predict_members(asked, ARCHS[:1])
    assert [len(models) for models in joined] == [2, 1]


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    model = fitted(rounds=300, depth=6)
    many = model.predict(ARCHS[TEST]).mean
    assert len(TEST) * model.depth > surrogates.regressors.parts.boosted._MAX_STEPS > model.depth
    assert [model.predict(ARCHS[[i]]).mean[0] for i in TEST[:50]] == many[:50].tolist()


def test_fitting_again_forgets():
    model = fitted()
    before = model.predict(ARCHS[:5]).mean
    model.fit(ARCHS[TEST], -TARGETS[TEST])
    assert (model.predict(ARCHS[:5]).mean < 0).all()
    model.fit(ARCHS[TRAIN], TARGETS[TRAIN])
    np.testing.assert_array_equal(model.predict(ARCHS[:5]).mean, before)


def test_the_seed_decides():
    means = [fitted(seed).predict(ARCHS[TEST]).mean for seed in (3, 3, 2**63 - 1)]
    np.testing.assert_array_equal(means[0], means[1])
    assert (means[0] != means[2]).any()


def test_ranks_unseen_networks():
    train, test = ORDER[:1000], ORDER[1000:]
    ranks = SPACE.rank_many(ARCHS)
    test = test[~np.isin(ranks[test], ranks[train])]
    mean = XGB(SPACE).fit(ARCHS[train], TARGETS[train]).predict(ARCHS[test]).mean
    assert kendalltau(mean, TARGETS[test]).statistic > 0.81
    assert 1 - np.mean((mean - TARGETS[test]) ** 2) / TARGETS[test].var() > 0.93


def test_early_stop_keeps_the_best_round_of_examples_held_out():
    model = fitted(rounds=1000, learning_rate=0.3, early_stop=5)
    n = model._booster.num_boosted_rounds()
    assert 5 < n < 500
    held, _ = model._held_out(ARCHS[TRAIN])
    x, y = features(SPACE, ARCHS[TRAIN], None), TARGETS[TRAIN]
    other = y.copy()
    other[held] += 1e-3  # what is held out is not learned from
    again = XGB(SPACE, rounds=n, depth=4, learning_rate=0.3, early_stop=n).fit(ARCHS[TRAIN], other)
    assert again._booster.num_boosted_rounds() == n
    np.testing.assert_array_equal(again.predict(ARCHS[TEST]).mean, model.predict(ARCHS[TEST]).mean)
    losses = [
        np.mean((model._booster.inplace_predict(x[held], iteration_range=(0, k)) - y[held]) ** 2)
        for k in range(1, n + 1)
    ]
    assert np.argmin(losses) == n - 1


def test_what_is_held_out_shares_no_function_with_what_is_kept():
    archs = ARCHS[ORDER[:3000]]
    held, kept = fitted()._held_out(archs)
    assert len(set(kept)) == len(kept)
    functions = [{SPACE.function(tuple(a)) for a in archs[part].tolist()} for part in (held, kept)]
    assert not functions[0] & functions[1]
    assert len(held) == len(functions[0]) == sum(map(len, functions)) // 10 > 100
    assert len(held) + len(kept) < 3000  # of a held function, one example decides


def test_two_examples():
    for early_stop in (0, 2):
        model = XGB(SPACE, rounds=5, early_stop=early_stop).fit(ARCHS[[0, 9]], np.array([1.0, 2.0]))
        assert np.isfinite(model.predict(ARCHS[:3]).mean).all()


def test_targets_that_trees_cannot_hold_are_refused():
    for targets in (TARGETS[TRAIN] + 2e9, TARGETS[TRAIN] * 1e12):
        with pytest.raises(InvalidArgumentError, match=r"targets up to .* divide .* beyond 1e\+09"):
            XGB(SPACE, rounds=5).fit(ARCHS[TRAIN], targets)


def test_published_preset():
    values = hyperparameters(XGB, {"rounds": 200}, "nb301")
    model = XGB(SPACE, **values).fit(ARCHS[ORDER[:1000]], TARGETS[ORDER[:1000]])
    assert kept_hyperparameters(model) == values == json.loads(json.dumps(values))
    assert kendalltau(model.predict(ARCHS[TEST]).mean, TARGETS[TEST]).statistic > 0.6


@pytest.mark.parametrize(
    "changes",
    [
        {"rounds": 0},
        {"depth": 0},
        {"early_stop": -1},
        {"learning_rate": 0.0},
        {"subsample": 1.5},
        {"colsample_bytree": -0.1},
        {"colsample_bylevel": float("nan")},
        {"min_child_weight": -1.0},
        {"l2": float("inf")},
        {"l1": -2.0},
    ],
)
def test_hyperparameters_out_of_range_are_refused(changes):
    with pytest.raises(InvalidArgumentError, match=next(iter(changes))):
        XGB(SPACE, **changes)


@pytest.fixture
def saved(tmp_path):
    fitted().save(tmp_path)
    return tmp_path


def restored(folder, **changes):
    return XGB(SPACE, **{"rounds": 30, "depth": 4} | changes).restore(folder)


@pytest.mark.parametrize("early_stop", [0, 3])
def test_restored_predictions_are_equal(tmp_path, rows, capfd, early_stop):
    model = fitted(early_stop=early_stop)
    model.save(tmp_path)
    expected = model.predict(rows).mean
    again = restored(tmp_path, early_stop=early_stop)
    np.testing.assert_array_equal(again.predict(rows).mean, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.ubj"]
    assert capfd.readouterr() == ("", "")


def test_saving_again_writes_equal_bytes(saved):
    before = [(saved / name).read_bytes() for name in ("model.json", "model.ubj")]
    restored(saved).save(saved)
    assert [(saved / name).read_bytes() for name in ("model.json", "model.ubj")] == before


@pytest.mark.parametrize("name", ["model.json", "model.ubj"])
def test_damaged_files_are_refused(saved, capfd, name):
    path = saved / name
    written = path.read_bytes()
    n = len(written)
    damaged = [written[:cut] for cut in (0, 1, n // 3, n // 2, n - 3)]
    damaged += [written[:i] + bytes([written[i] ^ 255]) + written[i + 1 :] for i in (5, n // 2)]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(SurrogateError, match=r"model\.ubj"):
            restored(saved)
    path.unlink()
    with pytest.raises(SurrogateError, match="cannot read"):
        restored(saved)
    assert capfd.readouterr() == ("", "")


def rewrite(folder, data):
    (folder / "model.ubj").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps({"sha256": digest}))


def test_foreign_files_are_refused(saved):
    rewrite(saved, b'{"learner": {}}')
    with pytest.raises(SurrogateError, match="is no model of XGBoost"):
        restored(saved)
    examples = xgboost.DMatrix(features(SPACE, ARCHS[:50], None), TARGETS[:50], nthread=1)
    rewrite(saved, bytes(xgboost.train({"nthread": 1}, examples, 30).save_raw("ubj")))
    with pytest.raises(SurrogateError, match="written by another program, not by XGB"):
        restored(saved)
    NGB(SPACE, rounds=30).fit(ARCHS[TRAIN], TARGETS[TRAIN]).save(saved)
    with pytest.raises(SurrogateError, match="written by NGB, not by XGB"):
        restored(saved)


def test_a_model_of_other_hyperparameters_is_refused(saved):
    with pytest.raises(SurrogateError, match="45 features; the encodings of 'nb201' have 30"):
        restored(saved, encodings=("one_hot",))
    with pytest.raises(SurrogateError, match="has 30 rounds, expected 31"):
        restored(saved, rounds=31)
    with pytest.raises(SurrogateError, match="has 30 rounds, expected 29"):
        restored(saved, rounds=29, early_stop=1)
