"""Folders of run records: one manifest and one Parquet file per block of seeds.

``<runs>/<benchmark>/<algorithm>-<hash of the manifest>/part-000000.parquet`` holds seeds 0 to 24,
the next part seeds 25 to 49, and so on, whatever the number of processes. ``host-000000.parquet``
beside it holds what depends on the host: seconds of the algorithm and versions of the software.
"""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import (
    BLOCK,
    host_name,
    part_name,
    read_host,
    read_part,
    read_seeds,
    read_suite_version,
    write_host,
    write_part,
)
from nasbench.runs.run import Run
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic, named_folder, writable_folder
from nasbench.storage.folders import Kind
from nasbench.storage.locks import locked

MANIFEST = "manifest.json"
_LOCK = ".lock"
_FILE = re.compile(r"(part|host|supernet)-\d{6}\.(parquet|npz)|\.lock")
_KIND = Kind("a record", MANIFEST, lambda _: lambda name: bool(_FILE.fullmatch(name)))


def checkpoint_name(seed: int) -> str:
    """Return the name of the file from which an interrupted search with a supernet goes on."""
    return f"supernet-{seed:06d}.npz"


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
            document = read_json(folder / MANIFEST)
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
        """Return the recorded seeds, ascending.

        Raises:
            RecordError: A file is damaged.
        """
        digest = self.manifest.digest
        return sorted(seed for path in self._parts() for seed in read_seeds(path, digest))

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Return the given seeds that are not recorded, ascending."""
        return sorted(set(seeds) - set(self.seeds()))

    def runs(self, seeds: Iterable[int] | None = None, *, verify: bool = False) -> list[Run]:
        """Read the runs.

        Args:
            seeds: Seeds to read, recorded or not; default: all.
            verify: Whether to compare the rows of each file with the hash that it carries, which
                takes about half as long again. Bits that flipped are noticed in any case.

        Returns:
            The recorded runs, by ascending seed.

        Raises:
            RecordError: A file is damaged, or belongs to another search.
        """
        wanted = None if seeds is None else set(seeds)
        found: list[Run] = []
        for path in self._parts():
            made = read_part(path, self.manifest.digest, verify=verify)
            found += [run for run in made if wanted is None or run.seed in wanted]
        return sorted(found, key=lambda run: run.seed)

    def optimizer_seconds(self) -> dict[int, NDArray[np.float32]]:
        """Return the real seconds in ``ask`` and ``tell``, one a trial, by seed.

        Empty for seeds that were recorded without.

        Raises:
            RecordError: A file is damaged.
        """
        found: dict[int, NDArray[np.float32]] = {}
        for path in sorted(self.folder.glob("host-*.parquet")):
            found |= read_host(path)
        return found

    def suite_versions(self) -> list[str]:
        """Return the versions of the suite that made the runs, as far as they are recorded.

        Raises:
            RecordError: A file is damaged.
        """
        found = {read_suite_version(path) for path in self.folder.glob("host-*.parquet")}
        return sorted(found - {""})

    def check(self, seeds: Iterable[int]) -> None:
        """Check that runs with these seeds could be added.

        Raises:
            RecordError: A file of their blocks is damaged, or belongs to another search.
            InvalidArgumentError: The folder cannot be written.
        """
        writable_folder(self.folder)
        for block in sorted({seed // BLOCK for seed in seeds}):
            if (path := self.folder / part_name(block)).exists():
                read_part(path, self.manifest.digest, verify=True)
                read_host(self.folder / host_name(block))

    def forget_unfinished(self, seeds: Iterable[int]) -> None:
        """Delete where interrupted searches with these seeds would go on.

        Raises:
            InvalidArgumentError: A file cannot be deleted.
        """
        for seed in seeds:
            path = self.folder / checkpoint_name(seed)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise InvalidArgumentError(f"{path} cannot be deleted: {error}") from error

    def discard_if_empty(self) -> None:
        """Remove the manifest, and the folder if nothing else is left, where no run is recorded."""
        with locked(self.folder / _LOCK):
            if self._parts():
                return
            (self.folder / MANIFEST).unlink(missing_ok=True)
        with suppress(OSError):  # there is something else
            self.folder.rmdir()

    def delete(self, runs: Path) -> None:
        """Delete the folder of the record.

        Args:
            runs: Folder of all records.

        Raises:
            InvalidArgumentError: The record holds something else, or lies there by a link.
        """
        if self.folder.resolve() != runs.resolve() / self.manifest.benchmark / self.folder.name:
            raise InvalidArgumentError(f"{self.folder} leads out of {runs}, and is never deleted")
        _KIND.clear(self.folder)

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
        """Add runs to the files of their blocks; runs with the same seeds are replaced.

        Threads and processes that add to one record wait for each other.

        Raises:
            RecordError: A file of these blocks is damaged, or belongs to another search.
            InvalidArgumentError: A file cannot be written.
        """
        blocks: dict[int, list[Run]] = {}
        for run in runs:
            blocks.setdefault(run.seed // BLOCK, []).append(run)
        for block, members in blocks.items():
            with locked(self.folder / _LOCK):
                self._add(block, members)

    def _add(self, block: int, runs: Sequence[Run]) -> None:
        path, host = self.folder / part_name(block), self.folder / host_name(block)
        kept = read_part(path, self.manifest.digest, verify=True) if path.exists() else []
        new = {run.seed for run in runs}
        kept = [run for run in kept if run.seed not in new]
        seconds = {s: old for s, old in (read_host(host) if kept else {}).items() if s not in new}
        both = sorted([*kept, *runs], key=lambda run: run.seed)
        write_host(host, both, seconds)
        write_part(path, self.manifest.digest, both)

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
