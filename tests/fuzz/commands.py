"""Small commands of each kind that writes, and what was in their folder before."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import nasbench
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

SPACE = NB201()


def cells(n: int = 300) -> list[tuple[int, ...]]:
    """Representatives of different classes."""
    rng = random.Random(1)
    drawn = {SPACE.canonical(SPACE.sample(rng)): None for _ in range(2 * n)}
    return sorted(list(drawn)[:n])


def draft(id: str, seeds: range = range(2), *, seed: int = 0, archs: bool = True) -> Draft:
    """A small table with numbers that depend on ``seed``; ``archs`` makes it one of two files."""
    rng, some = random.Random(f"{id} {seed}"), cells()
    rows: list[dict[str, Any]] = [
        {
            "arch": list(arch), "schedule": 2, "seed": s, "status": "finished",
            "valid_accuracy": [40 + sum(arch), 60 + sum(arch) + rng.random()],
            "seconds": [10.0, 20.0],
        }
        for arch in some
        for s in seeds
    ]  # fmt: skip
    numbers = [{"arch": list(arch), "parameters": sum(arch) + seed} for arch in some]
    metadata = Metadata(
        id=id, space="nb201", key="arch", dataset="dots", epochs={2: [1, 2]}, complete=False,
        default_objective="valid_accuracy",
    )  # fmt: skip
    runs = pa.Table.from_pylist(rows)
    return Draft(metadata, runs, pa.Table.from_pylist(numbers) if archs else None)


def save(folder: Path, *drafts: Draft) -> None:
    """Write tables into the folder where commands look for them."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    for one in drafts:
        write_table(home / f"{one.metadata.id}.parquet", one, replace=True)


def checked(path: Path) -> str:
    """Content hash of a table whose numbers have it."""
    table = Table(path)
    table.check()
    return table.metadata.content_hash


class Killed(ABC):
    """A command that is killed.

    Attributes:
        name: What it is called.
        words: The command line.
    """

    name: str
    words: tuple[str, ...]

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Make what is there before, in an empty folder."""

    @abstractmethod
    def read(self, folder: Path) -> Any:
        """Read what the command makes, as far as it is there."""

    def may_replace(self, name: str) -> bool:
        """Whether the command may replace a file, by its path in the folder."""
        return False

    def is_between(self, old: Any, now: Any, new: Any) -> bool:
        """Whether a killed command may leave this."""
        return now in (old, new)


class Run(Killed):
    """More seeds of a recorded search."""

    name = "run"
    words = (
        *("run", "regularized_evolution", "one", "--trials", "200", "--processes", "2"),
        *("--seeds", "0:60", "--out", "runs"),
    )

    def prepare(self, folder: Path) -> None:
        save(folder, draft("one"))
        nasbench.search(
            "regularized_evolution", folder / "home/one.parquet", seeds=range(20, 30),
            budget=nasbench.Budget(trials=200), out=folder / "runs",
        )  # fmt: skip

    def read(self, folder: Path) -> Any:
        from nasbench.runs.parts import to_table
        from nasbench.runs.records import find_records

        (records,) = find_records(folder / "runs")
        return {run.seed: to_table([run]).to_pylist() for run in records.runs()}

    def may_replace(self, name: str) -> bool:
        return name.startswith("runs/") and name.endswith(".parquet")

    def is_between(self, old: Any, now: Any, new: Any) -> bool:
        return bool(old.items() <= now.items() <= new.items() if hasattr(now, "items") else False)


class Import(Killed):
    """A table that replaces one of the same id; both are of two files."""

    name = "import"
    words = (
        *("import", "table", "new.csv", "--id", "mine", "--space", "nb201", "--dataset", "dots"),
        *("--arch", "cell", "--metric", "valid_accuracy@2=accuracy", "--metric"),
        *("seconds@2=seconds", "--per-arch", "parameters=size", "--replace"),
    )

    def prepare(self, folder: Path) -> None:
        save(folder, draft("mine"), draft("one"))
        lines = [f'"{SPACE.to_text(c)}",{50 + sum(c)},{10 + sum(c)},{sum(c)}' for c in cells()]
        (folder / "new.csv").write_text("\n".join(["cell,accuracy,seconds,size", *lines]))

    def read(self, folder: Path) -> Any:
        return checked(folder / "home/mine.parquet")

    def may_replace(self, name: str) -> bool:
        return name.startswith("home/mine.")


class Merge(Killed):
    """Two tables of two files, joined to one that replaces another."""

    name = "merge"
    words = ("merge", "one", "two", "--out", "both", "--replace")

    def prepare(self, folder: Path) -> None:
        save(folder, draft("one"), draft("two", range(2, 4)), draft("both", seed=1))

    def read(self, folder: Path) -> Any:
        return checked(folder / "home/both.parquet")

    def may_replace(self, name: str) -> bool:
        return name.startswith("home/both.")


class Fit(Killed):
    """A surrogate that replaces one of other settings."""

    name = "fit"
    words = (
        *("fit", "one", "--id", "model", "--regressor", "knn", "--train", "200"),
        *("--searches", "0", "--set", "k=3", "--replace"),
    )

    def prepare(self, folder: Path) -> None:
        from surrogates.fit import fit

        save(folder, draft("one", archs=False))
        home = folder / "home"
        options: dict[str, Any] = {"regressor": "knn", "train": 200, "searches": 0}
        fit(home / "one.parquet", home, id="model", **options)

    def read(self, folder: Path) -> Any:
        model = nasbench.load(folder / "home/model")
        return model.content_hash, model.query(cells()[0])

    def may_replace(self, name: str) -> bool:
        return name.startswith("home/model/")


class Build(Killed):
    """A build of which a part is there."""

    name = "build"
    words = ("build", "plan.toml", "--processes", "2")
    plan = """
id = "tiny"
seeds = [0, 1, 5]
architectures = 40

[recipe]
network = "lite201"
dataset = "digits"
channels = 2
cells = 1
train = 32
valid = 32
test = 32
epochs = 1
batch = 32
"""

    def prepare(self, folder: Path) -> None:
        from data_builders.builds import build
        from data_builders.costs.calibration import Calibration
        from data_builders.plan import load_plan

        (folder / "plan.toml").write_text(self.plan)
        made = build.Build(load_plan(str(folder / "plan.toml")), folder / "work")
        fits = (1e-3,) * 5, (2e-3,) * 5
        Calibration(*fits, 0.01, 0.02, 9, {}).save(made.folder / build.CALIBRATION, made.origin)
        made.run(1, among=made.shards[2:3])

    def read(self, folder: Path) -> Any:
        path = folder / "home/tiny.parquet"
        return checked(path) if path.exists() else None


COMMANDS: dict[str, Callable[[], Killed]] = {
    kind.name: kind for kind in (Run, Import, Merge, Fit, Build)
}
