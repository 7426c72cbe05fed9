"""The works that a calibration times: step, validation and prediction of one architecture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_builders.costs.stopwatch import Stopwatch
from data_builders.training.course import Course
from nasbench.space import Arch

TIMED = {"step": 5, "validation": 1, "latency": 5}
"""Repeats of each work per round; several repeats are preceded by an untimed one."""


def measure(archs: Sequence[Arch], course: Course, watch: Stopwatch) -> NDArray[np.float64]:
    """Return the seconds of a training step, validation and prediction, shape ``(n_archs, 3)``."""
    works = course.works(watch.device)
    seconds: list[list[list[float]]] = [[[] for _ in TIMED] for _ in archs]
    n = len(archs) if watch.interleaved else 1
    for i in range(0, len(archs), n):
        clocks = [[watch.prepare(work) for work in works(arch)] for arch in archs[i : i + n]]
        for _ in range(watch.rounds):
            for of_arch, found in zip(clocks, seconds[i : i + n], strict=True):
                for once, repeats, times in zip(of_arch, TIMED.values(), found, strict=True):
                    if repeats > 1:
                        once()
                    times += [once() for _ in range(repeats)]
    return np.array([[watch.estimate(times) for times in found] for found in seconds])
