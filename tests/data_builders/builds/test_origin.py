"""Every part of a build says what it was made from, and is read for nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_builders.builds.build import Build
from data_builders.builds.live import LiveBenchmark
from data_builders.plan import Plan
from nasbench.errors import BuildError

SHARD = "seed5-0004.parquet"


def every_reader(build: Build, plan: Plan, tmp_path: Path) -> dict[str, Callable[[], object]]:
    """What reads the parts of a finished build."""
    work = build.folder.parent
    last = build.shards[-2:]
    assert last[0].name == SHARD

    def resumed() -> None:
        (build.folder / last[1].name).unlink(missing_ok=True)
        Build(plan, work).run(1)

    def joined() -> None:
        Build(plan, tmp_path / "joined", others=[work]).take()

    return {
        "merged": build.draft,
        "resumed": resumed,
        "a part": lambda: Build(plan, work).run(1, among=last),
        "without time": lambda: Build(plan, work).run(1, until=0.0),
        "joined": joined,
    }


def refused_by_all(build: Build, plan: Plan, tmp_path: Path, pattern: str) -> None:
    for name, read in every_reader(build, plan, tmp_path).items():
        with pytest.raises(BuildError, match=pattern):
            read()
        assert not list((tmp_path / "joined").rglob(SHARD)), name


def other_recipe(tiny: Any) -> Plan:
    return replace(tiny.plan, recipe=replace(tiny.recipe, momentum=0.5))


def test_a_shard_of_another_recipe_is_refused(tiny: Any, finished: Build, tmp_path: Path) -> None:
    other = tiny.prepared(tmp_path / "other", other_recipe(tiny))
    other.run(1, among=[other.shards[-2]])
    copyfile(other.folder / SHARD, finished.folder / SHARD)
    refused_by_all(
        finished, tiny.plan, tmp_path,
        rf"{SHARD} belongs to another build \(digest is '{other.digest}' there, "
        rf"'{finished.digest}' in this plan\): delete it to train the shard again",
    )  # fmt: skip


def test_a_shard_of_another_choice_is_refused(tiny: Any, finished: Build, tmp_path: Path) -> None:
    path = finished.folder / SHARD
    rows = pq.read_table(path)
    said = json.loads(rows.schema.metadata[b"made_from"])
    said["manifest"] = {"trainer": "batched", "device": "cpu", "convolution": "grouped"}
    pq.write_table(rows.replace_schema_metadata({"made_from": json.dumps(said)}), path)
    refused_by_all(
        finished, tiny.plan, tmp_path, r"belongs to another build \(convolution is 'grouped' there"
    )


@pytest.mark.parametrize("seal", [None, "null", "[]", "{}", '{"manifest": 3}', '{"digest": ""}'])
def test_a_shard_that_does_not_say_what_it_is_made_from_is_refused(
    tiny: Any, finished: Build, tmp_path: Path, seal: str | None
) -> None:
    path = finished.folder / SHARD
    metadata = None if seal is None else {"made_from": seal}
    pq.write_table(pq.read_table(path).replace_schema_metadata(metadata), path)
    refused_by_all(finished, tiny.plan, tmp_path, "does not say what it was made from.*delete it")


@pytest.mark.parametrize("seal", ["{", "[" * 9999, '{"a": 1, "a": 2}', "\udcff"])
def test_a_seal_that_is_no_document_is_damage(finished: Build, seal: str) -> None:
    path = finished.folder / SHARD
    said = seal.encode(errors="surrogateescape")
    pq.write_table(pq.read_table(path).replace_schema_metadata({"made_from": said}), path)
    with pytest.raises(BuildError, match=r"is damaged .*: delete it to train the shard again"):
        finished.draft()


def test_edited_numbers_are_refused(tiny: Any, finished: Build, tmp_path: Path) -> None:
    """Though the checksums of the pages are right."""
    path = finished.folder / SHARD
    rows = pq.read_table(path)
    at = rows.schema.get_field_index("valid_accuracy")
    better = pa.array([[99.0, 99.5]], pa.list_(pa.float32()))
    pq.write_table(rows.set_column(at, rows.schema.field(at), better), path)
    refused_by_all(finished, tiny.plan, tmp_path, "its numbers do not match their hash")


def test_a_renamed_shard_is_refused(tiny: Any, finished: Build, tmp_path: Path) -> None:
    copyfile(finished.folder / "seed1-0004.parquet", finished.folder / SHARD)
    refused_by_all(finished, tiny.plan, tmp_path, "holds the trainings of another shard: delete it")


def edited(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"step": [2 * second for second in document["step"]]}


def without(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "made_from"}


def of_another(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"made_from": document["made_from"] | {"digest": "0" * 64}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited, "is damaged \\(its numbers do not match their hash\\): delete it to measure"),
        (without, "does not say what it was made from.*: delete it to measure again"),
        (of_another, "belongs to another build .digest is '0000.*: delete it to measure again"),
    ],
)
def test_a_calibration_that_is_not_what_was_measured_here_is_refused(
    tiny: Any, finished: Build, tmp_path: Path, change: Any, message: str
) -> None:
    path = finished.folder / "calibration.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    refused_by_all(finished, tiny.plan, tmp_path, rf"calibration\.json {message}")


def test_a_live_benchmark_reads_its_own_trainings_alone(tiny: Any, tmp_path: Path) -> None:
    def opened(work: Path, plan: Plan) -> LiveBenchmark:
        benchmark = LiveBenchmark(plan, work)
        tiny.calibration.save(benchmark.folder / "calibration.json", benchmark.origin)
        return benchmark

    arch = (1, 1, 1, 1, 1, 1)
    one, other = (opened(tmp_path, plan) for plan in (tiny.plan, other_recipe(tiny)))
    for benchmark in (one, other):
        benchmark.evaluate(arch, seed=0)
    (path,), (theirs,) = (benchmark.folder.glob("seed*") for benchmark in (one, other))
    copyfile(theirs, path)
    with pytest.raises(BuildError, match=r"belongs to another build .digest is"):
        opened(tmp_path, tiny.plan).evaluate(arch, seed=0)
    path.unlink()
    again = opened(tmp_path, tiny.plan)
    copyfile(other.folder / "calibration.json", again.folder / "calibration.json")
    with pytest.raises(BuildError, match=r"calibration\.json belongs to another build"):
        again.evaluate(arch, seed=0)
