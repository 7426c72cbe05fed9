"""What is scored: boards of records that can be compared, and the columns of their rows.

The *incumbent* of a run is the architecture with the lowest loss among the trainings finished so far, the
earliest on ties, whatever fidelity found it. What it is worth is always that of its full training, mean over the
recorded seeds, in the test column where the table has one. Before the first incumbent a run is worth as much as
a random architecture.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaderboard import COLUMNS, statistics
from leaderboard.landscape import Landscape
from leaderboard.statistics import Estimate
from nasbench.benchmark import load
from nasbench.errors import NasbenchError, RecordError
from nasbench.records import Records, to_table
from nasbench.run import Run
from nasbench.table import content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the searches of one board have in common.

    Attributes:
        benchmark: Its id.
        version: Its version.
        content_hash: Hash of its numbers.
        objectives: Columns that were optimised.
        trials: Budget in started trials, or None.
        seconds: Budget in simulated seconds, or None.
        epochs: Budget in trained epochs, or None.
        workers: Simulated parallel workers.
        replicate: Which recorded training answered a trial.
    """

    benchmark: str
    version: int
    content_hash: str
    objectives: tuple[str, ...]
    trials: int | None
    seconds: float | None
    epochs: int | None
    workers: int
    replicate: Literal["draw", "mean"] | int

    @classmethod
    def of(cls, records: Records) -> "Question":
        """The question that a record answers.

        Raises:
            RecordError: The manifest does not say.
        """
        try:
            benchmark, budget = records.manifest["benchmark"], records.manifest["budget"]
            return cls(
                benchmark=benchmark["id"],
                version=benchmark["version"],
                content_hash=benchmark["content_hash"],
                objectives=tuple(benchmark["objectives"]),
                trials=budget["trials"],
                seconds=None if budget["seconds"] is None else float(budget["seconds"]),
                epochs=budget["epochs"],
                workers=records.manifest["workers"],
                replicate=records.manifest["replicate"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RecordError(f"{records.folder}: incomplete manifest: {error!r}") from error

    @property
    def order(self) -> str:
        """Where the board stands among others."""
        budget = [self.trials or 0, self.epochs or 0, self.seconds or 0.0]
        numbers = " ".join(f"{number:020.3f}" for number in budget)
        name = f"{self.benchmark} {self.version:06d} {self.content_hash} {self.objectives}"
        return f"{name} {numbers} {self.workers:06d} {self.replicate}"


class Search:
    """One recorded run as a step function: what its incumbent is worth, over time and over evaluations.

    Args:
        run: The record.
        landscape: The scale.
        window: Simulated seconds between which the anytime area is taken.

    Attributes:
        run: As given.
        landscape: As given.
        window: As given.
        times: When each incumbent was found, simulated seconds; shape ``(n,)``.
        evaluations: How many trials had ended by then, itself included; shape ``(n,)``.
        regrets: What each is worth from then on; shape ``(n,)``.
    """

    def __init__(self, run: Run, landscape: Landscape, window: tuple[float, float]) -> None:
        self.run = run
        self.landscape = landscape
        self.window = window
        incumbents = run.incumbent_trials()
        place = np.empty(len(run), dtype=np.int64)
        place[run.order] = np.arange(1, len(run) + 1)
        self.times = run.ends[incumbents]
        self.evaluations = place[incumbents]
        self.archs = run.archs[incumbents]
        self.regrets = landscape.reported.regrets(self.archs)

    @property
    def regret(self) -> float:
        """What the last incumbent is worth."""
        return float(self.regrets[-1]) if len(self.regrets) else self.before

    @property
    def before(self) -> float:
        """What the search is worth before its first incumbent: as much as a random architecture."""
        return self.landscape.reported.random_regret


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A column of a board: a function of one run.

    Attributes:
        title: Head of the column.
        kind: ``"points"``: a difference in the unit of the reported column; ``"value"``: a value of that column;
            ``"ratio"``; ``"count"``; ``"seconds"``.
        goal: Which end is better.
        of: The function; NaN on boards that the column does not apply to.
    """

    title: str
    kind: Literal["points", "value", "ratio", "count", "seconds"]
    goal: Literal["min", "max", ""]
    of: Callable[[Search], float]

    @property
    def description(self) -> str:
        """What the column says."""
        return " ".join((self.of.__doc__ or "").split())

    def __call__(self, search: Search) -> float:
        """The score of a run."""
        return self.of(search)


def score(
    title: str,
    kind: Literal["points", "value", "ratio", "count", "seconds"],
    goal: Literal["min", "max", ""] = "",
) -> Callable[[Callable[[Search], float]], Score]:
    """Make a function of a run a column."""
    return lambda of: Score(title=title, kind=kind, goal=goal, of=of)


@score("Test regret", "points", "min")
def test_regret(search: Search) -> float:
    """How far the architecture that validation chose is from the best one of the space, on test images."""
    return search.regret if search.landscape.reported.column.split == "test" else np.nan


@score("Validation regret", "points", "min")
def validation_regret(search: Search) -> float:
    """How far the chosen architecture is from the best one of the space, in what was searched by."""
    if search.landscape.selected_on_test:
        return np.nan
    if search.landscape.reported is search.landscape.observed:
        return search.regret
    if not len(search.archs):
        return search.landscape.observed.random_regret
    return float(search.landscape.observed.regrets(search.archs[-1:])[0])


@score("Final value", "value")
def final_value(search: Search) -> float:
    """What the chosen architecture reaches after its full training, mean over the recorded seeds."""
    return search.landscape.reported.value(search.regret)


@score("Normalised regret", "ratio", "min")
def normalised_regret(search: Search) -> float:
    """Regret as a share of that of a random architecture: 1 is a random one, 0 the best."""
    return search.regret / search.before if search.before else np.nan


@score("Anytime area", "ratio", "min")
def anytime_area(search: Search) -> float:
    """Mean normalised regret over the logarithm of simulated time, from one mean full training to the budget."""
    low, high = search.window
    if not (0 < low < high and search.before):
        return np.nan
    levels = np.append(search.before, search.regrets) / search.before
    return log_area(search.times, levels, low, high)


@score("Evaluations", "count")
def evaluations(search: Search) -> float:
    """Trials of the run, of any fidelity."""
    return float(len(search.run))


@score("Simulated time", "seconds")
def simulated_seconds(search: Search) -> float:
    """When the last trial ended on the simulated clock."""
    return float(search.run.ends.max(initial=0.0)) if search.landscape.full_seconds else np.nan


test_regret.of.__dict__["__test__"] = False


def log_area(
    times: NDArray[np.float64], levels: NDArray[np.float64], low: float, high: float
) -> float:
    """Mean of a step function over the logarithm of time, exactly.

    Args:
        times: Where it steps, ascending; shape ``(n,)``.
        levels: Its values before, between and after the steps; shape ``(n + 1,)``.
        low: Start of the time.
        high: End of the time.
    """
    edges = np.log(np.clip(np.concatenate([[low], times, [high]]), low, high))
    return float(levels @ np.diff(edges) / (edges[-1] - edges[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record on a board.

    Attributes:
        rank: From 1, by mean regret.
        label: Name of the algorithm and what tells it from other rows of the same.
        settings: Preset, hyperparameters and whatever else the algorithm was given.
        scores: Mean over seeds of every column, by name of the column.
        gap: Regret minus that of the first row, compared seed by seed.
        common_seeds: On how many seeds the gap rests; 0: the rows share no seeds and are resampled independently.
        tied: Whether the interval of the gap leaves open that the row is as good as the first one.
        seeds: Of the runs.
        searches: The runs.
        records: Where they come from.
        content_hash: SHA-256 over the decoded columns of the record.
    """

    rank: int
    label: str
    settings: Mapping[str, Any]
    scores: Mapping[str, Estimate]
    gap: Estimate
    common_seeds: int
    tied: bool
    seeds: tuple[int, ...]
    searches: tuple[Search, ...]
    records: Records
    content_hash: str

    @property
    def algorithm(self) -> str:
        """Registered name."""
        return str(self.records.manifest["algorithm"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Records that answer the same question, ranked.

    Attributes:
        question: What they have in common.
        landscape: The scale.
        window: Simulated seconds between which the anytime area is taken: one mean full training, and the budget.
        headline: Name of the column that rows are ranked by.
        columns: The columns that apply, by name.
        rows: Best first.
        random_evaluations: Full trainings that the budget pays for; None where the budget is in seconds.
        random_regret: Exact expected regret of random search after so many.
    """

    question: Question
    landscape: Landscape
    window: tuple[float, float]
    headline: str
    columns: Mapping[str, Score]
    rows: tuple[Row, ...]
    random_evaluations: int | None
    random_regret: float | None

    @property
    def title(self) -> str:
        """Which board it is, in a few words."""
        return f"{self.question.benchmark}@{self.question.version}, {self.budget}"

    @property
    def budget(self) -> str:
        """The budget in words."""
        question = self.question
        parts = [
            f"{value:,} {name}"
            for name, value in (("trials", question.trials), ("epochs", question.epochs))
            if value is not None
        ]
        if question.seconds is not None:
            parts.append(f"{question.seconds:,.10g} simulated seconds")
        return " or ".join(parts)


def group(
    records: Iterable[Records],
) -> tuple[dict[Question, list[Records]], list[tuple[Records, str]]]:
    """Records by the question they answer, and those that no board can show yet, with the reason.

    Raises:
        RecordError: A damaged manifest, or the same search twice.
    """
    groups: dict[Question, list[Records]] = {}
    left_out: list[tuple[Records, str]] = []
    places: dict[str, Records] = {}
    for record in records:
        question = Question.of(record)
        twin = places.setdefault(f"{question.benchmark}/{record.folder.name}", record)
        if twin is not record:
            raise RecordError(
                f"the same search is recorded in {twin.folder} and in {record.folder}: keep one, or "
                "bring their parts together in one folder"
            )
        if len(question.objectives) != 1:
            n = len(question.objectives)
            left_out.append(
                (record, f"it has {n} objectives, and these boards rank single-objective searches")
            )
        elif not record.seeds():
            left_out.append((record, "it holds no finished run yet"))
        else:
            groups.setdefault(question, []).append(record)
    return dict(sorted(groups.items(), key=lambda item: item[0].order)), left_out


def rank(
    records: Iterable[Records], *, progress: Callable[[int], None] = lambda _: None
) -> list[Board]:
    """All boards of some records, by benchmark and budget; multi-objective and empty records are left out.

    Args:
        records: As :func:`nasbench.records.find_records` gives them.
        progress: Called with a number of records whenever so many more are scored.

    Raises:
        RecordError: A damaged record, one of another content than the installed table, or the same search twice.
        UnknownNameError: The benchmark of a record is not installed.
    """
    groups, _ = group(records)
    return [board(question, members, progress=progress) for question, members in groups.items()]


def board(
    question: Question,
    records: Iterable[Records],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Board:
    """Score and rank the records that answer one question; see :func:`rank`."""
    records = list(records)
    landscape = _landscape(question, records[0])
    window = _window(question, landscape)
    headline = (
        "test_regret" if landscape.reported.column.split == "test" else "validation_regret"
    )
    available = {name: COLUMNS.load(name) for name in COLUMNS}
    entries = []
    for record, (label, settings) in zip(records, _labels(records), strict=True):
        runs = _runs(record)
        searches = tuple(Search(run, landscape, window) for run in runs)
        values = {
            name: np.array([column(search) for search in searches], dtype=np.float64)
            for name, column in available.items()
        }
        trials = to_table(runs).drop_columns(["inherited"])
        entries.append((record, label, settings, searches, values, content_hash(trials, None)))
        progress(1)
    entries.sort(key=lambda e: (e[4][headline].mean(), e[4]["anytime_area"].mean(), e[1]))
    columns = {
        name: column
        for name, column in available.items()
        if all(np.isfinite(entry[4][name]).all() for entry in entries)
    }
    return Board(
        question=question,
        landscape=landscape,
        window=window,
        headline=headline,
        columns=columns,
        rows=(),
        random_evaluations=None,
        random_regret=None,
    )
