"""The tests and ranks of a verdict against other packages, and on data with a known answer."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import scikit_posthocs
import scipy.stats
from rliable import metrics

from leaderboard.statistics import rate, resamples
from leaderboard.verdict.field import SHARES, Field, Method
from leaderboard.verdict.judge import judge
from leaderboard.verdict.pairs import compare, groups, holm, separate
from leaderboard.verdict.ranks import average_ranks, friedman, inter_quartile_means
from nasbench.errors import InvalidArgumentError

TASKS, SEEDS = 8, 20


def field(final, **said):
    """A field of methods a, b, …, whose regrets shrink with the budget."""
    k, n_tasks, n_seeds = final.shape
    return Field(
        name="300 trials",
        methods=tuple(Method("abcdefghij"[i]) for i in range(k)),
        tasks=tuple(f"task {i}" for i in range(n_tasks)),
        seeds=tuple(range(n_seeds)),
        values=np.stack([final / share for share in SHARES]),
        **said,
    )


def drawn(means, n_tasks, n_seeds, seed=0):
    """Gamma noise around the means of some methods; the luck of a seed is shared by them."""
    rng = np.random.default_rng(seed)
    luck = rng.gamma(4.0, 0.25, size=(n_tasks, n_seeds))
    own = rng.gamma(4.0, 0.25, size=(len(means), n_tasks, n_seeds))
    return np.array(means)[:, None, None] * luck * own


@pytest.fixture(scope="module")
def values():
    return drawn([1.0, 1.15, 1.6, 2.5], TASKS, SEEDS)


def test_ranks_and_friedman_are_those_of_scipy(values):
    means = values.mean(axis=2)
    (ranks,) = average_ranks(values[None])
    expected = scipy.stats.rankdata(means, axis=0).mean(axis=1)
    assert [rank.mean for rank in ranks] == pytest.approx(expected.tolist())
    test, reference = friedman(means), scipy.stats.friedmanchisquare(*means)
    assert (test.p, test.statistic) == pytest.approx((reference.pvalue, reference.statistic))


def test_friedman_and_iman_davenport_follow_their_formulas(values):
    means = values.mean(axis=2)
    k, n = means.shape
    ranks = np.array([scipy.stats.rankdata(task) for task in means.T]).mean(axis=0)
    chi2 = 12 * n / (k * (k + 1)) * ((ranks**2).sum() - k * (k + 1) ** 2 / 4)
    f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    test = friedman(means)
    assert test.statistic == pytest.approx(chi2)
    assert test.f == pytest.approx(f)
    assert test.f_p == pytest.approx(scipy.stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def test_friedman_corrects_for_ties_as_scipy():
    means = np.random.default_rng(3).integers(0, 3, (4, 9)).astype(float)
    reference = scipy.stats.friedmanchisquare(*means)
    test = friedman(means)
    assert (test.statistic, test.p) == pytest.approx((reference.statistic, reference.pvalue))


def test_friedman_at_its_ends():
    assert friedman(np.ones((3, 6))).f_p == 1
    agreed = friedman(np.array([[1.0] * 6, [2.0] * 6, [3.0] * 6]))
    assert (agreed.f, agreed.f_p) == (np.inf, 0)


def test_pairs_are_those_of_scikit_posthocs(values):
    reference = scikit_posthocs.posthoc_wilcoxon(values.mean(axis=2), p_adjust="holm").to_numpy()
    pairs = separate(compare("abcd", values), values, differ=True)
    for pair, (i, j) in zip(pairs, combinations(range(4), 2), strict=True):
        assert (pair.first, pair.second) == ("abcd"[i], "abcd"[j])
        assert pair.adjusted == pytest.approx(reference[i, j])
        assert pair.separated == (reference[i, j] <= 0.05)


def test_holm_by_hand():
    found = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).max() == 1


def test_wins_and_effects_count_tasks():
    means = np.array([[1.0, 1, 1, 1, 5], [2.0, 3, 4, 1, 1]])
    (pair,) = compare("ab", np.repeat(means[:, :, None], 2, axis=2))
    assert (pair.wins, pair.ties, pair.losses) == (3, 1, 1)
    assert pair.effect == pytest.approx((1 + 2 + 3 - 4) / 10)
    assert compare("ab", np.ones((2, 5, 2)))[0].effect == 0


def test_improvement_is_that_of_rliable(values):
    for pair, (i, j) in zip(compare("abcd", values), combinations(range(4), 2), strict=True):
        expected = metrics.probability_of_improvement(values[j].T, values[i].T)
        assert pair.improvement.mean == pytest.approx(expected)
    ties = np.random.default_rng(0).integers(0, 3, (2, 3, 8)).astype(float)
    expected = metrics.probability_of_improvement(ties[1].T, ties[0].T)
    assert compare("ab", ties)[0].improvement.mean == pytest.approx(expected)


def test_improvement_has_the_interval_of_the_stratified_bootstrap(values):
    (pair,) = compare("ab", values[:2])
    rng = np.random.default_rng(1)
    found = []
    for _ in range(1000):
        total = 0.0
        for one, two in zip(values[0], values[1], strict=True):
            at = rng.integers(0, SEEDS, SEEDS)
            total += (one[at][:, None] < two[at]).mean() + (one[at][:, None] == two[at]).mean() / 2
        found.append(total / TASKS)
    low, high = np.percentile(found, [2.5, 97.5])
    tolerance = 0.12 * (high - low)
    assert [pair.improvement.low, pair.improvement.high] == pytest.approx(
        [low, high], abs=tolerance
    )


def test_inter_quartile_mean_is_that_of_rliable_with_the_stratified_interval(values):
    found = inter_quartile_means(values[:2])
    assert [one.mean for one in found] == pytest.approx(
        [metrics.aggregate_iqm(runs.T) for runs in values[:2]]
    )
    rng = np.random.default_rng(2)
    at = rng.integers(0, SEEDS, (3000, TASKS, SEEDS))
    runs = np.take_along_axis(np.broadcast_to(values[0], at.shape), at, axis=2)
    iqms = scipy.stats.trim_mean(runs.reshape(3000, -1), 0.25, axis=1)
    low, high = np.percentile(iqms, [2.5, 97.5])
    tolerance = 0.1 * (high - low)
    assert [found[0].low, found[0].high] == pytest.approx([low, high], abs=tolerance)


def test_rank_intervals_are_those_of_seeds_resampled_within_tasks(values):
    (found,) = average_ranks(values[None])
    rng = np.random.default_rng(4)
    ranks = np.zeros((2000, 4))
    for task in range(TASKS):
        at = rng.integers(0, SEEDS, (2000, SEEDS))
        ranks += scipy.stats.rankdata(values[:, task][:, at].mean(axis=2), axis=0).T
    for rank, low, high in zip(
        found, *np.percentile(ranks / TASKS, [2.5, 97.5], axis=0), strict=True
    ):
        assert [rank.low, rank.high] == pytest.approx([low, high], abs=1 / TASKS + 1e-9)


def test_groups_never_join_what_is_separated():
    pairs = separate(
        compare("abcde", np.random.default_rng(0).random((5, 5, 3))),
        np.random.default_rng(0).random((5, 5, 3)),
        differ=False,
    )
    assert groups("abcde", pairs) == [tuple("abcde")]

    def apart(*names):
        return [
            type(pair)(
                **{f: getattr(pair, f) for f in pair.__slots__ if f != "separated"},
                separated=pair.first + pair.second in names,
            )
            for pair in pairs
        ]

    assert groups("abcde", apart("ae")) == [tuple("abcd"), tuple("bcde")]
    assert groups("abcde", apart("bc")) == [("a", "b"), ("c", "d", "e")]
    assert groups("abcde", apart("ab", "ac", "ad", "ae")) == [tuple("bcde")]
    assert groups("abc", apart("ab", "ac", "bc")) == []


def test_equal_methods_are_rarely_told_apart():
    rejected = separated = 0
    for seed in range(100):
        values = drawn([1.0, 1.0, 1.0], 8, 6, seed)
        test = friedman(values.mean(axis=2))
        rejected += test.f_p <= 0.05
        pairs = separate(compare("abc", values), values, differ=test.f_p <= 0.05)
        separated += any(pair.separated for pair in pairs)
    found = rate(rejected, 100)
    assert found.low <= 0.05 <= found.high
    assert separated <= rejected


def test_verdict_on_methods_of_which_one_is_better():
    values = drawn([2.0, 1.0, 2.0], 10, 20)
    verdict = judge(field(values))
    assert verdict.standings[0].label == "b"
    assert verdict.standings[0].rank.mean == 1
    assert verdict.tests
    assert verdict.tests.can_separate
    assert [pair.separated for pair in verdict.pairs] == [True, True, False]
    assert verdict.groups == (tuple(one.label for one in verdict.standings[1:]),)
    assert verdict.sentence == (
        "Over 10 tasks with 20 seeds each (300 trials), b has the best average rank of 3 methods "
        "(1.00, 1.00 to 1.00) and is separated from every other method."
    )
    assert [place.share for place in verdict.profile] == [s for s in SHARES for _ in range(3)]
    assert all(place.rank.mean >= 1 for place in verdict.profile)


def test_verdict_names_whom_the_leader_is_not_separated_from():
    verdict = judge(field(drawn([1.0, 1.0, 1.0, 1.0, 1.0, 4.0], 12, 20)))
    assert verdict.sentence.endswith("and 1 other.")
    assert "separate it from all but" in verdict.sentence


def test_verdict_says_when_methods_do_not_differ():
    verdict = judge(field(drawn([1.0, 1.0, 1.0], 8, 6, seed=5)))
    assert "do not differ significantly" in verdict.sentence
    assert verdict.groups == (tuple(one.label for one in verdict.standings),)


def test_verdict_says_when_the_tasks_cannot_separate_anybody():
    verdict = judge(field(drawn([1.0, 2.0, 4.0, 8.0], 6, 10)))
    assert verdict.tests
    assert verdict.tests.smallest_p == 2**-5
    assert not verdict.tests.can_separate
    assert verdict.tests.needed_tasks == 8
    assert "6 tasks cannot separate any two of 4 methods: that needs at least 8 tasks" in (
        verdict.sentence
    )
    assert not any(pair.separated for pair in verdict.pairs)


def test_fewer_than_five_tasks_are_ranked_but_not_tested():
    values = drawn([1.0, 2.0], 4, 10)
    verdict = judge(field(values))
    assert verdict.tests is None
    assert verdict.groups == ()
    assert np.isnan(verdict.pairs[0].p)
    assert verdict.sentence.endswith("but a test over benchmarks needs at least 5 tasks.")
    with pytest.raises(InvalidArgumentError, match="needs at least 5 tasks, not 4"):
        separate(verdict.pairs, values, differ=True)


def test_methods_with_the_same_average_rank_share_their_place():
    values = np.array([[1.0, 3.0] * 4, [3.0, 1.0] * 4, [2.0, 2.0] * 4, [4.0, 4.0] * 4])
    verdict = judge(field(np.repeat(values[:, :, None], 3, axis=2)))
    places = {one.label: one.place for one in verdict.standings}
    assert places == {"a": 2, "b": 2, "c": 2, "d": 4}
    assert "a, b and c share the best average rank of 4 methods (2.00)" in verdict.sentence
    assert verdict.sentence.endswith("(2.00) and are separated from every other method.")
    ends = judge(field(np.repeat(values[[0, 1, 3], :, None], 3, axis=2)))
    assert [one.place for one in ends.standings] == [1.5, 1.5, 3]


def test_leaders_are_separated_from_the_others_together():
    values = np.array([[1.0, 2.0] * 6, [2.0, 1.0] * 6, [3.0, 3.0] * 6])
    verdict = judge(field(np.repeat(values[:, :, None], 3, axis=2)))
    assert verdict.tests
    assert verdict.tests.differ
    assert verdict.sentence.endswith("(1.50) and are separated from every other method.")


def test_marks_of_methods_stand_in_the_sentence():
    values = drawn([2.0, 1.0], 3, 4)
    methods = (Method("a"), Method("b", remark="random search here (on 1 of 3 tasks)"))
    verdict = judge(replace(field(values), methods=methods))
    assert "b\N{DOUBLE DAGGER} has the best average rank" in verdict.sentence
    assert verdict.field.footnotes == ["\N{DOUBLE DAGGER} b: random search here (on 1 of 3 tasks)."]
    assert (Method("c", fits_family=True).mark, Method("c").mark) == ("\N{DAGGER}", "")


def test_neither_order_of_methods_nor_of_tasks_matters(values):
    verdict = judge(field(values))
    other = judge(field(values[[0, 1, 2, 3]][:, ::-1]))
    for one, two in zip(verdict.pairs, other.pairs, strict=True):
        assert (one.p, one.adjusted, one.wins) == (two.p, two.adjusted, two.wins)
        assert one.improvement.mean == pytest.approx(two.improvement.mean)
    for first, second in zip(verdict.standings, other.standings, strict=True):
        assert first.rank.mean == second.rank.mean
        assert first.iqm.mean == pytest.approx(second.iqm.mean)


def test_another_method_changes_no_inter_quartile_mean_and_no_probability(values):
    few, many = judge(field(values[:3])), judge(field(values))
    iqms = {one.label: one.iqm for one in many.standings}
    assert all(iqms[one.label] == one.iqm for one in few.standings)
    chances = {(pair.first, pair.second): pair.improvement for pair in many.pairs}
    for pair in few.pairs:
        found = chances[pair.first, pair.second]
        assert [found.mean, found.low, found.high] == pytest.approx(
            [pair.improvement.mean, pair.improvement.low, pair.improvement.high]
        )


def test_the_same_field_gives_the_same_verdict(values):
    before = judge(field(values))
    resamples.cache_clear()
    after = judge(field(values))
    assert (after.standings, after.pairs, after.sentence) == (
        before.standings,
        before.pairs,
        before.sentence,
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_failures_have_a_regret(values, bad):
    broken = values.copy()
    broken[0, 0, 0] = bad
    with pytest.raises(InvalidArgumentError, match="a failed run has a regret too"):
        field(broken)


def test_swapped_axes_are_refused(values):
    with pytest.raises(InvalidArgumentError, match=r"expected \(3, 4, 8, 20\)"):
        Field(
            name="",
            methods=tuple(map(Method, "abcd")),
            tasks=tuple(map(str, range(TASKS))),
            seeds=tuple(range(SEEDS)),
            values=np.stack([values.swapaxes(1, 2)] * 3),
        )
