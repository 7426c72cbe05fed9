import json

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import kendalltau
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

import nasbench
import surrogates.regressors.gaussian_process as module
from nasbench.algorithm import kept_hyperparameters
from nasbench.encodings import one_hot, path_statistics
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import read_arrays, write_arrays
from nasbench.spaces.fcnet import FCNet
from surrogates.regressors.gaussian_process import GaussianProcess
from surrogates.regressors.knn import KNN
from surrogates.regressors.parts.weisfeiler_lehman import wl_features, wl_vocabulary

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")
ORDER = np.random.default_rng(0).permutation(len(ARCHS))
DISTINCT = np.unique(ARCHS[ORDER[:150]], axis=0, return_index=True)[1]
TRAIN, TEST = ORDER[DISTINCT], ORDER[200:260]
FIXED = np.log([1.3, 0.7, 0.02])


@pytest.fixture
def fixed(monkeypatch):
    """Fits with variance 1.3 and length 0.7 of every kernel, and noise 0.02."""

    def parameters(squares, z):
        return np.concatenate([np.tile(FIXED[:2], len(squares)), FIXED[2:]])

    monkeypatch.setattr(module, "_fit_parameters", parameters)


def scaled(rows, examples):
    """As the class says, pair by pair."""
    span = np.ptp(examples, axis=0)
    rows, examples = (x.astype(float) / np.where(span > 0, span, 1) for x in (rows, examples))
    return rows / np.sqrt(np.mean([((a - b) ** 2).sum() for a in examples for b in examples]))


def matern(a, b):
    r = np.sqrt(5) * np.linalg.norm(a[:, None] - b, axis=2) / 0.7
    return 1.3 * (1 + r + r**2 / 3) * np.exp(-r)


