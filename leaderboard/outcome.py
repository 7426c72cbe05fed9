"""What the runs of one search chose, and how good it is: what ``nasbench run`` ends with.

The same scale as the boards: the incumbent of a run, judged by test results where the table has
them. Boards also compare several searches; :mod:`leaderboard.scores` has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaderboard.courses import Course, trained_epochs
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import Landscape, Yardstick, spoken
from leaderboard.statistics import Estimate, estimate
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.benchmarks.objectives import as_loss
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import NasbenchError, NotRecordedError, first_line
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import Run


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an outcome.

    Attributes:
        name: What it is about.
        value: Value of the judged column; of what was seen of an objective; or a count.
        regret: Distance of that value from the best; None where the best is not known.
    """

    name: str
    value: Estimate
    regret: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What some runs chose.

    Attributes:
        title: What the values are, in words.
        unit: Their unit.
        measure: What the regrets are, in words; empty if there are none.
        lines: The chosen first, then what to compare it with.
        notes: What one should know of it, in sentences.
    """

    title: str
    unit: str
    measure: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def outcome(runs: Sequence[Run], benchmark: str | Path) -> Outcome:
    """What the runs of one search chose, on the scale of boards.

    Args:
        runs: Runs of one set-up with their manifest, as :func:`nasbench.search` returns them.
        benchmark: The benchmark that they searched: an id or a path.

    Returns:
        For one objective: the chosen architectures by what judges them, and where the space is
        known, regret with interval, the expectation of random search at the same cost and the
        optimum. For several: the fronts. Where a table cannot say more, only what it can.

    Raises:
        NotRecordedError: No run has a trial with a finite loss.
    """
    runs = [run for run in runs if np.isfinite(run.losses).all(axis=1).any()]
    if not runs or (manifest := runs[0].manifest) is None:
        raise NotRecordedError("no run has chosen anything: no trial ended well")
    opened = load(benchmark, objectives=manifest.objectives, constraints=manifest.constraints)
    found = _found(runs, manifest, opened)
    if manifest.test_objectives:
        note = "Selected on test: the search saw these results."
        found = replace(found, notes=(*found.notes, note))
    return found


def _found(runs: Sequence[Run], manifest: Manifest, opened: AnyBenchmark) -> Outcome:
    if len(manifest.objectives) > 1:
        return _fronts(runs, manifest, opened)
    if not isinstance(opened, TableBenchmark):
        note = "The best of the space is not known: no regret. Boards estimate it from a sample."
        return _values_only(runs, manifest, opened, note)
    try:
        landscape = Landscape(opened, manifest.replicate)
        return _judged(runs, manifest, landscape)
    except NasbenchError as error:
        return _values_only(runs, manifest, opened, f"No regret: {first_line(error).rstrip('.')}.")


def _judged(runs: Sequence[Run], manifest: Manifest, landscape: Landscape) -> Outcome:
    reported = landscape.reported
    regrets = reported.regrets(_chosen(runs))
    regret = estimate(regrets)
    lines = [Line(f"chosen by {manifest.algorithm}", _as_value(regret, reported), regret)]
    n, about = _random_trainings(runs, manifest, landscape)
    if n:
        expected = float(landscape.random_search([n])[0])
        trainings = f"{about}{n:,} training{'' if n == 1 else 's'}"
        lines.append(_exactly(f"random search, {trainings}", expected, reported))
    lines.append(_exactly(_best(manifest), 0.0, reported))
    notes = [_how(landscape.observed.name, reported.name, runs)]
    if not landscape.is_exact:
        notes.append("Random search and the best are estimated from a sample of the space.")
    if landscape.population.extent == "recorded":
        notes[0:0] = ["The table records a part of its space: the best is the best recorded one."]
    unit = reported.column.unit.replace("1", "")
    return Outcome(reported.name, unit, landscape.measure, tuple(lines), tuple(notes))


def _best(manifest: Manifest) -> str:
    """What the regret is measured from."""
    if not manifest.constraints:
        return "best of the space"
    return f"best with {' and '.join(manifest.constraints)}"


def _values_only(
    runs: Sequence[Run], manifest: Manifest, benchmark: AnyBenchmark, note: str
) -> Outcome:
    """The chosen architectures by what judges them, without the rest of the space."""
    observed = benchmark.column(manifest.objectives[0])
    name = f"test_{observed.name.removeprefix(f'{observed.split}_')}"
    for column in (benchmark.columns.get(name) if observed.split != "test" else None, observed):
        if column is None:
            continue
        try:
            values = benchmark.query_many(_chosen(runs), column.name)
        except NotRecordedError:
            continue
        if not np.isnan(values).any():
            line = Line(f"chosen by {manifest.algorithm}", estimate(np.asarray(values)))
            notes = (note, _how(spoken(observed), spoken(column), runs))
            return Outcome(spoken(column), column.unit.replace("1", ""), "", (line,), notes)
    losses = np.array([run.losses[:, 0].min() for run in runs])
    line = Line(f"lowest loss that {manifest.algorithm} saw", estimate(losses))
    return Outcome("observed loss", "", "", (line,), (note,))


def _fronts(runs: Sequence[Run], manifest: Manifest, benchmark: AnyBenchmark) -> Outcome:
    columns = [benchmark.column(name) for name in benchmark.objectives]
    sizes, best = [], []
    for run in runs:
        front = front_of(run.losses)
        sizes.append(len(front))
        best.append(front.min(axis=0))
    lines = [Line("architectures on the front", estimate(np.array(sizes, dtype=np.float64)))]
    for column, losses in zip(columns, np.array(best).T, strict=True):
        unit = f" ({column.unit})" if column.unit not in ("", "1") else ""
        values = np.asarray(as_loss(column, losses))  # its own inverse
        name = spoken(column).removesuffix(f" {column.unit}")
        lines.append(Line(f"best {name} seen{unit}", estimate(values)))
    notes = ["A front holds the trials that no other trial of its run dominates, as observed."]
    try:
        if isinstance(benchmark, TableBenchmark):
            scale = FrontLandscape(benchmark, manifest.replicate)
            shares = 1.0 - np.array([scale.regrets(Course.of(run))[-1] for run in runs])
            lines[:0] = [Line("share of the best hypervolume", estimate(shares))]
            notes.append("Its hypervolume is judged after full training, as on boards.")
    except NasbenchError as error:
        notes.append(f"No hypervolume: {first_line(error).rstrip('.')}.")
    return Outcome("mean of the runs", "", "", tuple(lines), tuple(notes))


def front_of(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distinct rows of ``(n, n_objectives)`` losses that are finite and not dominated."""
    left = np.unique(losses[np.isfinite(losses).all(axis=1)], axis=0)
    kept: list[NDArray[np.float64]] = []
    while len(left):
        kept.append(left[0])  # in this order nothing that follows dominates it
        left = left[(left < left[0]).any(axis=1)]
    return np.array(kept).reshape(len(kept), losses.shape[1])


