"""Every registered regressor keeps the contract, and ``check_regressor`` sees who does not."""

import pickle
from functools import cache

import numpy as np
import pytest
from toys import OneDecision, Unequal

from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import Prediction, Regressor, read_arrays, write_arrays
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_regressor
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


SPACES = {space.name: space for space in (NB201(), FCNet(), OneDecision(), Unequal())}
CASES = [
    (name, space)
    for name in REGRESSORS
    for space in SPACES
    if (name, None) not in NEED_GRAPHS or space == "nb201"
]


@cache
def examples(space):
    """180 architectures and an additive function of them."""
    rng = np.random.default_rng(0)
    archs = np.stack([rng.integers(n, size=180) for n in SPACES[space].options], axis=1)
    archs = SPACES[space].canonical_many(archs)
    tables = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in SPACES[space].options]
    targets = 70 + 5 * sum(t[options] for t, options in zip(tables, archs.T, strict=True))
    for array in (archs, targets):
        array.flags.writeable = False
    return archs, targets


@pytest.mark.parametrize(("name", "space"), CASES)
def test_registered_regressor_keeps_the_contract(name, space):
    check_regressor(REGRESSORS.load(name), SPACES[space], *examples(space), error=0.6)


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_presets_keep_the_contract(name, preset):
    kind, changes = REGRESSORS.load(name), SHORTER.get((name, preset), {})
    archs, targets = examples("nb201")
    check_regressor(
        kind, SPACES["nb201"], archs, targets, changes=changes, preset=preset, error=np.inf
    )


@pytest.mark.parametrize(("name", "preset"), sorted(NEED_GRAPHS, key=str))
def test_what_needs_graphs_refuses_a_space_without(name, preset):
    kind = REGRESSORS.load(name)
    archs, targets = examples("fcnet")
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        kind(SPACES["fcnet"], **hyperparameters(kind, {}, preset)).fit(archs, targets)


# Regressors that break the contract


class Good(Regressor):
    """Linear in the options; it keeps its hyperparameter."""

    family = "test"

    def __init__(self, space, *, seed=0, penalty=1e-6):
        super().__init__(space, seed=seed)
        self.penalty = penalty

    def _fit(self, archs, targets):
        x = self.features(archs)
        penalty = self.penalty * np.eye(x.shape[1])
        self.weights = np.linalg.solve(x.T @ x + penalty, x.T @ targets)

    def features(self, archs):
        return np.column_stack([archs, np.ones(len(archs))]).astype(np.float64)

    def _predict(self, archs):
        mean = (self.features(archs) * self.weights).sum(axis=1)
        return Prediction(mean, np.zeros(len(mean)))

    def save(self, folder):
        write_arrays(folder / "weights.npz", {"weights": self.weights})

    def restore(self, folder):
        self.weights = read_arrays(folder / "weights.npz", ["weights"])["weights"]
        return self


def test_a_regressor_keeps_the_contract():
    check_regressor(Good, SPACES["unequal"], *examples("unequal"), changes={"penalty": 0.1})


def altered(change):
    return {"_predict": lambda self, archs: change(Good._predict(self, archs))}


def with_mean(function):
    return altered(lambda found: found._replace(mean=function(found.mean)))


def with_std(function):
    return altered(lambda found: found._replace(std=function(found.std)))


def takes_all(self, archs, targets):
    self.weights = np.zeros(archs.shape[1] + 1)
    return self


def draws(self, archs, targets):
    np.random.rand()  # noqa: NPY002
    Good._fit(self, archs, targets)


DRAWN = np.random.default_rng(0)


def own_generator(self, archs, targets):
    Good._fit(self, archs, targets)
    self.weights += 1e-3 * DRAWN.normal(size=self.weights.shape)


def ranks(self, archs):
    return Prediction(np.arange(len(archs), dtype=np.float64) + 70, np.zeros(len(archs)))


def seeded(self, archs, targets):
    Good._fit(self, archs, targets)
    self.weights[-1] += self.seed


def first_only(cls, members, archs):
    return [members[0]._predict(archs) for _ in members]


def pickled(self, folder):
    (folder / "weights.pkl").write_bytes(pickle.dumps(self.weights))


def objects(self, folder):
    np.savez(folder / "weights.npz", weights=np.array(list(self.weights), dtype=object))


def unpickled(self, folder):
    self.weights = pickle.loads((folder / "weights.pkl").read_bytes())
    return self


def of_objects(self, folder):
    self.weights = np.load(folder / "weights.npz", allow_pickle=True)["weights"].astype(float)
    return self


def rounded(self, folder):
    write_arrays(folder / "weights.npz", {"weights": self.weights.astype(np.float32)})


def crashes(self, folder):
    with (folder / "weights.npz").open("rb") as file, np.load(file) as arrays:
        self.weights = arrays["weights"]
    return self


def no_names(self, folder):
    try:
        return crashes(self, folder)
    except Exception as error:
        raise SurrogateError("damaged") from error


def forgets(self, space, *, seed=0, penalty=1e-6):
    Good.__init__(self, space, seed=seed)
    del self.penalty
    self.kept = penalty


def no_json(self, space, *, seed=0, penalty=None):
    Good.__init__(self, space, seed=seed)
    self.penalty = {1e-6}


def drifts(self, space, *, seed=0, penalty=1e-6):
    Good.__init__(self, space, seed=seed, penalty=2 * penalty)


BROKEN = {
    "single precision": (with_mean(lambda mean: mean.astype(np.float32)), "mean of Broken is floa"),
    "a column": (with_mean(lambda mean: mean[:, None]), r"of shape \(60, 1\)"),
    "tuples": (altered(tuple), "not a Prediction"),
    "no uncertainty": (with_std(lambda std: std + np.nan), "std of Broken is not finite"),
    "negative uncertainty": (with_std(lambda std: std - 1), "a negative uncertainty"),
    "the mean": (with_mean(lambda mean: 0 * mean + 70), "mean squared error of Broken"),
    "depends on the others": (with_mean(lambda m: m + len(m) / 10), "on what else is asked"),
    "fits everything": ({"fit": takes_all}, "instead of raising InvalidArgumentError"),
    "draws from NumPy": ({"_fit": draws}, "draws from a global random generator"),
    "has a generator of its own": ({"_fit": own_generator}, "two predictions for one seed"),
    "all members as the first": (
        {"_fit": seeded, "predict_members": classmethod(first_only)},
        "predict otherwise together",
    ),
    "writes pickles": ({"save": pickled, "restore": unpickled}, "writes the pickle weights.pkl"),
    "writes objects": ({"save": objects, "restore": of_objects}, "writes the pickle weights.npz"),
    "saves less": ({"save": rounded}, "predicts otherwise when it is restored"),
    "crashes on damage": ({"restore": crashes}, "not SurrogateError"),
    "names no file": ({"restore": no_names}, "does not name it: damaged"),
    "forgets a hyperparameter": ({"__init__": forgets}, "does not keep its hyperparameters"),
    "keeps what is not JSON": ({"__init__": no_json}, "hyperparameters of Broken are not JSON"),
    "keeps another value": ({"__init__": drifts}, "made of the hyperparameters .* keeps"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_regressor_finds_what_is_broken(name):
    members, message = BROKEN[name]
    broken = type("Broken", (Good,), members)
    with pytest.raises(AssertionError, match=message):
        check_regressor(broken, SPACES["unequal"], *examples("unequal"))
