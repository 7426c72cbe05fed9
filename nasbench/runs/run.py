"""A run: the record of one seeded search, a row for every trial, in columns."""

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
"""In the columns ``resumes`` and ``training_seed``: none."""


Row: TypeAlias = tuple[Arch, int, int, int, tuple[float, ...], float, float, float]
"""Architecture, epoch, resumed trial, training seed, losses, start, end, known seconds."""


class Trial(NamedTuple):
    """One training that a search asked for.

    Attributes:
        proposal: What was proposed; its epoch filled in.
        losses: One for each objective.
        start: Simulated seconds from the start of the run.
        end: The same; when the observation was told.
        training_seed: Which recorded training answered; None for the mean over the seeds.
    """

    proposal: Proposal
    losses: tuple[float, ...]
    start: float
    end: float
    training_seed: int | None


@dataclass(frozen=True, slots=False, kw_only=True, eq=False)
class Run:
    """The trials of one seeded search, in the order in which they were started.

    Attributes:
        seed: Seed of the search.
        archs: ``(n_trials, n_decisions)``.
        epochs: ``(n_trials,)``, up to which epoch each was trained.
        resumes: ``(n_trials,)``, number of the continued trial, or -1.
        training_seeds: ``(n_trials,)``, or -1 for the mean over seeds.
        losses: ``(n_trials, n_objectives)``.
        starts: ``(n_trials,)``, simulated seconds.
        ends: ``(n_trials,)``, simulated seconds.
        known_seconds: ``(n_trials,)``, part of the time that was spent on known numbers.
        optimizer_seconds: ``(n_trials,)``, real time in ``ask`` and ``tell``; depends on the host.
        manifest: What the run is a function of, besides its seed; None if that is not known.
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
    manifest: Manifest | None = None

    @classmethod
    def from_rows(
        cls,
        rows: Sequence[Row],
        optimizer_seconds: Sequence[float],
        *,
        seed: int,
        n_decisions: int,
        n_objectives: int,
        manifest: Manifest | None = None,
    ) -> Self:
        """A run from one row for each trial."""
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
            manifest=manifest,
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
        """Numbers of the trials in the order of their ends, on ties in that of their starts."""
        return np.argsort(self.ends, kind="stable")

    def incumbent_trials(self) -> NDArray[np.int64]:
        """Numbers of the trials that, when they ended, had the lowest first loss so far."""
        losses = self.losses[self.order, 0]
        best = np.minimum.accumulate(losses)
        improves = np.concatenate([[True], losses[1:] < best[:-1]])[: len(losses)] & np.isfinite(
            losses
        )
        trials: NDArray[np.int64] = self.order[improves]
        return trials

    def incumbents(self) -> list[Trial]:
        """The trials that, when they ended, had the lowest first loss so far."""
        return [self.trials[i] for i in self.incumbent_trials().tolist()]

    def front(self) -> list[Trial]:
        """Trials that no other dominates, in the order of their starts; on ties the first."""
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
        """The trials as a pandas data frame, one row a trial."""
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
