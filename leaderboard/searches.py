"""A recorded run as a step function: the regret of its incumbent over time and evaluations."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard.courses import Course
from leaderboard.fronts import AnyLandscape

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
        course: What is known of the run.
        landscape: The scale.
        window: Start and end of the anytime area, in simulated seconds.

    Attributes:
        course: As given.
        landscape: As given.
        window: As given.
        chosen: Place of the last incumbent; None if there is none.
        regrets: Regret of each incumbent, shape ``(n,)``.
    """

    __slots__ = ("chosen", "course", "landscape", "regrets", "window")

    def __init__(
        self, course: Course, landscape: AnyLandscape, window: tuple[float, float]
    ) -> None:
        self.course = course
        self.landscape = landscape
        self.window = window
        self.regrets = landscape.regrets(course)
        self.chosen = len(course.archs) - 1 if len(course.archs) else None

    @property
    def archs(self) -> NDArray[np.integer]:
        """The incumbents in the order in which they were found, shape ``(n, d)``."""
        return self.course.archs

    @property
    def times(self) -> NDArray[np.float64]:
        """Simulated second at which each was found, shape ``(n,)``."""
        return self.course.times

    @property
    def evaluations(self) -> NDArray[np.int64]:
        """Number of trials that had ended by then, its own included, shape ``(n,)``."""
        return self.course.evaluations

    @property
    def epochs(self) -> NDArray[np.int64]:
        """Epochs that these had trained, shape ``(n,)``."""
        return self.course.spent

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
        """What the run has paid on an axis."""
        paid = self.course.paid
        if axis == "seconds":
            return paid.seconds
        return float(paid.trials if axis == "evaluations" else paid.epochs)

    def reached(
        self, targets: NDArray[np.float64], axes: Sequence[Axis]
    ) -> list[NDArray[np.float64]]:
        """Where an incumbent first had a regret of at most a target.

        Args:
            targets: Regrets, shape ``(n_targets,)``.
            axes: What is paid.

        Returns:
            For each axis an array of shape ``(n_targets,)``; ``inf`` for targets that were not
            reached.
        """
        n = len(self.regrets)
        lowest = np.minimum.accumulate(self.regrets)
        place = n - lowest[::-1].searchsorted(targets, side="right")
        found = []
        for axis in axes:
            at = np.full(n + 1, np.inf)
            at[:n] = self.steps(axis)
            found.append(at[place])
        return found

    @property
    def regret(self) -> float:
        """Regret of the last incumbent."""
        return self.before if self.chosen is None else float(self.regrets[self.chosen])


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
