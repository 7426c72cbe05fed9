"""A folder belongs to one recipe, one set of images, one size of shards and one trainer."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_builders.builds import shards
from data_builders.builds.build import Build
from data_builders.builds.claim import read_claim
from nasbench.errors import BuildError


def test_a_folder_of_another_build_is_refused(tiny: Any, tmp_path: Path) -> None:
    build = tiny.prepared(tmp_path)
    other = tiny.prepared(tmp_path, replace(tiny.plan, recipe=replace(tiny.recipe, momentum=0.5)))
    with pytest.raises(BuildError, match="architectures is 6 there, 5 in this plan; build in ano"):
        Build(replace(tiny.plan, architectures=5), tmp_path)
    with pytest.raises(BuildError, match="architectures is 6 there, None in this plan"):
        Build(replace(tiny.plan, architectures=None), tmp_path)
    theirs = (other.folder / "build.json").read_bytes()
    (build.folder / "build.json").write_bytes(theirs)
    with pytest.raises(BuildError, match="belongs to another build: digest is"):
        Build(tiny.plan, tmp_path)
    for damaged in (theirs[:20], b"", b"[3]", b"\xff"):
        (build.folder / "build.json").write_bytes(damaged)
        with pytest.raises(BuildError, match=r"build\.json is damaged"):
            Build(tiny.plan, tmp_path)


def test_another_size_of_shards_is_refused(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.prepared(tmp_path)
    monkeypatch.setattr(shards, "SHARD_CLASSES", 3)
    with pytest.raises(BuildError, match="shard_classes is 1 there, 3 in this plan"):
        Build(tiny.plan, tmp_path)


def test_another_trainer_or_choice_is_refused(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_builders.builds.shards.TRAINERS", {"reference", "fused"})
    fused = {"trainer": "fused", "convolution": "grouped"}
    build = Build(tiny.plan, tmp_path, fused)
    assert Build(tiny.plan, tmp_path, fused).folder == build.folder
    assert read_claim(build.folder).items() >= fused.items()
    with pytest.raises(BuildError, match="convolution is 'grouped' there, 'unfold' in this plan"):
        Build(tiny.plan, tmp_path, fused | {"convolution": "unfold"})
    with pytest.raises(BuildError, match="convolution is 'grouped' there, None in this plan"):
        Build(tiny.plan, tmp_path)


def test_of_builds_that_begin_a_folder_together_the_first_chooses(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batched = {"trainer": "batched", "device": "cpu"}

    def while_another_begins(manifest: Any, *_: Any) -> dict[str, Any]:
        Build(tiny.plan, tmp_path, {**batched, "convolution": "matmul"})
        return {**manifest, "convolution": "grouped"}

    monkeypatch.setattr("data_builders.builds.build.choices", while_another_begins)
    build = Build(tiny.plan, tmp_path, batched)
    assert build.manifest == {**batched, "convolution": "matmul"}
    assert read_claim(build.folder).items() >= build.manifest.items()


def test_a_claim_from_before_there_was_a_choice_is_one_of_the_reference_loop(
    finished: Build, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_builders.builds.shards.TRAINERS", {"reference", "fused"})
    path = finished.folder / "build.json"
    document = json.loads(path.read_bytes())
    assert document.pop("trainer") == "reference"
    path.write_text(json.dumps(document))
    before = path.read_bytes()
    assert Build(tiny.plan, finished.folder.parent).missing() == []
    assert path.read_bytes() == before
    with pytest.raises(BuildError, match="trainer is 'reference' there, 'fused' in this plan"):
        Build(tiny.plan, finished.folder.parent, {"trainer": "fused"})


def test_a_folder_without_a_claim_is_taken_over(finished: Build, tiny: Any) -> None:
    path = finished.folder / "build.json"
    claim = path.read_bytes()
    path.unlink()
    assert Build(tiny.plan, finished.folder.parent).missing() == []
    assert path.read_bytes() == claim
