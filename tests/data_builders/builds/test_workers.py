"""Shards are trained on time, by whoever is left, and on clusters as on one machine."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import pytest
from joblib.externals.loky import get_reusable_executor
from processes import descendants, linux

from data_builders.builds import workers
from data_builders.builds.build import Build
from data_builders.builds.shard_files import Shard
from data_builders.builds.workers import LOSSES, Order, train_in_time
from data_builders.origin import Origin
from nasbench.errors import BuildError, MissingExtraError
from nasbench.storage.temporary import lock_beside
from nasbench.tables.table import Table

HOLD = """
import sys, time
from pathlib import Path
from nasbench.storage.locks import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
SLOW = """
import time

from data_builders.networks.lite201 import Lite201


class Slow(Lite201):
    def forward(self, x):
        time.sleep(0.005)
        return super().forward(x)
"""
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import data_builders.builds.build
import data_builders.builds.shards
from data_builders.costs.calibration import Calibration
from data_builders.origin import Origin
from data_builders.plan import load_plan

if __name__ == "__main__":
    backend, folder = sys.argv[1], Path(sys.argv[2])
    plan = load_plan(str(folder / "plan.toml"))
    plan = replace(plan, recipe=replace(plan.recipe, network="slow:Slow"))
    data_builders.builds.build.calibrate = lambda *_: Calibration.load(
        folder / "measured.json", Origin("", {})
    )
    data_builders.builds.shards.SHARD_CLASSES = 1
    build = data_builders.builds.build.Build(plan, folder / "work")
    processes = None if backend == "ray" else 2
    build.run(processes, lambda n: print(n, flush=True), backend=backend)
    build.write(folder / "tiny.parquet")
