"""Toy tables, made in code and small enough to verify by hand.

Six cells of NAS-Bench-201, ``ARCHS[i]`` for i = 0..5, trained for 4 epochs:

- ``valid_accuracy`` = 10 i + 2 seed + epoch, ``test_accuracy`` is one less,
- ``train_loss`` = 4 - epoch / 2,
- ``seconds`` = (i + 1) (10 + seed) epoch, ``validation_seconds`` = i + 1,
- seeds 0, 1 of cells 0, 1, 2; seeds 0, 1, 2 of cells 3 and 4; seeds 0, 2 of cell 5,
- seed 1 of cell 4 diverged in its third epoch: NaN from there on, and it costs 3 epochs,
- ``parameters`` = 100 (i + 1), ``latency_toy_ms`` = i / 2 (none of cell 2), ``score`` = -i, which
  took ``score_seconds`` = 7.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import settings

from nasbench.benchmarks.loading import load
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

os.environ.setdefault("NASBENCH_SHARED", str(Path(__file__).parents[2] / "shared"))
os.environ["NASBENCH_HOME"] = str(Path(__file__) / "none")  # cannot exist: no tables of the user
if not any(Path("/dev").glob("nvidia[0-9]*")):
    os.environ["TRITON_INTERPRET"] = "1"  # read when anything first imports triton

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what is in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = ("test_readme.py", "test_stopped.py", "test_workers.py", "test_pages.py")
"""Files with tests of many seconds, which come first, so that no process waits for them in the end.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

NAN = float("nan")
ARCHS = (
    (0, 0, 0, 0, 0, 0),
    (0, 0, 0, 3, 0, 0),
    (1, 1, 1, 1, 1, 1),
    (3, 3, 3, 1, 3, 2),
    (3, 3, 3, 3, 3, 3),
    (4, 4, 4, 4, 4, 4),
)
SEEDS = ((0, 1), (0, 1), (0, 1), (0, 1, 2), (0, 1, 2), (0, 2))


@dataclass(frozen=True)
class Toy:
    """Content of a table; runs and archs as one dict for each row."""

    metadata: Metadata
    runs: list[dict[str, Any]]
    archs: list[dict[str, Any]] | None
    columns: tuple[Any, ...] = field(default=())

    def tables(self) -> tuple[pa.Table, pa.Table | None]:
        archs = None if self.archs is None else single(pa.Table.from_pylist(self.archs))
        return single(pa.Table.from_pylist(self.runs)), archs

    def write(self, path: Path) -> Path:
        """Write the table under the id in the name of the file."""
        runs, archs = self.tables()
        metadata = replace(self.metadata, id=path.stem.partition("@")[0])
        write_table(path, Draft(metadata, runs, archs, self.columns), replace=True)
        return path

    def load(self, folder: Path, **options: Any) -> TableBenchmark:
        return load(self.write(folder / f"{self.metadata.id}.parquet"), **options)


def single(table: pa.Table) -> pa.Table:
    """The same table with numbers in single precision."""
    kinds = {pa.float64(): pa.float32(), pa.list_(pa.float64()): pa.list_(pa.float32())}
    return table.cast(pa.schema([f.with_type(kinds.get(f.type, f.type)) for f in table.schema]))


def run(i: int, seed: int, schedule: int = 4, arch: Any = None) -> dict[str, Any]:
    """A row of training ``i`` with a seed."""
    epochs = range(1, schedule + 1)
    failure = 3 if (i, seed) == (4, 1) else schedule + 1
    return {
        "arch": list(arch or ARCHS[i]),
        "schedule": schedule,
        "seed": seed,
        "status": "diverged" if failure <= schedule else "finished",
        "train_loss": [4 - e / 2 if e < failure else NAN for e in epochs],
        "valid_accuracy": [10.0 * i + 2 * seed + e if e < failure else NAN for e in epochs],
        "test_accuracy": [10.0 * i + 2 * seed + e - 1 if e < failure else NAN for e in epochs],
        "seconds": [(i + 1.0) * (10 + seed) * min(e, failure) for e in epochs],
        "validation_seconds": i + 1.0,
    }


