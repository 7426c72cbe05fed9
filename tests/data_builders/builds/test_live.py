"""The live benchmark: it answers as the reference loop does, and from its folder ever after."""

import math
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nasbench
from data_builders.builds import live, shards
from data_builders.builds.build import Build
from data_builders.builds.live import LiveBenchmark, OutOfTimeError
from data_builders.costs.calibration import Calibration
from data_builders.images.datasets import load_split
from data_builders.plan import Plan
from data_builders.recipe import ImageRecipe
from data_builders.training import reference as training
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES
from nasbench import Budget, replay
from nasbench.algorithm import Algorithm
from nasbench.errors import BuildError, IllegalArchError, InvalidArgumentError, NotRecordedError
from nasbench.runs.run import Run
from nasbench.runs.setup import load_algorithm
from nasbench.space import Arch
from nasbench.spaces.darts import Darts
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import trace

RECIPE = ImageRecipe(
    network="darts", channels=2, cells=1, dataset="digits",
    train=32, valid=40, test=40, epochs=2, batch=16,
)  # fmt: skip
PLAN = Plan(id="tiny-darts", recipe=RECIPE, seeds=(0, 3))
CALIBRATION = Calibration(
    tuple(1e-3 * i for i in range(1, 23)), tuple(1e-4 * i for i in range(22)), 0.01, 0.02, 9, {}
)
SPACE = Darts()


pytestmark = pytest.mark.usefixtures("one_thread")


def opened(work: Path, plan: Plan = PLAN, **more: Any) -> LiveBenchmark:
    """A benchmark whose times are not measured."""
    benchmark = LiveBenchmark(plan, work, **more)
    CALIBRATION.save(benchmark.folder / "calibration.json", benchmark.origin)
    return benchmark


def archs(n: int) -> list[Arch]:
    """Not the representatives of their classes."""
    rng = random.Random(1)
    drawn = (SPACE.sample(rng) for _ in range(100 * n))
    return [arch for arch in drawn if SPACE.canonical(arch) != arch][:n]


def evolution(seed: int, benchmark: LiveBenchmark) -> Algorithm:
    return load_algorithm("regularized_evolution")(
        benchmark.space, fidelities=benchmark.fidelities, seed=seed, population=3, sample=2
    )


def searched(benchmark: LiveBenchmark, trials: int) -> Run:
    budget = Budget(trials=trials)
    return replay(evolution(7, benchmark), benchmark, budget=budget, seed=7, replicate=3)


def no_training(*_: object) -> int:
    raise AssertionError("something is trained")