"""


class Clock:
    """Time that passes only while shards are trained, ``seconds`` each."""

    def __init__(self, seconds: list[float], folder: Path) -> None:
        self.now, self.seconds, self.folder = 1e9, iter(seconds), folder

    def time(self) -> float:
        return self.now

    perf_counter = time

    def train(self, shard: Shard, *_: Any) -> int:
        self.now += next(self.seconds)
        (self.folder / shard.name).touch()
        return len(shard.archs)


@pytest.mark.parametrize(
    ("seconds", "until", "trained"),
    [
        ([10] * 18, 35, 3),
        ([10] * 18, 30.5, 3),
        ([10] * 18, 30, 2),
        ([10, 20, 5, 5], 50, 2),
        ([10, 20, 5, 5], 55.5, 4),
        ([100], 1, 1),
        ([100], 0, 0),
        ([1] * 18, None, 18),
    ],
)
def test_no_shard_is_started_that_is_not_expected_to_end_in_time(
    tiny: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: list[float],
    until: float | None,
    trained: int,
) -> None:
    build = tiny.prepared(tmp_path)
    clock = Clock(seconds, build.folder)
    monkeypatch.setattr(workers, "time", clock)
    monkeypatch.setattr(workers, "train_shard", clock.train)
    monkeypatch.setattr(workers, "_slowest", {})
    monkeypatch.setattr("data_builders.builds.build.time", clock)
    done: list[int] = []
    build.run(1, done.append, until=None if until is None else 1e9 + until)
    assert done == [1] * trained
    assert build.missing() == build.shards[trained:]
    assert until is None or clock.now <= 1e9 + max(until, sum(seconds[:1]))


def test_a_shard_that_somebody_else_has_trained_is_not_trained_again(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny.prepared(tmp_path)
    trained = []

    def train(shard: Shard, *_: Any) -> int:
        trained.append(shard)
        for one in build.missing()[:2]:
            (build.folder / one.name).touch()
        return len(shard.archs)

    monkeypatch.setattr(workers, "train_shard", train)
    done: list[int] = []
    build.run(1, done.append)
    assert trained == build.shards[::2]
    assert done == [1] * 18


def test_builds_in_one_folder_share_the_work(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = [tiny.prepared(tmp_path), tiny.prepared(tmp_path)]
    trained: Counter[str] = Counter()
    both = threading.Barrier(2, timeout=60)

    def train(shard: Shard, *_: Any) -> int:
        if not trained.total():
            trained[shard.name] += 1
            both.wait()
            time.sleep(0.2)
        else:
            trained[shard.name] += 1
        (builds[0].folder / shard.name).touch()
        return 1

    monkeypatch.setattr(workers, "train_shard", train)
    monkeypatch.setattr(Build, "check", lambda *_: None)
    first = threading.Thread(target=builds[0].run, args=(1,))
    first.start()
    both.wait()
    progress: list[int] = []
    builds[1].run(1, progress.append)
    assert not builds[1].missing()
    first.join()
    assert trained == {shard.name: 1 for shard in builds[0].shards}
    assert len(progress) == len(builds[0].shards)
    assert not list(builds[0].folder.glob(".*"))


def test_a_shard_that_a_killed_build_held_is_trained(
    tiny: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    build = tiny.prepared(tmp_path)
    command = [sys.executable, "-c", HOLD, str(lock_beside(build.folder / build.shards[0].name))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        build.run(1, until=time.time() + 600)
        assert build.missing() == build.shards[:1]
        threading.Timer(0.5, holder.kill).start()
        build.run(1)
    assert "waiting for the last shards (1), which other builds train" in caplog.text
    assert not build.missing()


def test_a_worker_without_the_folder_says_so(tiny: Any, tmp_path: Path) -> None:
    build = Build(tiny.plan, tmp_path)
    order = Order(tiny.recipe, tmp_path / "elsewhere", build.manifest)
    with pytest.raises(BuildError, match=r"elsewhere does not exist on .* file system shared by"):
        train_in_time(build.shards[0], order)
    assert not (tmp_path / "elsewhere").exists()


def losing(monkeypatch: pytest.MonkeyPatch, at: list[int]) -> None:
    """Workers are lost after so many shards; afterwards all goes well."""
    whole = joblib.Parallel

    class Losing:
        def __init__(self, *_: Any, **__: Any) -> None:
            self.whole = whole(1, return_as="generator_unordered")

        def __call__(self, tasks: Iterator[Any]) -> Iterator[Any]:
            left = at.pop(0) if at else None
            for n, result in enumerate(self.whole(tasks)):
                if n == left:
                    break
                yield result
            if left is not None:
                raise BrokenProcessPool("a process\nwas terminated")

    monkeypatch.setattr(workers.joblib, "Parallel", Losing)


def test_shards_of_lost_workers_are_trained_again(
    tiny: Any, tmp_path: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny.prepared(tmp_path)
    losing(monkeypatch, [3, 0, 1, 0, 18])
    done: list[int] = []
    build.run(2, done.append)
    assert done == [1] * 18
    assert tiny.content(build, tmp_path / "tiny.parquet") == expected


def test_workers_that_are_lost_again_and_again_end_a_build(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny.prepared(tmp_path)
    losing(monkeypatch, [4, *[0] * LOSSES])
    with pytest.raises(BuildError, match=r"lost repeatedly.* \(a process was terminated\)"):
        build.run(2)
    assert len(build.missing()) == 13  # the fifth was trained, and its result lost


@linux
@pytest.mark.slow
def test_a_killed_process_of_this_machine_is_replaced(
    tiny: Any, tmp_path: Path, expected: str
) -> None:
    build = tiny.prepared(tmp_path)
    get_reusable_executor().shutdown(wait=True)  # then all workers of the build are new
    others = descendants(os.getpid(), "loky.backend.popen_loky")
    killed: list[int] = []

    def kill(_: int) -> None:
        if not killed:
            found = descendants(os.getpid(), "loky.backend.popen_loky")
            killed.append(next(process for process in found if process not in others))
            os.kill(killed[0], signal.SIGKILL)

    build.run(2, kill)
    assert len(killed) == 1
    assert tiny.content(build, tmp_path / "tiny.parquet") == expected


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "process"),
    [
        pytest.param(
            backend,
            process,
            marks=pytest.mark.skipif(find_spec(module) is None, reason=f"needs {module}"),
        )
        for backend, module, process in (
            ("ray", "ray", "ray::_Trainer"),
            ("dask", "distributed", "spawn_main"),
        )
    ],
)
def test_a_cluster_that_loses_a_worker_makes_the_same_table(
    tiny: Any, tmp_path: Path, expected: str, backend: str, process: str
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "program.py").write_text(PROGRAM)
    tiny.save(tmp_path / "plan.toml")
    tiny.calibration.save(tmp_path / "measured.json", Origin("", {}))
    environment = {
        **{name: value for name, value in os.environ.items() if name[:5] not in ("RAY_A", "DASK_")},
        "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "RAY_ADDRESS": "local",
        "RAY_AUTH_MODE": "disabled",
        "RAY_OVERRIDE_RESOURCES": '{"CPU": 4, "GPU": 2}',
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, str(tmp_path / "program.py"), backend, str(tmp_path)]
    with (
        (tmp_path / "errors").open("wb") as errors,
        subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=errors
        ) as program,
    ):
        assert program.stdout
        for _ in range(3):
            while (line := program.stdout.readline()) != b"1\n":  # Ray talks in between
                assert line, (tmp_path / "errors").read_text()
        found = descendants(program.pid, process)
        time.sleep(0.05)
        os.kill(found[0], signal.SIGKILL)
        rest = program.stdout.read()
    assert program.returncode == 0, (tmp_path / "errors").read_text()
    assert len(found) == 2
    assert rest.split(b"\n").count(b"1") == 15  # Ray says on standard output what it lost
    assert Table(tmp_path / "tiny.parquet").metadata.content_hash == expected


@pytest.mark.parametrize(
    ("backend", "address", "begin"),
    [("ray", "RAY_ADDRESS", "ray.init"), ("dask", "DASK_SCHEDULER_ADDRESS", "distributed.Client")],
)
def test_a_cluster_that_does_not_answer_is_an_error(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, address: str,
    begin: str,
) -> None:  # fmt: skip
    pytest.importorskip(begin.partition(".")[0])

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("nobody\nthere")

    monkeypatch.setenv(address, "tcp://127.0.0.1:1")
    monkeypatch.setattr("dask.config.get", lambda *_: "tcp://127.0.0.1:1")
    monkeypatch.setattr(begin, refuse)
    with pytest.raises(BuildError, match=rf"no {backend.title()} .*answers.*: nobody there"):
        tiny.prepared(tmp_path).run(1, backend=backend)


@pytest.mark.parametrize(("backend", "module"), [("ray", "ray"), ("dask", "dask")])
def test_a_backend_that_is_not_installed_is_named(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, module: str
) -> None:
    monkeypatch.delitem(sys.modules, f"data_builders.builds.{backend}_workers", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"--backend {backend} needs '{module}', which is"):
        tiny.prepared(tmp_path).run(1, backend=backend)
