"""From a plan of a task to a checked table, by either trainer, and everything beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_builders.builds import shards
from data_builders.builds.build import Build
from data_builders.builds.score_table import write_scores
from data_builders.costs.calibration import Calibration
from data_builders.plan import Plan
from data_builders.studies.pilot import pilot_table
from data_builders.task_recipe import TaskRecipe
from data_builders.tasks.recall import Recall
from nasbench import load
from nasbench.errors import BuildError, NasbenchError
from nasbench.tables.merge import merge
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

RECIPE = TaskRecipe(
    network="seqmix", task=Recall(length=16, pairs=4, queries=4, keys=32, values=32),
    width=8, heads=1, train=16, valid=12, test=12, epochs=2, batch=8,
)  # fmt: skip
PLAN = Plan(id="tiny-recall", recipe=RECIPE, seeds=(0, 1), architectures=6, licence="MIT")
CALIBRATION = Calibration((1e-3,) * 7, (1e-3,) * 7, 0.01, 0.02, 100, {})
TOML = """\
id = "tiny-recall"
seeds = [0, 1]
architectures = 6
licence = "MIT"
[recipe]
network = "seqmix"
width = 8
heads = 1
train = 16
valid = 12
test = 12
epochs = 2
batch = 8
task = { name = "recall", length = 16, pairs = 4, queries = 4, keys = 32, values = 32 }
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_CLASSES", 4)


def built(work: Path, trainer: str = "reference") -> Build:
    build = Build(
        PLAN,
        work,
        {"trainer": trainer, "device": "cpu"} if trainer != "reference" else {"trainer": trainer},
    )
    CALIBRATION.save(build.folder / "calibration.json", build.origin)
    build.run(1)
    return build


def test_a_table_of_a_task(tmp_path: Path) -> None:
    path = tmp_path / "tiny-recall.parquet"
    built(tmp_path / "work").write(path)
    table = Table(path)
    table.check()
    assert (table.metadata.space, table.metadata.dataset) == ("seqmix", "recall")
    assert table.metadata.recipe["task"]["pairs"] == 4
    words = table.metadata.recipe["training"]
    assert words["optimizer"].startswith("AdamW")
    assert words["task"].startswith("4 pairs of a key and a value")
    benchmark = load(str(path))
    arch = benchmark.space.unrank(int(table.ranks[0]))
    answers = benchmark.query(arch, seed=1)
    assert {"valid_accuracy", "test_loss", "seconds", "parameters", "macs"} <= answers.keys()
    assert benchmark.fidelities == (1, 2)


def test_trainers_agree_and_a_build_goes_on(tmp_path: Path) -> None:
    one, many = built(tmp_path / "one"), built(tmp_path / "many", "batched")
    tables = []
    for name, build in (("one", one), ("many", many)):
        path = tmp_path / name / "tiny-recall.parquet"
        build.write(path)
        tables.append(Table(path))
    losses = [table.curves("train_loss", 2) for table in tables]
    assert np.allclose(*losses, rtol=1e-3)
    stopped = built(tmp_path / "many", "batched")
    assert not stopped.missing()
    (stopped.folder / stopped.shards[1].name).unlink()
    again = built(tmp_path / "many", "batched")
    path = tmp_path / "again/tiny-recall.parquet"
    again.write(path)
    assert Table(path).metadata.content_hash == tables[1].metadata.content_hash


def test_a_changed_generator_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = built(tmp_path)
    (build.folder / build.shards[0].name).unlink()
    monkeypatch.setattr(Recall, "name", "other")
    shards._course.cache_clear()
    with pytest.raises(BuildError, match="begun with other data"):
        build.run(1)


def test_scores_of_a_task_join_its_table(tmp_path: Path) -> None:
    plan, path = tmp_path / "plan.toml", tmp_path / "tiny-recall.parquet"
    plan.write_text(TOML)
    write_scores(str(plan), tmp_path / "scores.parquet")
    built(tmp_path / "work").write(path)
    scores = Table(tmp_path / "scores.parquet")
    assert "null" not in scores.arch_columns["snip"].description  # all networks are trainable
    joined = merge([Table(path), scores], "tiny-joined")
    write_table(tmp_path / "tiny-joined.parquet", joined)
    benchmark = load(str(tmp_path / "tiny-joined.parquet"), known=("snip", "grasp"))
    arch = benchmark.space.unrank(int(Table(path).ranks[0]))
    numbers, seconds = benchmark.known_numbers(arch)
    assert np.isfinite(numbers).all()
    assert seconds > 0


def test_parameters_of_the_task_are_changed_by_name() -> None:
    by_name = RECIPE.changed({"task.pairs": 3, "task.queries": 3, "width": 8})
    assert by_name == RECIPE.changed({"task": {"pairs": 3, "queries": 3}, "width": 8})
    assert (by_name.task.pairs, by_name.width) == (3, 8)
    with pytest.raises(NasbenchError, match="recipe, task: unknown key 'pair'; did you mean"):
        RECIPE.changed({"task.pair": 3})


def test_a_pilot_of_a_task(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(TOML)
    changes = {"task.pairs": 3, "task.queries": 3}
    table = pilot_table(
        str(tmp_path / "plan.toml"), changes, classes=8, seeds=2, processes=1, trainer="batched"
    )
    name, accuracies, ceiling, *_ = table.splitlines()[2].strip("| ").split(" | ")
    assert name == "task.pairs=3, task.queries=3"
    lowest, highest = map(float, accuracies.split("-"))
    assert 0 <= lowest <= highest <= 100
    best, no_better = map(int, ceiling.split(" / "))
    assert 12 <= best <= 100  # one of eight at least
    assert no_better >= 12


def test_costs_of_a_task_are_measured(tmp_path: Path) -> None:
    build = Build(replace(PLAN, architectures=2), tmp_path)
    calibration = build.calibration()
    seconds, validation = calibration.seconds(build.classes[0], RECIPE)
    assert (np.diff(seconds) > 0).all()
    assert validation > 0
