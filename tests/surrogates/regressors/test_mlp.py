import json
import random

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

import nasbench
from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError, UnknownNameError
from nasbench.spaces.fcnet import FCNet
from surrogates.regressors.mlp import MLP, forward
from surrogates.regressors.parts.features import features

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
TRAIN, TEST = ORDER[:100], ORDER[100:300]


def fitted(seed=0, *, archs=ARCHS[TRAIN], targets=TARGETS[TRAIN], **changes):
    small = {"width": 16, "epochs": 10}
    return MLP(SPACE, seed=seed, **small | changes).fit(archs, targets)


def test_equal_to_the_sum_over_every_unit():
    model = fitted(layers=2, width=3, loss="gaussian")
    rows, found = features(SPACE, ARCHS[TEST[:5]], None), model.predict(ARCHS[TEST[:5]])
    inputs = features(SPACE, ARCHS[TRAIN], None).astype(np.float64)
    std = np.where(np.ptp(inputs, axis=0) > 0, inputs.std(axis=0), 1)
    shift, unit = TARGETS[TRAIN].mean(), TARGETS[TRAIN].std()
    for row, mean, deviation in zip(rows, *found, strict=True):
        values = list((row - inputs.mean(axis=0)) / std)
        for i, layer in enumerate(model._layers):
            values = [
                sum(v * w for v, w in zip(values, column[:-1], strict=True)) + column[-1]
                for column in layer.T
            ]
            if i < 2:
                values = [max(v, 0.0) for v in values]
        assert mean == pytest.approx(values[0] * unit + shift, rel=1e-6)
        variance = np.log1p(np.exp(values[1])) + 1e-6
        assert deviation == pytest.approx(np.sqrt(variance) * unit, rel=1e-6)


def test_learns_with_what_it_predicts_with():
    model = fitted()
    x = model._inputs.standardise(features(SPACE, ARCHS[TEST], None))
    outputs = forward([torch.from_numpy(layer) for layer in model._layers], torch.from_numpy(x))
    mean = outputs[:, 0].numpy() * TARGETS[TRAIN].std() + TARGETS[TRAIN].mean()
    np.testing.assert_allclose(model.predict(ARCHS[TEST]).mean, mean, rtol=1e-6)


def test_first_weights_are_uniform_and_first_biases_zero():
    model = fitted(width=300, learning_rate=1e-12, weight_decay=0.0, epochs=1)
    for layer in model._layers:
        bound = np.sqrt(6 / (len(layer) - 1))
        np.testing.assert_allclose(layer[-1], 0.0, atol=1e-9)
        assert abs(layer[:-1]).max() == pytest.approx(bound, rel=0.05)
        assert layer[:-1].var() == pytest.approx(bound**2 / 3, rel=0.2)


@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_remembers_twenty_examples(loss):
    archs = np.unique(ARCHS[TRAIN], axis=0)[:20]
    targets = np.random.default_rng(1).normal(70, 5, size=20)
    model = fitted(archs=archs, targets=targets, loss=loss, epochs=300, width=64, weight_decay=0.0)
    found = model.predict(archs)
    np.testing.assert_allclose(found.mean, targets, atol=0.5)
    np.testing.assert_array_equal(found.std, np.zeros(20))


def test_losses_agree_with_the_best_constant():
    archs = np.repeat(ARCHS[[0, -1]], 200, axis=0)
    noise = np.random.default_rng(0).exponential(size=400)
    targets = np.where(np.arange(400) < 200, noise, 20 + 3 * noise)
    ends, parts = ARCHS[[0, -1]], (targets[:200], targets[200:])
    settings = {"archs": archs, "targets": targets, "epochs": 60, "weight_decay": 0.0}
    found = {
        loss: fitted(loss=loss, **settings).predict(ends) for loss in ("mae", "mse", "gaussian")
    }
    np.testing.assert_allclose(found["mae"].mean, [np.median(part) for part in parts], atol=0.3)
    np.testing.assert_allclose(found["mse"].mean, [part.mean() for part in parts], atol=0.3)
    np.testing.assert_allclose(found["gaussian"].mean, [part.mean() for part in parts], atol=0.3)
    np.testing.assert_allclose(found["gaussian"].std, [part.std() for part in parts], rtol=0.1)


