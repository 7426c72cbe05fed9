"""A build of a second: six classes, three seeds, 64 images, two epochs, one class a shard."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from data_builders.builds import shards
from data_builders.builds.build import Build
from data_builders.costs.calibration import Calibration
from data_builders.plan import Plan, load_plan
from data_builders.recipe import ImageRecipe
from nasbench.tables.table import Table

RECIPE = replace(
    load_plan("lite201-digits").recipe,
    channels=4, train=64, valid=64, test=64, epochs=2, batch=32,
)  # fmt: skip
CALIBRATION = Calibration(
    (2e-3, 1e-5, 1e-3, 1.5e-3, 3e-4), (4e-3, 2e-4, 3e-3, 5e-3, 3.5e-3), 0.01, 0.02, 100, {}
)


@dataclass(frozen=True)
class Tiny:
    """A plan and what is made of it."""

    recipe: ImageRecipe
    plan: Plan
    calibration: Calibration

    def prepared(self, work: Path, plan: Plan | None = None) -> Build:
        """A build whose times are not measured."""
        build = Build(plan or self.plan, work)
        self.calibration.save(build.folder / "calibration.json", build.origin)
        return build

    def built(self, work: Path, plan: Plan | None = None) -> Build:
        build = self.prepared(work, plan)
        build.run(1)
        return build

    def content(self, build: Build, path: Path) -> str:
        """Hash of the valid table of a build."""
        build.write(path)
        Table(path).check()
        return Table(path).metadata.content_hash

    def images(self, path: Path, seed: int) -> ImageRecipe:
        """Write random images; gives the recipe that reads them."""
        x = np.random.default_rng(seed).integers(0, 256, (200, 8, 8), dtype=np.uint8)
        np.savez(path, x_train=x, y_train=np.arange(200) % 3)
        return replace(self.recipe, dataset=str(path))

    def save(self, path: Path) -> Path:
        """Write the plan as TOML."""
        recipe = {name: getattr(self.recipe, name) for name in ("network", "dataset", "channels")}
        recipe |= {name: getattr(self.recipe, name) for name in ("cells", "train", "valid", "test")}
        recipe |= {name: getattr(self.recipe, name) for name in ("epochs", "batch")}
        lines = [f"{name} = {json.dumps(value)}" for name, value in recipe.items()]
        top = 'id = "tiny"\nseeds = [0, 1, 5]\narchitectures = 6\nlicence = "MIT"\n[recipe]\n'
        path.write_text(top + "\n".join(lines))
        assert load_plan(str(path)) == self.plan
        return path


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    plan = Plan(id="tiny", recipe=RECIPE, seeds=(0, 1, 5), architectures=6, licence="MIT")
    return Tiny(RECIPE, plan, CALIBRATION)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """One class a shard, one thread."""
    monkeypatch.setattr(shards, "SHARD_CLASSES", 1)


@pytest.fixture(scope="session")
def reference(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of an undisturbed build in one process, beside the folder of its shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_CLASSES", 1)
        work = tmp_path_factory.mktemp("work")
        path = work / "tiny.parquet"
        tiny.built(work).write(path)
    return path


@pytest.fixture(scope="session")
def expected(reference: Path) -> str:
    """Content hash of the table of an undisturbed build."""
    return Table(reference).metadata.content_hash


@pytest.fixture
def finished(tiny: Tiny, reference: Path, tmp_path: Path) -> Build:
    """An undisturbed build, a copy for one test."""
    copytree(reference.parent, tmp_path / "finished")
    return Build(tiny.plan, tmp_path / "finished")
