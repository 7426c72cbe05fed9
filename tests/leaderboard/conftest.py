"""Toy tables, hand-made records, and a headless browser."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chromium import CHROMIUM, Browser

from nasbench.runs.audit import Auditor
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records
from nasbench.runs.run import NONE, Run
from nasbench.runs.search import search
from nasbench.storage.files import json_digest
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

A, B, C, D = ((i, 0, 0, 0, 0, 0) for i in range(4))
"""Four cells for tables that can be verified by hand."""


class Home:
    """A folder of tables that are found by their ids, and a folder of records beside it."""

    def __init__(self, folder: Path) -> None:
        self.tables = folder / "tables"
        self.runs = folder / "runs"
        self.tables.mkdir()

    def table(
        self,
        rows: Sequence[dict[str, Any]],
        *,
        id: str = "toy",
        key: str = "arch",
        archs: Sequence[dict[str, Any]] | None = None,
        **said: Any,
    ) -> Metadata:
        """A table of trainings; a value is a number after the only epoch, or a list of numbers."""
        names = [name for name in rows[0] if name not in ("arch", "schedule", "seed", "status")]
        columns = {
            "arch": [list(row["arch"]) for row in rows],
            "schedule": pa.array([row.get("schedule", 2) for row in rows], pa.int32()),
            "seed": pa.array([row["seed"] for row in rows], pa.int32()),
            "status": [row.get("status", "finished") for row in rows],
            **{
                name: [np.ravel(row[name]).astype(float).tolist() for row in rows] for name in names
            },
        }
        epochs = {s: [s] for s in sorted({row.get("schedule", 2) for row in rows})}
        if isinstance(rows[0][names[0]], list):
            epochs = {2: [1, 2]}
        said = {"default_objective": "valid_accuracy", "dataset": "dots", "epochs": epochs} | said
        metadata = Metadata(id=id, space="nb201", key=key, **said)
        numbers = None if archs is None else pa.Table.from_pylist(list(archs))
        draft = Draft(metadata, pa.table(columns), numbers)
        return write_table(self.tables / f"{id}.parquet", draft, replace=True)

    def manifest(self, metadata: Metadata, **changes: Any) -> Manifest:
        """A manifest of records of a table."""
        document = {
            "benchmark": {
                "id": metadata.id,
                "version": metadata.version,
                "content_hash": changes.pop("content_hash", metadata.content_hash),
                "objectives": changes.pop("objectives", [metadata.default_objective]),
                "known": changes.pop("known", []),
            },
            "algorithm": "random_search",
            "preset": None,
            "hyperparameters": {"replacement": True},
            "budget": {"trials": 4, "seconds": None, "epochs": None} | changes.pop("budget", {}),
            "workers": 1,
            "replicate": "draw",
            "fidelities": [2],
        } | changes
        return Manifest.decode(document, "a manifest made by hand")

    def record(self, manifest: Manifest, runs: Iterable[Run], folder: str = "") -> Records:
        records = Records.create(self.runs / folder, manifest)
        records.add(runs)
        return records

    def search(self, algorithm: str, benchmark: str, n_seeds: int, **options: Any) -> Records:
        """A recorded search of ``n_seeds`` seeds."""
        before = set(self.runs.rglob("manifest.json"))
        budget = options.pop("budget", Budget(trials=20))
        options = {"seeds": range(n_seeds), "out": self.runs, "budget": budget} | options
        search(algorithm, benchmark, **options)
        (made,) = set(self.runs.rglob("manifest.json")) - before
        return Records(made.parent)

    def damage(self, manifest: dict[str, Any]) -> Path:
        """A folder whose name fits a manifest, whatever it says."""
        name = str(manifest.get("algorithm", "nothing"))
        folder = self.runs / "damaged" / f"{name}-{json_digest(manifest)[:10]}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder


def make_run(
    trials: Sequence[tuple[tuple[int, ...], float, float, float]], seed: int = 0, epoch: int = 2
) -> Run:
    """A run of trials (arch, loss, start, end)."""
    rows = [(arch, epoch, NONE, 0, (loss,), start, end, 0.0) for arch, loss, start, end in trials]
    return Run.from_rows(rows, [0.0] * len(rows), seed=seed, n_decisions=6, n_objectives=1)


@pytest.fixture(scope="module")
def believed() -> Iterator[None]:
    """Records made by hand are shown, although their losses and times are of no table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Auditor, "check", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def home_in() -> type[Home]:
    """``home_in(folder)`` is a :class:`Home` in a folder."""
    return Home


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    made = Home(tmp_path)
    monkeypatch.setenv("NASBENCH_HOME", str(made.tables))
    return made


