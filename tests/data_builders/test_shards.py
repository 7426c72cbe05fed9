"""Builds: the same table however often they are killed and by however many processes."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from data_builders import shards, training
from data_builders.calibration import Calibration
from data_builders.datasets import load_split
from data_builders.networks.lite201 import Lite201
from data_builders.recipe import Plan, Recipe, load_plan
from data_builders.shards import Build, sample_classes, train_shard
from nasbench.errors import BuildError, InvalidArgumentError
from nasbench.spaces.nb201 import NB201, classes
from nasbench.table import Table

RECIPE = replace(
    load_plan("lite201-digits").recipe,
    channels=4, train=64, valid=64, test=64, epochs=2, batch=32,
)  # fmt: skip
PLAN = Plan(id="tiny", recipe=RECIPE, seeds=(0, 1, 5), architectures=6, licence="MIT")
CALIBRATION = Calibration(
    (2e-3, 1e-5, 1e-3, 1.5e-3, 3e-4), (4e-3, 2e-4, 3e-3, 5e-3, 3.5e-3), 0.01, 0.02, 100, {}
)
SAMPLE = [
    (1, 0, 4, 2, 3, 3),
    (2, 0, 2, 4, 0, 2),
    (2, 1, 2, 2, 0, 2),
    (2, 2, 2, 3, 0, 2),
    (3, 1, 4, 1, 1, 3),
    (3, 2, 3, 2, 3, 4),
]
PROGRAM = """
import os
import sys
from pathlib import Path

import joblib
import torch._dynamo  # what the first optimiser would import in every fork

import data_builders.shards
import data_builders.training
from data_builders.recipe import load_plan