def scikit_learn(**changes):
    kernel = ConstantKernel(1.3) * Matern(0.7, nu=2.5) + WhiteKernel(0.02)
    return GaussianProcessRegressor(kernel, alpha=1e-15, **changes)


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("name", ["one_hot", "path_statistics"])
def test_equal_to_scikit_learn_with_the_same_kernel(name):
    encoding = {"one_hot": one_hot, "path_statistics": path_statistics}[name]
    examples, queries = encoding(SPACE, ARCHS[TRAIN]), encoding(SPACE, ARCHS[TEST])
    x, query = scaled(examples, examples), scaled(queries, examples)
    oracle = scikit_learn(optimizer=None, normalize_y=True).fit(x, TARGETS[TRAIN])
    mean, std = oracle.predict(query, return_std=True)
    noise = 0.02 * TARGETS[TRAIN].var()
    found = GaussianProcess(SPACE, kernels=(name,)).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    found = found.predict(ARCHS[TEST])
    np.testing.assert_allclose(found.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(found.std, np.sqrt(std**2 - noise), rtol=1e-6)


@pytest.mark.usefixtures("fixed")
def test_kernels_are_added():
    labels = wl_vocabulary(SPACE, ARCHS[TRAIN], 1)
    counts = [wl_features(SPACE, ARCHS[rows], 1, labels) for rows in (TRAIN, TEST)]
    unit = np.sqrt(np.mean([((a - b) ** 2).sum() for a in counts[0] for b in counts[0]]))
    wl = [rows / unit for rows in counts]
    statistics = [path_statistics(SPACE, ARCHS[rows]) for rows in (TRAIN, TEST)]
    other = [scaled(rows, statistics[0]) for rows in statistics]
    covariance = matern(wl[0], wl[0]) + matern(other[0], other[0]) + 0.02 * np.eye(len(TRAIN))
    shared = matern(wl[1], wl[0]) + matern(other[1], other[0])
    inverse = np.linalg.inv(covariance)
    y, unit = TARGETS[TRAIN], TARGETS[TRAIN].std()
    found = GaussianProcess(SPACE).fit(ARCHS[TRAIN], y).predict(ARCHS[TEST])
    np.testing.assert_allclose(found.mean, y.mean() + shared @ inverse @ (y - y.mean()), rtol=1e-8)
    variance = 2.6 - np.einsum("ij,jk,ik->i", shared, inverse, shared)
    np.testing.assert_allclose(found.std, unit * np.sqrt(variance), rtol=1e-6)


@pytest.mark.usefixtures("fixed")
def test_two_points_by_hand():
    a, b, c = [0] * 9, [1, *[0] * 8], [0, 1, *[0] * 7]
    model = GaussianProcess(FCNet()).fit(np.array([a, b]), np.array([1.0, 3.0]))
    # one-hot, a and b differ in two columns of range 1; of four pairs two have squared distance 2,
    # so the unit is 1: a and b, a and c are sqrt(2) apart, b and c are 2
    k = [1.3 * (1 + r + r**2 / 3) * np.exp(-r) for r in np.sqrt([10, 20]) / 0.7]
    matrix = np.array([[1.3 + 0.02, k[0]], [k[0], 1.3 + 0.02]])
    shared = np.array([k[0], k[1]])
    weights = np.linalg.solve(matrix, [-1, 1])
    found = model.predict(np.array([a, c]))
    np.testing.assert_allclose(found.mean, [2 + [1.3, k[0]] @ weights, 2 + shared @ weights])
    np.testing.assert_allclose(
        found.std[1], np.sqrt(1.3 - shared @ np.linalg.solve(matrix, shared)), rtol=1e-12
    )


def test_likelihood_and_gradient_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    x = rng.random((40, 3))
    z = np.sin(4 * x).sum(axis=1) + 0.1 * rng.standard_normal(40)
    oracle = scikit_learn(optimizer=None).fit(x, z)
    value, gradient = oracle.log_marginal_likelihood(FIXED, eval_gradient=True)
    squares = [((x[:, None] - x) ** 2).sum(axis=2)]
    found, slope = module._negative_log_likelihood(FIXED, squares, z)
    assert found == pytest.approx(-value - len(z) / 2 * np.log(2 * np.pi))
    np.testing.assert_allclose(slope, -gradient, rtol=1e-6)
    best = module._negative_log_likelihood(module._fit_parameters(squares, z), squares, z)[0]
    oracle = scikit_learn(n_restarts_optimizer=2, random_state=0).fit(x, z)
    highest = oracle.log_marginal_likelihood_value_ + len(z) / 2 * np.log(2 * np.pi)
    assert best < -highest + 0.05


def test_gradient_of_two_kernels_is_that_of_the_likelihood():
    x = np.random.default_rng(2).random((30, 4))
    squares = [((v[:, None] - v) ** 2).sum(axis=2) for v in (x[:, :2], x[:, 2:])]
    z = np.cos(5 * x[:, 0]) + x[:, 3]
    start = np.array([0.2, -0.5, -0.3, 0.4, -1.5])
    value, slope = (
        lambda p, i=i: module._negative_log_likelihood(p, squares, z)[i] for i in (0, 1)
    )
    assert check_grad(value, slope, start) < 1e-4


def test_examples_of_one_architecture_are_one_with_their_mean():
    rows = np.repeat(TRAIN[:40], np.arange(40) % 3 + 1)
    noisy = TARGETS[rows] + np.random.default_rng(0).standard_normal(len(rows))
    means = [noisy[rows == row].mean() for row in TRAIN[:40]]
    order = np.random.default_rng(1).permutation(len(rows))
    many = GaussianProcess(SPACE).fit(ARCHS[rows[order]], noisy[order]).predict(ARCHS[TEST])
    few = GaussianProcess(SPACE).fit(ARCHS[TRAIN[:40]], np.array(means)).predict(ARCHS[TEST])
    np.testing.assert_allclose(many.mean, few.mean, rtol=1e-6)
    np.testing.assert_allclose(many.std, few.std, rtol=1e-4)


def test_one_architecture_is_enough():
    twice = np.repeat(ARCHS[TRAIN[:1]], 2, axis=0)
    found = GaussianProcess(SPACE).fit(twice, np.array([1.0, 3.0])).predict(ARCHS[TEST])
    assert np.isfinite(found.mean).all()
    assert (found.std > 0).all()


def test_knows_its_examples_better_than_other_architectures():
    model = GaussianProcess(SPACE).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    unseen = TEST[~np.isin(SPACE.rank_many(ARCHS[TEST]), SPACE.rank_many(ARCHS[TRAIN]))]
    assert model.predict(ARCHS[TRAIN]).std.max() < model.predict(ARCHS[unseen]).std.mean()


def test_ranks_unseen_networks_better_than_their_neighbours_do():
    ranks = SPACE.rank_many(ARCHS)
    train = ORDER[:400]
    test = ORDER[1000:][~np.isin(ranks[ORDER[1000:]], ranks[train])][:2000]
    default, graphs, near = (
        kendalltau(model.fit(ARCHS[train], TARGETS[train]).predict(ARCHS[test]).mean, TARGETS[test])
        for model in (GaussianProcess(SPACE), GaussianProcess(SPACE, kernels=("wl",)), KNN(SPACE))
    )
    assert default.statistic > 0.73
    assert graphs.statistic > 0.65
    assert near.statistic < 0.62


def test_many_examples_are_likely_by_some_of_them(monkeypatch):
    monkeypatch.setattr(module, "_MAX_EXAMPLES", 60)
    seen = []
    monkeypatch.setattr(
        module, "_fit_parameters", lambda squares, z: seen.append((squares[0], z)) or np.zeros(5)
    )
    for seed in (0, 0, 1):
        GaussianProcess(SPACE, seed=seed).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    assert seen[0][0].shape == (60, 60)
    assert seen[0][1].shape == (60,)
    assert (seen[0][1] == seen[1][1]).all()
    assert (seen[0][1] != seen[2][1]).any()


def test_default_kernels_follow_the_space():
    assert GaussianProcess(SPACE)._names == ("wl", "path_statistics")
    assert GaussianProcess(FCNet())._names == ("one_hot",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernels": ("weisfeiler",)}, "no kernel is called 'weisfeiler'.*wl"),
        ({"kernels": ()}, "kernels is empty"),
        ({"wl_iterations": -1}, "wl_iterations = -1 must be from 0 to 100"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        GaussianProcess(SPACE, **settings)


@pytest.mark.parametrize("kernels", [("wl",), ("path",)])
def test_a_space_without_graphs_is_refused(kernels):
    model = GaussianProcess(FCNet(), kernels=kernels)
    with pytest.raises(InvalidArgumentError, match="'fcnet' has no graph form"):
        model.fit(np.array([[0] * 9, [1] * 9]), np.array([1.0, 2.0]))


def test_hyperparameters_are_kept():
    kept = kept_hyperparameters(GaussianProcess(SPACE, kernels=("wl", "path"), wl_iterations=2))
    assert json.loads(json.dumps(kept)) == {"kernels": ["wl", "path"], "wl_iterations": 2}


def test_files_of_other_kernels_or_that_do_not_fit_together_are_refused(tmp_path):
    model = GaussianProcess(SPACE, kernels=("one_hot",)).fit(ARCHS[TRAIN], TARGETS[TRAIN])
    model.save(tmp_path)
    with pytest.raises(SurrogateError, match="has the kernels"):
        GaussianProcess(SPACE, kernels=("path",)).restore(tmp_path)
    with pytest.raises(SurrogateError, match="has no architectures of 'fcnet'"):
        GaussianProcess(FCNet(), kernels=("one_hot",)).restore(tmp_path)
    path = tmp_path / "process.npz"
    arrays = read_arrays(path, module._ARRAYS)
    for name in ("archs", "z", "parameters", "scale"):
        write_arrays(path, arrays | {name: arrays[name][:-1]})
        with pytest.raises(SurrogateError, match=r"expected float64 of shape"):
            GaussianProcess(SPACE, kernels=("one_hot",)).restore(tmp_path)
