from itertools import product

import numpy as np
import pytest
from scipy.stats import chi2, kstest, truncnorm
from statsmodels.nonparametric.kernel_density import KDEMultivariate

from algorithms.parts.kernel_density import KernelDensity, StatsmodelsDensity


def points(rng, n, n_options):
    """Random points in which every option occurs; 0 options: numbers in [0, 1]."""
    columns = []
    for c in n_options:
        draws = rng.beta(0.7, 2.0, n)
        column = np.minimum(np.floor(draws * c), c - 1) if c else draws
        column[:c] = range(c)
        columns.append(column)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("n_options", [(2,), (0,), (3, 3), (5, 0, 2), (0, 0), (5, 5, 5, 5, 5, 5)])
@pytest.mark.parametrize("n", [8, 60])
def test_it_equals_statsmodels(n_options, n):
    rng = np.random.default_rng(n)
    data, at = points(rng, n, n_options), points(rng, 40, n_options)
    ours = KernelDensity(data, n_options, min_bandwidth=1e-3)
    theirs = KDEMultivariate(
        data,
        var_type="".join("u" if c else "c" for c in n_options),
        bw="normal_reference",
        rng=np.random.default_rng(0),
    )
    most = [1 - 1 / c if c else np.inf for c in n_options]
    np.testing.assert_allclose(ours.bandwidths, np.minimum(theirs.bw, most), rtol=1e-12)
    theirs.bw = ours.bandwidths
    np.testing.assert_allclose(ours.density(at), theirs.pdf(at), rtol=1e-10)


@pytest.mark.parametrize("kind", [KernelDensity, StatsmodelsDensity])
@pytest.mark.parametrize("n_options", [(5, 0, 2), (3, 3, 3)])
def test_equal_points_in_groups_give_the_same_bits(kind, n_options):
    rng = np.random.default_rng(2)
    different = np.floor(4 * points(rng, 30, n_options)) / 4
    data, at = different[places := rng.integers(20, size=700)], points(rng, 40, n_options)
    one = kind(data, n_options, min_bandwidth=1e-3)
    other = kind(data, n_options, min_bandwidth=1e-3, groups=(different, places))
    assert one.bandwidths.tolist() == other.bandwidths.tolist()
    for some in (at, at[:2]):
        np.testing.assert_array_equal(one.density(some), other.density(some))


def statsmodels(data, n_options, *, min_bandwidth):
    """The density as HpBandSter makes it."""
    kde = KDEMultivariate(
        data,
        var_type="".join("u" if c else "c" for c in n_options),
        bw="normal_reference",
        rng=np.random.default_rng(0),
    )
    kde.bw = np.clip(kde.bw, min_bandwidth, None)
    return kde


@pytest.mark.parametrize("n_options", [(5,), (3, 0), (5, 5, 5, 5, 5, 5)])
def test_the_published_density_is_that_of_statsmodels(n_options):
    """Options are missing in the data, and bandwidths exceed one: some densities are negative."""
    rng = np.random.default_rng(3)
    data, at = points(rng, 9, n_options), points(rng, 200, n_options)
    data[:, 0] = np.where(data[:, 0] < n_options[0] / 2, 0, n_options[0] - 1)
    ours = StatsmodelsDensity(data, n_options, min_bandwidth=0.3)
    theirs = statsmodels(data, n_options, min_bandwidth=0.3)
    assert ours.bandwidths.max() > 1 or n_options == (3, 0)
    np.testing.assert_allclose(ours.bandwidths, theirs.bw, rtol=1e-12)
    np.testing.assert_allclose(ours.density(at), theirs.pdf(at), rtol=1e-9, atol=1e-15)


def test_the_published_density_is_infinite_where_all_points_share_another_option():
    data = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 1.0]])
    ours = StatsmodelsDensity(data, (3, 3), min_bandwidth=0.3)
    theirs = statsmodels(data, (3, 3), min_bandwidth=0.3)
    with np.errstate(divide="ignore"):
        expected = [theirs.pdf([option, 0.0]) for option in (0.0, 1.0)]
    found = ours.density(np.array([[0.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == np.inf


def test_it_equals_the_formula_where_options_are_missing():
    """Statsmodels counts the options in the data; two of the five of the first are there."""
    data = np.array([[0.0, 0.2], [4.0, 0.4], [4.0, 0.9]])
    kde = KernelDensity(data, (5, 0), min_bandwidth=0.5)
    a, b = kde.bandwidths
    assert (a, b) == (0.8, 0.5)  # 1.06 * 1.89 * 3 ** (-1 / 6) = 1.66 is too much
    for x, y in ((0, 0.1), (3, 0.5), (4, 1.0)):
        terms = [
            (1 - a if x == option else a / 4)
            * np.exp(-0.5 * ((y - number) / b) ** 2)
            / (b * np.sqrt(2 * np.pi))
            for option, number in data
        ]
        assert kde.density(np.array([[x, y]]))[0] == pytest.approx(sum(terms) / 3)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_the_density_of_categorical_columns_sums_to_one(n):
    n_options = (3, 1, 4)
    data = np.floor(np.random.default_rng(n).random((n, 3)) * n_options)
    kde = KernelDensity(data, n_options, min_bandwidth=0.2)
    everything = np.array(list(product(*map(range, n_options))), dtype=float)
    assert kde.density(everything).sum() == pytest.approx(1)
    assert (kde.density(everything) >= 0).all()


def test_bandwidths_have_a_least_and_a_greatest_value():
    data = np.array([[0.0, 0.0, 0.5, 0.0], [0.0, 4.0, 0.5, 0.0]])
    kde = KernelDensity(data, (5, 5, 0, 1), min_bandwidth=0.3)
    assert kde.bandwidths.tolist() == [0.3, 0.8, 0.3, 0.0]


def test_options_are_kept_as_often_as_they_should():
    kde = KernelDensity(np.array([[2.0, 0.0]] * 5), (4, 1), min_bandwidth=0.4)
    sample = kde.sample(20_000, np.random.default_rng(0), factor=3.0)
    assert (sample[:, 1] == 0).all()
    counts = np.bincount(sample[:, 0].astype(int), minlength=4)
    expected = 20_000 * np.array([0.1, 0.1, 0.7, 0.1])
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.999, 3)


def test_numbers_come_from_a_truncated_normal_distribution():
    kde = KernelDensity(np.full((4, 1), 0.1), (0,), min_bandwidth=0.05)
    sample = kde.sample(5_000, np.random.default_rng(0), factor=3.0)[:, 0]
    law = truncnorm(-0.1 / 0.15, 0.9 / 0.15, loc=0.1, scale=0.15)
    assert kstest(sample, law.cdf).pvalue > 0.01
    assert sample.min() >= 0
    assert sample.max() <= 1


def test_every_data_point_is_a_centre_as_often():
    kde = KernelDensity(np.array([[0.0], [1.0], [1.0], [2.0]]), (3,), min_bandwidth=1e-9)
    kde.bandwidths = np.zeros(1)
    counts = np.bincount(kde.sample(8_000, np.random.default_rng(1), factor=1.0)[:, 0].astype(int))
    expected = np.array([2000, 4000, 2000])
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(0.999, 2)
