"""The columns of a board, each a function of one search."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from leaderboard.boards import Kind, Score
from leaderboard.landscape import Landscape
from leaderboard.searches import Search, log_mean

TOLERANCE = 1e-9
"""Share of the regret of a random architecture up to which a regret is rounding."""


def score(
    title: str,
    kind: Kind,
    goal: Literal["min", "max", ""] = "",
) -> Callable[[Callable[[Search], float]], Score]:
    """Make a column from a function; see :class:`leaderboard.boards.Score`."""
    return lambda of: Score(title=title, kind=kind, goal=goal, of=of)


@score("{measure}", "points", "min")
def regret(search: Search) -> float:
    """Distance of what the search chose from the best of the space."""
    return search.regret


@score("Validation regret", "points", "min")
def validation_regret(search: Search) -> float:
    """Distance of the chosen architecture from the best one on the validation split."""
    landscape = search.landscape
    if not isinstance(landscape, Landscape) or landscape.reported is landscape.observed:
        return np.nan
    observed = landscape.observed
    if observed.column.split != "valid":
        return np.nan
    if search.chosen is None:
        return observed.random_regret
    return float(observed.regrets(search.archs[search.chosen : search.chosen + 1])[0])


@score("Final {reported}", "value")
def final_value(search: Search) -> float:
    """Result of the chosen architecture after full training, as a mean over training seeds."""
    return search.landscape.reported.value(search.regret)


@score("Normalised regret", "ratio", "min")
def normalised_regret(search: Search) -> float:
    """Regret relative to that of a random architecture: 0 is the best architecture, 1 random."""
    return search.regret / search.before if search.before else np.nan


@score("Anytime area", "ratio", "min")
def anytime_area(search: Search) -> float:
    """Mean normalised regret over log simulated time, from one mean training to the budget."""
    low, high = search.window
    if not (0 < low < high and search.before):
        return np.nan
    levels = np.append(search.before, search.regrets) / search.before
    return log_mean(search.times, levels, low, high)


@score("Targets reached", "ratio", "max")
def targets_reached(search: Search) -> float:
    """Share of the regrets that the benchmark sets as targets that the search reached."""
    targets = search.landscape.targets
    if not targets.size:
        return np.nan
    return float(np.isfinite(search.reached(targets, ["evaluations"])[0]).mean())


@score("Optimum found", "rate", "max")
def optimum_found(search: Search) -> float:
    """Share of the searches that chose the best of the space."""
    return float(search.regret <= TOLERANCE * search.before)


@score("Evaluations", "count")
def evaluations(search: Search) -> float:
    """Number of trials of the run, at any fidelity."""
    return search.cost("evaluations")


@score("Epochs", "count")
def epochs(search: Search) -> float:
    """Epochs trained by all trials; a trial that resumes another counts what it adds."""
    return search.cost("epochs")


@score("Simulated time", "seconds")
def simulated_seconds(search: Search) -> float:
    """End of the last trial: a sum of times from the benchmark, without any time of the host."""
    return search.cost("seconds") if search.landscape.full_seconds else np.nan
