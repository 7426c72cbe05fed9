"""The trainings in a file of rows as rows of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.importers.table.assignments import COSTS
from data_builders.importers.table.cells import FAILED
from data_builders.importers.table.measurements import Measurements
from data_builders.importers.table.plan import Plan
from nasbench.errors import ArchiveError
from nasbench.space import SearchSpace


@dataclass(frozen=True, slots=True)
class _Block:
    """The trainings of one schedule and, if seeds have their own columns, of one seed.

    Attributes:
        schedule: Length of the trainings.
        ranks: Ranks of their architectures, shape ``(n,)``.
        seeds: Training seeds, shape ``(n,)``.
        diverged: Which diverged, shape ``(n,)``.
        curves: Values by metric, shape ``(n, n_epochs)``.
    """

    schedule: int
    ranks: NDArray[np.int64]
    seeds: NDArray[np.int64]
    diverged: NDArray[np.bool_]
    curves: dict[str, NDArray[np.float64]]


class RunsBuilder:
    """Makes table rows of the trainings in a file.

    Args:
        plan: What is recorded of each training.
        content: One row per architecture and seed.
        where: Returns the name of a row for messages.
    """

    def __init__(self, plan: Plan, content: Measurements, where: Callable[[int], str]) -> None:
        self._plan = plan
        self._content = content
        self._where = where

    def rows(self, space: SearchSpace) -> pa.Table:
        """Return the trainings as rows of a table.

        Raises:
            ArchiveError: The file has no training, or one lacks a required number.
        """
        plan = self._plan
        blocks = [
            self._block(schedule, seed)
            for schedule in plan.schedules
            for seed in range(plan.seeds[schedule])
        ]
        counts = [len(block.ranks) for block in blocks]
        if not sum(counts):
            place = self._where(int(self._content.places[0]))
            raise ArchiveError(f"{place} and all after it hold no metric")
        diverged = np.concatenate([block.diverged for block in blocks])
        columns = {
            "arch": make_archs(np.concatenate([block.ranks for block in blocks]), space),
            "schedule": pa.array(np.repeat([b.schedule for b in blocks], counts), pa.int32()),
            "seed": pa.array(np.concatenate([block.seeds for block in blocks]), pa.int32()),
            "status": pa.array(np.where(diverged, "diverged", "finished")),
        }
        for name in plan.metrics:
            curves = [block.curves[name] for block in blocks]
            flat = np.concatenate([curve.ravel() for curve in curves])
            values = pa.array(shortest(np.where(np.isinf(flat), np.nan, flat)))
            if name == "validation_seconds":
                columns[name] = values
                continue
            ends = np.cumsum(np.repeat([curve.shape[1] for curve in curves], counts))
            offsets = pa.array(np.append(0, ends), pa.int32())
            columns[name] = pa.ListArray.from_arrays(offsets, values)
        return pa.table(columns)

    def _block(self, schedule: int, seed: int) -> _Block:
        plan, content = self._plan, self._content
        curves = {}
        present = np.zeros(len(content.ranks), dtype=np.bool_)
        for name in plan.metrics:
            columns = [plan.column(name, epoch, seed) for epoch in plan.epochs(name, schedule)]
            curve = np.empty((len(present), len(columns)))
            for position, column in enumerate(columns):
                curve[:, position] = content.values[column]
            curves[name] = curve
            if not plan.is_shared(name, schedule):
                present |= (np.isfinite(curve) | (curve == FAILED)).any(axis=1)
        places = content.places[present]
        curves = {name: curve[present] for name, curve in curves.items()}
        diverged = np.zeros(len(places), dtype=np.bool_)
        if plan.objective is not None:
            diverged = np.isinf(curves[plan.objective][:, -1])
        for name, curve in curves.items():
            lacking, reason = self._find_missing(name, curve, diverged, schedule)
            if len(lacking):
                row, position = lacking[0]
                epoch = plan.epochs(name, schedule)[position]
                state = "empty" if np.isnan(curve[row, position]) else "nan"
                raise ArchiveError(
                    f"{self._where(places[row])}: {name}@{epoch} = "
                    f"{plan.column(name, epoch, seed).text} is {state}, but {reason}"
                )
        if "seconds" in curves:
            self._check_ascending(curves["seconds"], plan.epochs("seconds", schedule), places)
        seeds = np.full(len(present), seed) if content.seeds is None else content.seeds
        return _Block(schedule, content.ranks[present], seeds[present], diverged, curves)

    def _find_missing(
        self, name: str, curve: NDArray[np.float64], diverged: NDArray[np.bool_], schedule: int
    ) -> tuple[NDArray[np.int64], str]:
        """Return where required numbers are missing, shape ``(n, 2)``, and why they are required.

        Every training needs its costs. One that did not diverge also needs the objective at its
        end, and every number that is recorded only once.
        """
        missing, objective = ~np.isfinite(curve), self._plan.objective
        if name in COSTS:
            return np.argwhere(missing), "it is the cost of a training that has other numbers"
        missing[diverged] = False
        reason = "other numbers of this training are given"
        if name == objective:
            missing[:, :-1] = False
            reason += ": write nan if it diverged, or leave all of them empty if it does not exist"
        elif curve.shape[1] > 1:
            missing[:] = False
        elif objective is not None:
            reason += f"; a diverged training has nan as its {objective}@{schedule}"
        return np.argwhere(missing), reason

    def _check_ascending(
        self, seconds: NDArray[np.float64], epochs: list[int], places: NDArray[np.int64]
    ) -> None:
        falls = np.argwhere(np.diff(seconds) < 0)
        if len(falls):
            row, position = falls[0]
            raise ArchiveError(
                f"{self._where(places[row])}: seconds@{epochs[position + 1]} are less than "
                f"seconds@{epochs[position]}, but must count from the start of the training"
            )


def no_runs(space: SearchSpace) -> pa.Table:
    """Return the (empty) runs of a table of numbers that need no training."""
    return pa.table(
        {
            "arch": make_archs(np.empty(0, dtype=np.int64), space),
            "schedule": pa.array([], pa.int32()),
            "seed": pa.array([], pa.int32()),
            "status": pa.array([], pa.string()),
        }
    )


def make_archs(ranks: NDArray[np.int64], space: SearchSpace) -> Any:
    """Return the column ``arch`` of a table."""
    tuples = np.stack(np.unravel_index(ranks, space.options), axis=1)
    values = pa.array(tuples.ravel(), pa.uint16())
    return pa.FixedSizeListArray.from_arrays(values, len(space.options))


def shortest(values: NDArray[np.float64]) -> NDArray[np.floating]:
    """Return values in single precision if that loses nothing."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    same = (single == values) | np.isnan(values)
    return single if same.all() else values
