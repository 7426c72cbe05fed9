"""Whether the rows of a compact record can be those of runs.

Boards and verification ask the same question, and believe the same: which other trials there were,
and when they ended. What is kept of the incumbents has to follow from the benchmark and to agree
with what the runs paid.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leaderboard.compact.rows import Rows, answers
from leaderboard.courses import BITS, rounded, undominated
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.bulk import Evaluations
from nasbench.errors import NasbenchError, RecordError, first_line
from nasbench.runs.audit import PREDICTED, alike
from nasbench.runs.ledger import draw_values
from nasbench.runs.manifest import Manifest
from nasbench.runs.rules import check_set_up
from nasbench.runs.run import NONE

ASPECTS = (
    "protocol",
    "clock",
    "epochs",
    "budget",
    "constraints",
    "training seeds",
    "losses",
    "times",
)
"""What is checked, in this order; the first is how the record was made."""

_MOST_REPEATS = 2**16
_PREDICTION = 1e-3  # how far predictions may differ between processors
_BLOCK = 2**20


def faults(
    rows: Rows, manifest: Manifest, benchmark: Benchmark, partial: bool
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the rows of a compact record.

    Args:
        rows: The rows.
        manifest: How the runs were made.
        benchmark: The benchmark.
        partial: Whether the record says that a trial was shorter than a full training.

    Yields:
        One of :data:`ASPECTS`, and the first fault there. What cannot be told because of a fault
        before is left out.
    """
    check = _Check(rows, manifest, benchmark, partial)
    checks = (
        check.set_up,
        check.order,
        check.epochs,
        check.budget,
        check.constraints,
        check.training_seeds,
        check.losses,
        check.times,
    )
    for aspect, ask in zip(ASPECTS, checks, strict=True):
        try:
            ask()
        except NasbenchError as error:
            yield aspect, first_line(error)
            if aspect in ("protocol", "clock"):
                return