@pytest.fixture(scope="session")
def run() -> Callable[..., Run]:
    return make_run


@pytest.fixture(scope="session")
def cells() -> tuple[tuple[int, ...], ...]:
    return A, B, C, D


def small(home: Home, **said: Any) -> Metadata:
    """Four cells of validation 60, 70, 80, 90 and test 50, 72, 88, 80, the same for both seeds."""
    values = ((A, 60, 50), (B, 70, 72), (C, 80, 88), (D, 90, 80))
    rows = [
        {"arch": arch, "seed": seed, "valid_accuracy": v, "test_accuracy": t, "seconds": 10}
        for arch, v, t in values
        for seed in (0, 1)
    ]
    return home.table(rows, **said)


@pytest.fixture(scope="session")
def small_in() -> Callable[..., Metadata]:
    """``small_in(home)`` is the table of :func:`small_table` in a home."""
    return small


@pytest.fixture
def small_table(home) -> Metadata:
    return small(home)


def write_whole(folder: Path, id: str = "toy-whole", better: float = 0.0) -> Path:
    """A table of all cells: with s the sum of a cell's options, validation is 40 + 2 s + seed, test
    30 + 2 s but 60 for the one cell with s = 24, and a training costs 10 + s seconds. ``better`` is
    added to test.
    """
    cells = np.stack(np.unravel_index(np.arange(5**6), (5,) * 6), axis=1)
    cells, seeds = np.repeat(cells, 2, axis=0), np.tile([0, 1], 5**6)
    s = cells.sum(axis=1).astype(np.float64)
    test = better + np.where(s == 24, 60.0, 30 + 2 * s)
    columns = {
        "arch": pa.FixedSizeListArray.from_arrays(pa.array(cells.ravel().astype(np.uint8)), 6),
        "schedule": pa.array(np.full(len(s), 2, dtype=np.int32)),
        "seed": pa.array(seeds.astype(np.int32)),
        "status": pa.array(["finished"] * len(s)),
        "valid_accuracy": pa.array((40 + 2 * s + seeds)[:, None].tolist()),
        "test_accuracy": pa.array(test[:, None].tolist()),
        "seconds": pa.array((10 + s)[:, None].tolist()),
    }
    metadata = Metadata(
        id=id,
        space="nb201",
        key="arch",
        dataset="dots",
        epochs={2: [2]},
        default_objective="valid_accuracy",
        title="Sums of digits",
        description="Good for tests & <nothing> else; the noise is one percent.",
        licence="CC0",
        citation="Nobody (2026), https://example.org/paper",
    )
    path = folder / f"{id}.parquet"
    write_table(path, Draft(metadata, pa.table(columns)))
    return path


@pytest.fixture(scope="session")
def whole_in() -> Callable[..., Path]:
    """``whole_in(folder, id, better)`` is the file of a table of :func:`write_whole`."""
    return write_whole


@pytest.fixture(scope="session")
def whole_space(tmp_path_factory) -> Path:
    """The file of the table of all cells, see :func:`write_whole`."""
    return write_whole(Home(tmp_path_factory.mktemp("whole")).tables)


@pytest.fixture
def whole(whole_space, home) -> str:
    """Id of the table of all cells."""
    shutil.copy(whole_space, home.tables)
    return "toy-whole"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()