def _chosen(runs: Sequence[Run]) -> NDArray[np.integer]:
    """The last incumbent of every run, shape ``(n_runs, d)``."""
    return np.stack([run.archs[run.incumbent_trials()[-1]] for run in runs])


def _random_trainings(
    runs: Sequence[Run], manifest: Manifest, landscape: Landscape
) -> tuple[int, Literal["", "about "]]:
    """How many full trainings the cost of a run would pay for, and whether that is rounded."""
    full = landscape.benchmark.fidelities[-1]
    budget = manifest.budget
    if budget.seconds is not None and landscape.full_seconds:
        most = budget.trials or np.inf
        fit = budget.seconds * manifest.workers / landscape.full_seconds
        return int(min(most, fit)), "about "
    spent = np.mean([trained_epochs(run).sum() / full for run in runs])
    return int(spent), "" if spent == int(spent) else "about "


def _how(observed: str, reported: str, runs: Sequence[Run]) -> str:
    judged = f"judged by {reported}" if observed != reported else "judged by the mean of it"
    seeds = f"mean of {len(runs):,} runs" if len(runs) > 1 else "one run"
    return f"Chosen by {observed}, {judged} after full training; {seeds}."


def _as_value(regret: Estimate, yardstick: Yardstick) -> Estimate:
    ends = sorted((yardstick.value(regret.low), yardstick.value(regret.high)))
    return Estimate(yardstick.value(regret.mean), *ends)


def _exactly(name: str, regret: float, yardstick: Yardstick) -> Line:
    none = float("nan")
    value = Estimate(yardstick.value(regret), none, none)
    return Line(name, value, Estimate(regret, none, none))
