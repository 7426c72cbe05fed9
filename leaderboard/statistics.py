"""Intervals over seeds, and exact expectations of random and of exhaustive search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri

DRAWS = 4000
"""Bootstrap resamples per interval."""

LEVEL = 0.95
"""Confidence level of the intervals."""

SummaryName: TypeAlias = Literal["mean", "iqm", "median"]
"""How the seeds of a row are summed up, see :class:`Summary`."""

_SEED = 20_200_403
_INDEPENDENT = 1
_NOTHING = 746.0
"""What e to the minus this and less is, rounded to a float: 0."""

CUT = 0.25
"""Share of the seeds that an inter-quartile mean leaves out at each end, rounded down."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds, or another summary of them, with its confidence interval.

    Attributes:
        mean: The mean, or the other summary.
        low: Lower end; NaN if there is only one seed.
        high: Upper end; NaN if there is only one seed.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Three summaries of the same seeds, each with its percentile bootstrap interval.

    Attributes:
        mean: The mean.
        iqm: The inter-quartile mean: that of the middle half of the seeds (Agarwal et al., 2021,
            https://arxiv.org/abs/2108.13264).
        median: The median.
    """

    mean: Estimate
    iqm: Estimate
    median: Estimate


def summary(values: NDArray[np.float64]) -> Summary:
    """Mean, inter-quartile mean and median of ``(n_seeds,)`` values."""
    ordered = np.sort(values)
    middle, median = trimmed_mean(ordered), float(np.median(ordered))
    if len(ordered) < 2:
        nan = float("nan")
        return Summary(estimate(values), Estimate(middle, nan, nan), Estimate(median, nan, nan))
    inner, centres = _ordered_resamples(len(ordered))
    drawn = np.stack([inner @ ordered, ordered[centres].mean(axis=1)])
    (low, low_median), (high, high_median) = percentiles(drawn)
    return Summary(
        mean=estimate(values),
        iqm=Estimate(middle, float(low), float(high)),
        median=Estimate(median, float(low_median), float(high_median)),
    )


def trimmed_mean(ordered: NDArray[np.float64]) -> float:
    """Inter-quartile mean of ``(n,)`` ascending values, see :data:`CUT`."""
    left_out = int(CUT * len(ordered))
    return float(ordered[left_out : len(ordered) - left_out].mean())


def rate(hits: int, n: int) -> Estimate:
    """Share of ``n`` runs that reached something, with its Wilson score interval.

    The bootstrap has no width where none or all of the runs did; this interval has.
    """
    if not n:
        return Estimate(float("nan"), float("nan"), float("nan"))
    z = float(ndtri((1 + LEVEL) / 2))
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = (share * (1 - share) * spread + spread * spread / 4) ** 0.5 / (1 + spread)
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Mean of ``(n_seeds,)`` values with its percentile bootstrap interval."""
    low, high = interval(values[:, None])
    return Estimate(float(values.mean()), float(low[0]), float(high[0]))


def interval(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile bootstrap intervals of means over seeds.

    Every call with the same number of seeds draws the same resamples, so rows that ran on the same
    seeds are resampled together.

    Args:
        values: Shape ``(n_seeds, n)``.

    Returns:
        Lower and upper ends, each of shape ``(n,)``; NaN for fewer than two seeds.
    """
    n_seeds, n = values.shape
    if n_seeds < 2:
        return np.full(n, np.nan), np.full(n, np.nan)
    return percentiles(values.T @ resamples(n_seeds).T)


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> tuple[Estimate, int]:
    """Mean of ``first`` minus mean of ``second``.

    Searches with the same seed share their training seeds, so they are compared on their common
    seeds and resampled together. With fewer than two common seeds, each side is resampled
    independently.

    Args:
        first: Score by seed.
        second: Score by seed.

    Returns:
        The difference, without an interval if a side has only one seed, and the number of common
        seeds that it rests on; 0 if the sides are resampled independently.
    """
    common = sorted(first.keys() & second.keys())
    if len(common) > 1:
        return estimate(np.array([first[seed] - second[seed] for seed in common])), len(common)
    a, b = (np.array([side[seed] for seed in sorted(side)]) for side in (first, second))
    low = high = np.array([np.nan])
    if min(len(a), len(b)) > 1:
        means = resamples(len(a)) @ a - resamples(len(b), _INDEPENDENT) @ b
        low, high = percentiles(means[None])
    return Estimate(float(a.mean() - b.mean()), float(low[0]), float(high[0])), 0


@lru_cache(maxsize=8)
def resamples(n_seeds: int, stream: int = 0) -> NDArray[np.float64]:
    """Share of each seed in each resample, shape ``(DRAWS, n_seeds)``; rows sum to 1.

    Args:
        n_seeds: Number of seeds.
        stream: Resamples of different streams are independent.
    """
    rng = np.random.default_rng([_SEED, stream, n_seeds])
    shares = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=DRAWS) / n_seeds
    shares.flags.writeable = False
    return shares


@lru_cache(maxsize=4)
def _ordered_resamples(n_seeds: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The resamples by places in the order of the values, which no seed has of its own.

    Returns:
        Weight of each place in the inter-quartile mean of each resample, shape ``(DRAWS,
        n_seeds)``, and the two middle places of each resample, shape ``(DRAWS, 2)``.
    """
    ends = np.rint(resamples(n_seeds) * n_seeds).astype(np.int64).cumsum(axis=1)
    left_out = int(CUT * n_seeds)
    kept = np.diff(ends.clip(left_out, n_seeds - left_out), axis=1, prepend=left_out)
    weights = kept / (n_seeds - 2 * left_out)
    middle = ((n_seeds - 1) // 2, n_seeds // 2)
    centres = np.stack([(ends <= place).sum(axis=1) for place in middle], axis=1)
    weights.flags.writeable = centres.flags.writeable = False
    return weights, centres


def percentiles(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval ends of resampled means of shape ``(n, DRAWS)``, each of shape ``(n,)``."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(means, [tail, 100 - tail], axis=1)
    return low, high


def random_search(
    observed: NDArray[np.float64],
    reported: NDArray[np.float64],
    weights: NDArray[np.float64],
    evaluations: Sequence[int],
) -> NDArray[np.float64]:
    """Exact expectation of what random search with replacement reports, by order statistics.

    After k draws the incumbent is item i or worse with probability ``S(i-1)**k``, where ``S(i)`` is
    the probability that one draw is worse than item i. Items of equal observed loss are averaged.

    Args:
        observed: Loss that the search sees, shape ``(n_items,)``; ``inf`` never becomes an
            incumbent.
        reported: Value reported for the item, same shape; for ``inf``, the value reported for a run
            that has found nothing.
        weights: Probability of drawing the item, same shape; they sum to 1.
        evaluations: Numbers of draws.

    Returns:
        Expected reported values, shape ``(n_evaluations,)``.
    """
    mass, mean = _by_loss(observed, reported, weights)
    worse = np.append(np.cumsum(mass[::-1])[::-1][1:], 0.0) / mass.sum()
    steps = np.append(np.diff(mean), 0.0)
    found = []
    for k in evaluations:
        chances = np.zeros(len(worse))
        n = len(worse) - np.searchsorted(worse[::-1], exp(-_NOTHING / max(k, 1)))
        np.power(worse[:n], k, out=chances[:n])  # the rest is 0 as a float, and slow to find so
        found.append(mean[0] + chances @ steps)
    return np.array(found)


def random_search_middle(
    observed: NDArray[np.float64],
    reported: NDArray[np.float64],
    weights: NDArray[np.float64],
    evaluations: Sequence[int],
    summary: Literal["iqm", "median"],
) -> NDArray[np.float64]:
    """Exact inter-quartile mean or median of what random search with replacement reports.

    The distribution follows from that of the incumbent, see :func:`random_search`; of items of
    equal observed loss each is the incumbent by its share of the weight.

    Args:
        observed: As in :func:`random_search`.
        reported: As in :func:`random_search`.
        weights: As in :func:`random_search`.
        evaluations: Numbers of draws, each at least 1.
        summary: Which of the two.

    Returns:
        Shape ``(n_evaluations,)``.
    """
    _, group = np.unique(observed, return_inverse=True)
    mass = np.bincount(group, weights)
    worse = np.append(np.cumsum(mass[::-1])[::-1], 0.0) / mass.sum()
    order = np.argsort(reported, kind="stable")
    group, values = group[order], reported[order]
    share = weights[order] / mass[group]
    found = []
    for k in evaluations:
        below = np.cumsum((worse[:-1] ** k - worse[1:] ** k)[group] * share)
        if summary == "median":
            place = np.searchsorted(below, 0.5 * below[-1])
            found.append(float(values[place]))
        else:
            inside = np.diff((below / below[-1]).clip(CUT, 1 - CUT), prepend=CUT)
            found.append(float(inside @ values) / (1 - 2 * CUT))
    return np.array(found)


def random_search_without_replacement(
    observed: NDArray[np.float64], reported: NDArray[np.float64], evaluations: Sequence[int]
) -> NDArray[np.float64]:
    """Exact expectation of what random search without replacement reports on equally likely items.

    After k of n draws the incumbent is worse than item i with probability C(m, k) / C(n, k), where
    m items are worse than item i. Items of equal observed loss are averaged.

    Args:
        observed: As in :func:`random_search`.
        reported: As in :func:`random_search`.
        evaluations: Numbers of draws; nothing changes beyond n.

    Returns:
        Expected reported values, shape ``(n_evaluations,)``.
    """
    mass, mean = _by_loss(observed, reported, np.ones(len(observed)))
    worse = len(observed) - np.cumsum(mass)
    steps = np.append(np.diff(mean), 0.0)
    log_choices = gammaln(worse + 1) - gammaln(len(observed) + 1)
    expected = []
    for draws in evaluations:
        k = min(draws, len(observed))
        left = np.maximum(worse - k, 0)
        log_chance = log_choices + gammaln(len(observed) - k + 1) - gammaln(left + 1)
        expected.append(mean[0] + np.where(worse >= k, np.exp(log_chance), 0.0) @ steps)
    return np.array(expected)


def random_search_times(
    observed: NDArray[np.float64],
    reported: NDArray[np.float64],
    weights: NDArray[np.float64],
    targets: NDArray[np.float64],
    n_runs: int,
) -> NDArray[np.float64]:
    """Draws until simulated random search with replacement reports at most some targets.

    Only improvements are simulated: the draws until the next one are geometric, and it is drawn
    from what is better. So a run costs some ten random numbers, whatever its length.

    Args:
        observed: As in :func:`random_search`.
        reported: As in :func:`random_search`.
        weights: Odds of drawing the item, same shape.
        targets: Reported values to reach, shape ``(n_targets,)``.
        n_runs: Number of independent runs.

    Returns:
        Draws until the incumbent first reports at most each target, shape ``(n_runs,
        n_targets)``; ``inf`` if it never does.
    """
    rng = np.random.default_rng([_SEED, n_runs])
    order = np.argsort(observed, kind="stable")
    losses, values = observed[order], reported[order]
    mass = np.cumsum(weights[order] / weights.sum())
    better = np.append(0.0, mass)[np.searchsorted(losses, losses, side="left")]
    times = np.full((n_runs, len(targets)), np.inf)
    left = np.ones(n_runs)
    spent = np.zeros(n_runs)
    running = np.arange(n_runs)
    while running.size:
        spent[running] += rng.geometric(left[running])
        drawn = np.searchsorted(mass, rng.random(running.size) * left[running], side="right")
        drawn = np.minimum(drawn, len(losses) - 1)
        good = (values[drawn][:, None] <= targets) & np.isfinite(losses[drawn])[:, None]
        now = np.where(good, spent[running][:, None], np.inf)
        times[running] = np.minimum(times[running], now)
        left[running] = better[drawn]
        running = running[(left[running] > 0) & np.isinf(times[running]).any(axis=1)]
    return times


def _by_loss(
    observed: NDArray[np.float64], reported: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight and mean reported value of the items of each observed loss, by ascending loss."""
    _, group = np.unique(observed, return_inverse=True)
    mass = np.bincount(group, weights).astype(np.float64, copy=False)
    return mass, np.bincount(group, weights * reported) / mass


def exhaustive_search(
    keys: NDArray[np.int64], observed: NDArray[np.float64], reported: NDArray[np.float64]
) -> float:
    """Expected report of exhaustive search that sees one random training of every architecture.

    It is no limit: among more architectures the best single result is more often a lucky one, so a
    search that trains fewer of them can report better.

    Args:
        keys: Architecture of each training, shape ``(n_runs,)``.
        observed: Validation loss of each training, same shape.
        reported: Value reported for its architecture, same shape.

    Returns:
        Expected reported value of the architecture with the lowest shown loss; trainings of equal
        loss are averaged.
    """
    _, architecture, counts = np.unique(keys, return_inverse=True, return_counts=True)
    _, group = np.unique(observed, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.searchsorted(group[order], np.arange(group.max() + 1), side="right")
    left = counts.copy()
    none_shown, expectation, start = 1.0, 0.0, 0
    for end in ends.tolist():
        items = order[start:end]
        before = none_shown
        for owner in architecture[items].tolist():
            none_shown *= (left[owner] - 1) / left[owner] if none_shown else 0.0
            left[owner] -= 1
        share = 1 / counts[architecture[items]]
        expectation += (before - none_shown) * float(np.average(reported[items], weights=share))
        if none_shown == 0.0:
            break
        start = end
    return expectation