@dataclass(frozen=True)
class _Check:
    """The checks of a record; each raises a RecordError for the first fault that it finds."""

    rows: Rows
    manifest: Manifest
    benchmark: Benchmark
    partial: bool

    @property
    def _resumable(self) -> bool:
        """Whether a trial can have resumed another: what it resumes is shorter."""
        several = len(self.manifest.fidelities) > 1 and len(self.benchmark.schedules) == 1
        return self.partial and several

    @cached_property
    def _is_new(self) -> NDArray[np.bool_]:
        """Whether an incumbent certainly resumed no trial, shape ``(n_incumbents,)``."""
        epochs = self.rows.epoch[self.rows.inside]
        shortest = min(self.manifest.fidelities)
        return np.asarray((epochs == shortest) | (not self._resumable), dtype=np.bool_)

    def set_up(self) -> None:
        check_set_up(self.manifest, self.benchmark, "the manifest")
        if not self.rows.evaluation[self.rows.ends].any():
            raise RecordError("no run has a trial")

    def order(self) -> None:
        rows, inside, ends = self.rows, self.rows.inside, self.rows.ends
        rows.refuse(
            rows.steps(rows.evaluation)[inside] <= 0,
            lambda _: "does not end after the incumbent before it: incumbents are not in order",
            inside,
        )
        rows.refuse(
            rows.steps(rows.evaluation)[ends] < 0,
            lambda i: f"paid {rows.evaluation[ends[i]]} trials, less than an incumbent says",
            ends,
        )
        rows.refuse(
            rows.steps(rows.second) < 0,
            lambda i: f"says second {rows.second[i]}: incumbents are not in order",
        )
        paid = rows.evaluation[ends]
        rows.refuse(
            (rows.trial[ends] != paid - 1)
            | (rows.epoch[ends] != self.benchmark.fidelities[-1])
            | (rows.training_seed[ends] != NONE)
            | ((paid == 0) & ((rows.spent[ends] != 0) | (rows.second[ends] != 0.0))),
            lambda _: "has a last row that is no sum of a run",
            ends,
        )
        trials, evaluations = rows.trial[inside], rows.evaluation[inside]
        rows.refuse(
            (trials < 0) | (trials >= paid[rows.run[inside]]),
            lambda i: f"says trial {trials[i]}, of {paid[rows.run[inside[i]]]}",
            inside,
        )
        order = np.lexsort((trials, rows.run[inside]))
        doubled = np.zeros(len(inside), dtype=np.bool_)
        doubled[order[1:]] = (np.diff(trials[order]) == 0) & (np.diff(rows.run[inside[order]]) == 0)
        rows.refuse(doubled, lambda i: f"says trial {trials[i]}, as another incumbent does", inside)
        if not self.partial:
            latest = evaluations + (self.manifest.workers - 2)
            rows.refuse(
                (trials != latest) if self.manifest.workers == 1 else (trials > latest),
                lambda i: f"says trial {trials[i]}, which cannot have ended as that number",
                inside,
            )

    def epochs(self) -> None:
        rows, inside, ends = self.rows, self.rows.inside, self.rows.ends
        offered = sorted(self.manifest.fidelities)
        full = self.benchmark.fidelities[-1]
        epochs, spent = rows.epoch[inside], rows.spent[ends]
        rows.refuse(
            ~np.isin(epochs, offered),
            lambda i: f"is trained to epoch {epochs[i]}, not one of its fidelities",
            inside,
        )
        short = spent < full * rows.evaluation[ends]
        if self.partial and not short.any():
            raise RecordError("the record says that trials were short, but all were full trainings")
        rows.refuse(
            short & (not self.partial),
            lambda i: (
                f"trained {spent[i]} epochs in {rows.evaluation[ends[i]]} trials, but the record "
                "says that all were full trainings"
            ),
            ends,
        )
        least, most = offered[0], offered[-1]
        if self._resumable:
            least = min(least, *np.diff(offered).tolist())
        trials, trained = rows.steps(rows.evaluation), rows.steps(rows.spent)
        rows.refuse(
            (trained < least * trials) | (trained > most * trials),
            lambda i: (
                f"says {rows.spent[i]} trained epochs, {trained[i]} more than the row before, for "
                f"{trials[i]} more trials of {least} to {most} each"
            ),
        )
        rows.refuse(
            (epochs > rows.spent[inside]) | ((epochs != full) & (not self.partial)),
            lambda i: (
                f"is trained to epoch {epochs[i]}, which no {rows.spent[inside[i]]} epochs do"
            ),
            inside,
        )

    def budget(self) -> None:
        rows, ends, budget = self.rows, self.rows.ends, self.manifest.budget
        seconds = None if budget.seconds is None else float(rounded(budget.seconds))
        for what, column, most in (
            ("trials", rows.evaluation, budget.trials),
            ("epochs", rows.spent, budget.epochs),
            ("seconds", rows.second, seconds),
        ):
            paid = column[ends]
            if most is not None:
                rows.refuse(paid > most, lambda i: f"paid {paid[i]} {what}, of {most}", ends)  # noqa: B023

    def constraints(self) -> None:
        rows, constraints, space = self.rows, self.benchmark.constraints, self.benchmark.space
        if constraints:
            archs = rows.archs[rows.inside]
            rows.refuse(
                ~space.legal_many(archs),
                lambda i: (
                    f"trains {space.to_text(tuple(archs[i].tolist()))}, which does not meet "
                    f"{' and '.join(constraints)}"
                ),
                rows.inside,
            )

    def training_seeds(self) -> None:
        rows, policy = self.rows, self.manifest.replicate
        said = rows.training_seed[rows.inside]
        if policy != "draw":
            fixed = policy if isinstance(policy, int) else NONE
            rows.refuse(
                said != fixed,
                lambda i: f"has training seed {_seed(said[i])}, not {_seed(fixed)}",
                rows.inside,
            )
            return
        rows.refuse(said == NONE, lambda _: "has no training seed", rows.inside)
        trials, left = rows.trial[rows.inside], np.flatnonzero(self._is_new)
        first, n = 0, 1
        while left.size:
            repeats = np.arange(first, first + n)
            can = (self._drawn(left, repeats) == said[left, None]) & (repeats <= trials[left, None])
            left = left[~can.any(axis=1)]
            first, n = first + n, max(1, min(2 * n, _BLOCK // max(1, left.size)))
            rows.refuse(
                (trials[left] < first) | (first >= _MOST_REPEATS),
                lambda i: f"has training seed {_seed(said[left[i]])}, which its run never draws",  # noqa: B023
                rows.inside[left],
            )

    def _drawn(self, some: NDArray[np.int64], repeats: NDArray[np.int64]) -> NDArray[np.int64]:
        """The training seeds that incumbents draw when their trainings were drawn so often before.

        Returns:
            Shape ``(n_some, n_repeats)``.
        """
        rows = self.rows
        each = np.repeat(some, len(repeats))
        places, at = rows.places[:, each], rows.inside[each]
        keys, again = rows.asked.keys(places), np.tile(repeats, len(some)).astype(np.uint64)
        values = draw_values(rows.seeds, rows.run[at], keys, again)
        return rows.asked.drawn(places, rows.epoch[at], values).reshape(len(some), -1)

    def losses(self) -> None:
        rows, losses = self.rows, self.rows.losses
        rows.refuse(
            ~np.asarray(np.isfinite(losses).all(axis=1)),
            lambda _: "has no finite loss of a recorded training",
        )
        if losses.shape[1] == 1:
            improves = np.ones(len(losses), dtype=np.bool_)
            improves[1:] = np.diff(losses[:, 0]) < 0
            improves[rows.ends[:-1] + 1] = True
        else:
            improves = np.zeros(len(losses), dtype=np.bool_)
            for block in rows.blocks():
                improves[block.start + undominated(losses[block])] = True
        rows.refuse(
            ~improves[rows.inside],
            lambda _: "does not have a lower loss than the incumbents before it",
            rows.inside,
        )
        if rows.answers is None:
            some, found = self._predicted
            said = losses[rows.inside[some]]
            rows.refuse(
                ~np.asarray(alike(said, found.losses).all(axis=1)),
                lambda i: f"says loss {said[i].tolist()}, predicted {found.losses[i].tolist()}",
                rows.inside[some],
            )

    @cached_property
    def _predicted(self) -> tuple[NDArray[np.int64], Evaluations]:
        """Some last incumbents of runs, and what a surrogate says of them."""
        rows = self.rows
        last = np.searchsorted(rows.inside, rows.ends) - 1
        some = np.unique(last[last >= 0])
        if len(some) > PREDICTED:
            some = some[np.linspace(0, len(some) - 1, PREDICTED).astype(int)]
        return some, self._answers(some, rows.epoch[rows.inside[some]])

    def _answers(self, some: NDArray[np.int64], epochs: NDArray[np.int64]) -> Evaluations:
        """What the benchmark says of the trainings of some incumbents at epochs."""
        rows = self.rows
        seeds = rows.training_seed[rows.inside[some]]
        n_losses = rows.losses.shape[1]
        return answers(rows.asked, rows.places[:, some], epochs, seeds, n_losses)

    def times(self) -> None:
        rows, inside = self.rows, self.rows.inside
        if rows.answers is not None:
            some, costs = np.arange(len(inside)), rows.answers.seconds
        else:
            some, found = self._predicted
            costs = found.seconds * (1.0 - _PREDICTION)
        least = self._least(some, costs)
        own = rounded(least)
        rows.refuse(
            rows.second[inside[some]] < own,
            lambda i: (
                f"ends at {rows.second[inside[some[i]]]} s, but its own training takes {own[i]} s"
            ),
            inside[some],
        )
        others = rows.steps(rows.evaluation)
        others[inside] -= 1
        taken = others * self._cheapest
        taken[inside[some]] += least
        sums = np.cumsum(taken)
        before = np.concatenate([[0.0], sums[rows.ends[:-1]]])[rows.run]
        workers = self.manifest.workers
        rows.refuse(
            workers * rows.second * (1.0 + 2.0 ** (1 - BITS)) < (sums - before) * (1.0 - 1e-9),
            lambda i: (
                f"says {rows.second[i]} s, but trials up to it take {sums[i] - before[i]} s at "
                f"least, on {workers} worker{'s' * (workers > 1)}"
            ),
        )

    @property
    def _cheapest(self) -> float:
        """Seconds that every trial takes at least; 0 where that depends on what was trained."""
        if self.partial:
            return 0.0
        policy, full = self.manifest.replicate, self.benchmark.fidelities[-1]
        seeds: Sequence[int | None] = self.benchmark.seeds
        if policy != "draw":
            seeds = [policy if isinstance(policy, int) else None]
        return min((self.rows.asked.cheapest(full, seed) for seed in seeds), default=0.0)

    def _least(self, some: NDArray[np.int64], costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds that incumbents took at least: all of their cost, or what a resumption adds."""
        epochs = self.rows.epoch[self.rows.inside[some]]
        least = np.nan_to_num(costs)
        waiting = np.flatnonzero(~self._is_new[some])
        for epoch in self.manifest.fidelities:
            later = waiting[epochs[waiting] > epoch]
            if later.size:
                found = self._answers(some[later], np.full(len(later), epoch))
                added = costs[later] - (found.seconds - found.validation_seconds)
                least[later] = np.fmin(least[later], added)
        return np.maximum(least, 0.0)


def _seed(number: int) -> str:
    return "none" if number == NONE else str(number)