def test_it_answers_what_the_reference_loop_gives(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    (arch,) = archs(1)
    expected = training.train(SPACE.canonical(arch), 3, RECIPE, load_split(RECIPE)).curves
    seconds, validation = CALIBRATION.seconds(arch, RECIPE)
    for epoch in (1, 2):
        answer = benchmark.query(SPACE.to_text(arch), epoch=epoch, seed=3)
        assert answer == {name: float(expected[name][epoch - 1]) for name in CURVES} | {
            "seconds": float(seconds[epoch - 1]),
            "validation_seconds": float(np.float32(validation)),
        }
        evaluation = benchmark.evaluate(arch, epoch=epoch, seed=3)
        assert evaluation.losses == (100.0 - answer["valid_accuracy"],)
        assert evaluation.validation_seconds == answer["validation_seconds"]
        assert evaluation.seconds == answer["seconds"] + answer["validation_seconds"]
    assert benchmark.evaluate(arch, seed=3) == benchmark.evaluate(arch, epoch=2, seed=3)
    curve = benchmark.curve(arch, "test_loss", schedule=2, seed=3)
    np.testing.assert_array_equal(curve, expected["test_loss"])


def test_members_of_a_class_share_a_training(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    (arch,) = archs(1)
    representative = SPACE.canonical(arch)
    assert benchmark.evaluate(arch, seed=0) == benchmark.evaluate(representative, seed=0)
    key = SPACE.rank(representative)
    assert benchmark.trainings(arch) == benchmark.trainings(representative) == (key, (0, 3))
    assert [path.name for path in benchmark.folder.glob("*.parquet")] == [f"seed0-{key}.parquet"]
    assert benchmark.classes == [representative]


def test_without_a_seed_the_mean_is_given(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    two = archs(2)
    both = [benchmark.query_many(np.array(two), "valid_loss", epoch=1, seed=s) for s in (0, 3)]
    assert not np.array_equal(*both)
    means = benchmark.query_many(np.array(two), "valid_loss", epoch=1)
    np.testing.assert_array_equal(means, (both[0] + both[1]) / 2)
    assert benchmark.query(two[0], epoch=1)["valid_loss"] == means[0]


def test_a_killed_search_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trace(searched(opened(tmp_path / "undisturbed"), 6))
    searched(opened(tmp_path), 4)
    before = set(tmp_path.rglob("*.parquet"))
    stamps = {path: path.stat().st_mtime_ns for path in before}
    assert trace(searched(opened(tmp_path), 6)) == expected
    assert {path: path.stat().st_mtime_ns for path in before} == stamps
    with monkeypatch.context() as patch:
        patch.setattr(live, "train_shard", no_training)
        assert trace(searched(opened(tmp_path), 6)) == expected
    assert {path.name for path in tmp_path.glob("tiny-*/*.parquet")} == {
        path.name for path in (tmp_path / "undisturbed").rglob("*.parquet")
    }


def test_when_time_is_up_nothing_new_is_trained(tmp_path: Path) -> None:
    known, new = archs(2)
    answer = opened(tmp_path).evaluate(known, seed=0)
    late = opened(tmp_path, until=0.0)
    assert late.evaluate(known, seed=0) == answer
    with pytest.raises(OutOfTimeError, match="no time is left to train seed0-"):
        late.evaluate(new, seed=0)
    assert len(list(late.folder.glob("*.parquet"))) == 1


def test_a_diverged_training_has_infinite_loss_and_costs_its_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(network: Any, arch: Arch, seed: int) -> None:
        initialise(network, arch, seed)
        with torch.no_grad():
            network.head.bias.fill_(math.nan)

    monkeypatch.setattr(training, "initialise", poisoned)
    benchmark = opened(tmp_path)
    (arch,) = archs(1)
    first, last = (benchmark.evaluate(arch, epoch=epoch, seed=0) for epoch in (1, 2))
    assert first.losses == last.losses == (math.inf,)
    assert (
        first.seconds
        == last.seconds
        == pytest.approx(
            CALIBRATION.seconds(arch, RECIPE)[0][0], abs=first.validation_seconds + 1e-6
        )
    )
    assert "valid_accuracy" not in benchmark.query(arch, seed=0)


def test_the_table_answers_as_the_benchmark_does(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    three = archs(3)
    for arch in three:
        benchmark.evaluate(arch, seed=3)
    path = tmp_path / "tiny-darts.parquet"
    write_table(path, benchmark.draft())
    Table(path).check()
    table = nasbench.load(path)
    assert (table.space.size, table.seeds, table.complete_seeds) == (3, (3,), (3,))
    assert not table.table.metadata.complete
    assert table.table.metadata.recipe["digest"] == benchmark.digest
    for arch in map(SPACE.canonical, three):
        for epoch in (1, 2):
            assert table.evaluate(arch, epoch=epoch, seed=3) == benchmark.evaluate(
                arch, epoch=epoch, seed=3
            )
            answer = table.query(arch, epoch=epoch, seed=3)
            assert answer.items() >= benchmark.query(arch, epoch=epoch, seed=3).items()
        assert {"parameters", "macs"} <= answer.keys()


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    benchmark = opened(tmp_path)
    (arch,) = archs(1)
    refused: list[tuple[str, Any]] = [
        ("no training with seed 1. Possible: '0', '3'", lambda: benchmark.query(arch, seed=1)),
        ("does not record epoch 3", lambda: benchmark.evaluate(arch, epoch=3, seed=0)),
        ("no schedule of 9 epochs", lambda: benchmark.query(arch, schedule=9, seed=0)),
        ("did you mean 'valid_loss'", lambda: benchmark.curve(arch, "valid_los", seed=0)),
    ]
    for message, question in refused:
        with pytest.raises(NotRecordedError, match=re.escape(message)):
            question()
    with pytest.raises(IllegalArchError):
        benchmark.evaluate((0,) * 21, seed=0)
    plan = replace(PLAN, recipe=replace(RECIPE, network="lite201"))
    with pytest.raises(BuildError, match="has nothing to train"):
        LiveBenchmark(plan, tmp_path).training((0,) * 6, 0)


def test_its_folder_is_its_own(tmp_path: Path) -> None:
    (arch,) = archs(1)
    benchmark = opened(tmp_path)
    benchmark.evaluate(arch, seed=0)
    plan = replace(PLAN, architectures=2)
    with pytest.raises(BuildError, match="belongs to another build"):
        Build(plan, tmp_path)
    Build(plan, tmp_path / "other")
    with pytest.raises(BuildError, match="belongs to another build"):
        LiveBenchmark(plan, tmp_path / "other")
    (file,) = benchmark.folder.glob("*.parquet")
    file.write_bytes(b"PAR1")
    with pytest.raises(BuildError, match="delete it to train the shard again"):
        opened(tmp_path).evaluate(arch, seed=0)


def test_times_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[int] = []

    def calibrate(archs: list[Arch], *_: object) -> Calibration:
        timed.append(len(archs))
        return CALIBRATION

    monkeypatch.setattr(live, "calibrate", calibrate)
    for _ in range(2):
        assert LiveBenchmark(PLAN, tmp_path).calibration == CALIBRATION
    assert timed == [96]


def test_a_sample_of_the_space_can_be_built_as_well(tmp_path: Path) -> None:
    """Without searches: random classes."""
    build = Build(replace(PLAN, architectures=3, seeds=(0,)), tmp_path)
    assert build.classes == shards.sample_classes(build.network, 3)
    assert build.classes == [SPACE.canonical(arch) for arch in build.classes]
    assert set(shards.sample_classes(build.network, 2)) < set(build.classes)
    assert shards.calibrated_classes(build.network, 3) == build.classes
    CALIBRATION.save(build.folder / "calibration.json", build.origin)
    build.run(1)
    build.write(tmp_path / "tiny-darts.parquet")
    table = Table(tmp_path / "tiny-darts.parquet")
    table.check()
    assert [tuple(arch) for arch in table.written_archs.tolist()] == build.classes
    with pytest.raises(InvalidArgumentError, match="too many architectures to train"):
        Build(PLAN, tmp_path / "all")