def test_ranks_unseen_networks():
    train, test = ORDER[:400], ORDER[400:]
    ranks = SPACE.rank_many(ARCHS)
    test = test[~np.isin(ranks[test], ranks[train])]
    model = MLP(SPACE, epochs=60).fit(ARCHS[train], TARGETS[train])
    assert kendalltau(model.predict(ARCHS[test]).mean, TARGETS[test]).statistic > 0.75


def test_answers_do_not_depend_on_how_many_are_asked_at_once():
    model = fitted(loss="gaussian")
    many = model.predict(ARCHS)
    for i in TEST[:50]:
        one = model.predict(ARCHS[[i]])
        assert (one.mean[0], one.std[0]) == (many.mean[i], many.std[i])
    assert model.predict(ARCHS[:0]).mean.shape == (0,)


def test_members_together_say_what_each_says_alone():
    members = [fitted(seed, loss="gaussian") for seed in (0, 1, 2)]
    for member, found in zip(members, MLP.predict_members(members, ARCHS[TEST]), strict=True):
        np.testing.assert_array_equal(found, member.predict(ARCHS[TEST]))


def test_the_seed_alone_decides():
    state = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    first = fitted(2**64 - 1).predict(ARCHS[TEST]).mean
    torch.set_num_threads(2)
    try:
        np.testing.assert_array_equal(fitted(2**64 - 1).predict(ARCHS[TEST]).mean, first)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert (fitted(1).predict(ARCHS[TEST]).mean != first).any()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_units_of_the_target_do_not_matter():
    mean = fitted(loss="gaussian").predict(ARCHS[TEST])
    scaled = fitted(targets=TARGETS[TRAIN] * 1000 - 7, loss="gaussian").predict(ARCHS[TEST])
    np.testing.assert_allclose(scaled.mean, mean.mean * 1000 - 7, rtol=1e-5)
    np.testing.assert_allclose(scaled.std, mean.std * 1000, rtol=1e-5)


def test_restored_as_it_was(tmp_path):
    model = fitted(loss="gaussian", encodings=["one_hot"])
    model.save(tmp_path)
    values = kept_hyperparameters(model)
    restored = MLP(SPACE, **json.loads(json.dumps(values))).restore(tmp_path)
    np.testing.assert_array_equal(restored.predict(ARCHS[TEST]), model.predict(ARCHS[TEST]))
    assert [path.name for path in tmp_path.iterdir()] == ["network.npz"]
    with pytest.raises(SurrogateError, match=r"'inputs' is .* or for another space"):
        MLP(SPACE, **values | {"encodings": None}).restore(tmp_path)
    with pytest.raises(SurrogateError, match=r"'layer_0' is .* other hyperparameters"):
        MLP(SPACE, **values | {"width": 17}).restore(tmp_path)
    damaged = bytearray((tmp_path / "network.npz").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "network.npz").write_bytes(damaged)
    with pytest.raises(SurrogateError, match="cannot read"):
        MLP(SPACE, **values).restore(tmp_path)
    with pytest.raises(SurrogateError, match="cannot read"):
        MLP(SPACE).restore(tmp_path / "nowhere")


@pytest.mark.parametrize("preset", list(MLP.presets))
def test_published_presets(preset):
    values = hyperparameters(MLP, {"epochs": 20}, preset)
    model = MLP(SPACE, **values).fit(ARCHS[ORDER[:500]], TARGETS[ORDER[:500]])
    assert kept_hyperparameters(model) == values == json.loads(json.dumps(values))
    assert kendalltau(model.predict(ARCHS[TEST]).mean, TARGETS[TEST]).statistic > 0.1


def test_two_examples_and_a_space_without_graphs():
    space = FCNet()
    archs = np.array([space.sample(random.Random(i)) for i in range(5)])
    model = MLP(space, epochs=50).fit(archs[:2], np.array([1.0, 2.0]))
    np.testing.assert_allclose(model.predict(archs[:2]).mean, [1.0, 2.0], atol=0.2)
    assert np.isfinite(model.predict(archs).mean).all()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"loss": "mape"}, InvalidArgumentError),
        ({"layers": 0}, InvalidArgumentError),
        ({"width": 0}, InvalidArgumentError),
        ({"epochs": 0}, InvalidArgumentError),
        ({"encodings": ["paths"]}, UnknownNameError),
    ],
)
def test_impossible_hyperparameters(changes, error):
    with pytest.raises(error):
        fitted(**changes)
