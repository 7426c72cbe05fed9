"""Runtimes to targets: the regrets that a benchmark sets, and when each row reaches them.

The targets follow from the benchmark alone, see :attr:`leaderboard.landscape.Landscape.targets`.
Hansen et al. (2022), https://arxiv.org/abs/1605.03560, explain the measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaderboard import statistics
from leaderboard.boards import Board, Row
from leaderboard.curves import RANDOM, Curve, axes, grid
from leaderboard.landscape import Landscape
from leaderboard.searches import Axis
from leaderboard.statistics import Estimate

RUNS = 10_000
"""Simulated runs of random search."""

_DENSE = 30
_MOST = 1_000_000
_STEP = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Attainment:
    """How a row reaches a target on one axis.

    Attributes:
        label: Label of the row.
        axis: What is paid: simulated seconds, evaluations or epochs.
        target: The regret to reach; 0 is the best architecture of the space.
        hits: Share of the runs whose incumbent had such a regret, with its Wilson interval.
        runtime: Expected running time, in the unit of the axis: what all runs paid until they
            reached the target or ended, per run that reached it; ``inf`` if none did.
        speedup: What random search is expected to pay until its mean regret is on the target, per
            unit that the row pays until its own is; NaN where one of them never gets there or where
            the expectation is unknown. Over simulated time, random search pays the mean full
            training for each evaluation.
    """

    label: str
    axis: Axis
    target: float
    hits: Estimate
    runtime: float
    speedup: float


def attainments(board: Board) -> list[Attainment]:
    """Hit rate, expected running time and speed-up of every row, axis and target.

    The targets are those of the benchmark, from the easiest on, and the best of the space.
    """
    targets = np.append(board.landscape.targets, 0.0)
    expected = random_evaluations(board, targets)
    found = []
    for axis in axes(board):
        price = _price(board, axis)
        for row in board.rows:
            times = _times(row, targets, axis)
            costs = np.array([search.cost(axis) for search in row.searches])
            paid = np.minimum(times, costs[:, None]).sum(axis=0)
            own = _until(*_mean_steps(row, axis), targets)
            for i, n in enumerate(np.isfinite(times).sum(axis=0).tolist()):
                both = np.isfinite(own[i]) and np.isfinite(expected[i])
                found.append(
                    Attainment(
                        label=row.label,
                        axis=axis,
                        target=float(targets[i]),
                        hits=statistics.rate(n, len(times)),
                        runtime=float(paid[i]) / n if n else np.inf,
                        speedup=float(price * expected[i] / own[i]) if both else np.nan,
                    )
                )
    return found


def random_evaluations(board: Board, regrets: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Full trainings after which random search expects at most each regret.

    Exact up to 30; above, taken from the line between two numbers of trainings 5 % apart.

    Args:
        board: The board.
        regrets: Regrets to reach.

    Returns:
        Numbers of trainings; ``inf`` for a regret that is not reached within a million, NaN where
        the expectation is unknown.
    """
    wanted = np.asarray(regrets, dtype=np.float64)
    landscape = board.landscape
    if not isinstance(landscape, Landscape):
        return [np.nan] * len(wanted)
    sparse = np.geomspace(_DENSE, _MOST, round(np.log(_MOST / _DENSE) / np.log(_STEP)))
    at = np.unique(np.append(np.arange(1, _DENSE), np.round(sparse)))
    means = landscape.random_search(at.astype(np.int64).tolist())
    means = means - _slack(wanted)
    found = []
    for regret in wanted.tolist():
        inside = np.flatnonzero(means <= regret)
        if not inside.size:
            found.append(np.inf)
            continue
        i = int(inside[0])
        if i and at[i] > _DENSE:
            share = (means[i - 1] - regret) / (means[i - 1] - means[i])
            found.append(float(at[i - 1] + share * (at[i] - at[i - 1])))
        else:
            found.append(float(at[i]))
    return found


def ecdf(board: Board, axis: Axis) -> dict[str, Curve]:
    """Runtime distribution: the share of pairs of run and target that are reached by a cost.

    Over evaluations and epochs, :data:`RUNS` simulated runs of random search with full trainings
    stand beside the rows.

    Args:
        board: The board.
        axis: What is paid.

    Returns:
        Curves by label, over the points of :func:`leaderboard.curves.grid`, with intervals over
        seeds; empty if the benchmark sets no targets.
    """
    targets = board.landscape.targets
    if not targets.size:
        return {}
    at = grid(board.rows, axis)
    found = {}
    for row in board.rows:
        shares = _shares(_times(row, targets, axis), at)
        found[row.label] = Curve(at, shares.mean(axis=0), *statistics.interval(shares))
    if axis != "seconds" and isinstance(board.landscape, Landscape):
        price = board.landscape.benchmark.fidelities[-1] if axis == "epochs" else 1
        mean = _shares(price * board.landscape.random_times(targets, RUNS), at).mean(axis=0)
        found[RANDOM] = Curve(at, mean, mean, mean)
    return found


def _price(board: Board, axis: Axis) -> float:
    """What an evaluation of random search costs on an axis."""
    if axis == "evaluations":
        return 1.0
    landscape = board.landscape
    if axis == "epochs":
        return float(landscape.benchmark.fidelities[-1])
    return landscape.full_seconds / board.question.workers


def _times(row: Row, targets: NDArray[np.float64], axis: Axis) -> NDArray[np.float64]:
    """Cost at which each run reached each target, shape ``(n_runs, n_targets)``."""
    return np.stack([search.reached(targets, axis) for search in row.searches])


def _shares(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the targets that each run has reached at some costs, shape ``(n_runs, n_at)``."""
    n_runs, n_targets = times.shape
    place = np.searchsorted(at, times, side="left") + (len(at) + 1) * np.arange(n_runs)[:, None]
    counts = np.bincount(place.ravel(), minlength=n_runs * (len(at) + 1))
    reached = counts.reshape(n_runs, -1)[:, :-1].cumsum(axis=1)
    return np.asarray(reached / n_targets)


def _mean_steps(row: Row, axis: Axis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Costs at which the mean regret of a row changes, and that mean from there on."""
    at, change = [], []
    for search in row.searches:
        n = 0 if search.chosen is None else search.chosen + 1
        at.append(search.steps(axis)[:n].astype(np.float64))
        change.append(np.diff(search.regrets[:n], prepend=search.before))
    places = np.concatenate(at)
    order = np.argsort(places, kind="stable")
    before = float(np.mean([search.before for search in row.searches]))
    means = before + np.concatenate(change)[order].cumsum() / len(row.searches)
    ends = np.flatnonzero(np.diff(places[order], append=np.inf) > 0)
    return places[order][ends], means[ends]


def _until(
    at: NDArray[np.float64], means: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where a mean is first at most each target, within rounding; ``inf`` if nowhere."""
    lowest = np.minimum.accumulate(means) - _slack(targets)
    return np.asarray(np.append(at, np.inf)[(lowest > targets[:, None]).sum(axis=1)])


def _slack(targets: NDArray[np.float64]) -> float:
    """By how much the rounding of a sum may move a mean."""
    return 1e-9 * float(np.abs(targets).max(initial=0.0))
