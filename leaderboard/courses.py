"""Courses: what boards read of a run, its incumbents and what it paid, and nothing else.

A board needs no other trial. So a run that is kept as its course gives the same board.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.runs.manifest import Manifest
from nasbench.runs.run import NONE, Run

BITS = 12
"""Significant bits of simulated seconds on boards: they are right to one part in 8,192."""

_BLOCK = 64


class Paid(NamedTuple):
    """What a run paid.

    Attributes:
        trials: Number of trials.
        epochs: Trained epochs; a trial that resumes another counts what it adds.
        seconds: Simulated second at which the last trial ended.
    """

    trials: int
    epochs: int
    seconds: float


def fits_more(manifest: Manifest, paid: Paid, dearest: float = inf) -> bool:
    """Whether another full training certainly fits the budget of a run.

    Args:
        manifest: How the run was made.
        paid: What it paid.
        dearest: Seconds of the dearest full training; ``inf`` if nobody can tell.
    """
    budget, full = manifest.budget, max(manifest.fidelities)
    return (
        (budget.trials is None or paid.trials < budget.trials)
        and (budget.epochs is None or paid.epochs + full <= budget.epochs)
        and (budget.seconds is None or paid.seconds + dearest <= budget.seconds)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The incumbents of a run in the order in which they were found, and what it paid.

    With one objective, an incumbent is a trial whose loss is below that of all that ended before;
    with several, one that no trial before dominates. Seconds have :data:`BITS` significant bits.

    Attributes:
        seed: Seed of the run.
        archs: Architectures, shape ``(n, d)``.
        epochs: Epoch that each was trained to, shape ``(n,)``.
        training_seeds: Training seed that answered, or -1 for the mean, shape ``(n,)``.
        losses: Shape ``(n, n_objectives)``.
        trials: Number of the trial in the order of starts, shape ``(n,)``.
        evaluations: Number of trials that had ended by then, its own included, shape ``(n,)``.
        spent: Epochs that these had trained, shape ``(n,)``.
        times: Simulated second at which it ended, shape ``(n,)``.
        paid: By the whole run.
    """

    seed: int
    archs: NDArray[np.integer]
    epochs: NDArray[np.int32]
    training_seeds: NDArray[np.int64]
    losses: NDArray[np.float64]
    trials: NDArray[np.int64]
    evaluations: NDArray[np.int64]
    spent: NDArray[np.int64]
    times: NDArray[np.float64]
    paid: Paid

    @classmethod
    def of(cls, run: Run) -> Self:
        """The course of a run."""
        order = run.order
        spent = trained_epochs(run)[order].cumsum()
        n = len(run)
        incumbents = (
            run.incumbent_trials()
            if run.losses.shape[1] == 1
            else order[undominated(run.losses[order])]
        )
        ended = np.empty(n, dtype=np.int64)
        ended[order] = np.arange(1, n + 1)
        evaluations = ended[incumbents]
        last = float(rounded(run.ends.max(initial=0.0)))
        return cls(
            seed=run.seed,
            archs=run.archs[incumbents],
            epochs=run.epochs[incumbents],
            training_seeds=run.training_seeds[incumbents],
            losses=run.losses[incumbents],
            trials=incumbents,
            evaluations=evaluations,
            spent=spent[evaluations - 1],
            times=rounded(run.ends[incumbents]),
            paid=Paid(n, int(spent[-1]) if n else 0, last),
        )

    def chosen(self) -> NDArray[np.int64]:
        """Places of the incumbents that no other one dominates, ascending."""
        kept: list[int] = []
        for i, losses in enumerate(self.losses):
            kept = [*survivors(losses, self.losses, kept), i]
        return np.array(kept, dtype=np.int64)


def rounded(seconds: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Seconds with :data:`BITS` significant bits."""
    mantissa, exponent = np.frexp(seconds)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS))


def trained_epochs(run: Run) -> NDArray[np.int64]:
    """Epochs that each trial trained, shape ``(n_trials,)``: of a resumed one, those added."""
    before = np.where(run.resumes == NONE, 0, run.epochs[run.resumes])
    return run.epochs.astype(np.int64) - before


def undominated(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the rows that no earlier row dominates, ascending.

    Args:
        losses: Shape ``(n, n_objectives)``; a row with a loss that is not finite never enters.
    """
    before = np.empty((0, losses.shape[1]))
    found = []
    for start in range(0, len(losses), _BLOCK):
        block = losses[start : start + _BLOCK]
        late = np.triu(_dominates(block[:, None], block), 1).any(axis=0)
        late |= _dominates(before[:, None], block).any(axis=0)
        new = np.flatnonzero(~late & np.isfinite(block).all(axis=1))
        found.append(start + new)
        before = np.concatenate([before, block[new]])
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def survivors(
    losses: NDArray[np.float64], others: NDArray[np.float64], places: Sequence[int]
) -> list[int]:
    """Those of some places of ``(n, n_objectives)`` losses that new losses do not dominate."""
    kept = ~_dominates(losses, others[list(places)])
    return [place for place, keep in zip(places, kept, strict=True) if keep]


def _dominates(losses: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether losses are nowhere higher and somewhere lower than others, along the last axis."""
    nowhere_higher = (losses <= others).all(axis=-1)
    return np.asarray(nowhere_higher & (losses < others).any(axis=-1))
