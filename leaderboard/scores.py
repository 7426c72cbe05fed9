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


UNRANKED = (
    "Equally many trials of several lengths do not cost the same, so these methods are not ranked."
)
"""Why a board has no ranks."""


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


class _Lengths(NamedTuple):
    """How long trials are, where their number is the budget; empty for full trainings.

    Attributes:
        several: Whether they can differ in length.
        fidelity: Epochs of each, if that is shorter than a full training; else 0.
    """

    several: bool = False
    fidelity: int = 0


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

    A number of trials measures the cost of searches whose trials are all equally long: those of
    full trainings share a board, and so do those of one shorter length that their set-up fixes.
    Other searches with a budget of trials have a board without ranks. So the set-up of a record
    decides where it stands and what it is worth there, and no other record does.
    """
    if isinstance(landscape, Obstacle):
        yield from (NotShown(record.folder, *landscape) for record in records)
        return
    groups: dict[_Lengths, list[_Recorded]] = {}
    auditor = admission.auditor(landscape.benchmark)
    for record in records:
        read = admission.read(record, auditor)
        if isinstance(read, Obstacle):
            yield NotShown(record.folder, *read)
            continue
        lengths = _lengths(question, record, read)
        groups.setdefault(lengths, []).append(_Recorded(record, read))
    for lengths, group in sorted(groups.items(), key=lambda item: item[0]):
        yield from _compared(question, landscape, group, lengths, progress)


def _lengths(question: Question, record: AnyRecord, read: Read) -> _Lengths:
    if question.trials is None or not read.partial:
        return _Lengths()
    fidelities = record.manifest.fidelities
    return _Lengths(fidelity=fidelities[0]) if len(fidelities) == 1 else _Lengths(several=True)


def _compared(
    question: Question,
    landscape: AnyLandscape,
    group: Sequence[_Recorded],
    lengths: _Lengths,
    progress: Callable[[int], None],
) -> Iterator[Board | NotShown]:
    """The board of records that are compared with each other, and those that it does not show."""

    def common() -> tuple[tuple[float, float], list[str]]:
        names = labels([member.record.manifest for member in group])
        return _window(question, landscape, lengths), names

    found = attempt(common, partial(unfit, group[0].record))
    if isinstance(found, Obstacle):
        yield from (NotShown(member.record.folder, *found) for member in group)
        return
    window, names = found
    entries: list[_Entry] = []
    for member, label in zip(group, names, strict=True):
        entry = attempt(
            partial(_entry, member, label, landscape, window), partial(unfit, member.record)
        )
        if isinstance(entry, Obstacle):
            yield NotShown(member.record.folder, *entry)
        else:
            entries.append(entry)
        progress(1)
    while entries:
        ranked = partial(_board, question, landscape, lengths, window)
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


def _entry(
    recorded: _Recorded, label: str, landscape: AnyLandscape, window: tuple[float, float]
) -> _Entry:
    record, read = recorded
    searches = tuple(Search(course, landscape, window) for course in read.courses())
    columns = {name: COLUMNS.load(name) for name in COLUMNS}
    values = {
        name: np.array([column(search) for search in searches]) for name, column in columns.items()
    }
    return _Entry(record, label, read.partial, searches, values, read.rows)


def _board(
    question: Question,
    landscape: AnyLandscape,
    lengths: _Lengths,
    window: tuple[float, float],
    entries: list[_Entry],
) -> Board:
    entries.sort(key=lambda e: (*(() if lengths.several else e.standing), e.label))
    first = None if lengths.several else entries[0]
    partial = any(entry.partial for entry in entries)
    columns: dict[str, Score] = {
        name: COLUMNS.load(name)
        for name in COLUMNS
        if any(entry.has(name) for entry in entries)
        and (partial or name != "epochs")  # else in proportion to evaluations
    }
    evaluations = expected = None
    if isinstance(landscape, Landscape) and not lengths.several:
        evaluations = _random_evaluations(question, landscape, lengths)
        expected = float(landscape.random_search([evaluations])[0]) if evaluations else None
    return Board(
        question=question,
        landscape=landscape,
        partial=partial,
        fidelity=lengths.fidelity or None,
        unranked=UNRANKED if lengths.several else "",
        window=window,
        columns=columns,
        rows=tuple(_row(i, entry, entries, first, columns) for i, entry in enumerate(entries)),
        random_evaluations=evaluations,
        random_regret=expected,
    )


def _row(
    place: int,
    entry: _Entry,
    entries: Sequence[_Entry],
    first: _Entry | None,
    columns: Mapping[str, Score],
) -> Row:
    seeds = tuple(search.course.seed for search in entry.searches)
    gap, common = Estimate(np.nan, np.nan, np.nan), 0
    if first is not None:
        gap, common = statistics.difference(_by_seed(entry), _by_seed(first))
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
        tied=first is not None and place > 0 and not gap.low > 0,
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


def _window(question: Question, landscape: AnyLandscape, lengths: _Lengths) -> tuple[float, float]:
    """Seconds of one mean full training, and the simulated seconds that the budget allows."""
    one, full = landscape.full_seconds, landscape.benchmark.fidelities[-1]
    paid = [epochs / full * one / question.workers for epochs in _epochs(question, full, lengths)]
    return one, min(paid if question.seconds is None else [*paid, question.seconds])


def _random_evaluations(
    question: Question, landscape: AnyLandscape, lengths: _Lengths
) -> int | None:
    """Full trainings that the budget pays for; None if that depends on what is trained."""
    if question.seconds is not None:
        return None
    full = landscape.benchmark.fidelities[-1]
    return min(_epochs(question, full, lengths)) // full


def _epochs(question: Question, full: int, lengths: _Lengths) -> list[int]:
    """Epochs after which the budget ends, by what they follow from."""
    limits = [] if question.trials is None else [question.trials * (lengths.fidelity or full)]
    return limits if question.epochs is None else [*limits, question.epochs]
