"""Folders of run records: one manifest, and one Parquet file for every block of seeds.

``<runs>/<benchmark>/<algorithm>-<hash of the manifest>/part-000000.parquet`` holds seeds 0 to 24,
and so on, whatever the number of processes that made it. What depends on the host lies beside it in
``host-000000.parquet``.
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
from nasbench.files import atomic, writable_folder
from nasbench.runs.manifest import Manifest
from nasbench.runs.run import NONE, Run

BLOCK = 25
"""Seeds a file."""

MANIFEST = "manifest.json"
_SEEDS = b"seeds"


class Records:
    """The runs of one search set-up, on disk.

    Args:
        folder: Where they lie.

    Attributes:
        folder: As given.
        manifest: How they were made.

    Raises:
        RecordError: No manifest there, or a damaged one.
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
                f"{folder}: the manifest is not the one that the folder's name was made from"
            )

    @classmethod
    def create(cls, runs: Path, manifest: Manifest) -> "Records":
        """The folder for a manifest under ``runs``, made if need be.

        Raises:
            RecordError: A hyperparameter cannot be written as JSON, or the folder holds another
                manifest.
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
        """Recorded seeds, ascending."""
        found: list[int] = []
        for path in self._parts():
            found += _seeds(_read(path, ["seed"]), str(path))
        return sorted(found)

    def missing(self, seeds: Iterable[int]) -> dict[int, list[int]]:
        """Block number -> seeds of the block that are asked for and not recorded."""
        recorded = set(self.seeds())
        blocks: dict[int, list[int]] = {}
        for seed in sorted(set(seeds) - recorded):
            blocks.setdefault(seed // BLOCK, []).append(seed)
        return blocks

    def runs(self, seeds: Iterable[int] | None = None) -> list[Run]:
        """The recorded runs, by ascending seed; of the given seeds only, if any are given."""
        wanted = None if seeds is None else set(seeds)
        found: list[Run] = []
        for path in self._parts():
            made = from_table(_read(path), str(path))
            found += [run for run in made if wanted is None or run.seed in wanted]
        return sorted(found, key=lambda run: run.seed)

    def to_frame(self, seeds: Iterable[int] | None = None) -> Any:
        """All trials as a pandas data frame: one row per trial, ordered by seed and trial.

        The columns are those of :meth:`nasbench.runs.run.Run.to_frame`, after ``benchmark`` and
        ``algorithm``.
        """
        import pandas as pd

        frames = [run.to_frame() for run in self.runs(seeds)]
        whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        whole.insert(0, "algorithm", self.manifest.algorithm)
        whole.insert(0, "benchmark", f"{self.manifest.benchmark}@{self.manifest.version}")
        return whole

    def add(self, block: int, runs: Sequence[Run]) -> None:
        """Record runs whose seeds belong to one block, beside those that its file already holds."""
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

    Returns:
        The folder of the record, which says how the run was made.

    Raises:
        RecordError: The run was read from a record, or its algorithm does not keep its
            hyperparameters as attributes.
        InvalidArgumentError: The folder cannot be written, or the seed is not in 0..2**31 - 1.
    """
    if run.manifest is None:
        raise RecordError(
            "this run does not know how it was made: it was read from a record, or its "
            "algorithm does not keep every hyperparameter as an attribute of the same name"
        )
    if not 0 <= run.seed < 2**31:
        raise InvalidArgumentError(f"seed {run.seed} cannot be recorded: 0..{2**31 - 1}")
    records = Records.create(Path(folder), run.manifest)
    records.add(run.seed // BLOCK, [run])
    return records.folder


def find_records(runs: Path) -> list[Records]:
    """All records below a folder, in the order of their paths.

    Raises:
        RecordError: There are none, or one is damaged.
    """
    found = [Records(path.parent) for path in sorted(runs.rglob(MANIFEST))]
    if not found:
        raise RecordError(
            f"there are no run records in {runs}: make some with 'nasbench run … --out {runs}'"
        )
    return found


def to_table(runs: Sequence[Run]) -> pa.Table:
    """Rows of trials, ordered by seed and trial."""
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
    """Inverse of :func:`to_table`, without the times of the host.

    Args:
        table: What a part holds.
        where: What to call it in a message.

    Raises:
        RecordError: A column is missing or of another type.
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
        raise RecordError(f"{where} has no column {error}, or of another type") from error
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
    """Seeds of the runs in a part, ascending; also of those without a trial."""
    try:
        seeds: list[int] = json.loads(table.schema.metadata[_SEEDS])
        if set(table.column("seed").to_pylist()) <= set(seeds):
            return seeds
    except (TypeError, KeyError, ValueError) as error:
        raise RecordError(f"{where} does not say which seeds it holds") from error
    raise RecordError(f"{where} holds other seeds than it says")


def _inherited(run: Run) -> Any:
    """Whether a resumed trial has another architecture than the one it continues."""
    parents = np.maximum(run.resumes, 0)
    return (run.resumes != NONE) & (run.archs != run.archs[parents]).any(axis=1)


def _host_table(runs: Sequence[Run], before: Path | None, new: set[int]) -> pa.Table:
    """Real optimiser seconds a trial; those of seeds that are not new come from the file before."""
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
                str(field)  # damaged names are found here
            return file.read(columns)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise RecordError(f"{path} is damaged: {first_line(error)}") from error


def _write(path: Path, table: pa.Table) -> None:
    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
