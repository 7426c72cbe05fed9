"""Clocks: what they count, on a processor that others use and on a GPU."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from data_builders.costs import stopwatch as module
from data_builders.costs.stopwatch import Work, machine, stopwatch
from nasbench.errors import InvalidArgumentError

CPUINFO = """processor\t: 0
model name\t: A Processor 9000 @ 3.00GHz
cpu MHz\t\t: 2999.998

processor\t: 1
model name\t: Another
"""


@pytest.fixture
def _fake_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays take 3 ms each; events know the time."""
    now = 0.0

    class Captured:
        def __init__(self, step: Work, inputs: tuple[()], state: tuple[()], owner: object) -> None:
            assert owner is step
            step()

        def __call__(self) -> None:
            nonlocal now
            now += 3.0

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing
            self.time: float | None = None
            self.waited = False

        def record(self) -> None:
            self.time = now

        def synchronize(self) -> None:
            self.waited = True

        def elapsed_time(self, end: "Event") -> float:
            assert end.waited
            assert self.time is not None
            assert end.time is not None
            return end.time - self.time

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(module, "CapturedStep", Captured)


def test_waiting_costs_no_processor_time_and_work_does() -> None:
    prepare = stopwatch("cpu").prepare

    def busy() -> None:
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    assert prepare(lambda: time.sleep(0.05))() < 0.02
    clock = prepare(busy)
    assert min(clock() for _ in range(3)) == pytest.approx(0.05, rel=0.2)


@pytest.mark.usefixtures("one_thread")
def test_a_training_step_runs_in_the_timed_thread() -> None:
    """Otherwise the time of the thread would not be that of the step."""
    weight = torch.randn(400, 400, requires_grad=True)

    def work() -> None:
        (weight @ weight @ weight).sum().backward()

    clock = stopwatch("cpu").prepare(work)
    clock()
    start = time.process_time()
    seconds = sum(clock() for _ in range(20))
    everything = time.process_time() - start
    assert seconds == pytest.approx(everything, rel=0.2)


def test_the_least_disturbed_repeat_counts_on_a_cpu() -> None:
    assert stopwatch("cpu").estimate([3.0, 1.0, 9.0]) == 1.0


@pytest.mark.usefixtures("_fake_gpu")
def test_replays_are_timed_between_events() -> None:
    runs = 0

    def work() -> None:
        nonlocal runs
        runs += 1

    watch = stopwatch("cuda")
    clock = watch.prepare(work)
    assert [clock(), clock()] == pytest.approx([0.003, 0.003])
    assert runs == 1
    assert watch.rounds >= 20
    assert watch.estimate([3.0, 1.0, 9.0]) == 3.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_timed() -> None:
    """Ten times the work takes between 5 and 20 times as long."""
    matrix = torch.randn(4096, 4096, device="cuda") / 64
    watch = stopwatch("cuda")

    def times(n: int) -> Callable[[], None]:
        def work() -> None:
            y = matrix
            for _ in range(n):
                y = y @ matrix

        return work

    clocks = [watch.prepare(times(n)) for n in (2, 20)]
    few, many = (watch.estimate([clock() for _ in range(watch.rounds)]) for clock in clocks)
    assert 5 < many / few < 20
    facts = machine("cuda")
    assert facts["gpu"]
    assert facts["cuda"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match="finds no GPU; possible is 'cpu'"):
        stopwatch("cuda")


def test_another_device_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match=r"device = 'cda'.*'cuda'"):
        stopwatch("cda")


def test_the_machine_says_what_it_is(tmp_path: Path) -> None:
    facts = machine("cpu")
    assert facts["device"] == "cpu"
    assert facts["torch"] == torch.__version__
    assert facts["threads"] == str(torch.get_num_threads())
    assert all(facts.values())
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO)
    assert module._cpu("model name", path) == "A Processor 9000 @ 3.00GHz"
    assert module._cpu("cpu MHz", path) == "2999.998"
    assert module._cpu("vendor", path) == ""
    assert module._cpu("model name", tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "echo '1980, 1980, 3201, 550.54.15'",
            {"gpu_mhz": "1980", "gpu_max_mhz": "1980", "gpu_memory_mhz": "3201"}
            | {"driver": "550.54.15"},
        ),
        ("exit 9", {}),
        (None, {}),
    ],
)
def test_clocks_of_a_gpu_are_asked_of_its_driver(
    script: Any, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script:
        (tmp_path / "nvidia-smi").write_text(f'#!/bin/sh\n[ "$1" = --id=GPU-7 ] && {script}\n')
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module._gpu("GPU-7") == expected
