"""The columns of a board, each a function of one search, and the ranking."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaderboard import COLUMNS, statistics
from leaderboard.boards import Board, Question, Row, Score, group, labels, settings
from leaderboard.landscape import Landscape
from leaderboard.searches import Search, log_mean
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.errors import RecordError, UnknownNameError
from nasbench.runs.records import Records, to_table
from nasbench.runs.run import Run
from nasbench.tables.validation import content_hash


def score(
    title: str,
    kind: Literal["points", "value", "ratio", "count", "seconds"],
    goal: Literal["min", "max", ""] = "",
) -> Callable[[Callable[[Search], float]], Score]:
    """Make a column from a function; see :class:`leaderboard.boards.Score`."""
    return lambda of: Score(title=title, kind=kind, goal=goal, of=of)


@score("{measure}", "points", "min")
def regret(search: Search) -> float:
    """Distance of the architecture that the search chose from the best of the space."""
    return search.regret


@score("Validation regret", "points", "min")
def validation_regret(search: Search) -> float:
    """Distance of the chosen architecture from the best one on the validation split."""
    observed = search.landscape.observed
    if observed.column.split != "valid" or search.landscape.reported is observed:
        return np.nan
    if not len(search.archs):
        return observed.random_regret
    return float(observed.regrets(search.archs[-1:])[0])


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


@score("Evaluations", "count")
def evaluations(search: Search) -> float:
    """Number of trials of the run, at any fidelity."""
    return float(len(search.run))


@score("Simulated time", "seconds")
def simulated_seconds(search: Search) -> float:
    """End of the last trial: a sum of times from the benchmark, without any time of the host."""
    return float(search.run.ends.max(initial=0.0)) if search.landscape.full_seconds else np.nan


def rank(
    records: Iterable[Records], *, progress: Callable[[int], None] = lambda _: None
) -> list[Board]:
    """Boards of some records, by benchmark and budget, without records that no board can show.

    Args:
        records: Records from :func:`nasbench.runs.records.find_records`.
        progress: Called with the number of newly scored records.

    Raises:
        RecordError: A record is damaged, the same search is recorded twice, or a record was made
            with another content of the benchmark.
        SurrogateError: The surrogate of a record is damaged.
        UnknownNameError: The benchmark of a record is not installed.
    """
    return [
        board(question, members, progress=progress)
        for question, members in group(records)[0].items()
    ]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record with its scores by column, each of shape ``(n_seeds,)``."""

    record: Records
    label: str
    searches: tuple[Search, ...]
    values: dict[str, NDArray[np.float64]]
    content_hash: str


def board(
    question: Question,
    records: Sequence[Records],
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Board:
    """Score and rank the records that answer one question.

    Raises:
        RecordError: As in :func:`rank`.
        UnknownNameError: As in :func:`rank`.
        SurrogateError: As in :func:`rank`.
    """
    benchmark = _benchmark(question, records[0])
    landscape = Landscape(benchmark, question.replicate)
    window = _window(question, landscape)
    columns: dict[str, Score] = {name: COLUMNS.load(name) for name in COLUMNS}
    entries = []
    for record, label in zip(records, labels([r.manifest for r in records]), strict=True):
        runs = _runs(record)
        searches = tuple(Search(run, landscape, window) for run in runs)
        values = {
            name: np.array([column(search) for search in searches])
            for name, column in columns.items()
        }
        digest = content_hash(to_table(runs).drop_columns(["inherited"]), None)
        entries.append(_Entry(record, label, searches, values, digest))
        progress(1)
    entries.sort(
        key=lambda e: (*(float(e.values[c].mean()) for c in ("regret", "anytime_area")), e.label)
    )
    columns = {
        name: column
        for name, column in columns.items()
        if all(np.isfinite(entry.values[name]).all() for entry in entries)
    }
    evaluations = _random_evaluations(question, landscape)
    return Board(
        question=question,
        landscape=landscape,
        window=window,
        columns=columns,
        rows=tuple(_row(i, entry, entries[0], columns) for i, entry in enumerate(entries)),
        random_evaluations=evaluations,
        random_regret=float(landscape.random_search([evaluations])[0]) if evaluations else None,
    )


def _row(place: int, entry: _Entry, best: _Entry, columns: Iterable[str]) -> Row:
    seeds = tuple(search.run.seed for search in entry.searches)
    gap, common = statistics.difference(_by_seed(entry), _by_seed(best))
    manifest, surrogate = entry.record.manifest, entry.searches[0].landscape.population.surrogate
    return Row(
        rank=place + 1,
        label=entry.label,
        settings=settings(manifest),
        scores={name: statistics.estimate(entry.values[name]) for name in columns},
        gap=gap,
        common_seeds=common,
        tied=place > 0 and not gap.low > 0,
        seeds=seeds,
        searches=entry.searches,
        fits_family=surrogate is not None and surrogate.family in manifest.families,
        records=entry.record,
        content_hash=entry.content_hash,
    )


def _by_seed(entry: _Entry) -> dict[int, float]:
    regrets = entry.values["regret"].tolist()
    return {s.run.seed: value for s, value in zip(entry.searches, regrets, strict=True)}


def _benchmark(question: Question, record: Records) -> AnyBenchmark:
    """The installed benchmark with which the records were made."""
    name = f"{question.benchmark}@{question.version}"
    try:
        benchmark = load(name, objectives=question.objectives)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{record.folder} needs a benchmark that is not installed: {error}"
        ) from error
    if benchmark.content_hash != question.content_hash:
        raise RecordError(
            f"{record.folder} was made with content {question.content_hash[:12]}… of {name}, but "
            f"the installed one has {benchmark.content_hash[:12]}…: install the former or repeat "
            "the search"
        )
    return benchmark


def _runs(record: Records) -> list[Run]:
    """The runs of a record.

    Raises:
        RecordError: The record is damaged, or has more losses than its manifest has objectives.
    """
    try:
        runs = record.runs()
    except (ValueError, pa.ArrowException) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{record.folder}: a part is damaged: {error}") from error
    if any(run.losses.shape[1] != 1 for run in runs):
        raise RecordError(
            f"{record.folder}: the runs have more losses than the manifest has objectives"
        )
    return runs


def _window(question: Question, landscape: Landscape) -> tuple[float, float]:
    """Seconds of one mean full training, and the simulated seconds that the budget allows."""
    one = landscape.full_seconds
    full_epochs = landscape.benchmark.fidelities[-1]
    limits = []
    if question.seconds is not None:
        limits.append(question.seconds)
    if question.trials is not None:
        limits.append(question.trials * one / question.workers)
    if question.epochs is not None:
        limits.append(question.epochs / full_epochs * one / question.workers)
    return one, min(limits)


def _random_evaluations(question: Question, landscape: Landscape) -> int | None:
    """Full trainings that the budget pays for; None if that depends on what is trained."""
    if question.seconds is not None:
        return None
    limits = [] if question.trials is None else [question.trials]
    if question.epochs is not None:
        limits.append(question.epochs // landscape.benchmark.fidelities[-1])
    return min(limits)
