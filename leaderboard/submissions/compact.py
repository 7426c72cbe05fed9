"""Verification of compact records: what they keep follows from the table, and comes out again.

They keep the incumbents of each run and what it paid (:mod:`leaderboard.compact`). That the other
trials follow from the benchmark cannot be told from them, only by running seeds again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leaderboard.admission import Obstacle, open_benchmark
from leaderboard.boards import Question
from leaderboard.command import ranges
from leaderboard.compact.check import ASPECTS
from leaderboard.compact.record import SUFFIX, CompactRecord, Content, find_compact, rows_hash
from leaderboard.courses import Course
from leaderboard.entries import ENTRY
from leaderboard.submissions import rerun
from leaderboard.submissions.files import check_parquet
from leaderboard.submissions.report import Report, told
from nasbench.errors import NasbenchError, RecordError
from nasbench.splitmix import key, permutation

CHECKS = {
    "records": "records: whole, with their manifest",
    "benchmarks": "benchmarks: installed, with the same content",
    "seeds": "seeds: 0 to n - 1",
    "protocol": "set-up: possible on the benchmark",
    "clock": "clock: incumbents in order",
    "epochs": "epochs: among the fidelities, as many as the trials can train",
    "budget": "budget: not exceeded",
    "constraints": "constraints: met by all incumbents",
    "training seeds": "training seeds: those that a run seed can draw",
    "losses": "losses: incumbents are recorded trainings, each better than the last",
    "times": "times: long enough for the incumbents",
    "rerun": "rerun: the same code finds the same incumbents at the same cost",
}
"""What can be told of compact records, by name."""

REMARK = (
    "compact records keep incumbents and totals: that the other trials follow from the benchmark "
    "cannot be verified; what is kept can, by --rerun"
)

_COLUMNS = ("archs", "epochs", "training_seeds", "trials", "evaluations", "spent", "times", "paid")


@dataclass(frozen=True, slots=True)
class Kept:
    """A compact record that was read.

    Attributes:
        record: The record.
        content: What it holds.
        where: Its name, for messages.
    """

    record: CompactRecord
    content: Content
    where: str


def is_compact(path: Path) -> bool:
    """Whether a path is a compact record, or a folder of some that is no submission."""
    if path.is_file():
        return path.name.endswith(SUFFIX)
    return not (path / ENTRY).exists() and any(True for _ in find_compact(path))


def verify(
    path: Path,
    *,
    seeds: int | None,
    again: int,
    choice: int,
    modules: Sequence[str | Path],
    progress: Callable[[int, int], None],
    tell: Callable[[str], None],
) -> Report:
    """Check compact records; arguments are those of :func:`leaderboard.submissions.verify.verify`.

    Returns:
        What was found.
    """
    report = Report(path.resolve().name, checks=CHECKS, only="incumbents")
    report.remarks.append(REMARK)
    files = list(find_compact(path))
    kept = []
    for number, file in enumerate(files):
        progress(number, len(files))
        if (one := _read(file, path, report)) is not None:
            kept.append(one)
            report.add("seeds", _seed_faults(one, seeds))
    progress(len(files), len(files))
    if again and report.is_sound:
        report.choice = choice
        names = (one.record.manifest.algorithm for one in kept)
        if not rerun.announced(names, modules, report, tell):
            return report
        for number, one in enumerate(kept):
            progress(number, len(kept))
            report.add("rerun", _rerun_faults(one, again, choice, modules))
        progress(len(kept), len(kept))
    return report


def _read(file: Path, root: Path, report: Report) -> Kept | None:
    where = str(file.relative_to(root)) if file != root else file.name
    try:
        check_parquet(file)
        record = CompactRecord(file)
        question = Question.of(record.manifest)
    except NasbenchError as error:
        report.add("records", [f"{where}: {_told(error, file, root)}"])
        return None
    report.add("records")
    benchmark = open_benchmark(question)
    if isinstance(benchmark, Obstacle):
        report.add("benchmarks", [f"{where}: {benchmark.reason}"])
        return None
    report.add("benchmarks")
    try:
        rows = record.decode(benchmark)
    except NasbenchError as error:
        check = "records" if isinstance(error, RecordError) else "losses"
        report.add(check, [f"{where}: {_told(error, file, root)}"])
        return None
    found = list(record.faults(rows, benchmark))
    for aspect in ASPECTS:
        report.add(aspect, [f"{where}: {fault}" for name, fault in found if name == aspect])
    return None if found else Kept(record, record.content(rows), where)


def _told(error: NasbenchError, file: Path, root: Path) -> str:
    """An error without the name of the file, which stands before it."""
    return told(error, file.parent, root).removeprefix(f"{file.name}: ")


def _seed_faults(one: Kept, wanted: int | None) -> Iterator[str]:
    seeds = one.record.seeds()
    n = wanted or len(seeds)
    if seeds != list(range(n)):
        yield f"{one.where}: has seeds {ranges(seeds):.100}, not 0:{n}"


def _rerun_faults(
    one: Kept, again: int, choice: int, modules: Sequence[str | Path]
) -> Iterator[str]:
    courses = {course.seed: course for course in one.content.kept}
    order = permutation(key("again", choice, one.content.rows), len(courses)).tolist()
    numbers = list(courses)
    chosen = sorted(numbers[i] for i in order[:again])
    manifest = one.record.manifest
    try:
        with rerun.run_again(manifest, [(seed, None) for seed in chosen], modules) as made:
            runs = [run for record in made for run in record.runs(verify=True)]
    except (NasbenchError, OSError) as error:
        yield f"{one.where}: cannot be run again: {told(error)}"
        return
    found = {run.seed: Course.of(run) for run in runs}
    for seed in chosen:
        if seed not in found:
            yield f"{one.where}: seed {seed} was run again, but recorded nothing"
        elif text := difference(courses[seed], found[seed]):
            yield f"{one.where}: seed {seed} {text}"
    if len(chosen) == len(courses) and rows_hash(runs) != one.content.rows:
        yield f"{one.where}: all seeds run again have other trials: their hash is another"


def difference(kept: Course, again: Course) -> str:
    """How a course differs from the one that is kept, in words; empty if it does not."""
    for name in _COLUMNS:
        one, other = np.asarray(getattr(kept, name)), np.asarray(getattr(again, name))
        if one.shape != other.shape:
            return f"has {len(one)} incumbents, run again {len(other)}"
        if not np.array_equal(one, other):
            return f"has other {name.replace('_', ' ')} when it is run again"
    return ""
