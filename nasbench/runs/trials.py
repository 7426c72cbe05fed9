"""The trials of several runs in one set of columns, and errors that name one of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import RecordError
from nasbench.runs.run import NONE, Run


class Checked(ABC):
    """Rows of columns, of which the first that is wrong is told."""

    __slots__ = ()

    @abstractmethod
    def fail(self, row: int, text: str) -> NoReturn:
        """Raise the error of a row.

        Raises:
            RecordError: Always.
        """

    def refuse(
        self,
        wrong: NDArray[np.bool_],
        tell: Callable[[int], str],
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Raise the error of the first row that is wrong, if there is one.

        Args:
            wrong: Whether each row is wrong.
            tell: What is wrong with a row, by its place in ``wrong``.
            rows: Places of the rows; default: all.

        Raises:
            RecordError: One is wrong.
        """
        if wrong.any():
            place = int(np.argmax(wrong))
            self.fail(place if rows is None else int(rows[place]), tell(place))


class Trials(Checked):
    """The trials of several runs.

    Args:
        runs: The runs.
        where: Name of the record, for messages.

    Attributes:
        seeds: Seed of every run, shape ``(n_runs,)``.
        firsts: Row of the first trial of every run, shape ``(n_runs,)``.
        lengths: Number of trials of every run, shape ``(n_runs,)``.
        run: Place of the run of every trial, shape ``(n,)``, like all that follow.
        number: Number of the trial in its run.
        archs: Shape ``(n, n_decisions)``.
        epochs: Epoch that the trial was trained to.
        resumed: Rows of the trials that resume another, shape ``(n_resumed,)``.
        parents: Rows of the trials that these resume, shape ``(n_resumed,)``.
        training_seeds: Training seed, -1 for the mean.
        losses: Shape ``(n, n_objectives)``.
        starts: Simulated seconds.
        ends: Simulated seconds.
        known_seconds: Seconds spent on known numbers.
    """

    def __init__(self, runs: Sequence[Run], where: str) -> None:
        self._where = where
        self.seeds = np.array([run.seed for run in runs], dtype=np.int64)
        self.lengths = np.array([len(run) for run in runs], dtype=np.int64)
        self.firsts = np.cumsum(self.lengths) - self.lengths
        self.run = np.repeat(np.arange(len(runs)), self.lengths)
        self.number = np.arange(len(self.run)) - self.firsts[self.run]
        self.archs: NDArray[np.uint16] = _joined(runs, "archs")
        self.epochs: NDArray[np.int32] = _joined(runs, "epochs")
        resumes: NDArray[np.int32] = _joined(runs, "resumes")
        self.training_seeds: NDArray[np.int64] = _joined(runs, "training_seeds")
        self.losses: NDArray[np.float64] = _joined(runs, "losses")
        self.starts: NDArray[np.float64] = _joined(runs, "starts")
        self.ends: NDArray[np.float64] = _joined(runs, "ends")
        self.known_seconds: NDArray[np.float64] = _joined(runs, "known_seconds")
        self.refuse(
            (resumes < NONE) | (resumes >= self.number),
            lambda i: f"resumes trial {resumes[i]}, which was not started before",
        )
        self.resumed = np.flatnonzero(resumes != NONE)
        self.parents = self.firsts[self.run[self.resumed]] + resumes[self.resumed]

    def __len__(self) -> int:
        return len(self.run)

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """Whether a trial is a new training, shape ``(n,)``."""
        found = np.ones(len(self), dtype=np.bool_)
        found[self.resumed] = False
        return found

    def fail(self, row: int, text: str) -> NoReturn:
        seed, number = self.seeds[self.run[row]], self.number[row]
        raise RecordError(f"{self._where}: seed {seed}, trial {number} {text}")

    def refuse_runs(self, wrong: NDArray[np.bool_], tell: Callable[[int], str]) -> None:
        """Raise the error of the first run that is wrong, if there is one.

        Args:
            wrong: Whether each run is wrong, shape ``(n_runs,)``.
            tell: What is wrong with a run.

        Raises:
            RecordError: One is wrong.
        """
        if wrong.any():
            run = int(np.argmax(wrong))
            raise RecordError(f"{self._where}: seed {self.seeds[run]} {tell(run)}")


def _joined(runs: Sequence[Run], name: str) -> Any:
    return np.concatenate([getattr(run, name) for run in runs])
