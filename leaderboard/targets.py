"""Runtimes to targets: the regrets that a benchmark sets, and when each row reaches them.

The targets follow from the benchmark alone, see :attr:`leaderboard.landscape.Landscape.targets`.
Hansen et al. (2022), https://arxiv.org/abs/1605.03560, explain the measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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


class Runtimes:
    """When the runs of a board reach the targets of its benchmark, computed once for all axes.

    Args:
        board: The board.

    Attributes:
        board: As given.
        targets: The regrets, from the easiest on, and 0, the best of the space.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        self.targets = np.append(board.landscape.targets, 0.0)
        self._axes = axes(board)
        self._times: dict[tuple[str, Axis], NDArray[np.float64]] = {}
        for row in board.rows:
            reached = [search.reached(self.targets, self._axes) for search in row.searches]
            for axis, times in zip(self._axes, zip(*reached, strict=True), strict=True):
                self._times[row.label, axis] = np.stack(times)

    def attainments(self) -> list[Attainment]:
        """Hit rate, expected running time and speed-up of every row, axis and target."""
        board, targets = self.board, self.targets
        expected = random_evaluations(board, targets)
        steps = {row.label: _mean_steps(row, self._axes) for row in board.rows}
        found = []
        for axis in self._axes:
            price = _price(board, axis)
            for row in board.rows:
                times = self._times[row.label, axis]
                costs = np.array([search.cost(axis) for search in row.searches])
                paid = np.minimum(times, costs[:, None]).sum(axis=0)
                own = _until(*steps[row.label][axis], targets)
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

    def ecdf(self, axis: Axis) -> dict[str, Curve]:
        """Runtime distribution with intervals over seeds, see :func:`ecdf`."""
        at, shares = self._shares(axis)
        found = {
            label: Curve(at, of_one.mean(axis=0), *statistics.interval(of_one))
            for label, of_one in shares.items()
        }
        return found | self._random(axis, at)

    def mean_ecdf(self, axis: Axis) -> dict[str, Curve]:
        """Runtime distribution without intervals, which take most of the time."""
        at, shares = self._shares(axis)
        none = np.full(len(at), np.nan)
        found = {
            label: Curve(at, of_one.mean(axis=0), none, none) for label, of_one in shares.items()
        }
        return found | self._random(axis, at)

    def _shares(self, axis: Axis) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Costs, and the share of targets that each run has reached by then."""
        at = grid(self.board.rows, axis)
        if len(self.targets) == 1:
            return at, {}
        labels = [row.label for row in self.board.rows]
        return at, {label: _shares(self._times[label, axis][:, :-1], at) for label in labels}

    def _random(self, axis: Axis, at: NDArray[np.float64]) -> dict[str, Curve]:
        """The distribution of simulated random search; empty where there is none."""
        landscape = self.board.landscape
        if axis == "seconds" or len(self.targets) == 1 or not isinstance(landscape, Landscape):
            return {}
        price = landscape.benchmark.fidelities[-1] if axis == "epochs" else 1
        mean = _shares(price * self._random_times, at).mean(axis=0)
        return {RANDOM: Curve(at, mean, mean, mean)}

    @cached_property
    def _random_times(self) -> NDArray[np.float64]:
        landscape = self.board.landscape
        assert isinstance(landscape, Landscape)
        return landscape.random_times(self.targets[:-1], RUNS)


def attainments(board: Board) -> list[Attainment]:
    """Hit rate, expected running time and speed-up of every row, axis and target.

    The targets are those of the benchmark, from the easiest on, and the best of the space.
    """
    return Runtimes(board).attainments()


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
    return Runtimes(board).ecdf(axis)


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


def _price(board: Board, axis: Axis) -> float:
    """What an evaluation of random search costs on an axis."""
    if axis == "evaluations":
        return 1.0
    landscape = board.landscape
    if axis == "epochs":
        return float(landscape.benchmark.fidelities[-1])
    return landscape.full_seconds / board.question.workers


def _shares(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the targets that each run has reached at some costs, shape ``(n_runs, n_at)``."""
    n_runs, n_targets = times.shape
    place = np.searchsorted(at, times, side="left") + (len(at) + 1) * np.arange(n_runs)[:, None]
    counts = np.bincount(place.ravel(), minlength=n_runs * (len(at) + 1))
    reached = counts.reshape(n_runs, -1)[:, :-1].cumsum(axis=1)
    return np.asarray(reached / n_targets)


def _mean_steps(
    row: Row, axes: Sequence[Axis]
) -> dict[Axis, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """By axis: costs at which the mean regret of a row changes, and that mean from there on."""
    searches = row.searches
    lengths = [len(search.regrets) for search in searches]
    before = searches[0].before
    change = np.concatenate([search.regrets for search in searches])
    change[1:] -= change[:-1].copy()
    starts = np.cumsum([0, *lengths[:-1]])[np.array(lengths) > 0]
    change[starts] = [search.regrets[0] - before for search in searches if len(search.regrets)]
    found = {}
    for axis in axes:
        places = np.concatenate([search.steps(axis) for search in searches]).astype(np.float64)
        order = np.argsort(places, kind="stable")
        means = before + change[order].cumsum() / len(searches)
        ends = np.flatnonzero(np.diff(places[order], append=np.inf) > 0)
        found[axis] = places[order][ends], means[ends]
    return found


def _until(
    at: NDArray[np.float64], means: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where a mean is first at most each target, within rounding; ``inf`` if nowhere."""
    lowest = np.minimum.accumulate(means) - _slack(targets)
    return np.asarray(np.append(at, np.inf)[(lowest > targets[:, None]).sum(axis=1)])


def _slack(targets: NDArray[np.float64]) -> float:
    """By how much the rounding of a sum may move a mean."""
    return 1e-9 * float(np.abs(targets).max(initial=0.0))
