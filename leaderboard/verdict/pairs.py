"""Methods two by two: wins, effect sizes, tests over tasks, and who is separated from whom."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaderboard import statistics
from leaderboard.statistics import Estimate
from leaderboard.verdict.ranks import resamples
from nasbench.errors import InvalidArgumentError

ALPHA = 0.05
"""Level of the tests."""

LEAST_TASKS = 5
"""Tasks below which no test over tasks is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two methods over the tasks.

    Attributes:
        first: Label of the one with the better average rank.
        second: Label of the other.
        wins: Tasks on which the mean of the first is better.
        ties: Tasks on which the means are equal.
        losses: Tasks on which the mean of the second is better.
        effect: Matched-pairs rank-biserial correlation over tasks, from -1 to 1: 1 if the first is
            better on every task (Kerby, 2014).
        improvement: Probability that a run of the first is better than one of the second, a tie
            counting half, mean over tasks; its interval is that of the stratified bootstrap, to
            first order in the shares of the seeds.
        p: Wilcoxon signed-rank test over tasks, two-sided; NaN if it was not made.
        adjusted: ``p`` after Holm's correction for the number of pairs; NaN if not made.
        separated: Whether the tests tell the two apart.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    effect: float
    improvement: Estimate
    p: float = np.nan
    adjusted: float = np.nan
    separated: bool = False


def compare(labels: Sequence[str], values: NDArray[np.float64]) -> list[Pair]:
    """All pairs, without tests.

    Args:
        labels: Labels of the methods, by average rank.
        values: In that order, lower is better, shape ``(n_methods, n_tasks, n_seeds)``.
    """
    one, two = np.triu_indices(len(labels), 1)
    means = values.mean(axis=2)
    gaps = means[two] - means[one]
    improvements = _improvements(values, one, two)
    effects = [_effect(gap) for gap in gaps]
    return [
        Pair(
            first=labels[i],
            second=labels[j],
            wins=int((gap > 0).sum()),
            ties=int((gap == 0).sum()),
            losses=int((gap < 0).sum()),
            effect=effect,
            improvement=improvement,
        )
        for i, j, gap, effect, improvement in zip(
            one.tolist(), two.tolist(), gaps, effects, improvements, strict=True
        )
    ]


def separate(pairs: Sequence[Pair], values: NDArray[np.float64], *, differ: bool) -> list[Pair]:
    """The pairs of :func:`compare` with Wilcoxon's test over tasks and Holm's correction.

    Args:
        pairs: The pairs.
        values: As given there.
        differ: Whether Friedman's test rejects; if not, no pair is separated.

    Raises:
        InvalidArgumentError: There are fewer than :data:`LEAST_TASKS` tasks.
    """
    n_methods, n_tasks, _ = values.shape
    if n_tasks < LEAST_TASKS:
        raise InvalidArgumentError(
            f"a test over benchmarks needs at least {LEAST_TASKS} tasks, not {n_tasks}"
        )
    one, two = np.triu_indices(n_methods, 1)
    means = values.mean(axis=2)
    p = wilcoxon(means[two] - means[one])
    adjusted = holm(p)
    return [
        replace(pair, p=a, adjusted=b, separated=differ and b <= ALPHA)
        for pair, a, b in zip(pairs, p.tolist(), adjusted.tolist(), strict=True)
    ]


def smallest_p(n_tasks: int) -> float:
    """The smallest two-sided p-value of Wilcoxon's test over so many tasks."""
    return 2.0 ** (1 - n_tasks)


def wilcoxon(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values of the signed-rank test of ``(n_pairs, n_tasks)`` gaps; 1 where all are 0."""
    p = np.ones(len(gaps))
    for i, gap in enumerate(gaps):
        if gap.any():
            p[i] = stats.wilcoxon(gap).pvalue
    return p


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values after Holm's step-down correction, shape ``(n,)``."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted


def groups(labels: Sequence[str], pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Longest stretches of the ranking in which no pair is separated, of two methods or more.

    They are the bars of a critical-difference diagram. A bar never joins two methods that are
    separated; two that are not, with one between them that is, may share no bar.

    Args:
        labels: Labels of the methods, by average rank.
        pairs: All pairs, tested.
    """
    place = {label: i for i, label in enumerate(labels)}
    apart = {(place[pair.first], place[pair.second]) for pair in pairs if pair.separated}
    found: list[tuple[int, int]] = []
    for start in range(len(labels)):
        end = start
        while end + 1 < len(labels) and not any(
            (i, end + 1) in apart for i in range(start, end + 1)
        ):
            end += 1
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return [tuple(labels[a : b + 1]) for a, b in found]


def _effect(gap: NDArray[np.float64]) -> float:
    """Rank-biserial correlation of gaps between pairs; 0 if all are 0."""
    differing = gap[gap != 0]
    ranks = stats.rankdata(np.abs(differing))
    return float((np.sign(differing) * ranks).sum() / ranks.sum()) if len(ranks) else 0.0


def _improvements(
    values: NDArray[np.float64], one: NDArray[np.intp], two: NDArray[np.intp]
) -> list[Estimate]:
    """Probability that a run of one method beats a run of the other, mean over tasks."""
    n_tasks, n_seeds = values.shape[1:]
    means = np.zeros(len(one))
    drawn = np.zeros((len(one), statistics.DRAWS))
    for task, shares in enumerate(resamples(n_tasks, n_seeds)):
        runs = values[:, task]
        ordered = np.sort(runs, axis=1)
        worth = np.empty((len(one), n_seeds))
        for pair, (i, j) in enumerate(zip(one.tolist(), two.tolist(), strict=True)):
            beaten = 1 - _below(ordered[j], runs[i])
            beating = _below(ordered[i], runs[j])
            worth[pair] = beaten + beating
        chance = worth.mean(axis=1) / 2
        means += chance
        drawn += worth @ shares.T - chance[:, None]
    low, high = statistics.percentiles(drawn / n_tasks)
    return [
        Estimate(mean, max(0.0, a), min(1.0, b))
        for mean, a, b in zip((means / n_tasks).tolist(), low.tolist(), high.tolist(), strict=True)
    ]


def _below(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of ascending values below each value, equal ones counting half."""
    left = np.searchsorted(ordered, values, side="left")
    right = np.searchsorted(ordered, values, side="right")
    return (left + right) / (2 * len(ordered))