data_builders.shards.SHARD_CLASSES = 1
data_builders.shards.Build(load_plan(sys.argv[1]), Path(sys.argv[2]))
for _ in sys.stdin:
    builder = os.fork()
    if not builder:
        data_builders.shards.Build(load_plan(sys.argv[1]), Path(sys.argv[2])).run(1)
        os._exit(0)
    print(builder, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(builder, 0)[1]), flush=True)
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One class a shard, one thread."""
    monkeypatch.setattr(shards, "SHARD_CLASSES", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def prepared(work: Path, plan: Plan = PLAN) -> Build:
    """A build whose times are not measured."""
    build = Build(plan, work)
    CALIBRATION.save(build.folder / "calibration.json")
    return build


def built(work: Path, plan: Plan = PLAN) -> Build:
    build = prepared(work, plan)
    build.run(1)
    return build


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of an undisturbed build in one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_CLASSES", 1)
        work = tmp_path_factory.mktemp("work")
        path = work / "tiny.parquet"
        built(work).write(path)
    return path


def content(build: Build, path: Path) -> str:
    build.write(path)
    Table(path).check()
    return Table(path).metadata.content_hash


def test_a_build_ends_in_a_valid_table(reference: Path) -> None:
    table = Table(reference)
    table.check()
    archs = sample_classes(Lite201, 6)
    assert [tuple(arch) for arch in table.archs.tolist()] == [a for a in archs for _ in range(3)]
    assert table.seed.tolist() == [0, 1, 5] * 6
    assert set(table.schedule.tolist()) == {2}
    assert not table.diverged.any()
    assert set(table.columns) == {*training.CURVES, "seconds", "validation_seconds"}
    assert set(table.arch_columns) == {"parameters", "macs", "published_string"}
    metadata = table.metadata
    assert (metadata.id, metadata.space, metadata.key) == ("tiny", "nb201", "class")
    assert (metadata.dataset, metadata.licence) == ("digits", "MIT")
    assert metadata.epochs == {2: [1, 2]}
    split = load_split(RECIPE)
    assert metadata.recipe["digest"] == RECIPE.digest(split.digest)
    assert metadata.recipe["split_digest"] == split.digest
    assert "live nor_conv_3x3" in table.columns["seconds"].description


def test_rows_are_what_the_reference_loop_gives(reference: Path) -> None:
    table, split = Table(reference), load_split(RECIPE)
    for row in (1, 17):
        arch = tuple(table.archs[row].tolist())
        alone = training.train(arch, int(table.seed[row]), RECIPE, split)
        for name in training.CURVES:
            assert table.curves(name, 2)[row].tobytes() == alone.curves[name].tobytes()
        seconds, validation = CALIBRATION.seconds(arch, RECIPE)
        assert table.curves("seconds", 2)[row].tolist() == seconds.tolist()
        assert table.numbers("validation_seconds", 2)[row] == pytest.approx(validation)


def test_numbers_of_architectures_cover_every_member_of_the_built_classes(reference: Path) -> None:
    table = Table(reference)
    members = [arch for one in sample_classes(Lite201, 6) for arch in classes()[one]]
    assert sorted(map(tuple, table.written_archs.tolist())) == sorted(members)
    shape = {"channels": 4, "cells": 1, "image_channels": 1, "n_classes": 10}
    for name, expected in (
        ("parameters", [Lite201.parameter_count(arch, **shape) for arch in sorted(members)]),
        ("macs", [Lite201.macs(arch, **shape, size=8) for arch in sorted(members)]),
    ):
        assert table.arch_numbers(name).tolist() == expected


def test_two_processes_make_the_same_table(tmp_path: Path, reference: Path) -> None:
    build = prepared(tmp_path)
    done: list[int] = []
    build.run(2, done.append)
    assert done == [1] * 18
    assert content(build, tmp_path / "t.parquet") == Table(reference).metadata.content_hash


def test_size_of_the_shards_does_not_change_the_table(
    tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CLASSES", 4)
    build = built(tmp_path)
    assert [len(shard.archs) for shard in build.shards] == [4, 2] * 3
    assert content(build, tmp_path / "t.parquet") == Table(reference).metadata.content_hash


def test_a_build_killed_again_and_again_ends_in_the_same_table(
    tmp_path: Path, reference: Path
) -> None:
    plan = tmp_path / "plan.toml"
    values = {name: getattr(RECIPE, name) for name in ("network", "dataset", "channels", "cells")}
    values |= {name: getattr(RECIPE, name) for name in ("train", "valid", "test", "epochs")}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    top = 'id = "tiny"\nseeds = [0, 1, 5]\narchitectures = 6\nlicence = "MIT"\n[recipe]\nbatch = 32'
    plan.write_text("\n".join([top, *lines]))
    assert load_plan(str(plan)) == PLAN
    build = prepared(tmp_path)
    rng = random.Random()
    codes, left = [], [len(build.missing())]
    command = [sys.executable, "-c", PROGRAM, str(plan), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for _ in range(6):
            server.stdin.write(b"build\n")
            server.stdin.flush()
            builder = int(server.stdout.readline())
            deadline = time.monotonic() + 60
            while len(build.missing()) == left[-1] and time.monotonic() < deadline:
                time.sleep(0.003)
            time.sleep(rng.uniform(0, 0.01))
            os.kill(builder, signal.SIGKILL)
            codes.append(int(server.stdout.readline()))
            left.append(len(build.missing()))
    assert codes.count(-signal.SIGKILL) >= 5
    assert left == sorted(left, reverse=True)
    assert left[0] == 18
    assert left[-1] < 13
    untouched = {path: path.stat().st_mtime_ns for path in build.folder.glob("seed*.parquet")}
    build.run(1)
    assert build.missing() == []
    assert all(path.stat().st_mtime_ns == when for path, when in untouched.items())
    assert content(build, tmp_path / "t.parquet") == Table(reference).metadata.content_hash


def test_a_failing_training_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = prepared(tmp_path)
    good = training.train
    bad_arch = build.classes[3]

    def failing(arch: object, *arguments: object) -> training.Training:
        if arch == bad_arch:
            raise MemoryError
        return good(arch, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", failing)
    with pytest.raises(MemoryError):
        build.run(1)
    assert [shard.number for shard in build.missing() if shard.seed == 0] == [3, 4, 5]
    names = {path.name for path in build.folder.iterdir()}
    assert names == {"build.json", "calibration.json", *(f"seed0-000{n}.parquet" for n in range(3))}


def test_files_of_killed_writers_are_ignored(tmp_path: Path, reference: Path) -> None:
    build = built(tmp_path)
    (build.folder / ".seed0-0000.parquet.x1y2.tmp").write_bytes(b"PAR1 cut")
    (build.folder / ".calibration.json.x1y2.tmp").write_bytes(b"{")
    again = Build(PLAN, tmp_path)
    assert again.missing() == []
    assert content(again, tmp_path / "t.parquet") == Table(reference).metadata.content_hash


def test_an_unfinished_build_has_no_table(tmp_path: Path) -> None:
    build = built(tmp_path)
    (build.folder / "seed1-0002.parquet").unlink()
    assert [(shard.seed, shard.number) for shard in build.missing()] == [(1, 2)]
    with pytest.raises(BuildError, match="1 of 18 shards are not trained yet"):
        build.write(tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    build = built(tmp_path)
    path = build.folder / "seed5-0004.parquet"
    whole = path.read_bytes()
    rows = pq.read_table(path)
    advice = r"seed5-0004\.parquet .*: delete it to train the shard again"

    def refused(pattern: str) -> None:
        with pytest.raises(BuildError, match=advice) as raised:
            build.table()
        assert pattern in str(raised.value)

    for damaged in (whole[: len(whole) // 2], whole[:-1], b"", b"text", whole[:4] + whole[-4:]):
        path.write_bytes(damaged)
        refused("is damaged")
    pq.write_table(rows.drop_columns("test_loss"), path)
    refused("is damaged (its columns are")
    for index, name, value in ((0, "train_loss", [[0.5]]), (2, "status", ["cut"])):
        column = rows.schema.get_field_index(name)
        assert index <= column
        changed = rows.set_column(column, name, [value])
        pq.write_table(changed.cast(rows.schema), path)
        refused("is damaged (a training of another form)")
    for other in ("seed5-0003.parquet", "seed1-0004.parquet"):
        path.write_bytes((build.folder / other).read_bytes())
        refused("holds other trainings than its shard")
    path.write_bytes(whole)
    build.table()
    path.unlink()
    build.run(1)
    assert path.read_bytes() == whole


def test_what_is_missing_is_known_without_reading(tmp_path: Path) -> None:
    build = prepared(tmp_path)
    for shard in build.shards[:-1]:
        (build.folder / shard.name).touch()
    assert build.missing() == build.shards[-1:]


def test_a_diverged_training_keeps_its_row_and_its_neighbours(
    tmp_path: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CLASSES", 6)
    build = prepared(tmp_path, replace(PLAN, seeds=(0, 1)))
    initialise = training.initialise

    def poisoned(network: torch.nn.Module, arch: tuple[int, ...], seed: int) -> None:
        initialise(network, arch, seed)
        if (arch, seed) == (build.classes[2], 1):
            with torch.no_grad():
                next(network.parameters()).fill_(float("nan"))

    monkeypatch.setattr(training, "initialise", poisoned)
    build.run(1)
    build.write(tmp_path / "t.parquet")
    table, sound = Table(tmp_path / "t.parquet"), Table(reference)
    table.check()
    assert table.diverged.nonzero()[0].tolist() == [5]
    others = [row for row in range(12) if row != 5]
    kept = np.flatnonzero(sound.seed != 5)
    for name in training.CURVES:
        curves = table.curves(name, 2)
        assert np.isnan(curves[5]).all()
        assert curves[others].tobytes() == sound.curves(name, 2)[kept][others].tobytes()
    first, second = table.curves("seconds", 2)[5].tolist()
    assert first == second == sound.curves("seconds", 2)[kept][5].tolist()[0] > 0


def test_every_training_with_an_absurd_rate_diverges_into_a_valid_table(tmp_path: Path) -> None:
    plan = replace(PLAN, recipe=replace(RECIPE, learning_rate=1e30), seeds=(0,), architectures=3)
    build = built(tmp_path, plan)
    content(build, tmp_path / "t.parquet")
    assert Table(tmp_path / "t.parquet").diverged.tolist() == [True] * 3


def test_another_recipe_has_another_folder(tmp_path: Path) -> None:
    build = prepared(tmp_path)
    other = prepared(tmp_path, replace(PLAN, recipe=replace(RECIPE, momentum=0.5)))
    assert build.folder != other.folder
    assert build.folder.name == f"tiny-{build.digest[:12]}"


def test_a_folder_of_another_build_is_refused(tmp_path: Path) -> None:
    build = prepared(tmp_path)
    other = prepared(tmp_path, replace(PLAN, recipe=replace(RECIPE, momentum=0.5)))
    with pytest.raises(BuildError, match="architectures is 6 there, 5 in this plan; build in ano"):
        Build(replace(PLAN, architectures=5), tmp_path)
    with pytest.raises(BuildError, match="architectures is 6 there, None in this plan"):
        Build(replace(PLAN, architectures=None), tmp_path)
    theirs = (other.folder / "build.json").read_bytes()
    (build.folder / "build.json").write_bytes(theirs)
    with pytest.raises(BuildError, match="belongs to another build: digest is"):
        Build(PLAN, tmp_path)
    for damaged in (theirs[:20], b"", b"[3]", b"\xff"):
        (build.folder / "build.json").write_bytes(damaged)
        with pytest.raises(BuildError, match=r"build\.json is damaged"):
            Build(PLAN, tmp_path)


def test_another_size_of_shards_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(tmp_path)
    monkeypatch.setattr(shards, "SHARD_CLASSES", 3)
    with pytest.raises(BuildError, match="shard_classes is 1 there, 3 in this plan"):
        Build(PLAN, tmp_path)


def test_a_folder_from_before_the_manifest_is_taken_over(tmp_path: Path) -> None:
    build = built(tmp_path)
    manifest = (build.folder / "build.json").read_bytes()
    (build.folder / "build.json").unlink()
    assert Build(PLAN, tmp_path).missing() == []
    assert (build.folder / "build.json").read_bytes() == manifest


def test_more_seeds_go_on_in_the_same_folder(tmp_path: Path, reference: Path) -> None:
    built(tmp_path, replace(PLAN, seeds=(5, 0)))
    build = Build(PLAN, tmp_path)
    assert {shard.seed for shard in build.missing()} == {1}
    build.run(1)
    assert content(build, tmp_path / "t.parquet") == Table(reference).metadata.content_hash


def changing_images(folder: Path, seed: int) -> Recipe:
    rng = np.random.default_rng(seed)
    arrays = {"x_train": rng.integers(0, 256, (200, 8, 8), dtype=np.uint8)}
    np.savez(folder / "a.npz", y_train=np.arange(200) % 3, **arrays)
    return replace(RECIPE, dataset=str(folder / "a.npz"))


def test_images_that_change_during_a_build_are_noticed(tmp_path: Path) -> None:
    recipe = changing_images(tmp_path, 0)
    build = prepared(tmp_path, replace(PLAN, recipe=recipe))
    train_shard(build.shards[0], recipe, build.folder)
    changing_images(tmp_path, 1)
    with pytest.raises(BuildError, match=r"was begun with other images in .*a\.npz"):
        build.run(1)
    assert len(build.missing()) == 17


def test_of_a_data_file_only_the_name_is_published(tmp_path: Path) -> None:
    recipe = changing_images(tmp_path, 0)
    build = built(tmp_path, replace(PLAN, recipe=recipe, seeds=(0,), architectures=1))
    metadata = build.write(tmp_path / "t.parquet")
    assert metadata.dataset == "a"
    assert metadata.recipe["dataset"] == "a.npz"
    (tmp_path / "moved").mkdir()
    moved = (tmp_path / "a.npz").rename(tmp_path / "moved/a.npz")
    plan = replace(build.plan, recipe=replace(recipe, dataset=str(moved)))
    assert Build(plan, tmp_path).missing() == []


def test_the_full_plan_has_every_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_CLASSES", 32)
    plan = load_plan("lite201-digits")
    build = Build(plan, tmp_path)
    assert {*build.classes, *build.untrained} == set(classes())
    assert (len(build.classes), len(build.untrained)) == (5259, 1)
    assert [shard.seed for shard in build.shards] == [0] * 165 + [1] * 165
    for seed in plan.seeds:
        archs = [arch for shard in build.shards if shard.seed == seed for arch in shard.archs]
        assert archs == build.classes == sorted(build.classes)
    assert build.missing() == build.shards
    rows = build._untrained_rows().to_pylist()
    assert [(row["arch"], row["seed"], row["schedule"], row["status"]) for row in rows] == [
        ([0] * 6, seed, 8, "untrained") for seed in plan.seeds
    ]
    for part in ("train", "valid", "test"):
        assert rows[0][f"{part}_accuracy"] == [10.0] * 8
        assert rows[0][f"{part}_loss"] == pytest.approx([math.log(10)] * 8)
    numbers = build._arch_numbers()
    assert len(numbers) == 15625
    assert numbers.column("arch").to_pylist() == [list(arch) for arch in NB201().archs()]


def test_sampled_classes_are_always_the_same_and_nested() -> None:
    six, three = sample_classes(Lite201, 6), sample_classes(Lite201, 3)
    assert six == SAMPLE
    assert set(three) < set(six)
    assert all(NB201().canonical(arch) == arch and Lite201.trains(arch) for arch in six)
    for n in (0, 5260):
        with pytest.raises(InvalidArgumentError, match=rf"architectures = {n} is outside 1..5259"):
            sample_classes(Lite201, n)


NETWORK = """
from torch import nn


