"""Seeds of a submission, run again with the same code and compared with its records.

The code runs in a process of its own, which gets the manifest and the seeds, but not the records.
That keeps a mistake from spreading; it is no wall against code that means harm. Whoever does not
trust a sender's file runs it in a container without secrets.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaderboard.submissions.files import check_parquet, list_files
from leaderboard.submissions.report import Report, told
from leaderboard.submissions.sent import Sent
from nasbench.errors import NasbenchError, RecordError, first_line, listed
from nasbench.parallel import import_path
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records, find_records
from nasbench.runs.run import Run
from nasbench.siblings import SIBLINGS
from nasbench.splitmix import key, permutation
from nasbench.storage.files import expanded

_COLUMNS = (
    "archs",
    "epochs",
    "resumes",
    "training_seeds",
    "losses",
    "starts",
    "ends",
    "known_seconds",
)


def chosen(
    sent: Sequence[Sent], n: int, choice: int, others: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """Choose seeds of every record.

    Args:
        sent: The records.
        n: Number of seeds of a record.
        choice: Number by which they are chosen.
        others: Further seeds, by folder of the record.

    Returns:
        Seeds, ascending, by folder of the record.
    """
    found = {}
    for one in sent:
        seeds = [run.seed for run in one.runs]
        order = permutation(key("again", choice, one.finding.rows), len(seeds)).tolist()
        some = {seeds[i] for i in order[:n]} | {*others.get(one.said.folder, ())}
        found[one.said.folder] = sorted(some)
    return found


def faults(
    sent: Sequence[Sent],
    chosen: Mapping[str, Sequence[int]],
    modules: Sequence[str | Path],
    progress: Callable[[int, int], None],
) -> Iterator[str]:
    """Yield how runs of the same code differ from the records.

    Args:
        sent: The records.
        chosen: Seeds to run again, by folder of the record.
        modules: Files of the sender's algorithms.
        progress: Called with the numbers of finished and of all records.
    """
    progress(0, len(sent))
    for number, one in enumerate(sent):
        manifest, seeds = one.records.manifest, chosen[one.said.folder]
        by_seed = {run.seed: run for run in one.runs}
        try:
            with run_again(manifest, [(seed, None) for seed in seeds], modules) as made:
                again = {run.seed: run for record in made for run in record.runs(verify=True)}
                for seed in seeds:
                    if seed not in again:
                        yield f"{one.where}: seed {seed} was run again, but recorded nothing"
                    elif text := difference(by_seed[seed], again[seed]):
                        yield f"{one.where}: seed {seed} {text}"
        except (NasbenchError, OSError) as error:
            yield f"{one.where}: cannot be run again: {told(error)}"
        progress(number + 1, len(sent))


@contextmanager
def run_again(
    manifest: Manifest, runs: Sequence[tuple[int, int | None]], modules: Sequence[str | Path]
) -> Iterator[list[Records]]:
    """Run seeds in another process, and give its records; they are deleted afterwards.

    Args:
        manifest: How they are made.
        runs: Seeds, each with a hidden instance or None.
        modules: Files of the sender's algorithms.

    Raises:
        RecordError: The search is refused or fails there; or it leaves anything but records.
    """
    file = _file(manifest.algorithm, modules)
    with TemporaryDirectory(prefix="nasbench-again-") as made:
        out = Path(made) / "out"
        out.mkdir()
        task = {
            "manifest": manifest.encode(),
            "runs": list(runs),
            "out": str(out),
            "modules": file and str(_imported_from(file, _parts(manifest.algorithm))),
        }
        done = subprocess.run(
            [sys.executable, "-m", "leaderboard.submissions.child"],
            input=json.dumps(task),
            cwd=made,
            env=_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RecordError(lines[-1])
        for path in list_files(out):
            if path.endswith(".parquet"):
                check_parquet(out / path)
        yield find_records(out)


def _file(algorithm: str, modules: Sequence[str | Path]) -> Path | None:
    """Return the file of an algorithm among those of the sender; None if it is installed.

    Raises:
        RecordError: None of them is it.
    """
    if ":" not in algorithm or SIBLINGS.load("algorithms").is_registered(algorithm):
        return None
    parts = _parts(algorithm)
    for module in modules:
        file = Path(module).resolve()
        if _imported_from(file, parts) is not None:
            return file
    given = f"not {listed(map(str, modules))}" if modules else "none was given"
    raise RecordError(
        f"{algorithm!r} is not registered: --module must name the file {'/'.join(parts)}.py, "
        f"{given}; repeat it for several files"
    )


def _parts(algorithm: str) -> list[str]:
    return algorithm.partition(":")[0].split(".")


def _imported_from(file: Path, parts: list[str]) -> Path | None:
    """Return the folder in which a file is the module of a dotted path; None if it is another."""
    module = file.parent if file.stem == "__init__" else file.with_suffix("")
    is_it = list(module.parts[-len(parts) :]) == parts
    return module.parents[len(parts) - 1] if is_it else None


def _environment() -> dict[str, str]:
    """Return the environment of a process in another folder, with this suite and its tables."""
    found = {**os.environ, "PYTHONPATH": import_path()}
    if home := os.environ.get("NASBENCH_HOME"):
        found["NASBENCH_HOME"] = str(expanded(home).resolve())
    return found


def announced(
    algorithms: Iterable[str],
    modules: Sequence[str | Path],
    report: Report,
    tell: Callable[[str], None],
) -> bool:
    """Tell what code will run, once for each algorithm; report a fault if a file is missing.

    Returns:
        Whether all code is there.
    """
    try:
        sources = [*dict.fromkeys(source(name, modules) for name in algorithms)]
    except RecordError as error:
        report.add("rerun", [told(error)])
        return False
    for each in sources:
        tell(f"Runs code: {each}")
    return True


def source(algorithm: str, modules: Sequence[str | Path]) -> str:
    """Return an algorithm and where its code comes from, in words.

    Raises:
        RecordError: None of the files is the sender's algorithm.
    """
    file = _file(algorithm, modules)
    return f"{algorithm}, as installed" if file is None else f"{algorithm} from the file {file}"


def difference(recorded: Run, again: Run) -> str:
    """Return how a run differs from the recorded one, in words; empty if it does not."""
    n = min(len(recorded), len(again))
    first, what = n, ""
    for name in _COLUMNS:
        one, other = getattr(recorded, name)[:n], getattr(again, name)[:n]
        if one.shape != other.shape:
            return f"has another shape of {name} when it is run again"
        wrong = np.flatnonzero((one != other).reshape(n, -1).any(axis=1))
        if wrong.size and wrong[0] < first:
            first, what = int(wrong[0]), name
    if what:
        one, other = getattr(recorded, what)[first], getattr(again, what)[first]
        return f"differs from trial {first} on: {what} {_shown(one)}, run again {_shown(other)}"
    if len(recorded) != len(again):
        return f"has {len(recorded)} trials, run again {len(again)}"
    if recorded.fallbacks != again.fallbacks:
        return f"says {recorded.fallbacks} fallbacks, run again {again.fallbacks}"
    return ""


def _shown(value: NDArray[Any]) -> str:
    return first_line(ValueError(np.array2string(np.asarray(value), separator=", ")))
