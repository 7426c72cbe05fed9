"""The ranking: boards of records that answer the same question, best rows first."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaderboard import COLUMNS, admission, statistics
from leaderboard.admission import NotShown, Obstacle, Read, attempt, unfit
from leaderboard.boards import ORDER, Board, Question, Row, Scale, Score, count
from leaderboard.compact.record import AnyRecord
from leaderboard.entries.entry import entry_of
from leaderboard.fronts import AnyLandscape
from leaderboard.labels import labels, settings, some_of
from leaderboard.landscape import Landscape
from leaderboard.searches import Search
from leaderboard.statistics import Estimate

RANDOM_SEARCH = "random_search"
"""Name of the algorithm with which others are compared."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The boards of some records; iterating gives the boards.

    Attributes:
        boards: Boards by benchmark and budget.
        not_shown: The records that no board shows.
    """

    boards: tuple[Board, ...]
    not_shown: tuple[NotShown, ...]

    def __iter__(self) -> Iterator[Board]:
        return iter(self.boards)


def rank(
    records: Iterable[AnyRecord], *, progress: Callable[[int], None] = lambda _: None
) -> Ranking:
    """Rank records by benchmark and budget.

    A record that cannot be shown stops no other: the ranking says why, and what helps.

    Args:
        records: Records from :func:`nasbench.runs.records.find_records`, and compact ones; both
            make the same rows.
        progress: Called with the number of newly scored records.
    """
    groups, not_shown = admission.group(records)
    boards: list[Board] = []
    scales: dict[Scale, AnyLandscape | Obstacle] = {}
    for question, members in groups.items():
        if question.scale not in scales:
            scales[question.scale] = admission.open_landscape(question)
        for made in _boards(question, scales[question.scale], members, progress):
            if isinstance(made, Board):
                boards.append(made)
            else:
                not_shown.append(made)
    return Ranking(tuple(boards), tuple(not_shown))


class _Recorded(NamedTuple):
    """A record with what was read of it."""

    record: AnyRecord
    read: Read


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record with its scores by column, each of shape ``(n_seeds,)``."""

    record: AnyRecord
    label: str
    partial: bool
    searches: tuple[Search, ...]
    values: dict[str, NDArray[np.float64]]
    content_hash: str

    @property
    def standing(self) -> list[float]:
        """Sort key, see :attr:`leaderboard.boards.Row.standing`."""
        return [float(self.values[name].mean()) if self.has(name) else np.inf for name in ORDER]

    def has(self, column: str) -> bool:
        """Whether the column has a value for every search."""
        return bool(np.isfinite(self.values[column]).all())

    @property
    def random(self) -> bool:
        """Whether another algorithm is random search in this set-up."""
        manifest = self.record.manifest
        longest = max(search.course.paid.trials for search in self.searches)
        return manifest.algorithm != RANDOM_SEARCH and manifest.is_random_search(longest)


def _boards(
    question: Question,
    landscape: AnyLandscape | Obstacle,
    records: Sequence[AnyRecord],
    progress: Callable[[int], None],
) -> Iterator[Board | NotShown]:
    """The boards of records that answer one question, and the records that they do not show.

    A number of trials is no measure of cost for searches with trials shorter than a full training:
    these have a board of their own, which compares them after equally many trained epochs.
    """
    if isinstance(landscape, Obstacle):
        yield from (NotShown(record.folder, *landscape) for record in records)
        return
    together: list[_Recorded] = []
    apart: list[_Recorded] = []
    auditor = admission.auditor(landscape.benchmark)
    for record in records:
        read = admission.read(record, auditor)
        if isinstance(read, Obstacle):
            yield NotShown(record.folder, *read)
            continue
        group = apart if read.partial and question.trials is not None else together
        group.append(_Recorded(record, read))
    for group in (together, apart):
        if group:
            yield from _compared(question, landscape, group, group is apart, progress)


def _compared(
    question: Question,
    landscape: AnyLandscape,
    group: Sequence[_Recorded],
    by_epochs: bool,
    progress: Callable[[int], None],
) -> Iterator[Board | NotShown]:
    """The board of records that are compared with each other, and those that it does not show."""

    def common() -> tuple[int | None, tuple[float, float], list[str]]:
        limit = _common_epochs(group) if by_epochs else None
        names = labels([member.record.manifest for member in group])
        return limit, _window(question, landscape, limit), names

    found = attempt(common, partial(unfit, group[0].record))
    if isinstance(found, Obstacle):
        yield from (NotShown(member.record.folder, *found) for member in group)
        return
    limit, window, names = found
    entries: list[_Entry] = []
    for member, label in zip(group, names, strict=True):
        entry = attempt(
            partial(_entry, member, label, landscape, window, limit), partial(unfit, member.record)
        )
        if isinstance(entry, Obstacle):
            yield NotShown(member.record.folder, *entry)
        else:
            entries.append(entry)
        progress(1)
    while entries:
        ranked = partial(_board, question, landscape, window=window, limit=limit)
        board = attempt(partial(ranked, entries), partial(unfit, entries[0].record))
        if isinstance(board, Board):
            yield board
            return
        alone = [attempt(partial(ranked, [e]), partial(unfit, e.record)) for e in entries]
        if not any(isinstance(made, Obstacle) for made in alone):
            alone = [board] * len(entries)
        left = []
        for entry, made in zip(entries, alone, strict=True):
            if isinstance(made, Obstacle):
                yield NotShown(entry.record.folder, *made)
            else:
                left.append(entry)
        entries = left


