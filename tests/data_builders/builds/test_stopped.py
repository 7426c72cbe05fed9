"""``nasbench build`` that is asked to end, or killed, ends with all of its workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from processes import descendants, linux, wait_until_ended

from data_builders.builds import shards
from data_builders.builds.build import Build
from data_builders.builds.shard_files import read_shard
from data_builders.plan import Plan, load_plan
from nasbench.tables.table import Table

SITE = """
import importlib.util
import sys
import time


def make_slow(lite201):
    forward = lite201.Lite201.forward

    def slow(network, x):
        time.sleep(0.04)
        return forward(network, x)

    lite201.Lite201.forward = slow


def make_small(shards):
    shards.SHARD_CLASSES = 8


CHANGES = {
    "data_builders.networks.lite201": make_slow,
    "data_builders.builds.shards": make_small,
}


class Changed:
    def find_spec(self, name, path, target=None):
        change = CHANGES.pop(name, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_changed(module):
            load(module)
            change(module)

        spec.loader.exec_module = load_changed
        return spec


sys.meta_path.insert(0, Changed())
"""
"""In every process, the network waits and shards are small."""
BACKENDS = {
    "loky": ("joblib", "popen_loky"),
    "dask": ("distributed", "spawn_main"),
    "ray": ("ray", "ray::_Trainer"),
}
Start: TypeAlias = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def plan(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Six shards, every second of one class, of a slow network; the times are there."""
    monkeypatch.setattr(shards, "SHARD_CLASSES", 8)
    (tmp_path / "sitecustomize.py").write_text(SITE)
    text = tiny.save(tmp_path / "plan.toml").read_text()
    for old, new in (
        ("architectures = 6", "architectures = 9"), ("[0, 1, 5]", "[0, 1, 2]"),
    ):  # fmt: skip
        text = text.replace(old, new)
    (tmp_path / "plan.toml").write_text(text)
    made = load_plan(str(tmp_path / "plan.toml"))
    tiny.prepared(tmp_path / "work", made)
    return made


@pytest.fixture
def start(tmp_path: Path, plan: Plan) -> Start:
    """Start ``nasbench build``, and wait until it has written a shard."""
    names = {
        name: value for name, value in os.environ.items() if name[:5] not in ("RAY_A", "DASK_")
    }
    environment = names | {
        "NASBENCH_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "RAY_ADDRESS": "local",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }

    def run(backend: str = "loky") -> "subprocess.Popen[bytes]":
        words = ("build", "plan.toml", "--processes", "2", "--backend", backend)
        return subprocess.Popen(
            [sys.executable, "-m", "nasbench", *words],
            cwd=tmp_path, env=environment, stderr=subprocess.PIPE,
        )  # fmt: skip

    return run


def wait_for_a_shard(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    while not list(folder.glob("work/*/seed*")):
        assert process.poll() is None
        time.sleep(0.05)


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "number"),
    [
        pytest.param(
            name, number, marks=pytest.mark.skipif(find_spec(m) is None, reason=f"needs {m}")
        )
        for name, (m, _) in BACKENDS.items()
        for number in (signal.SIGTERM, signal.SIGKILL)
        if (name, number) != ("ray", signal.SIGKILL)  # of which Ray takes care, in a minute
    ],
)
def test_workers_end_with_the_build(
    plan: Plan, start: Start, tmp_path: Path, backend: str, number: int
) -> None:
    with start(backend) as process:
        wait_for_a_shard(tmp_path, process)
        workers = descendants(process.pid, BACKENDS[backend][1])
        process.send_signal(number)
        assert process.stderr
        said = process.stderr.read().decode()
    assert process.returncode == (143 if number == signal.SIGTERM else -number)
    assert workers
    assert wait_until_ended(workers) == []
    if number == signal.SIGTERM:
        words = "interrupted by SIGTERM; the same command resumes what can be resumed"
        assert said.splitlines()[-1] == f"error: {words}"
        assert "Traceback" not in said
    build = Build(plan, tmp_path / "work")
    for shard in {*build.shards} - {*build.missing()}:
        read_shard(shard, plan.recipe, build.origin, build.folder)
    assert not list(build.folder.glob(".*"))


@linux
@pytest.mark.slow
def test_a_build_beside_one_that_is_stopped_goes_on(
    tiny: Any, plan: Plan, start: Start, tmp_path: Path
) -> None:
    with start() as stopped, start() as other:
        wait_for_a_shard(tmp_path, stopped)
        stopped.terminate()
        assert stopped.wait() == 143
        _, said = other.communicate()
    assert other.returncode == 0, said.decode()
    table = Table(tmp_path / "home/tiny.parquet")
    table.check()
    path = tmp_path / "alone/tiny.parquet"
    tiny.built(tmp_path / "alone", plan).write(path)
    assert Table(path).metadata.content_hash == table.metadata.content_hash
