"""A recorded run as a step function: the regret of its incumbent over time and evaluations."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard.fronts import AnyLandscape
from nasbench.runs.run import NONE, Run

Axis = Literal["seconds", "evaluations", "epochs"]
"""What a search pays with: simulated time, ended trials, or trained epochs."""


class Search:
    """One run on the scale of a board.

    The *incumbent* is the architecture with the lowest loss among the trainings that have ended, at
    any fidelity; ties go to the earliest. Its worth is always that of its full training, as a mean
    over the recorded seeds. With several objectives an incumbent is a trial that joined the chosen
    ones, and its regret is that of all that are chosen then. Before the first incumbent, a run is
    worth as much as a random architecture.

    Args:
        run: The record.
        landscape: The scale.
        window: Start and end of the anytime area, in simulated seconds.
        limit: Trained epochs that count for scores; None for all. Curves show the rest as well.

    Attributes:
        run: As given.
        landscape: As given.
        window: As given.
        n_trials: Number of trials that ended within the limit.
        chosen: Place of the last incumbent within the limit; None if there is none.
        archs: The incumbents in the order in which they were found, shape ``(n, d)``.
        times: Simulated second at which each was found, shape ``(n,)``.
        evaluations: Number of trials that had ended by then, its own included, shape ``(n,)``.
        epochs: Epochs that these had trained, shape ``(n,)``.
        regrets: Regret of each, shape ``(n,)``.
        spent: Epochs trained when each trial ended, in the order of their ends, over all trials.
    """

    __slots__ = (
        "archs",
        "chosen",
        "epochs",
        "evaluations",
        "landscape",
        "n_trials",
        "regrets",
        "run",
        "spent",
        "times",
        "window",
    )

    def __init__(
        self,
        run: Run,
        landscape: AnyLandscape,
        window: tuple[float, float],
        limit: int | None = None,
    ) -> None:
        self.run = run
        self.landscape = landscape
        self.window = window
        self.spent = trained_epochs(run)[run.order].cumsum()
        self.n_trials = len(run)
        if limit is not None:
            self.n_trials = int(np.searchsorted(self.spent, limit, side="right"))
        incumbents, self.regrets = landscape.choices(run)
        ended = np.empty(len(run), dtype=np.int64)
        ended[run.order] = np.arange(1, len(run) + 1)
        self.archs = run.archs[incumbents]
        self.times = run.ends[incumbents]
        self.evaluations = ended[incumbents]
        self.epochs = self.spent[self.evaluations - 1]
        n = int(self.evaluations.searchsorted(self.n_trials, side="right"))
        self.chosen = n - 1 if n else None

    @property
    def before(self) -> float:
        """Regret before the first incumbent: that of a random architecture."""
        return self.landscape.reported.random_regret

    def steps(self, axis: Axis) -> NDArray[np.number]:
        """Places on an axis at which the incumbents were found, shape ``(n,)``."""
        if axis == "seconds":
            return self.times
        return self.epochs if axis == "epochs" else self.evaluations

    def cost(self, axis: Axis) -> float:
        """What the run has paid on an axis within the limit."""
        if axis == "seconds":
            return self.seconds
        if axis == "evaluations":
            return float(self.n_trials)
        return float(self.spent[self.n_trials - 1]) if self.n_trials else 0.0

    def reached(
        self, targets: NDArray[np.float64], axes: Sequence[Axis]
    ) -> list[NDArray[np.float64]]:
        """Where an incumbent within the limit first had a regret of at most a target.

        Args:
            targets: Regrets, shape ``(n_targets,)``.
            axes: What is paid.

        Returns:
            For each axis an array of shape ``(n_targets,)``; ``inf`` for targets that were not
            reached.
        """
        n = 0 if self.chosen is None else self.chosen + 1
        lowest = np.minimum.accumulate(self.regrets[:n])
        place = n - lowest[::-1].searchsorted(targets, side="right")
        found = []
        for axis in axes:
            at = np.full(n + 1, np.inf)
            at[:n] = self.steps(axis)[:n]
            found.append(at[place])
        return found

    @property
    def regret(self) -> float:
        """Regret of the last incumbent within the limit."""
        return self.before if self.chosen is None else float(self.regrets[self.chosen])

    @property
    def seconds(self) -> float:
        """Simulated second at which the last trial within the limit ended."""
        return float(self.run.ends[self.run.order[: self.n_trials]].max(initial=0.0))


def trained_epochs(run: Run) -> NDArray[np.int64]:
    """Epochs that each trial trained, shape ``(n_trials,)``: of a resumed one, those added."""
    before = np.where(run.resumes == NONE, 0, run.epochs[run.resumes])
    return run.epochs.astype(np.int64) - before


def step_values(
    steps: NDArray[np.number], levels: NDArray[np.float64], at: NDArray[np.number]
) -> NDArray[np.float64]:
    """Values of a step function; a step belongs to the level that it begins.

    Args:
        steps: Positions of the steps, ascending, shape ``(n,)``.
        levels: Values before, between and after the steps, shape ``(n + 1,)``.
        at: Positions to evaluate, shape ``(m,)``.

    Returns:
        Shape ``(m,)``.
    """
    return levels[steps.searchsorted(at, side="right")]


def log_mean(
    steps: NDArray[np.float64], levels: NDArray[np.float64], low: float, high: float
) -> float:
    """Exact mean of a step function over the logarithm of its argument.

    Args:
        steps: Positions of the steps, ascending, shape ``(n,)``.
        levels: Values before, between and after the steps, shape ``(n + 1,)``.
        low: Start, positive.
        high: End, above ``low``.
    """
    edges = np.log(np.clip(np.concatenate([[low], steps, [high]]), low, high))
    return float(levels @ np.diff(edges) / (edges[-1] - edges[0]))
