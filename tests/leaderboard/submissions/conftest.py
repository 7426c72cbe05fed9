"""An honest submission of several algorithms, and what a forger does to its files."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nasbench
from leaderboard.command import command, ranges
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verify import open_benchmark
from nasbench.errors import NasbenchError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import BLOCK, part_name, write_part
from nasbench.runs.records import MANIFEST, Records
from nasbench.runs.run import Run
from nasbench.storage.files import file_digest

WHO = {"name": "Honest (v1)", "authors": ["Ann Lee", "José Núñez"]}
SEARCHES: dict[str, dict[str, Any]] = {
    "random_search": {"benchmark": "nb201-cifar10", "budget": Budget(trials=12)},
    "regularized_evolution": {
        "benchmark": "lite201-digits",
        "budget": Budget(trials=40),
        "hyperparameters": {"population": 8, "sample": 3},
    },
    "hyperband": {"benchmark": "lite201-digits", "budget": Budget(epochs=150)},
    "nsga2": {
        "benchmark": "lite201-digits",
        "budget": Budget(trials=40),
        "objectives": ("valid_accuracy", "parameters"),
    },
    "asha": {"benchmark": "lite201-digits", "budget": Budget(seconds=30.0), "workers": 8},
}


class Sent:
    """A submission in a folder, and ways to forge it.

    A forger who knows the formats leaves every hash right: of the rows, of the manifest in the name
    of the folder, and of the files in ``entry.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def entry(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "entry.json").read_text())
        return found

    def write(self, entry: dict[str, Any]) -> None:
        (self.folder / "entry.json").write_text(json.dumps(entry))

    def record(self, algorithm: str) -> Path:
        (path,) = self.folder.glob(f"runs/*/{algorithm}-*")
        return path

    def part(self, algorithm: str) -> Path:
        return self.record(algorithm) / "part-000000.parquet"

    def forge(
        self, algorithm: str, change: Callable[[list[Run]], Sequence[Run]] = lambda runs: runs
    ) -> None:
        """Change the runs of a record, and every hash that depends on them."""
        self.remake(algorithm, {}, change)

    def remake(
        self,
        algorithm: str,
        changes: dict[str, Any],
        change: Callable[[list[Run]], Sequence[Run]] = lambda runs: runs,
    ) -> None:
        """Change the manifest and the runs of a record, and every hash that depends on them."""
        old = self.record(algorithm)
        record = Records(old)
        runs, made = record.runs(), record.manifest
        manifest = replace(made, **changes)
        new = self.folder / "runs" / manifest.benchmark / manifest.folder_name
        shutil.rmtree(old)
        new.mkdir(parents=True)
        (new / MANIFEST).write_text(json.dumps(manifest.encode()))
        blocks: dict[int, list[Run]] = {}
        for run in change(runs):
            blocks.setdefault(run.seed // BLOCK, []).append(run)
        for block, members in blocks.items():
            write_part(new / part_name(block), manifest.digest, members)
        entry = self.entry
        (said,) = [r for r in entry["records"] if r["folder"].endswith(old.name)]
        said["folder"] = f"runs/{manifest.benchmark}/{new.name}"
        said["manifest"] = manifest.encode()
        seeds = [run.seed for members in blocks.values() for run in members]
        said["seeds"] = ranges(seeds)
        try:
            benchmark = open_benchmark(replace(manifest, content_hash=made.content_hash))
            said["command"] = command(manifest, seeds, benchmark)
        except NasbenchError:  # no such benchmark
            pass
        self.write(entry)
        self.stamp(new)

    def stamp(self, record: Path) -> None:
        """State the files of a record as they are."""
        entry = self.entry
        (said,) = [r for r in entry["records"] if r["folder"].endswith(record.name)]
        said["files"] = {
            path.name: {"bytes": path.stat().st_size, "sha256": file_digest(path)}
            for path in sorted(record.iterdir())
        }
        self.write(entry)


def manifest_of(sent: Sent, algorithm: str) -> Manifest:
    return Records(sent.record(algorithm)).manifest


@pytest.fixture(scope="session")
def honest_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of several algorithms."""
    out = tmp_path_factory.mktemp("honest") / "runs"
    for name, options in SEARCHES.items():
        nasbench.search(name, **{"seeds": range(4), "out": out} | options)
    return out


@pytest.fixture(scope="session")
def honest(honest_runs: Path) -> Path:
    """An honest submission; nobody writes into it."""
    out = honest_runs.parent / "sent"
    submit(honest_runs, out, **WHO)
    return out


@pytest.fixture
def sent(honest: Path, tmp_path: Path) -> Sent:
    """A copy of the honest submission."""
    return Sent(shutil.copytree(honest, tmp_path / "sent"))
