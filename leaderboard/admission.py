"""Which records the boards can show, why not the others, and what helps."""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from leaderboard.boards import Question
from leaderboard.compact.record import AnyRecord, CompactRecord, find_compact, is_partial, rows_hash
from leaderboard.courses import Course
from leaderboard.entries import ENTRY
from leaderboard.entries.entry import NOTHING, entry_of
from leaderboard.fronts import AnyLandscape, landscape
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.catalogue import find, folders, is_surrogate, require_file
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import (
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    NotRecordedError,
    RecordError,
    UnknownNameError,
    first_line,
)
from nasbench.runs.audit import Auditor
from nasbench.runs.records import MANIFEST, Records, find_records
from nasbench.runs.run import Run
from nasbench.tables.table import Table

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

AGAIN = "run the search again with the same --out"
"""How a record is completed."""

LOOKED_UP = 20_000
"""Trials of a record that are compared, at most, where each takes microseconds to look up."""


class Obstacle(NamedTuple):
    """Why a record cannot be shown.

    Attributes:
        reason: What is wrong.
        remedy: What to do about it.
        unforeseen: Whether it is an error that no check foresees: a fault of the suite, or of
            somebody's plug-in.
    """

    reason: str
    remedy: str
    unforeseen: bool = False


@dataclass(frozen=True, slots=True)
class NotShown:
    """A record that no board shows.

    Attributes:
        folder: Folder of the record.
        reason: What is wrong.
        remedy: What to do about it.
        unforeseen: See :class:`Obstacle`.
    """

    folder: Path
    reason: str
    remedy: str
    unforeseen: bool = False


def attempt(step: Callable[[], T], obstacle: Callable[[Exception], Obstacle]) -> T | Obstacle:
    """What a step on the way to a board gives, or the obstacle that its error poses.

    Whatever a record or a table makes go wrong stops no other, so this catches everything.

    Args:
        step: The step.
        obstacle: The obstacle that an error of the step poses.
    """
    try:
        return step()
    except Exception as error:
        met = obstacle(error)
        if isinstance(error, NasbenchError):
            return met
        _LOG.debug("an error that no check foresees", exc_info=True)
        return met._replace(unforeseen=True)


class Read(Protocol):
    """What a board needs of a record's runs.

    Attributes:
        partial: Whether a trial is shorter than a full training.
        rows: SHA-256 of the decoded columns of the full record.
    """

    @property
    def partial(self) -> bool: ...

    @property
    def rows(self) -> str: ...

    def courses(self) -> list[Course]:
        """The courses of the runs."""
        ...


@dataclass(frozen=True, slots=True)
class FullRuns:
    """The runs of a full record; see :class:`Read`."""

    runs: list[Run]
    partial: bool

    @property
    def rows(self) -> str:
        """SHA-256 of their decoded columns."""
        return rows_hash(self.runs)

    def courses(self) -> list[Course]:
        """The courses of the runs."""
        return [Course.of(run) for run in self.runs]


def find_readable(*runs: str | Path) -> tuple[list[AnyRecord], list[NotShown]]:
    """All records below folders, full and compact, by path, and those with a damaged manifest.

    Folders may overlap: what lies in several of them is taken once.

    Raises:
        RecordError: A folder has none, or a file is none.
    """
    readable: list[AnyRecord] = []
    damaged = []
    found: list[tuple[Path, type[Records] | type[CompactRecord]]] = []
    for folder in map(Path, runs):
        before = len(found)
        found += [(path.parent, Records) for path in sorted(folder.rglob(MANIFEST))]
        found += [(path, CompactRecord) for path in find_compact(folder)]
        if len(found) == before:
            find_records(folder)  # raises
    seen: set[Path] = set()
    for path, kind in found:
        if (place := path.resolve()) in seen:
            continue
        seen.add(place)
        opened: Callable[[Path], AnyRecord] = kind
        record = attempt(partial(opened, path), partial(_unreadable, path))
        if isinstance(record, Obstacle):
            damaged.append(NotShown(path, *record))
        else:
            readable.append(record)
    return readable, damaged


def group(
    records: Iterable[AnyRecord],
) -> tuple[dict[Question, list[AnyRecord]], list[NotShown]]:
    """Records grouped by question, and the records that no board can show."""
    groups: dict[Question, list[AnyRecord]] = {}
    not_shown: list[NotShown] = []
    places: dict[str, AnyRecord] = {}
    for record in records:
        asked = attempt(partial(_asked, record, places), partial(_damaged, record))
        if isinstance(asked, Obstacle):
            not_shown.append(NotShown(record.folder, *asked))
        else:
            groups.setdefault(asked, []).append(record)
            places[_place(record)] = record
    return dict(sorted(groups.items(), key=lambda item: item[0].order)), not_shown


def auditor(benchmark: Benchmark) -> Auditor:
    """What compares records with their benchmark before a board shows them.

    Where architectures take microseconds each to look up, it compares some runs of each record.
    """
    return Auditor(benchmark, most=LOOKED_UP)


def read(record: AnyRecord, auditor: Auditor) -> Read | Obstacle:
    """What a board needs of a record, if it follows from its benchmark as far as can be told."""
    if isinstance(record, CompactRecord):
        return attempt(partial(record.read, auditor.benchmark), partial(_damaged, record))
    runs = attempt(partial(record.runs, verify=True), partial(_damaged, record))
    if isinstance(runs, Obstacle):
        return runs
    if not any(len(run) for run in runs):
        return Obstacle(
            "no run has a trial: none fits its budget",
            "Delete the folder, and run the search with a larger budget.",
        )
    n = len(record.manifest.objectives)
    if any(run.losses.shape[1] != n for run in runs):
        return Obstacle(
            f"the runs do not have {n} loss{'es' if n != 1 else ''} a trial, as the manifest says",
            f"Delete the folder and {AGAIN}.",
        )

    def audited() -> FullRuns:
        auditor.check(record.manifest, runs, str(record.folder))
        return FullRuns(runs, is_partial(runs, auditor.benchmark.fidelities[-1]))

    return attempt(audited, partial(unfit, record))