def plain() -> Toy:
    metadata = Metadata(
        id="toy",
        space="nb201",
        key="arch",
        dataset="nothing",
        epochs={4: [1, 2, 3, 4]},
        default_objective="valid_accuracy",
        elsewhere="ask the author of the toy",
    )
    archs = [
        {
            "arch": list(arch),
            "parameters": 100 * (i + 1),
            "latency_toy_ms": None if i == 2 else i / 2,
            "score": -float(i),
            "score_seconds": 7.0,
            "published_string": f"toy {i}",
        }
        for i, arch in enumerate(ARCHS)
    ]
    return Toy(metadata, [run(i, seed) for i in range(6) for seed in SEEDS[i]], archs)


def schedules() -> Toy:
    """Schedules 2 and 4 of cells 0, 1, 3; but 2 not of cell 1, and of cell 3 only with seed 2."""
    metadata = replace(plain().metadata, id="toy-schedules", epochs={2: [1, 2], 4: [1, 2, 3, 4]})
    runs = [run(i, seed) for i in (0, 1, 3) for seed in SEEDS[i]]
    runs += [run(0, 0, 2), run(0, 1, 2), run(3, 2, 2)]
    for row in runs:
        if row["schedule"] == 2:
            row["valid_accuracy"] = [value + 0.5 for value in row["valid_accuracy"]]
    return Toy(metadata, runs, None)


CLASSES = ((0, 0, 0, 0, 0, 0), (0, 0, 0, 1, 0, 0), (0, 0, 0, 3, 0, 0))


def classes() -> Toy:
    """Trainings of three classes; numbers of their representatives and of one other member each."""
    metadata = replace(plain().metadata, id="toy-classes", key="class")
    members = (*CLASSES, (3, 0, 0, 0, 0, 0), (3, 0, 0, 1, 0, 0), (3, 0, 0, 3, 0, 0))
    return Toy(
        metadata,
        [run(i, seed, arch=arch) for i, arch in enumerate(CLASSES) for seed in (0, 1)],
        [{"arch": list(arch), "parameters": 10 * k} for k, arch in enumerate(members)],
    )


def no_validation() -> Toy:
    toy = plain()
    for row in toy.runs:
        del row["valid_accuracy"]
    return replace(toy, metadata=replace(toy.metadata, id="toy-test", default_objective=None))


TOYS = {"plain": plain, "schedules": schedules, "classes": classes, "no_validation": no_validation}


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory) -> Iterator[None]:
    """Relative paths lead into an empty folder, not into the repository."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield


@pytest.fixture
def content():
    """``content(kind)`` is the content of a toy table, to be changed and written."""
    return lambda kind="plain": TOYS[kind]()


@pytest.fixture(scope="session")
def toy_files(tmp_path_factory) -> dict[str, Path]:
    """Path of every toy table, by kind; not to be changed."""
    folder = tmp_path_factory.mktemp("toys")
    made = {kind: make() for kind, make in TOYS.items()}
    return {kind: toy.write(folder / f"{toy.metadata.id}.parquet") for kind, toy in made.items()}


@pytest.fixture
def toy_home(toy_files, monkeypatch) -> Path:
    """The folder of the toy tables, where they are found by their ids."""
    folder = toy_files["plain"].parent
    monkeypatch.setenv("NASBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def toy(toy_files) -> TableBenchmark:
    return load(toy_files["plain"])


@pytest.fixture
def recorded(content, tmp_path):
    """``recorded(kind)`` is a toy table whose space is what it records."""

    def load_part(kind: str, **options: Any) -> TableBenchmark:
        toy = content(kind)
        metadata = replace(toy.metadata, id=f"{toy.metadata.id}-part", complete=False)
        return replace(toy, metadata=metadata).load(tmp_path, **options)

    return load_part


@pytest.fixture(scope="session")
def archs() -> tuple[tuple[int, ...], ...]:
    """The six cells of the toy table."""
    return ARCHS
