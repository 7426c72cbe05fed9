"""Every registered regressor keeps its contract."""

import json
import random
from functools import cache

import numpy as np
import pytest
import torch

from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201
from surrogates import REGRESSORS

NEED_GRAPHS = {("gin", None), ("gin", "nb301"), ("gaussian_process", "wl")} | {
    (name, preset)
    for name in REGRESSORS
    for preset, settings in REGRESSORS.load(name).presets.items()
    if "path" in (*settings.get("encodings", ()), *settings.get("kernels", ()))
}
PRESETS = [(name, preset) for name in REGRESSORS for preset in REGRESSORS.load(name).presets]
SHORTER = {
    ("xgb", "nb301"): {"rounds": 50},
    ("ngb", "nb301"): {"rounds": 20},
    ("mlp", "bananas"): {"epochs": 5},
    ("mlp", "nb301_path"): {"epochs": 5},
    ("gin", "nb301"): {"epochs": 5},
    ("ensemble", "bananas"): {"members": 2, "settings": {"epochs": 5}},
}


class Numbers(SearchSpace):
    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        return self.check([int(part) for part in text.split("-")])


class OneDecision(Numbers):
    name = "one-decision"
    decisions = (Decision("a", ("0", "1", "2")),)


class Unequal(Numbers):
    name = "unequal"
    decisions = tuple(Decision(f"d{n}", tuple(map(str, range(n)))) for n in (2, 1, 7, 4))


SPACES = {space.name: space for space in (NB201(), FCNet(), OneDecision(), Unequal())}
CASES = [
    (name, space)
    for name in REGRESSORS
    for space in SPACES
    if (name, None) not in NEED_GRAPHS or space == "nb201"
]


@cache
def examples(space):
    """120 architectures to learn from and 60 to ask for, and the additive function of both."""
    rng = np.random.default_rng(0)
    archs = np.stack([rng.integers(n, size=180) for n in SPACES[space].options], axis=1)
    archs = SPACES[space].canonical_many(archs)
    tables = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in SPACES[space].options]
    targets = 70 + 5 * sum(t[options] for t, options in zip(tables, archs.T, strict=True))
    for array in (archs, targets):
        array.flags.writeable = False
    return archs[:120], targets[:120], archs[120:], targets[120:]


@cache
def fitted(name, space, seed=0):
    archs, targets, _, _ = examples(space)
    return REGRESSORS.load(name)(SPACES[space], seed=seed).fit(archs, targets)


def generators():
    numpy = str(np.random.get_state(legacy=False))  # noqa: NPY002
    return random.getstate(), numpy, torch.get_rng_state().tolist()


def equal(a, b):
    return (a.mean == b.mean).all() and (a.std == b.std).all()


@pytest.mark.parametrize(("name", "space"), CASES)
def test_predictions_have_the_right_form_and_beat_the_mean(name, space):
    _, _, archs, targets = examples(space)
    found = fitted(name, space).predict(archs)
    for values in found:
        assert values.shape == (60,)
        assert values.dtype == np.float64
        assert np.isfinite(values).all()
    assert (found.std >= 0).all()
    assert ((found.mean - targets) ** 2).mean() < 0.6 * targets.var()
    nothing = fitted(name, space).predict(archs[:0])
    assert nothing.mean.shape == nothing.std.shape == (0,)


@pytest.mark.parametrize(("name", "space"), CASES)
def test_equal_seeds_give_equal_predictions_and_global_generators_are_left_alone(name, space):
    archs = examples(space)[2]
    found = fitted(name, space).predict(archs)
    before = generators()
    again = fitted.__wrapped__(name, space)
    assert equal(again.predict(archs), found)
    assert equal(again.predict(archs), found)
    assert generators() == before, "draws from a global random generator"


