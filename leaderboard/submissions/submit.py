"""Making a submission: records are copied, described, and verified before the folder appears."""

import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from leaderboard.command import command_or_reason, ranges
from leaderboard.entries import ENTRY, RUNS
from leaderboard.entries.entry import About, Declared, Entry, File, Said, check_about
from leaderboard.submissions.report import Report
from leaderboard.submissions.verify import open_benchmark, verify
from nasbench.errors import InvalidArgumentError, RecordError, listed
from nasbench.runs.records import MANIFEST, Records, find_records
from nasbench.storage.files import file_digest
from nasbench.storage.folders import Kind, atomic_folder
from nasbench.storage.names import is_inside

_PACKAGES = (
    "numpy",
    "pyarrow",
    "scipy",
    "scikit-learn",
    "pandas",
    "joblib",
    "torch",
    "xgboost",
    "optuna",
)
_KIND = Kind("a submission", ENTRY, lambda _: is_inside)


def submit(
    runs: str | Path,
    out: str | Path,
    *,
    name: str,
    authors: Sequence[str],
    paper: str | None = None,
    code: str | None = None,
    commit: str | None = None,
    selected_on: str = "validation",
    tuning_budget: str | None = None,
    trained_on: Sequence[str] = (),
    warm_start: str | None = None,
    algorithms: Collection[str] = (),
    benchmarks: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Report:
    """Make the folder of a submission.

    Seeds with the same trials are no obstacle, since a rerun tells whether the code makes them;
    they are where a loop of the sender's own recorded them, which nobody else can run.

    Args:
        runs: Folder of records.
        out: Folder to make.
        name: Name of the entry.
        authors: Its authors.
        paper: Address of the paper.
        code: Address of the code.
        commit: Commit of that code.
        selected_on: Split by which anything was chosen, ``"validation"`` or ``"test"``.
        tuning_budget: What the choice of hyperparameters cost.
        trained_on: Tables and data sets that the method learned from before its searches.
        warm_start: What the searches start from.
        algorithms: Algorithms whose records are taken; default: all.
        benchmarks: Ids of benchmarks whose records are taken; default: all.
        progress: Called with the numbers of finished and of all records.

    Returns:
        What the verification of the new folder found: nothing wrong, and as remarks seeds with the
        same trials.

    Raises:
        RecordError: There are no such records, one is incomplete or does not follow from its
            benchmark, or a text has letters that it must not have.
        InvalidArgumentError: Something is there already, or cannot be written.
        NasbenchError: A benchmark is not installed.
    """
    about = About(
        name=name,
        authors=tuple(authors),
        paper=paper,
        code=code,
        commit=commit,
        declared=Declared(
            selected_on=selected_on,
            tuning_budget=tuning_budget,
            trained_on=tuple(trained_on),
            warm_start=warm_start,
        ),
    )
    check_about(about)
    out = Path(out)
    _refuse_existing(out)
    records = _wanted(find_records(runs), algorithms, benchmarks, runs)
    entry = Entry(
        about=about,
        suite=version("nasbench"),
        environment=_environment(),
        records=tuple(_described(record) for record in records),
    )
    with atomic_folder(out, _KIND, lambda: _refuse_existing(out)) as folder:
        for record, said in zip(records, entry.records, strict=True):
            place = folder / said.folder
            place.mkdir(parents=True, exist_ok=True)
            for file in said.files:
                shutil.copyfile(record.folder / file, place / file)
        text = json.dumps(entry.encode(), indent=1, ensure_ascii=False)
        (folder / ENTRY).write_text(f"{text}\n", encoding="utf-8")
        report = verify(folder, progress=progress)
        if not any(record.manifest.outside for record in records):
            report.excuse(
                "repeats", "{}: a fault until 'nasbench leaderboard verify --rerun' confirms it"
            )
        if not report.is_sound:
            check, fault = report.listed()[0]
            raise RecordError(f"{fault} ({check}); nothing was written")
    return report


def _wanted(
    records: Sequence[Records],
    algorithms: Collection[str],
    benchmarks: Collection[str],
    runs: str | Path,
) -> list[Records]:
    """Return the records that are asked for, ordered by benchmark and folder.

    Raises:
        RecordError: There are none of an algorithm or benchmark, or one is there twice.
    """
    for what, wanted, found in (
        ("algorithm", algorithms, {record.manifest.algorithm for record in records}),
        ("benchmark", benchmarks, {record.manifest.benchmark for record in records}),
    ):
        for name in wanted:
            if name not in found:
                raise RecordError(f"{runs} has no records of the {what} {name!r}: {listed(found)}")
    some = [
        record
        for record in records
        if (not algorithms or record.manifest.algorithm in algorithms)
        and (not benchmarks or record.manifest.benchmark in benchmarks)
    ]
    if not some:
        raise RecordError(f"{runs} has no records of these algorithms on these benchmarks")
    places: dict[str, Records] = {}
    for record in some:
        place = f"{record.manifest.benchmark}/{record.folder.name}"
        if twin := places.get(place):
            raise RecordError(f"{record.folder} and {twin.folder} are records of the same search")
        places[place] = record
    return [places[place] for place in sorted(places)]


def _described(record: Records) -> Said:
    """Return what the entry says of a record.

    Raises:
        RecordError: The record is incomplete.
        NasbenchError: Its benchmark is not installed.
    """
    manifest, seeds = record.manifest, record.seeds()
    folder = f"{RUNS}/{manifest.benchmark}/{record.folder.name}"
    if not is_inside(folder):
        raise RecordError(
            f"{manifest.algorithm!r} cannot be submitted: the algorithm must be registered, or a "
            "class at the top of a module"
        )
    if not seeds:
        raise RecordError(f"{record.folder} has no finished run: run the search again")
    if not manifest.code and not manifest.outside:
        raise RecordError(
            f"{record.folder} is of a version without fingerprints of code: run the search again"
        )
    benchmark = open_benchmark(manifest)
    if missing := sorted(set(range(seeds[-1] + 1)) - set(seeds)):
        again = f"make them with: {command_or_reason(manifest, missing, benchmark)}"
        if manifest.outside:
            again = "record them with your own loop"
        raise RecordError(
            f"{record.folder} lacks seeds {ranges(missing)} of 0:{seeds[-1] + 1}; {again}"
        )
    paths = [record.folder / MANIFEST]
    paths += sorted(record.folder.glob("part-*.parquet"))
    paths += sorted(record.folder.glob("host-*.parquet"))
    return Said(
        folder=folder,
        manifest=manifest,
        seeds=ranges(seeds),
        command=command_or_reason(manifest, seeds, benchmark),
        files={path.name: File(path.stat().st_size, file_digest(path)) for path in paths},
    )


def _environment() -> dict[str, str]:
    """Versions of what searches depend on."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _refuse_existing(out: Path) -> None:
    if os.path.lexists(out):
        raise InvalidArgumentError(
            f"{out} is there already, and a submission is never overwritten: choose another folder"
        )
