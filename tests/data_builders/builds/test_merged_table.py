"""Shards of several folders become one table; nothing else gets into it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data_builders.builds.build import Build
from nasbench.errors import BuildError
from nasbench.tables.hashes import numbers_hash


def some_shards(finished: Build, work: Path, i: int, n: int) -> Build:
    """A folder of builds that has trained the ``i``-th of ``n`` parts."""
    build = Build(finished.plan, work)
    for shard in finished.part(i, n):
        shutil.copy(finished.folder / shard.name, build.folder)
    return build


def test_parts_of_several_machines_are_one_table(
    finished: Build, tiny: Any, tmp_path: Path, expected: str
) -> None:
    for i in (1, 2, 3):
        some_shards(finished, tmp_path / f"machine{i}", i, 3)
    tiny.prepared(tmp_path / "machine2")
    here = tmp_path / "here"
    folder = some_shards(finished, here, 1, 4).folder
    assert Build(finished.plan, here, others=[tmp_path / "machine1"]).take() == 4
    assert not (folder / "calibration.json").exists()
    build = Build(
        finished.plan, here, others=[tmp_path / "machine2" / folder.name, tmp_path / "machine3"]
    )
    assert build.take() == 9
    assert build.missing() == []
    assert build.take() == 0
    assert Build(finished.plan, here, others=[here]).take() == 0
    assert tiny.content(build, tmp_path / "tiny.parquet") == expected


def test_only_the_shards_of_the_plan_are_taken(finished: Build, tmp_path: Path) -> None:
    plan = replace(finished.plan, seeds=(5, 7))
    build = Build(plan, tmp_path / "here", others=[finished.folder])
    assert build.take() == 6
    assert {shard.seed for shard in build.missing()} == {7}
    assert len(list(build.folder.glob("seed*"))) == 6


def test_a_calibration_of_ones_own_is_kept(finished: Build, tiny: Any, tmp_path: Path) -> None:
    build = Build(tiny.plan, tmp_path / "here", others=[finished.folder])
    replace(tiny.calibration, classes=7).save(build.folder / "calibration.json", build.origin)
    build.take()
    assert build.calibration().classes == 7


def test_choices_are_those_of_the_build_whose_shards_are_taken(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a GPU puts together what machines with one have trained."""
    gpu = {"trainer": "batched", "device": "cuda", "convolution": "triton"}
    begun = Build(tiny.plan, tmp_path / "gpu", gpu)
    monkeypatch.setattr("data_builders.builds.build.choices", lambda *_: pytest.fail("measured"))
    build = Build(tiny.plan, tmp_path / "here", {"trainer": "batched"}, [tmp_path / "gpu"])
    assert build.manifest == gpu
    assert build.shards == begun.shards
    assert Build(tiny.plan, tmp_path / "here", {"trainer": "batched"}).manifest == gpu


def test_other_builds_are_refused(finished: Build, tiny: Any, tmp_path: Path) -> None:
    name, here = finished.folder.name, tmp_path / "here"

    def take(other: Path) -> None:
        Build(tiny.plan, here, others=[other])

    with pytest.raises(BuildError, match=rf"nowhere has no {name}.* no build of this plan"):
        take(tmp_path / "nowhere")
    other = Build(replace(tiny.plan, recipe=replace(tiny.recipe, batch=16)), tmp_path / "other")
    with pytest.raises(BuildError, match=rf"other has no .*; there is {other.folder.name}"):
        take(tmp_path / "other")
    with pytest.raises(BuildError, match=rf"{other.folder.name} has no "):
        take(other.folder)
    path = finished.folder / "build.json"
    claim = json.loads(path.read_bytes())
    path.write_text(json.dumps(claim | {"trainer": "fused"}))
    with pytest.raises(BuildError, match="trainer is 'fused' there, 'reference' in this plan"):
        take(finished.folder)
    path.unlink()
    with pytest.raises(BuildError, match=r"is not a build folder: it has no build\.json"):
        take(finished.folder)
    assert not here.exists()


def test_a_damaged_shard_is_not_taken(finished: Build, tmp_path: Path) -> None:
    build = Build(finished.plan, tmp_path / "here", others=[finished.folder])
    path = finished.folder / finished.shards[4].name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BuildError, match=rf"{path} is damaged .*: delete it to train"):
        build.take()
    assert not (build.folder / path.name).exists()


def test_the_same_shard_with_other_numbers_is_an_error(finished: Build, tmp_path: Path) -> None:
    some_shards(finished, tmp_path / "here", 1, 1)
    build = Build(finished.plan, tmp_path / "here", others=[finished.folder])
    path = finished.folder / finished.shards[4].name
    rows = pq.read_table(path)
    pq.write_table(rows, path, compression="none")
    assert build.take() == 0
    column = rows.schema.get_field_index("test_loss")
    changed = rows.set_column(column, "test_loss", [[[0.5, 0.25]]]).cast(rows.schema)
    seal = json.dumps(build.origin.seal(numbers_hash(changed)))
    pq.write_table(changed.replace_schema_metadata({"made_from": seal}), path)
    with pytest.raises(BuildError, match=rf"{path} and {build.folder}.* hold different numbers"):
        build.take()
