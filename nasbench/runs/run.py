"""The record of one seeded search: its trials, stored in columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import Proposal
from nasbench.runs.manifest import Manifest
from nasbench.space import Arch

NONE = -1
"""Stands for None in the columns ``resumes`` and ``training_seeds``."""

Row: TypeAlias = tuple[Arch, int, int, int, tuple[float, ...], float, float, float]
"""A trial: architecture, epoch, resumed trial, training seed, losses, start, end, known seconds."""


class Trial(NamedTuple):
    """One training that a search asked for.

    Attributes:
        proposal: The proposal, with its epoch filled in.
        losses: One loss per objective.
        start: Simulated seconds from the start of the run to the start of the trial.
        end: Simulated seconds from the start of the run to the end of the trial, when its losses
            were reported to the algorithm.
        training_seed: The recorded training that answered; None for the mean over seeds.
    """

    proposal: Proposal
    losses: tuple[float, ...]
    start: float
    end: float
    training_seed: int | None


@dataclass(frozen=True, slots=False, kw_only=True, eq=False)
class Run:
    """The trials of one seeded search, in the order of their starts.

    Attributes:
        seed: Seed of the search.
        archs: Architectures, shape ``(n_trials, n_decisions)``.
        epochs: Epoch that each trial was trained to, shape ``(n_trials,)``.
        resumes: Number of the resumed trial, or -1, shape ``(n_trials,)``.
        training_seeds: Training seed that answered, or -1 for the mean over seeds, shape
            ``(n_trials,)``.
        losses: Shape ``(n_trials, n_objectives)``; ``inf`` for a diverged training.
        starts: Simulated seconds, shape ``(n_trials,)``.
        ends: Simulated seconds, shape ``(n_trials,)``.
        known_seconds: Part of each trial's time that was spent on known numbers, shape
            ``(n_trials,)``.
        optimizer_seconds: Real seconds in ``ask`` and ``tell``, shape ``(n_trials,)``; depends on
            the host. Zero in a run read from a record.
        fallbacks: Number of proposals that were random because the algorithm had no model, see
            :class:`nasbench.algorithm.Algorithm`.
        manifest: How the run was made; None if unknown, as in a run read from a record.
    """

    seed: int
    archs: NDArray[np.uint16]
    epochs: NDArray[np.int32]
    resumes: NDArray[np.int32]
    training_seeds: NDArray[np.int64]
    losses: NDArray[np.float64]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    known_seconds: NDArray[np.float64]
    optimizer_seconds: NDArray[np.float32]
    fallbacks: int = 0
    manifest: Manifest | None = None

    @classmethod
    def from_rows(
        cls,
        rows: Sequence[Row],
        optimizer_seconds: Sequence[float],
        *,
        seed: int,
        fallbacks: int = 0,
        n_decisions: int,
        n_objectives: int,
    ) -> Self:
        """Make a run from one row per trial."""
        n = len(rows)
        columns: Any = zip(*rows, strict=True) if rows else [()] * 8
        archs, epochs, resumes, training_seeds, losses, starts, ends, known_seconds = columns
        flat_archs = np.fromiter(chain.from_iterable(archs), dtype=np.uint16, count=n * n_decisions)
        flat_losses = np.fromiter(
            chain.from_iterable(losses), dtype=np.float64, count=n * n_objectives
        )
        return cls(
            seed=seed,
            archs=flat_archs.reshape(n, n_decisions),
            epochs=np.fromiter(epochs, np.int32, n),
            resumes=np.fromiter(resumes, np.int32, n),
            training_seeds=np.fromiter(training_seeds, np.int64, n),
            losses=flat_losses.reshape(n, n_objectives),
            starts=np.fromiter(starts, np.float64, n),
            ends=np.fromiter(ends, np.float64, n),
            known_seconds=np.fromiter(known_seconds, np.float64, n),
            optimizer_seconds=np.fromiter(optimizer_seconds, np.float32, n),
            fallbacks=fallbacks,
        )

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        made = self.manifest
        what = f"{made.algorithm} on {made.benchmark}, " if made is not None else ""
        best = self.incumbent_trials()[-1:]
        found = f", lowest loss {self.losses[best[0], 0]:.4g}" if best.size else ""
        return f"<Run {what}seed {self.seed}: {len(self):,} trials{found}>"

    @cached_property
    def trials(self) -> list[Trial]:
        """The trials as objects."""
        columns = zip(
            map(tuple, self.archs.tolist()),
            self.epochs.tolist(),
            self.resumes.tolist(),
            map(tuple, self.losses.tolist()),
            self.starts.tolist(),
            self.ends.tolist(),
            self.training_seeds.tolist(),
            strict=True,
        )
        return [
            Trial(
                Proposal(arch, epoch, None if resumes == NONE else resumes),
                losses,
                start,
                end,
                None if seed == NONE else seed,
            )
            for arch, epoch, resumes, losses, start, end, seed in columns
        ]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Numbers of the trials in the order of their ends; ties in the order of starts."""
        return np.argsort(self.ends, kind="stable")

    def incumbent_trials(self) -> NDArray[np.int64]:
        """Return the numbers of the incumbents, in the order of their ends.

        An incumbent is a trial whose first loss was lower than that of all trials that ended
        before.

        Returns:
            Shape ``(n_incumbents,)``; empty if all trials diverged.
        """
        losses = self.losses[self.order, 0]
        best = np.minimum.accumulate(losses)
        improves = np.concatenate([[True], losses[1:] < best[:-1]])[: len(losses)] & np.isfinite(
            losses
        )
        trials: NDArray[np.int64] = self.order[improves]
        return trials

    def incumbents(self) -> list[Trial]:
        """Return the incumbents: trials whose first loss was the lowest so far when they ended."""
        return [self.trials[i] for i in self.incumbent_trials().tolist()]

    def front(self) -> list[Trial]:
        """Return the Pareto front: the trials that no other trial dominates.

        Returns:
            Trials in the order of their starts; of trials with equal losses only the first. Trials
            with an infinite loss are left out.
        """
        kept = []
        finite = np.isfinite(self.losses).all(axis=1)
        for i in np.flatnonzero(finite).tolist():
            no_worse = (self.losses <= self.losses[i]).all(axis=1) & finite
            better = no_worse & (self.losses < self.losses[i]).any(axis=1)
            equal_before = no_worse[:i] & ~better[:i]
            if not better.any() and not equal_before.any():
                kept.append(self.trials[i])
        return kept

    def to_frame(self) -> Any:
        """Return the trials as a pandas data frame with one row per trial.

        The columns are ``seed``, ``trial``, ``arch``, ``epoch``, ``resumes``, ``training_seed``,
        ``loss`` (then ``loss1``, ``loss2``, … of further objectives), ``start`` and ``end``.
        """
        import pandas as pd

        losses = {f"loss{k or ''}": self.losses[:, k] for k in range(self.losses.shape[1])}
        return pd.DataFrame(
            {
                "seed": self.seed,
                "trial": np.arange(len(self)),
                "arch": list(map(tuple, self.archs.tolist())),
                "epoch": self.epochs,
                "resumes": self.resumes,
                "training_seed": self.training_seeds,
                **losses,
                "start": self.starts,
                "end": self.ends,
            }
        )
