"""Verification: everything that can be computed of a submission is computed again."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from typing import cast

import pyarrow as pa

from leaderboard.command import command_or_reason, ranges
from leaderboard.compact.record import compact_hash, rows_hash
from leaderboard.entries import ENTRY, RUNS
from leaderboard.entries.entry import Entry, Said, read_entry
from leaderboard.submissions import compact, rerun, traces
from leaderboard.submissions import relabelled as hidden
from leaderboard.submissions.files import MOST_NUMBERS_IN_ALL, check_parquet, list_files, opened
from leaderboard.submissions.report import Finding, Report, told
from leaderboard.submissions.sent import Sent
from nasbench.benchmarks.catalogue import find, is_surrogate, require_file
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.benchmarks.surrogate.folder import Description
from nasbench.errors import InvalidArgumentError, NasbenchError, RecordError
from nasbench.runs.audit import ASPECTS, Auditor
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import MANIFEST, Records
from nasbench.storage.files import file_digest
from nasbench.tables.table import Table

_FILE = re.compile(r"manifest\.json|(part|host)-\d{6}\.parquet")
_BROKEN = (NasbenchError, ValueError, LookupError, TypeError, OSError, pa.ArrowException)


def verify(
    path: str | Path,
    *,
    seeds: int | None = None,
    again: int = 0,
    relabelled: int = 0,
    modules: Sequence[str | Path] = (),
    choice: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check a submission, or compact records.

    Without ``again`` and ``relabelled``, nothing of the sender's is run.

    Args:
        path: Its folder, or a zip archive; or a compact record, or a folder of some.
        seeds: Number of seeds that every record must have; default: any, but all the same.
        again: Number of seeds of every record to run again, in a process of their own. They have to
            give the identical record.
        relabelled: Number of seeds to run on hidden instances, likewise; at least 5.
        modules: Files of the sender's algorithms; default: only registered ones can be run.
        choice: Number by which these seeds are chosen; default: by chance, so that a sender cannot
            know them.
        progress: Called with the numbers of finished and of all records or sets of runs.
        tell: Called with a line for each algorithm before it is run.

    Returns:
        What was found.

    Raises:
        InvalidArgumentError: There is no such submission, or a number is impossible.
    """
    for name, value, least in (("again", again, 0), ("relabelled", relabelled, 0)):
        if type(value) is not int or value < least:
            raise InvalidArgumentError(f"{name} = {value!r} must be a number of seeds")
    if 0 < relabelled < hidden.FEWEST:
        raise InvalidArgumentError(
            f"relabelled = {relabelled}: at least {hidden.FEWEST} seeds are needed to tell a drop "
            "from noise"
        )
    for module in modules:
        if not Path(module).is_file():
            raise InvalidArgumentError(f"there is no file {module}")
    path = Path(path)
    if choice is None:
        choice = int.from_bytes(os.urandom(4), "little")
    if compact.is_compact(path):
        if relabelled:
            raise InvalidArgumentError("relabelled: hidden instances need full records")
        return compact.verify(
            path,
            seeds=seeds,
            again=again,
            choice=choice,
            modules=modules,
            progress=progress,
            tell=tell,
        )
    report = Report(path.resolve().name)
    try:
        with opened(path) as given:
            folder = given.resolve()  # so that messages can leave it out
            sent = _consistent(folder, report, seeds, progress)
            if not (again or relabelled):
                return report
            doubts = {one.said.folder: _doubtful(one) for one in sent}
            is_sound = not any(
                faults for check, faults in report.faults.items() if check != "repeats"
            )
            if own := [one.where for one in sent if one.records.manifest.outside]:
                report.remarks.append(f"nothing was run: {own[0]} comes from its sender's own loop")
                return report
            if not is_sound or (not again and not report.is_sound):
                report.remarks.append("nothing was run: what is there does not follow")
                return report
            report.choice = choice
            names = (one.records.manifest.algorithm for one in sent)
            if not rerun.announced(names, modules, report, tell):
                return report
            if again:
                chosen = rerun.chosen(sent, again, choice, doubts)
                report.add("rerun", rerun.faults(sent, chosen, modules, progress))
                for one in sent:
                    one.finding.rerun = ranges(chosen[one.said.folder])
                if not report.faults["rerun"]:
                    report.excuse("repeats", "confirmed: {}")
            if relabelled and report.is_sound:
                report.add("relabelled", hidden.faults(sent, relabelled, choice, modules, progress))
    except RecordError as error:
        report.add("files", [told(error)])
    return report


