"""Folders of run records: one manifest and one Parquet file per block of seeds.

``<runs>/<benchmark>/<algorithm>-<hash of the manifest>/part-000000.parquet`` holds seeds 0 to 24,
the next part seeds 25 to 49, and so on, whatever the number of processes. ``host-000000.parquet``
beside it holds what depends on the host: seconds of the algorithm and versions of the software.
"""

import json
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nasbench.errors import InvalidArgumentError, RecordError, first_line
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import NONE, Run
from nasbench.storage.files import atomic, named_folder, writable_folder

BLOCK = 25
"""Number of seeds per file."""

MANIFEST = "manifest.json"
_SEEDS = b"seeds"


class Records:
    """The recorded runs of one search set-up.

    Args:
        folder: Folder of the record.

    Attributes:
        folder: As given.
        manifest: How the runs were made.

    Raises:
        RecordError: The folder has no manifest, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            document = json.loads((folder / MANIFEST).read_text())
        except FileNotFoundError as error:
            raise RecordError(f"{folder} holds no run records: there is no {MANIFEST}") from error
        except (OSError, ValueError) as error:
            raise RecordError(f"{folder / MANIFEST} is damaged: {error}") from error
        self.manifest = Manifest.decode(document, str(folder / MANIFEST))
        if self.manifest.folder_name != folder.name:
            raise RecordError(
                f"{folder}: the manifest does not match the hash in the folder's name"
            )

    @classmethod
    def create(cls, runs: Path, manifest: Manifest) -> "Records":
        """Open the record of a manifest, creating its folder if it does not exist.

        Args:
            runs: Folder of all records.
            manifest: How the runs are made.

        Raises:
            RecordError: A hyperparameter cannot be written as JSON, or the folder holds another
                manifest.
            InvalidArgumentError: The folder cannot be written.
        """
        folder = runs / manifest.benchmark / manifest.folder_name
        writable_folder(folder)
        if not (folder / MANIFEST).exists():
            with atomic(folder / MANIFEST) as temporary:
                temporary.write_text(json.dumps(manifest.encode(), indent=1, sort_keys=True))
        return cls(folder)

    def __repr__(self) -> str:
        made = self.manifest
        return f"<Records {made.algorithm} on {made.benchmark}: {len(self.seeds()):,} seeds>"

    def seeds(self) -> list[int]:
        """Return the recorded seeds, ascending."""
        found: list[int] = []
        for path in self._parts():
            found += _seeds(_read(path, ["seed"]), str(path))
        return sorted(found)

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Return the given seeds that are not recorded, ascending."""
        return sorted(set(seeds) - set(self.seeds()))

    def runs(self, seeds: Iterable[int] | None = None) -> list[Run]:
        """Read the runs.

        Args:
            seeds: Seeds to read, recorded or not; default: all.

        Returns:
            The recorded runs, by ascending seed.

        Raises:
            RecordError: A file is damaged.
        """
        wanted = None if seeds is None else set(seeds)
        found: list[Run] = []
        for path in self._parts():
            made = from_table(_read(path), str(path))
            found += [run for run in made if wanted is None or run.seed in wanted]
        return sorted(found, key=lambda run: run.seed)

    def to_frame(self, seeds: Iterable[int] | None = None) -> Any:
        """Return all trials as a pandas data frame with one row per trial.

        Rows are ordered by seed and trial. The columns are ``benchmark`` and ``algorithm``, then
        those of :meth:`nasbench.runs.run.Run.to_frame`.

        Args:
            seeds: Seeds to read, recorded or not; default: all.
        """
        import pandas as pd

        frames = [run.to_frame() for run in self.runs(seeds)]
        whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        whole.insert(0, "algorithm", self.manifest.algorithm)
        whole.insert(0, "benchmark", f"{self.manifest.benchmark}@{self.manifest.version}")
        return whole

    def add(self, runs: Iterable[Run]) -> None:
        """Add runs to the files of their blocks; runs with the same seeds are replaced."""
        blocks: dict[int, list[Run]] = {}
        for run in runs:
            blocks.setdefault(run.seed // BLOCK, []).append(run)
        for block, members in blocks.items():
            self._add(block, members)

    def _add(self, block: int, runs: Sequence[Run]) -> None:
        path = self.folder / f"part-{block:06d}.parquet"
        host = self.folder / f"host-{block:06d}.parquet"
        kept = from_table(_read(path), str(path)) if path.exists() else []
        new = {run.seed for run in runs}
        both = sorted(
            [*(run for run in kept if run.seed not in new), *runs], key=lambda run: run.seed
        )
        _write(host, _host_table(both, host if kept else None, new))
        _write(path, to_table(both))

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))


def save(run: Run, folder: str | Path) -> Path:
    """Record a run below a folder, as ``nasbench run --out`` does.

    Args:
        run: A run made by :func:`nasbench.replay` or :func:`nasbench.search`.
        folder: Folder of all records.

    Returns:
        The folder of the record.

    Raises:
        RecordError: The run was read from a record, or its algorithm does not keep its
            hyperparameters as attributes.
        InvalidArgumentError: The folder is empty or cannot be written, or the seed is not in
            0..2**31 - 1.
    """
    if run.manifest is None:
        raise RecordError(
            "this run has no manifest: it was read from a record, or its algorithm does not keep "
            "every hyperparameter as an attribute of the same name"
        )
    if not 0 <= run.seed < 2**31:
        raise InvalidArgumentError(f"seed {run.seed} cannot be recorded: not in 0..{2**31 - 1}")
    records = Records.create(named_folder("folder", folder), run.manifest)
    records.add([run])
    return records.folder


