import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.linear_model import BayesianRidge

from algorithms.models.networks.bayesian_linear import BayesianLinear
from nasbench.errors import InvalidArgumentError


def examples(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=(9, d))


def test_it_is_bayesian_ridge_at_the_precisions_that_scikit_learn_found():
    x, y, new = examples(40, 7)
    ridge = BayesianRidge(fit_intercept=False, tol=1e-12, max_iter=5_000).fit(x, y)
    ours = BayesianLinear(ridge.lambda_, ridge.alpha_).fit(x, y)
    mean, std = ridge.predict(new, return_std=True)
    assert np.allclose(ours.weights, ridge.coef_, rtol=1e-6)
    assert np.allclose(ours.predict(new)[0], mean, rtol=1e-6)
    assert np.allclose(ours.predict(new)[1], std, rtol=1e-6)


@pytest.mark.parametrize(("n", "d"), [(30, 5), (5, 30), (1, 3)])
def test_it_is_a_gaussian_process_with_a_linear_kernel(n, d):
    """In fewer dimensions than examples, and in more."""
    x, y, new = examples(n, d)
    alpha, beta = 4.0, 50.0
    kernel = DotProduct(0.0, "fixed") * (1 / alpha)
    process = GaussianProcessRegressor(kernel, alpha=1 / beta, optimizer=None).fit(x, y)
    mean, std = process.predict(new, return_std=True)
    ours = BayesianLinear(alpha, beta).fit(x, y).predict(new)
    assert np.allclose(ours[0], mean, rtol=1e-6, atol=1e-9)
    assert np.allclose(ours[1], np.sqrt(std**2 + 1 / beta), rtol=1e-6)


def test_features_that_are_too_large_are_an_error_of_linear_algebra():
    with np.errstate(over="ignore"), pytest.raises(np.linalg.LinAlgError):
        BayesianLinear().fit(np.full((3, 2), 1e200), np.ones(3))


@pytest.mark.parametrize("name", ["alpha", "beta"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_precisions_are_refused(name, value):
    with pytest.raises(InvalidArgumentError, match=f"{name} = {value} must be positive"):
        BayesianLinear(**{name: value})
