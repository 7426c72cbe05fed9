"""Average ranks over tasks, and whether they differ at all (Demšar, 2006, JMLR 7)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaderboard import statistics
from leaderboard.statistics import Estimate

_STREAM = 100
_CHUNK = 250
_DRAWS = 2000  # of DRAWS: half the time for an interval of all runs of all tasks


@dataclass(frozen=True, slots=True)
class Friedman:
    """Whether the ranks of some methods differ over tasks.

    Attributes:
        statistic: Friedman's statistic, corrected for ties.
        p: Its p-value, by the chi-square distribution.
        f: Statistic of Iman and Davenport (1980); ``inf`` if all tasks agree.
        f_p: Its p-value, by the F distribution, which decides.
    """

    statistic: float
    p: float
    f: float
    f_p: float


def friedman(means: NDArray[np.float64]) -> Friedman:
    """Friedman's test with the correction of Iman and Davenport.

    Args:
        means: Mean of each method on each task, lower is better, shape ``(n_methods, n_tasks)``.
    """
    k, n = means.shape
    ranks = stats.rankdata(means, axis=0)
    spread = ((ranks.mean(axis=1) - (k + 1) / 2) ** 2).sum()
    within = ((ranks - (k + 1) / 2) ** 2).sum() / n
    if within == 0:
        return Friedman(0.0, 1.0, 0.0, 1.0)
    statistic = float(n * (k - 1) * spread / within)
    rest = n * (k - 1) - statistic
    f = (n - 1) * statistic / rest if rest > 1e-9 * n * k else np.inf
    return Friedman(
        statistic,
        float(stats.chi2.sf(statistic, k - 1)),
        float(f),
        float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))),
    )


def resamples(n_tasks: int, n_seeds: int) -> Iterator[NDArray[np.float64]]:
    """Share of each seed in each resample, task by task, each ``(DRAWS, n_seeds)``.

    Seeds are resampled within tasks; the methods of a task together.
    """
    for task in range(n_tasks):
        yield statistics.resamples(n_seeds, _STREAM + task)


def average_ranks(values: NDArray[np.float64]) -> list[list[Estimate]]:
    """Average rank of every method over tasks, with intervals over seeds.

    Args:
        values: Lower is better, shape ``(n_shares, n_methods, n_tasks, n_seeds)``.

    Returns:
        For each share of the budget, one estimate per method.
    """
    n_shares, n_methods, n_tasks, n_seeds = values.shape
    ranks = stats.rankdata(values.mean(axis=3), axis=1).mean(axis=2)
    drawn = np.zeros((n_shares, n_methods, statistics.DRAWS))
    for task, shares in enumerate(resamples(n_tasks, n_seeds)):
        drawn += stats.rankdata(values[:, :, task] @ shares.T, axis=1)
    found = []
    for means, draws in zip(ranks.tolist(), drawn / n_tasks, strict=True):
        low, high = statistics.percentiles(draws)
        ends = zip(means, low.tolist(), high.tolist(), strict=True)
        found.append([Estimate(*row) for row in ends])
    return found


def inter_quartile_means(values: NDArray[np.float64]) -> list[Estimate]:
    """Inter-quartile mean of every method over all runs, with a stratified bootstrap interval.

    Agarwal et al. (2021), https://arxiv.org/abs/2108.13264. Every task has as many seeds, so tasks
    count equally.

    Args:
        values: Shape ``(n_methods, n_tasks, n_seeds)``.
    """
    n_methods, n_tasks, n_seeds = values.shape
    n = n_tasks * n_seeds
    cut = int(statistics.CUT * n)
    whole = np.int16 if n <= np.iinfo(np.int16).max else np.int32
    counts = np.concatenate(
        [
            np.rint(shares[:_DRAWS].T * n_seeds).astype(whole)
            for shares in resamples(n_tasks, n_seeds)
        ]
    )
    chunks = [
        np.ascontiguousarray(counts[:, start : start + _CHUNK])
        for start in range(0, _DRAWS, _CHUNK)
    ]
    found = []
    for runs in values.reshape(n_methods, n):
        order = np.argsort(runs, kind="stable")
        ordered = runs[order]
        single = ordered.astype(np.float32)
        drawn = []
        for chunk in chunks:
            ends = chunk[order].cumsum(axis=0, dtype=whole).clip(cut, n - cut)
            kept = np.diff(ends, axis=0, prepend=whole(cut)).astype(np.float32)
            drawn.append((single @ kept).astype(np.float64) / (n - 2 * cut))
        low, high = statistics.percentiles(np.concatenate(drawn)[None])
        found.append(Estimate(statistics.trimmed_mean(ordered), float(low[0]), float(high[0])))
    return found