def _consistent(
    folder: Path, report: Report, seeds: int | None, progress: Callable[[int, int], None]
) -> list[Sent]:
    """Check everything that needs no run; what cannot be told because of a fault is left out."""
    there = list_files(folder)
    if ENTRY not in there:
        raise RecordError(f"{ENTRY} is no file")
    try:
        entry = report.entry = read_entry(folder)
    except RecordError as error:
        report.add("entry", [told(error)])
        return []
    report.entry_digest = file_digest(folder / ENTRY)
    report.add("entry")
    if not report.add("files", _file_faults(folder, there, entry)):
        return []
    sent = []
    auditors: dict[tuple[object, ...], Auditor] = {}
    for number, said in enumerate(entry.records):
        progress(number, len(entry.records))
        if (one := _read(folder, said, report, auditors)) is not None:
            sent.append(one)
            _check_trials(one, next(iter(auditors.values())), report)
    progress(len(entry.records), len(entry.records))
    if len(sent) == len(entry.records):
        report.add("seeds", _seed_faults(sent, seeds))
        report.add("selection", _selection_faults(entry, sent, report))
        report.add("repeats", _repeat_faults(sent))
        _remark_on_ends(sent, report)
        _remark_on_equals(sent, report)
        report.remarks += [
            f"{one.where}: recorded from outside; only its sender's own loop makes it again"
            for one in sent
            if one.records.manifest.outside
        ]
    report.findings += [one.finding for one in sent]
    return sent


def _file_faults(folder: Path, there: dict[str, int], entry: Entry) -> Iterator[str]:
    stated = {
        f"{said.folder}/{name}": file for said in entry.records for name, file in said.files.items()
    }
    for path in there:
        if path not in stated and path != ENTRY:
            yield f"{path} is not listed in {ENTRY}"
    for path, file in stated.items():
        if path not in there:
            yield f"{path} is missing"
        elif not _FILE.fullmatch(path.rpartition("/")[2]):
            yield f"{path} is no file of a record"
        elif there[path] != file.bytes:
            yield f"{path} has {there[path]:,} bytes, {ENTRY} says {file.bytes:,}"
        elif file_digest(folder / path) != file.sha256:
            yield f"{path} has another SHA-256 than {ENTRY} says"
    numbers = 0
    for said in entry.records:
        for name in said.files:
            if name.endswith(".parquet") and f"{said.folder}/{name}" in there:
                try:
                    numbers += check_parquet(folder / said.folder / name)
                except RecordError as error:
                    yield f"{said.folder}/{told(error)}"
        if MANIFEST not in said.files:
            yield f"{said.folder} has no {MANIFEST}"
    if numbers > MOST_NUMBERS_IN_ALL:
        yield f"the records have {numbers:,} numbers; at most {MOST_NUMBERS_IN_ALL:,} are read"


def _read(
    folder: Path, said: Said, report: Report, auditors: dict[tuple[object, ...], Auditor]
) -> Sent | None:
    """Read a record and open its benchmark; None if one of the two is impossible.

    Args:
        folder: Folder of the submission.
        said: What its entry says of the record.
        report: What was found so far.
        auditors: What knows the benchmark of the record before; replaced for another benchmark.
    """
    where = said.folder.removeprefix(f"{RUNS}/")
    try:
        records = Records(folder / said.folder)
        runs = records.runs(verify=True)
        finding = Finding(
            folder=said.folder,
            benchmark=f"{said.manifest.benchmark}@{said.manifest.version}",
            content_hash=said.manifest.content_hash,
            algorithm=said.manifest.algorithm,
            code=said.manifest.code,
            manifest=records.manifest.digest,
            seeds=ranges(run.seed for run in runs),
            rows=rows_hash(runs) if runs else "",
        )
    except _BROKEN as error:
        report.add("records", [f"{where}: {told(error, folder / said.folder, folder)}"])
        return None
    if not report.add("records", _manifest_faults(said.manifest, records.manifest, where)):
        return None
    if not any(len(run) for run in runs):
        report.add("records", [f"{where}: no run has a trial"])
        return None
    made = records.manifest
    question = made.objectives, made.known, made.constraints
    key = made.benchmark, made.version, made.content_hash, question
    try:
        if key not in auditors:
            auditors.clear()
            auditors[key] = Auditor(open_benchmark(made))
    except _BROKEN as error:
        report.add("benchmarks", [f"{where}: {told(error)}"])
        return None
    report.add("benchmarks")
    benchmark = cast(AnyBenchmark, auditors[key].benchmark)
    report.add("records", _command_faults(said, finding.seeds, benchmark, where))
    with suppress(*_BROKEN):  # trials that the benchmark does not know are told of later
        finding.compact = compact_hash(runs, benchmark)
    return Sent(said, records, runs, benchmark, finding)


def open_benchmark(manifest: Manifest) -> AnyBenchmark:
    """Open the installed benchmark with which a record was made.

    Raises:
        NasbenchError: It is not installed, damaged, or has other content.
    """
    name = f"{manifest.benchmark}@{manifest.version}"
    path = find(name)
    about = Description.read(path) if is_surrogate(path) else Table(require_file(path)).metadata
    if about.content_hash != manifest.content_hash:
        raise RecordError(
            f"made with content {manifest.content_hash[:12]}… of {name}, but the installed one has "
            f"{about.content_hash[:12]}…"
        )
    benchmark = load(
        path,
        objectives=manifest.objectives,
        known=manifest.known,
        constraints=manifest.constraints,
    )
    benchmark.verify()
    return benchmark


