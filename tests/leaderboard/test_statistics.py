from itertools import permutations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from rliable import metrics

from leaderboard import statistics

INF = float("inf")


def enumerated(observed, reported, weights, k):
    """Expected report of the best of k draws, earliest on ties, over all sequences of draws."""
    total = 0.0
    for draws in product(range(len(observed)), repeat=k):
        chance = np.prod([weights[i] for i in draws])
        total += chance * reported[min(draws, key=lambda i: observed[i])]
    return total


@pytest.mark.parametrize(
    ("observed", "weights"),
    [
        ((1.0, 2.0, 3.0, 4.0), (0.25, 0.25, 0.25, 0.25)),
        ((2.0, 1.0, 2.0, 1.0), (0.25, 0.25, 0.25, 0.25)),
        ((2.0, 1.0, 2.0, 1.0), (0.1, 0.2, 0.3, 0.4)),
        ((5.0, 5.0, 5.0, 5.0), (0.4, 0.3, 0.2, 0.1)),
        ((INF, 1.0, INF, 3.0), (0.5, 0.125, 0.25, 0.125)),
    ],
)
def test_random_search_is_the_mean_over_all_sequences_of_draws(observed, weights):
    reported = [9.0 if value == INF else value**2 + i for i, value in enumerate(observed)]
    ks = [1, 2, 3, 4, 5]
    found = statistics.random_search(np.array(observed), np.array(reported), np.array(weights), ks)
    expected = [enumerated(observed, reported, weights, k) for k in ks]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "observed", [(1.0, 2.0, 3.0, 4.0, 5.0), (2.0, 1.0, 2.0, 1.0, 3.0), (INF, 1.0, INF, 3.0, INF)]
)
def test_without_replacement_is_the_mean_over_all_permutations(observed):
    reported = [9.0 if value == INF else value**2 + i for i, value in enumerate(observed)]
    ks = [1, 2, 3, 4, 5]
    found = statistics.random_search_without_replacement(
        np.array(observed), np.array(reported), [*ks, 6, 10**9]
    )
    expected = [
        np.mean(
            [
                reported[min(order[:k], key=lambda i: observed[i])]
                for order in permutations(range(len(observed)))
            ]
        )
        for k in ks
    ]
    np.testing.assert_allclose(found, [*expected, expected[-1], expected[-1]], rtol=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0.1, 1.0)), min_size=1, max_size=12),
    st.integers(1, 30),
)
def test_random_search_starts_at_the_mean_and_only_improves(items, k):
    values = np.array([float(value) for value, _ in items])
    weights = np.array([weight for _, weight in items])
    weights /= weights.sum()
    found = statistics.random_search(values, values, weights, [1, k, k + 1, 10**9])
    assert found[0] == pytest.approx(values @ weights)
    assert found[2] <= found[1] + 1e-12
    assert found[3] == pytest.approx(values.min())


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 10**6), min_size=1, max_size=3), min_size=1, max_size=4))
def test_exhaustive_search_is_the_mean_over_everything_that_can_be_shown(trainings):
    shown = [value for seeds in trainings for value in seeds]
    if len(set(shown)) < len(shown):
        return
    keys = np.array([10 * i for i, seeds in enumerate(trainings) for _ in seeds])
    reported = [float(3 * i % 5) for i in range(len(trainings))]
    per_run = np.array([reported[key // 10] for key in keys])
    outcomes = [
        reported[min(range(len(choice)), key=lambda i: choice[i])] for choice in product(*trainings)
    ]
    found = statistics.exhaustive_search(keys, np.array(shown, dtype=np.float64), per_run)
    assert found == pytest.approx(np.mean(outcomes))


def test_exhaustive_search_averages_ties():
    keys, observed = np.array([0, 1, 2]), np.array([1.0, 1.0, 2.0])
    assert statistics.exhaustive_search(keys, observed, np.array([4.0, 6.0, 0.0])) == 5.0


@pytest.mark.parametrize("n_seeds", [2, 25, 100])
def test_interval_is_the_percentile_bootstrap_of_scipy(n_seeds):
    values = np.random.default_rng(1).gamma(2.0, size=n_seeds)
    found = statistics.estimate(values)
    reference = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    tolerance = 0.1 * (reference.high - reference.low)
    assert found.mean == values.mean()
    assert found.low == pytest.approx(reference.low, abs=tolerance)
    assert found.high == pytest.approx(reference.high, abs=tolerance)


def test_interval_of_columns_is_that_of_each_column():
    values = np.random.default_rng(3).normal(size=(12, 4))
    low, high = statistics.interval(values)
    each = [statistics.estimate(values[:, i]) for i in range(4)]
    np.testing.assert_allclose(low, [e.low for e in each])
    np.testing.assert_allclose(high, [e.high for e in each])


def test_interval_depends_on_nothing_but_the_values():
    values = np.random.default_rng(4).normal(size=9)
    before = statistics.estimate(values)
    statistics.resamples.cache_clear()
    assert statistics.estimate(values) == before
    assert statistics.DRAWS >= 2000


def test_one_seed_has_no_interval():
    found = statistics.estimate(np.array([3.0]))
    assert found.mean == 3.0
    assert np.isnan([found.low, found.high]).all()


def test_equal_seeds_have_an_interval_of_no_width():
    found = statistics.estimate(np.full(7, 2.5))
    assert found.low == pytest.approx(2.5)
    assert found.high == pytest.approx(2.5)


def test_difference_on_common_seeds_is_free_of_what_the_seeds_share():
    luck = np.random.default_rng(5).normal(scale=10, size=40)
    first = {seed: value + 1 for seed, value in enumerate(luck)}
    second = dict(enumerate(luck))
    gap, common = statistics.difference(first, second)
    assert common == 40
    assert gap.low == pytest.approx(1)
    assert gap.high == pytest.approx(1)


def test_difference_uses_the_common_seeds_only():
    gap, common = statistics.difference({0: 1.0, 1: 2.0, 2: 100.0}, {0: 0.0, 1: 0.0, 3: -100.0})
    assert (gap.mean, common) == (1.5, 2)


def test_difference_without_common_seeds_is_that_of_independent_means():
    rng = np.random.default_rng(6)
    a, b = rng.normal(3, 1, size=50), rng.normal(0, 2, size=80)
    gap, common = statistics.difference(dict(enumerate(a)), dict(enumerate(b, start=1000)))
    spread = np.sqrt(a.var() / 50 + b.var() / 80)
    assert common == 0
    assert gap.mean == pytest.approx(a.mean() - b.mean())
    assert gap.high - gap.low == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_difference_to_a_single_seed_has_no_interval():
    gap, common = statistics.difference({0: 3.0}, {0: 1.0, 1: 3.0})
    assert (gap.mean, common) == (1.0, 0)
    assert np.isnan(gap.low)


@pytest.mark.parametrize("n_seeds", [2, 3, 7, 20, 101])
def test_summaries_are_those_of_rliable_and_scipy(n_seeds):
    values = np.random.default_rng(n_seeds).gamma(1.5, size=n_seeds)
    found = statistics.summary(values)
    assert found.mean == statistics.estimate(values)
    assert found.iqm.mean == pytest.approx(metrics.aggregate_iqm(values[:, None]), rel=1e-12)
    assert found.median.mean == np.median(values)
    if n_seeds < 20:
        return
    references = {found.iqm: lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis)}
    for part, of in (references | {found.median: np.median}).items():
        reference = scipy.stats.bootstrap(
            (values,), of, method="percentile", n_resamples=10_000, rng=np.random.default_rng(2)
        ).confidence_interval
        tolerance = 0.1 * (reference.high - reference.low)
        assert [part.low, part.high] == pytest.approx(list(reference), abs=tolerance)


@settings(max_examples=20)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.randoms())
def test_summaries_do_not_depend_on_the_order_of_the_seeds(values, random):
    shuffled = random.sample(values, len(values))
    first, second = (statistics.summary(np.array(each)) for each in (values, shuffled))
    assert first.iqm.mean == second.iqm.mean
    if len(values) > 1:
        assert (first.median, first.iqm) == (second.median, second.iqm)
        assert min(values) - 1e-9 <= first.iqm.low <= first.iqm.high <= max(values) + 1e-9
        assert first.median.low <= first.median.high


def test_one_outlier_moves_the_mean_alone():
    values = np.linspace(0, 1, 21)
    found = statistics.summary(np.append(values[:-1], 1e6))
    without = statistics.summary(values)
    assert (found.iqm.mean, found.median.mean) == (without.iqm.mean, without.median.mean)
    assert found.mean.mean > 1e4


def test_one_seed_has_summaries_without_intervals():
    found = statistics.summary(np.array([3.0]))
    for part in (found.mean, found.iqm, found.median):
        assert part.mean == 3.0
        assert np.isnan([part.low, part.high]).all()


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (5, 5), (3, 20), (250, 500)])
def test_rate_has_the_wilson_interval_of_scipy(hits, n):
    found = statistics.rate(hits, n)
    reference = scipy.stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert found.mean == hits / n
    assert [found.low, found.high] == pytest.approx([reference.low, reference.high], abs=1e-12)
    assert found.low < found.high


def test_rate_of_no_runs_is_unknown():
    assert np.isnan(statistics.rate(0, 0).mean)