def _common_epochs(recorded: Sequence[_Recorded]) -> int:
    """Epochs that every record has trained, in the mean over its seeds."""
    means = (np.mean([course.paid.epochs for course in read.courses()]) for _, read in recorded)
    return min(map(int, means), default=0)


def _entry(
    recorded: _Recorded,
    label: str,
    landscape: AnyLandscape,
    window: tuple[float, float],
    limit: int | None,
) -> _Entry:
    record, read = recorded
    searches = tuple(Search(course, landscape, window) for course in read.courses(limit))
    columns = {name: COLUMNS.load(name) for name in COLUMNS}
    values = {
        name: np.array([column(search) for search in searches]) for name, column in columns.items()
    }
    return _Entry(record, label, read.partial, searches, values, read.rows)


def _board(
    question: Question,
    landscape: AnyLandscape,
    entries: list[_Entry],
    window: tuple[float, float],
    limit: int | None,
) -> Board:
    entries.sort(key=lambda entry: (*entry.standing, entry.label))
    partial = any(entry.partial for entry in entries)
    columns: dict[str, Score] = {
        name: COLUMNS.load(name)
        for name in COLUMNS
        if any(entry.has(name) for entry in entries)
        and (partial or name != "epochs")  # else in proportion to evaluations
    }
    evaluations = expected = None
    if isinstance(landscape, Landscape):
        evaluations = _random_evaluations(question, landscape, limit)
        expected = float(landscape.random_search([evaluations])[0]) if evaluations else None
    return Board(
        question=question,
        landscape=landscape,
        partial=partial,
        epochs=limit,
        window=window,
        columns=columns,
        rows=tuple(_row(i, entry, entries, columns) for i, entry in enumerate(entries)),
        random_evaluations=evaluations,
        random_regret=expected,
    )


def _row(place: int, entry: _Entry, entries: Sequence[_Entry], columns: Mapping[str, Score]) -> Row:
    seeds = tuple(search.course.seed for search in entry.searches)
    gap, common = statistics.difference(_by_seed(entry), _by_seed(entries[0]))
    manifest, surrogate = entry.record.manifest, entry.searches[0].landscape.population.surrogate
    return Row(
        rank=place + 1,
        label=entry.label,
        settings=settings(manifest),
        scores={
            name: _summed_up(score, entry.values[name])
            for name, score in columns.items()
            if entry.has(name)
        },
        summary=statistics.summary(entry.values["regret"]),
        gap=gap,
        common_seeds=common,
        tied=place > 0 and not gap.low > 0,
        seeds=seeds,
        searches=entry.searches,
        fits_family=surrogate is not None and surrogate.family in manifest.families,
        remark=_remark(entry, entries),
        records=entry.record,
        content_hash=entry.content_hash,
        sender=sent.about if (sent := entry_of(entry.record.folder)) else None,
    )


def _summed_up(score: Score, values: NDArray[np.float64]) -> Estimate:
    """A column over the seeds of a row."""
    if score.kind == "rate":
        return statistics.rate(int(values.sum()), len(values))
    return statistics.estimate(values)


def _remark(entry: _Entry, entries: Iterable[_Entry]) -> str:
    """Why the row says nothing of its algorithm; empty for most.

    Nothing tells which of several rows with the same trials is the copy, so all say so.
    """
    if entry.random:
        n = entry.record.manifest.random_trials
        why = "every trial is" if n is None else f"the first {count(n, 'trial')} of a run are"
        return f"random search here: {why} drawn at random"
    twins = [
        other.label
        for other in entries
        if other.content_hash == entry.content_hash and other is not entry and not other.random
    ]
    return f"the same trials as {some_of(twins)}" if twins else ""


def _by_seed(entry: _Entry) -> dict[int, float]:
    regrets = entry.values["regret"].tolist()
    return {s.course.seed: value for s, value in zip(entry.searches, regrets, strict=True)}


def _window(question: Question, landscape: AnyLandscape, limit: int | None) -> tuple[float, float]:
    """Seconds of one mean full training, and the simulated seconds that the budget allows."""
    one = landscape.full_seconds
    full_epochs = landscape.benchmark.fidelities[-1]
    limits = []
    if question.seconds is not None:
        limits.append(question.seconds)
    if question.trials is not None:
        limits.append(question.trials * one / question.workers)
    for epochs in (question.epochs, limit):
        if epochs is not None:
            limits.append(epochs / full_epochs * one / question.workers)
    return one, min(limits)


def _random_evaluations(
    question: Question, landscape: AnyLandscape, limit: int | None
) -> int | None:
    """Full trainings that the budget pays for; None if that depends on what is trained."""
    if question.seconds is not None:
        return None
    limits = [] if question.trials is None else [question.trials]
    for epochs in (question.epochs, limit):
        if epochs is not None:
            limits.append(epochs // landscape.benchmark.fidelities[-1])
    return min(limits)