class Toy(nn.Module):
    space = "nb201"
    arch_columns = {"size": "sum of the options"}

    def __init__(self, arch, *, channels, cells, image_channels, n_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64 * image_channels, n_classes))

    def forward(self, x):
        return self.layers(x)

    @staticmethod
    def trains(arch):
        return arch[0] == arch[3] == arch[5] == 3

    @staticmethod
    def cost_terms(arch):
        return {"network": 1.0, "size": float(sum(arch))}

    @staticmethod
    def arch_numbers(arch, *, channels, cells, image_channels, n_classes, size):
        return {"size": sum(arch)}
"""


def test_another_network_plugs_in_with_its_class_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CLASSES", 400)
    (tmp_path / "toy_network_of_test_shards.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    recipe = replace(RECIPE, network="toy_network_of_test_shards:Toy", epochs=1, valid=1, test=1)
    build = Build(replace(PLAN, recipe=recipe, seeds=(0,), architectures=None), tmp_path)
    assert 50 < len(build.classes) < 150
    assert len(build.classes) + len(build.untrained) == 5260
    replace(CALIBRATION, step=(1.0, 0.5), validation=(2.0, 1.0)).save(
        build.folder / "calibration.json"
    )
    build.run(1)
    build.write(tmp_path / "t.parquet")
    table = Table(tmp_path / "t.parquet")
    table.check()
    assert set(table.arch_columns) == {"size"}
    frame = table.frame()
    untrained = [tuple(arch) for arch in frame.arch[frame.status == "untrained"]]
    assert untrained == build.untrained
    assert len(frame) == 5260
    sums = table.archs.astype(int).sum(axis=1)
    assert table.numbers("validation_seconds", 1).tolist() == (2.0 + sums).tolist()
    assert table.curves("seconds", 1)[:, 0].tolist() == (2 * (1.0 + 0.5 * sums)).tolist()


def test_only_networks_know_a_space() -> None:
    for module in ("shards", "calibration", "training", "recipe", "datasets"):
        source = Path(shards.__file__).with_name(f"{module}.py").read_text()
        assert "nb201" not in source