def find_records(runs: str | Path) -> list[Records]:
    """Return all records below a folder, ordered by path.

    Raises:
        RecordError: There are none, or one is damaged.
    """
    found = [Records(path.parent) for path in sorted(Path(runs).rglob(MANIFEST))]
    if not found:
        raise RecordError(
            f"there are no run records in {runs}: make some with 'nasbench run … --out {runs}'"
        )
    return found


def to_table(runs: Sequence[Run]) -> pa.Table:
    """Return the trials of runs as an Arrow table, ordered by seed and trial."""
    n_decisions, n_objectives = runs[0].archs.shape[1], runs[0].losses.shape[1]
    archs = np.concatenate([run.archs for run in runs])
    kind = np.uint8 if archs.max(initial=0) < 256 else np.uint16
    losses = np.concatenate([run.losses for run in runs])

    def column(name: str) -> Any:
        return np.concatenate([getattr(run, name) for run in runs])

    def optional(name: str) -> pa.Array:
        values = column(name)
        return pa.array(values, mask=values == NONE)

    lengths = [len(run) for run in runs]
    seeds = [run.seed for run in runs]
    table = pa.table(
        {
            "seed": pa.array(np.repeat(np.array(seeds, dtype=np.int32), lengths)),
            "trial": pa.array(np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])),
            "arch": pa.FixedSizeListArray.from_arrays(
                pa.array(archs.astype(kind).ravel()), n_decisions
            ),
            "epoch": pa.array(column("epochs")),
            "resumes": optional("resumes"),
            "inherited": pa.array(np.concatenate([_inherited(run) for run in runs])),
            "training_seed": optional("training_seeds"),
            "losses": pa.FixedSizeListArray.from_arrays(pa.array(losses.ravel()), n_objectives),
            "start": pa.array(column("starts")),
            "end": pa.array(column("ends")),
            "known_seconds": pa.array(column("known_seconds")),
        }
    )
    return table.replace_schema_metadata({_SEEDS: json.dumps(seeds).encode()})


def from_table(table: pa.Table, where: str = "a part of the records") -> list[Run]:
    """Read runs from an Arrow table; the inverse of :func:`to_table`, without times of the host.

    Args:
        table: Content of a part.
        where: Name of the part, for messages.

    Raises:
        RecordError: A column is missing or has the wrong type.
    """
    try:
        archs, losses = (
            table.column(name).combine_chunks().flatten().to_numpy().reshape(len(table), size)
            for name, size in (
                (name, table.schema.field(name).type.list_size) for name in ("arch", "losses")
            )
        )
        plain = {
            name: table.column(name).combine_chunks().fill_null(NONE).to_numpy()
            for name in (
                "seed",
                "epoch",
                "resumes",
                "training_seed",
                "start",
                "end",
                "known_seconds",
            )
        }
    except (KeyError, AttributeError, pa.ArrowException) as error:
        raise RecordError(f"{where}: a column is missing or has the wrong type: {error}") from error
    seeds = _seeds(table, where)
    firsts = np.searchsorted(plain["seed"], seeds)
    runs = []
    for seed, first, end in zip(seeds, firsts, [*firsts[1:], len(table)], strict=True):
        rows = slice(first, end)
        runs.append(
            Run(
                seed=seed,
                archs=archs[rows].astype(np.uint16),
                epochs=plain["epoch"][rows],
                resumes=plain["resumes"][rows],
                training_seeds=plain["training_seed"][rows],
                losses=losses[rows],
                starts=plain["start"][rows],
                ends=plain["end"][rows],
                known_seconds=plain["known_seconds"][rows],
                optimizer_seconds=np.zeros(end - first, dtype=np.float32),
            )
        )
    return runs


def _seeds(table: pa.Table, where: str) -> list[int]:
    """Return the seeds of the runs in a part, ascending, including runs without a trial."""
    try:
        seeds: list[int] = json.loads(table.schema.metadata[_SEEDS])
        if set(table.column("seed").to_pylist()) <= set(seeds):
            return seeds
    except (TypeError, KeyError, ValueError) as error:
        raise RecordError(f"{where} does not list the seeds that it holds") from error
    raise RecordError(f"{where} holds seeds that it does not list")


def _inherited(run: Run) -> Any:
    """Return which resumed trials have another architecture than the trial they resume."""
    parents = np.maximum(run.resumes, 0)
    return (run.resumes != NONE) & (run.archs != run.archs[parents]).any(axis=1)


def _host_table(runs: Sequence[Run], before: Path | None, new: set[int]) -> pa.Table:
    """Return the real seconds of the algorithm per trial.

    Those of seeds that are not in ``new`` are taken from the file ``before``.
    """
    from importlib.metadata import version  # costs a cold query a tenth of its time

    old: dict[int, Any] = {}
    if before is not None and before.exists():
        table = _read(before)
        seeds, seconds = (table.column(n).to_numpy() for n in ("seed", "optimizer_seconds"))
        old = {seed: seconds[seeds == seed] for seed in np.unique(seeds).tolist()}
    columns = [
        run.optimizer_seconds if run.seed in new else old.get(run.seed, run.optimizer_seconds)
        for run in runs
    ]
    host = {
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("nasbench", "numpy", "pyarrow")},
    }
    table = pa.table(
        {
            "seed": pa.array(
                np.repeat(
                    np.array([run.seed for run in runs], dtype=np.int32), list(map(len, columns))
                )
            ),
            "optimizer_seconds": pa.array(np.concatenate(columns)),
        }
    )
    return table.replace_schema_metadata({b"host": json.dumps(host).encode()})


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for field in file.schema_arrow:
                str(field)  # raises for damaged names
            return file.read(columns)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise RecordError(f"{path} is damaged: {first_line(error)}") from error


def _write(path: Path, table: pa.Table) -> None:
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
