"""Whatever happens to a build, it ends in the same table or in an error that says what to do."""

import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq
import pytest

from data_builders.builds.build import Build
from data_builders.builds.shard_files import read_shard
from data_builders.costs.calibration import Calibration
from data_builders.origin import Origin
from data_builders.training import reference as training
from data_builders.training.outcome import CURVES, Training
from nasbench.errors import BuildError, InvalidArgumentError
from nasbench.tables.hashes import numbers_hash
from nasbench.tables.table import Table

ADVICE = r"seed5-0004\.parquet .*: delete it to train the shard again"
SERVER = """
import os
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import torch._dynamo  # what the first optimiser would import in every fork

import data_builders.builds.build
import data_builders.builds.shards
from data_builders.costs.calibration import Calibration
from data_builders.origin import Origin
from data_builders.plan import load_plan

folder = Path(sys.argv[1])
plan = load_plan(str(folder / "plan.toml"))
calibration = Calibration.load(folder / "measured.json", Origin("", {}))
factor = 1.0


def calibrate(*_):
    return replace(calibration, step=tuple(factor * c for c in calibration.step))


data_builders.builds.build.calibrate = calibrate
data_builders.builds.shards.SHARD_CLASSES = 1
data_builders.builds.build.Build(plan, folder)
for line in sys.stdin:
    command, *arguments = line.split()
    if command == "reap":
        print(os.waitstatus_to_exitcode(os.waitpid(int(arguments[0]), 0)[1]), flush=True)
        continue
    builder = os.fork()
    if not builder:
        factor = 1.0 if command == "build" else float(os.getpid())
        try:
            build = data_builders.builds.build.Build(plan, Path(arguments[0]))
            build.run(1)
            build.write(Path(arguments[1]))
            os._exit(0)
        finally:
            os._exit(1)
    print(builder, flush=True)
"""


