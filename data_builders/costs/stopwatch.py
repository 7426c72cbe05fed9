"""Seconds of a piece of work on one device, free of what else the machine does as far as possible.

On a CPU the processor time of one thread is taken, the least of all repeats: other processes make
a piece of work slower (they take the processor away, and the caches with it), never faster, so the
least is the repeat that was disturbed least. ``docs/costs.md`` compares it with the median and with
the wall clock. On a GPU, which a calibration has for itself, it is the median time between two
events around the replay of a CUDA graph: no launch is waited for.
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

from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.reference import check_device

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """How to time on a device.

    Attributes:
        device: As PyTorch names it.
        rounds: How often everything is timed.
        interleaved: Whether all take part in every round, so that a disturbance of some seconds
            falls on a few repeats of each and not on all repeats of one. If not, one after another
            is prepared and timed, in the memory of one.
        prepare: Makes of some work a function that does it once and returns its seconds.
        estimate: One number for the seconds of all repeats.
        method: Both in words.
    """

    device: str
    rounds: int
    interleaved: bool
    prepare: Callable[[Work], Callable[[], float]]
    estimate: Callable[[Sequence[float]], float]
    method: str


def stopwatch(device: str) -> Stopwatch:
    """How to time on ``"cpu"`` or ``"cuda"``.

    Raises:
        InvalidArgumentError: Another device, or CUDA where there is none.
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
    """Names, clocks in MHz and versions, those that the system tells."""
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
        captured()  # the one that is timed is launched while this one runs
        start.record()
        captured()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000

    return once


def _tf32() -> bool:
    """Whether convolutions of float32 may round their inputs to TF32."""
    with warnings.catch_warnings():  # some versions of PyTorch announce a new name for it
        warnings.simplefilter("ignore")
        return torch.backends.cudnn.allow_tf32


def _cpu(name: str, path: Path = Path("/proc/cpuinfo")) -> str:
    """A property of the first processor as Linux tells it; empty elsewhere."""
    text = path.read_text() if path.exists() else ""
    found = re.search(rf"^{name}\s*:\s*(.+?)\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def _gpu(uuid: str) -> dict[str, str]:
    """Clocks in MHz of this moment, and the driver; empty where ``nvidia-smi`` does not answer."""
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