def _manifest_faults(said: Manifest, made: Manifest, where: str) -> Iterator[str]:
    one, other = said.encode(), made.encode()
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield (
                f"{where}: {name} is {one.get(name)!r:.200} in {ENTRY}, but "
                f"{other.get(name)!r:.200} in {MANIFEST}"
            )
    if made.poses:
        yield f"{where}: recorded from outside, but with the name of a registered algorithm"
    if not made.code and not made.outside:
        yield f"{where}: there is no fingerprint of the code: run the searches again"


def _command_faults(said: Said, seeds: str, benchmark: AnyBenchmark, where: str) -> Iterator[str]:
    if said.seeds != seeds:
        yield f"{where}: {ENTRY} says seeds {said.seeds:.100}, the record holds {seeds:.100}"
        return
    numbers = [run for part in seeds.split(",") for run in _range(part)]
    expected = command_or_reason(said.manifest, numbers, benchmark)
    if said.command != expected:
        yield f"{where}: the command is {said.command!r:.300}, but {expected!r:.300} makes it again"


def _range(part: str) -> range:
    first, _, end = part.partition(":")
    return range(int(first), int(end or int(first) + 1))


def _check_trials(one: Sent, auditor: Auditor, report: Report) -> None:
    found = traces.faults(auditor, one.records.manifest, one.runs, one.where)
    for aspect in ASPECTS:
        report.add(aspect, found.get(aspect, ()))
    optimum = traces.too_good(one.benchmark, one.runs, one.where) if found.get("losses") else ()
    report.add("optimum", optimum)


def _seed_faults(sent: Sequence[Sent], wanted: int | None) -> Iterator[str]:
    most = max(len(one.runs) for one in sent)
    for one in sent:
        seeds = [run.seed for run in one.runs]
        n = wanted or seeds[-1] + 1
        if extra := [seed for seed in seeds if seed >= n]:
            yield f"{one.where}: has seeds {ranges(extra)} beyond the {n} that are asked for"
        elif len(seeds) < n:
            missing = [
                str(a + 1) if b == a + 2 else f"{a + 1}:{b}"
                for a, b in pairwise([-1, *seeds, n])
                if b > a + 1
            ]
            number = ("seed", "is") if n - len(seeds) == 1 else ("seeds", "are")
            text = f"{number[0]} {','.join(missing):.200} of 0:{n} {number[1]} missing"
            yield f"{one.where}: {text}"
        elif len(seeds) < most and wanted is None:
            yield f"{one.where}: has {len(seeds)} seeds, but another record has {most}"


def _selection_faults(entry: Entry, sent: Sequence[Sent], report: Report) -> Iterator[str]:
    declared = entry.about.declared.selected_on
    for one in sent:
        seen = tuple(
            name for name in one.benchmark.objectives if "test" in one.benchmark.column(name).split
        )
        if one.records.manifest.test_objectives != seen:
            yield (
                f"{one.where}: the manifest says test objectives "
                f"{list(one.records.manifest.test_objectives)}, but the search saw {list(seen)}"
            )
        if seen and declared != "test":
            yield (
                f"{one.where}: the search chose by {', '.join(seen)}, but selected_on is "
                f"{declared!r}"
            )
        elif seen:
            report.remarks.append(f"{one.where}: selected on test, as declared")


def _doubtful(one: Sent) -> list[int]:
    """Seeds to run again in any case."""
    early = traces.ended_early(one.records.manifest, one.runs, one.benchmark)
    equal = traces.alike(one.runs)[: traces.SAMPLE]
    return [*chain.from_iterable(traces.repeated(one.runs)), *equal, *early]


def _repeat_faults(sent: Sequence[Sent]) -> Iterator[str]:
    for one in sent:
        for seeds in traces.repeated(one.runs):
            yield f"{one.where}: seeds {ranges(seeds)} have the same trials"


def _remark_on_ends(sent: Sequence[Sent], report: Report) -> None:
    for one in sent:
        if short := traces.ended_early(one.records.manifest, one.runs, one.benchmark):
            tells = _who_tells(one, "a rerun, which runs all of them, tells")
            report.remarks.append(
                f"{one.where}: seeds {ranges(short)} end although another training fits their "
                f"budget; whether nothing was left to propose, {tells}"
            )


def _remark_on_equals(sent: Sequence[Sent], report: Report) -> None:
    for one in sent:
        if seeds := traces.alike(one.runs):
            tells = _who_tells(one, "only a rerun, which runs some of them, tells")
            report.remarks.append(
                f"{one.where}: all {len(seeds)} runs have the same trials; whether the search "
                f"leaves nothing to chance, {tells}"
            )


def _who_tells(one: Sent, rerun: str) -> str:
    """Who knows what the trials of a record do not say; a rerun, unless nobody else can run it."""
    return "only their sender knows" if one.records.manifest.outside else rerun
