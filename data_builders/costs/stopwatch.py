"""Time a piece of work on one device, with as little influence of other processes as possible.

On a CPU, the time is the processor time of one thread, the least over all repeats. Other processes
can only slow a repeat down, by taking the processor away and the caches with it; so the least is
the repeat that was disturbed least. ``docs/costs.md`` compares it with the median and with the wall
clock. On a GPU, which a calibration has for itself, it is the median time between two events around
the replay of a CUDA graph, which waits for no launch.
"""

import platform
import re
import subprocess
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import thread_time

import numpy as np
import torch

from data_builders.training.course import Work
from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.devices import check_device


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """How to time on a device.

    Attributes:
        device: Name of the device in PyTorch.
        rounds: How often to time everything.
        interleaved: Whether each round times all works, so that a disturbance of some seconds hits
            a few repeats of each work and not all repeats of one. Otherwise each work is prepared
            and timed alone, in the memory of one.
        prepare: Turns a work into a function that does it once and returns its seconds.
        estimate: Reduces the seconds of all repeats to one number.
        method: Description of both.
    """

    device: str
    rounds: int
    interleaved: bool
    prepare: Callable[[Work], Callable[[], float]]
    estimate: Callable[[Sequence[float]], float]
    method: str


def stopwatch(device: str) -> Stopwatch:
    """Return how to time on ``"cpu"`` or ``"cuda"``.

    Raises:
        InvalidArgumentError: The device is another one, or CUDA is not available.
    """
    check_device(device)
    if device == "cpu":
        return Stopwatch(device, 7, True, _processor_time, min, "least processor time of a thread")
    return Stopwatch(
        device,
        20,
        False,
        _graph_time,
        lambda seconds: float(np.median(seconds)),
        "median time of a CUDA graph",
    )


def machine(device: str) -> dict[str, str]:
    """Return names, clocks in MHz and versions of a machine, as far as the system reports them."""
    facts = {
        "device": device,
        "processor": _cpu("model name") or platform.processor() or platform.machine(),
        "processor_mhz": _cpu("cpu MHz"),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties()
        facts |= {
            "gpu": properties.name,
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
            "tf32_convolutions": str(_tf32()),
        } | _gpu(f"GPU-{properties.uuid}")
    return {name: fact for name, fact in facts.items() if fact}


def _processor_time(work: Work) -> Callable[[], float]:
    def once() -> float:
        start = thread_time()
        work()
        return thread_time() - start

    return once


def _graph_time(work: Work) -> Callable[[], float]:
    captured = CapturedStep(work, (), (), owner=work)
    start, end = (
        torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        for _ in range(2)
    )

    def once() -> float:
        captured()  # while this one runs, the timed one is launched
        start.record()
        captured()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000

    return once


def _tf32() -> bool:
    """Return whether float32 convolutions may round their inputs to TF32."""
    with warnings.catch_warnings():  # some versions of PyTorch announce that it gets a new name
        warnings.simplefilter("ignore")
        return torch.backends.cudnn.allow_tf32


def _cpu(name: str, path: Path = Path("/proc/cpuinfo")) -> str:
    """Return a property of the first processor, as Linux reports it; empty elsewhere."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.search(rf"^{name}\s*:\s*(.+?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def _gpu(uuid: str) -> dict[str, str]:
    """Return current clocks in MHz and the driver; empty if ``nvidia-smi`` does not answer."""
    names = {
        "clocks.sm": "gpu_mhz",
        "clocks.max.sm": "gpu_max_mhz",
        "clocks.mem": "gpu_memory_mhz",
        "driver_version": "driver",
    }
    command = ["nvidia-smi", f"--id={uuid}", f"--query-gpu={','.join(names)}"]
    try:
        answer = subprocess.run(
            [*command, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(names.values(), map(str.strip, answer.split(",")), strict=False))