def unfit(record: AnyRecord, error: Exception) -> Obstacle:
    """The obstacle that trials pose which a benchmark cannot answer."""
    return Obstacle(
        f"its trials do not fit {_name(Question.of(record.manifest))}: "
        f"{_text(error, record.folder)}",
        f"Delete the folder and {AGAIN}.",
    )


def undrawn(title: str, error: Exception) -> Obstacle:
    """The obstacle that an error in the pages of a board poses to its records.

    Args:
        title: Title of the board.
        error: The error.
    """
    return Obstacle(
        f"no page of its board {title!r} can be made: {_text(error)}",
        "Report this error.",
        unforeseen=True,
    )


def _damaged(record: AnyRecord, error: Exception) -> Obstacle:
    """The obstacle that a file poses which cannot be read."""
    if isinstance(error, NasbenchError) and not isinstance(error, RecordError):
        return unfit(record, error)
    return Obstacle(_text(error, record.folder), f"Delete the damaged file and {AGAIN}.")


def _unreadable(path: Path, error: Exception) -> Obstacle:
    """The obstacle that a record poses whose manifest cannot be read."""
    what = "file" if path.is_file() else "folder"
    return Obstacle(
        _text(error, path),
        f"If a newer version of the suite wrote it, update. If not, delete the {what} and {AGAIN}.",
    )


def open_landscape(question: Question) -> AnyLandscape | Obstacle:
    """The scale of the installed benchmark with which records were made."""
    benchmark = open_benchmark(question)
    if isinstance(benchmark, Obstacle):
        return benchmark
    return attempt(partial(landscape, benchmark, question.replicate), _unusable)


def open_benchmark(question: Question) -> TableBenchmark | SurrogateBenchmark | Obstacle:
    """The installed benchmark with which records were made."""
    path = attempt(partial(find, _name(question)), partial(_missing, question))
    if isinstance(path, Obstacle):
        return path
    return attempt(partial(_opened, question, path), _unusable)


def _opened(question: Question, path: Path) -> TableBenchmark | SurrogateBenchmark | Obstacle:
    about = Description.read(path) if is_surrogate(path) else Table(require_file(path)).metadata
    if about.content_hash != question.content_hash:
        return Obstacle(
            f"made with content {question.content_hash[:12]}… of {_name(question)}, but the "
            f"installed one has {about.content_hash[:12]}…",
            "Run the search again on the installed one and delete this record, or install the "
            "one with which it was made.",
        )
    benchmark = load(path, objectives=question.objectives, constraints=question.constraints)
    benchmark.verify()
    return benchmark


def _missing(question: Question, error: Exception) -> Obstacle:
    """The obstacle that a benchmark poses which is not found."""
    if question.constraints and isinstance(error, UnknownNameError | InvalidArgumentError):
        return Obstacle(_text(error), f"Delete the folder and {AGAIN}.")
    if not isinstance(error, UnknownNameError):
        return _unusable(error)
    remedy = f"Put the file or folder of {_name(question)} into the folder NASBENCH_HOME."
    return Obstacle(_text(error), remedy)


def _unusable(error: Exception) -> Obstacle:
    """The obstacle that an installed benchmark poses which cannot be opened."""
    if isinstance(error, NotRecordedError):
        return Obstacle(_text(error), "Run the search with another --objective.")
    if isinstance(error, MissingExtraError):
        return Obstacle(_text(error), "Install that package.")
    if isinstance(_root(error), UnknownNameError):
        return Obstacle(_text(error), "Install the package that defines the space.")
    return Obstacle(_text(error), "Replace the damaged file by an undamaged copy.")


def _asked(record: AnyRecord, places: dict[str, AnyRecord]) -> Question | Obstacle:
    """The question that a record answers, unless something speaks against it already."""
    if not record.seeds():
        return Obstacle(
            "no finished run yet", f"To continue, {AGAIN}. If it is given up, delete the folder."
        )
    if record.manifest.poses:
        return Obstacle(
            f"it was recorded from outside, but {record.manifest.algorithm!r} is the name of a "
            "registered algorithm",
            "Record it again with another name.",
        )
    if twin := places.get(_place(record)):
        return Obstacle(
            f"the same search is recorded in {twin.folder}", "Delete one of the two folders."
        )
    try:
        entry = entry_of(record.folder)
    except RecordError as error:
        return Obstacle(
            f"the entry of its submission cannot be read: {_text(error)}",
            "Ask its sender for one that 'nasbench leaderboard verify' accepts. If the file "
            f"{ENTRY} above it is something else, move it away.",
        )
    question = Question.of(record.manifest, NOTHING if entry is None else entry.about.declared)
    question.order  # noqa: B018 (raises for values that cannot be ordered)
    return question


def _place(record: AnyRecord) -> str:
    return f"{record.manifest.benchmark}/{record.manifest.folder_name}"


def _name(question: Question) -> str:
    return f"{question.benchmark}@{question.version}"


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _text(error: Exception, *inside: Path) -> str:
    """First line of a message, without the folders of this machine."""
    text = first_line(error).rstrip(".")
    if not isinstance(error, NasbenchError):
        text = f"{type(error).__name__}: {text}"
    for folder in (*inside, *folders()):
        for path in (folder.absolute(), folder):
            text = text.replace(f"{path}{os.sep}", "").replace(f"{path}: ", "")
    return text