@pytest.mark.parametrize(("name", "space"), CASES)
def test_a_prediction_does_not_depend_on_the_others(name, space):
    model, archs = fitted(name, space), examples(space)[2]
    found = model.predict(archs)
    order = np.random.default_rng(1).permutation(len(archs))
    shuffled = model.predict(archs[order])
    alone = [model.predict(archs[i : i + 1]) for i in range(len(archs))]
    for attribute in ("mean", "std"):
        values = getattr(found, attribute)
        close = {"rtol": 1e-6, "atol": 1e-6}
        np.testing.assert_allclose(getattr(shuffled, attribute), values[order], **close)
        each = np.concatenate([getattr(one, attribute) for one in alone])
        np.testing.assert_allclose(each, values, **close)


@pytest.mark.parametrize("name", REGRESSORS)
def test_members_predict_together_as_they_do_alone(name):
    archs = examples("nb201")[2]
    members = [fitted(name, "nb201"), fitted(name, "nb201", seed=1)]
    together = type(members[0]).predict_members(members, archs)
    assert len(together) == 2
    assert all(equal(found, m.predict(archs)) for found, m in zip(together, members, strict=True))


@pytest.mark.parametrize(("name", "space"), CASES)
def test_restored_regressors_predict_the_same_bits(name, space, tmp_path):
    model, archs = fitted(name, space), examples(space)[2]
    model.save(tmp_path)
    other = type(model)(SPACES[space]).restore(tmp_path)
    assert equal(other.predict(archs), model.predict(archs))


@pytest.mark.parametrize("name", REGRESSORS)
def test_files_are_no_pickles_and_damaged_ones_are_refused(name, tmp_path):
    model = fitted(name, "nb201")
    model.save(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for path in files:
        check_form(path)
    for path in {files[0], files[-1]}:
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], b"", b"x" + content[1:], None):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            with pytest.raises(SurrogateError, match=path.stem):
                type(model)(model.space).restore(tmp_path)
            path.write_bytes(content)


def check_form(path):
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            assert [arrays[name] for name in arrays]
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    else:
        assert path.suffix == ".ubj"
        assert path.read_bytes().startswith(b"{")


@pytest.mark.parametrize("name", REGRESSORS)
def test_examples_that_teach_nothing_are_refused(name):
    archs, targets, _, _ = examples("nb201")
    model = REGRESSORS.load(name)(SPACES["nb201"])
    for wrong, message in (
        (np.where(np.arange(120) == 7, np.nan, targets), "1 of 120 targets are not finite"),
        (np.where(np.arange(120) < 2, np.inf, targets), "2 of 120 targets are not finite"),
        (np.full(120, 3.0), "equal targets"),
        (targets[:-1], "have shape"),
        (targets[:, None], "have shape"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            model.fit(archs, wrong)
    with pytest.raises(InvalidArgumentError, match="at least two"):
        model.fit(archs[:1], targets[:1])


@pytest.mark.parametrize(("name", "preset"), [*((name, None) for name in REGRESSORS), *PRESETS])
def test_hyperparameters_are_kept_as_written_to_files(name, preset):
    kind, space = REGRESSORS.load(name), SPACES["nb201"]
    kept = kept_hyperparameters(kind(space, **hyperparameters(kind, {}, preset)))
    assert kept is not None
    read = json.loads(json.dumps(kept))
    again = kept_hyperparameters(kind(space, **hyperparameters(kind, read)))
    assert json.loads(json.dumps(again)) == read


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_presets_fit(name, preset):
    kind = REGRESSORS.load(name)
    chosen = hyperparameters(kind, SHORTER.get((name, preset), {}), preset)
    archs, targets, queries, _ = examples("nb201")
    found = kind(SPACES["nb201"], **chosen).fit(archs, targets).predict(queries)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.std).all()


@pytest.mark.parametrize(("name", "preset"), sorted(NEED_GRAPHS, key=str))
def test_what_needs_graphs_refuses_a_space_without(name, preset):
    kind = REGRESSORS.load(name)
    archs, targets, _, _ = examples("fcnet")
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        kind(SPACES["fcnet"], **hyperparameters(kind, {}, preset)).fit(archs, targets)