class Builders:
    """Processes that build the tiny plan, forked by one that has imported everything."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers

    def start(self, work: Path, out: Path, command: str = "build") -> int:
        """Number of a new process; ``calibrate`` gives it seconds of its own."""
        return self._ask(f"{command} {work} {out}")

    def reap(self, process: int) -> int:
        """Exit code of a process that has ended or will."""
        return self._ask(f"reap {process}")

    def _ask(self, request: str) -> int:
        self._requests.write(f"{request}\n".encode())
        self._requests.flush()
        return int(self._answers.readline())


@pytest.fixture(scope="module")
def builders(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builders]:
    folder = tmp_path_factory.mktemp("server")
    tiny.save(folder / "plan.toml")
    tiny.calibration.save(folder / "measured.json", Origin("", {}))
    command, pipe = [sys.executable, "-c", SERVER, str(folder)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as server:
        assert server.stdin
        assert server.stdout
        yield Builders(server.stdin, server.stdout)


@pytest.mark.slow
def test_a_build_killed_again_and_again_ends_in_the_same_table(
    tiny: Any, builders: Builders, tmp_path: Path, expected: str
) -> None:
    build, out = Build(tiny.plan, tmp_path), tmp_path / "tiny.parquet"
    rng = random.Random()
    start = time.monotonic()
    assert builders.reap(builders.start(tmp_path, out)) == 0
    whole = time.monotonic() - start
    kills, written = 0, shard_times(build)
    while kills < 8:
        if out.exists():
            assert tiny.content(build, out) == expected
            for path in (out, *build.folder.glob("[!b]*")):
                path.unlink()
            written = {}
        process = builders.start(tmp_path, out)
        time.sleep(rng.uniform(0, whole / 4))
        os.kill(process, signal.SIGKILL)
        kills += builders.reap(process) == -signal.SIGKILL
        assert out.exists() <= (not build.missing())
        assert written.items() <= shard_times(build).items()
        written = shard_times(build)
    assert builders.reap(builders.start(tmp_path, out)) == 0
    assert written.items() <= shard_times(build).items()
    assert Table(out).metadata.content_hash == expected


def shard_times(build: Build) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in build.folder.glob("seed*")}


def test_two_builders_on_one_folder_end_in_one_table(
    tiny: Any, builders: Builders, tmp_path: Path, reference: Path
) -> None:
    outs = [tmp_path / name / "tiny.parquet" for name in ("one", "two")]
    processes = [builders.start(tmp_path, out, "calibrate") for out in outs]
    assert [builders.reap(process) for process in processes] == [0, 0]
    tables, alone = [Table(out) for out in outs], Table(reference)
    for table in tables:
        table.check()
        for name in CURVES:
            assert table.curves(name, 2).tobytes() == alone.curves(name, 2).tobytes()
    assert tables[0].metadata == tables[1].metadata
    again = tiny.content(Build(tiny.plan, tmp_path), tmp_path / "again/tiny.parquet")
    assert tables[0].metadata.content_hash == again
    assert [path for path in tmp_path.rglob(".*") if path.is_file()] == []


def test_what_another_builder_has_written_in_the_meantime_stays(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, good = Build(tiny.plan, tmp_path), training.train
    other = replace(tiny.calibration, classes=7)

    def calibrate(*_: Any) -> Calibration:
        other.save(build.folder / "calibration.json", build.origin)
        return tiny.calibration

    def train(*arguments: Any, **settings: Any) -> Training:
        shard = build.missing()[0]
        (build.folder / shard.name).write_text("theirs")
        return good(*arguments, **settings)

    monkeypatch.setattr("data_builders.builds.build.calibrate", calibrate)
    assert build.calibration() == other
    monkeypatch.setattr(training, "train", train)
    build.run(1)
    assert {path.read_text() for path in build.folder.glob("seed*")} == {"theirs"}


def test_a_failing_training_leaves_no_file(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny.prepared(tmp_path)
    good = training.train
    bad_arch = build.classes[3]

    def failing(arch: object, *arguments: Any, **settings: Any) -> Training:
        if arch == bad_arch:
            raise MemoryError
        return good(arch, *arguments, **settings)

    monkeypatch.setattr(training, "train", failing)
    with pytest.raises(MemoryError):
        build.run(1)
    assert [shard.number for shard in build.missing() if shard.seed == 0] == [3, 4, 5]
    names = {path.name for path in build.folder.iterdir()}
    assert names == {"build.json", "calibration.json", *(f"seed0-000{n}.parquet" for n in range(3))}


def test_a_full_disk_ends_a_build_which_goes_on_when_there_is_room(
    tiny: Any, tmp_path: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny.prepared(tmp_path)
    good = pq.write_table
    written: list[Path] = []

    def filling(table: Any, where: Path, **options: Any) -> None:
        if len(written) == 4:
            where.write_bytes(b"PAR1 as much as there was room for")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(where)
        good(table, where, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", filling)
        with pytest.raises(InvalidArgumentError, match=r"cannot write .*: No space left on device"):
            build.run(1)
    names = {path.name for path in build.folder.iterdir()}
    assert names == {"build.json", "calibration.json", *(f"seed0-000{n}.parquet" for n in range(4))}
    build.run(1)
    assert tiny.content(build, tmp_path / "tiny.parquet") == expected


def test_files_that_may_not_grow_any_further_are_not_there_at_all(
    tiny: Any, tmp_path: Path, expected: str
) -> None:
    build = tiny.prepared(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(
            InvalidArgumentError, match=r"cannot write .*seed0-0000.*File too large"
        ):
            build.run(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in build.folder.iterdir()} == {"build.json", "calibration.json"}
    build.run(1)
    assert tiny.content(build, tmp_path / "tiny.parquet") == expected


def test_a_folder_that_vanishes_is_named_and_begun_anew(
    tiny: Any, tmp_path: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, good = tiny.prepared(tmp_path), training.train

    def train(*arguments: Any, **settings: Any) -> Training:
        shutil.rmtree(build.folder)
        return good(*arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train", train)
        with pytest.raises(BuildError, match="does not exist on "):
            build.run(1)
    again = tiny.built(tmp_path)
    assert again.folder == build.folder
    assert tiny.content(again, tmp_path / "tiny.parquet") == expected


def test_files_of_killed_writers_are_deleted(
    tiny: Any, finished: Build, tmp_path: Path, expected: str
) -> None:
    names = {path.name for path in finished.folder.iterdir()}
    for name in ("seed0-0000.parquet.x1y2", "build.json.z", "calibration.json.a"):
        (finished.folder / f".{name}.nasbench-tmp").write_bytes(b"PAR1 cut")
    again = Build(tiny.plan, finished.folder.parent)
    assert again.missing() == []
    assert {path.name for path in finished.folder.iterdir()} == names
    assert tiny.content(again, tmp_path / "tiny.parquet") == expected


def test_a_damaged_shard_is_named(finished: Build) -> None:
    path = finished.folder / "seed5-0004.parquet"
    whole = path.read_bytes()
    rows = pq.read_table(path).replace_schema_metadata()

    def refused(pattern: str) -> None:
        with pytest.raises(BuildError, match=ADVICE) as raised:
            finished.draft()
        assert pattern in str(raised.value)

    for damaged in (whole[: len(whole) // 2], whole[:-1], b"", b"text", whole[:4] + whole[-4:]):
        path.write_bytes(damaged)
        refused("is damaged")
    pq.write_table(rows.drop_columns("test_loss"), path)
    refused("is damaged (its columns are")
    for name, value in (("train_loss", [[0.5]]), ("status", ["cut"])):
        changed = rows.set_column(rows.schema.get_field_index(name), name, [value])
        changed = changed.cast(rows.schema)
        seal = json.dumps(finished.origin.seal(numbers_hash(changed)))
        pq.write_table(changed.replace_schema_metadata({"made_from": seal}), path)
        refused("is damaged (a curve or status is malformed)")
    loss = pq.read_table(path).schema.get_field_index("train_loss")
    changed = rows.set_column(loss, "train_loss", [[[0.5, 0.25]]]).cast(rows.schema)
    path.write_bytes(whole)
    forged = changed.replace_schema_metadata(pq.read_schema(path).metadata)
    pq.write_table(forged, path)
    refused("is damaged (its numbers do not match their hash)")
    for other in ("seed5-0003.parquet", "seed1-0004.parquet"):
        path.write_bytes((finished.folder / other).read_bytes())
        refused("holds the trainings of another shard")
    path.write_bytes(whole)
    finished.draft()
    path.unlink()
    finished.run(1)
    assert path.read_bytes() == whole


def test_no_flipped_bit_of_a_shard_changes_a_number(tiny: Any, finished: Build) -> None:
    shard = finished.shards[-2]
    path = finished.folder / shard.name
    whole = path.read_bytes()
    numbers = read_shard(shard, tiny.recipe, finished.origin, finished.folder)
    rng = random.Random()
    unharmed = 0
    for _ in range(300):
        bit = rng.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with suppress(BuildError):
            assert read_shard(shard, tiny.recipe, finished.origin, finished.folder).equals(
                numbers
            ), bit
            unharmed += 1
    assert unharmed < 200
