"""Calibrations: time a sample of classes, one at a time, and fit the seconds to the cost terms.

Timed are a training step, a pass over the validation examples and the answer to a single one. Where
the terms count live operations, the fit covers constant + a·MACs + b·bytes, which for one recipe is
linear in them, and leaves it to the device which operations are expensive.
:mod:`data_builders.costs.stopwatch` describes the clock.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_builders import NETWORKS
from data_builders.costs.calibration import Calibration, amounts
from data_builders.costs.stopwatch import machine, stopwatch
from data_builders.costs.timing import measure
from data_builders.network import Network
from data_builders.recipe import LATENCY_BATCH
from data_builders.training.course import Course
from data_builders.training.devices import one_thread
from nasbench.space import Arch

FOLDS = 10


def calibrate(archs: Sequence[Arch], course: Course, device: str = "cpu") -> Calibration:
    """Time every architecture alone and fit the costs.

    Args:
        archs: Trainable architectures of different cost, from :func:`timed_sample`.
        course: How they are trained.
        device: ``"cpu"``, which uses one thread, or ``"cuda"``.

    Raises:
        InvalidArgumentError: The device is unknown or absent.
    """
    watch = stopwatch(device)
    with one_thread():
        times = measure(archs, course, watch)
        facts = machine(device)
    recipe = course.recipe
    network: Network = NETWORKS.load(recipe.network)
    terms = np.array([amounts(network, arch) for arch in archs])
    step, validation, latency = (_fit(terms, column) for column in times.T)
    return Calibration(
        step=step[0],
        validation=validation[0],
        latency=latency[0],
        step_error=step[1],
        validation_error=validation[1],
        latency_error=latency[1],
        step_error_90=step[2],
        validation_error_90=validation[2],
        latency_error_90=latency[2],
        classes=len(archs),
        machine=facts
        | {
            "timed": watch.method,
            "rounds": str(watch.rounds),
            "precision": "float32",
            "batch": str(recipe.batch),
            "validation_batch": str(recipe.valid),
            "latency_batch": str(LATENCY_BATCH),
        },
    )


def timed_sample(network: Network, drawn: Sequence[Arch], classes: Sequence[Arch]) -> list[Arch]:
    """Return the drawn classes plus the smallest of all, which alone pin the fit's constant.

    Args:
        network: Class of the network.
        drawn: A random sample of classes.
        classes: All trainable classes.
    """
    sizes = {arch: float(amounts(network, arch).sum()) for arch in classes}
    smallest = min(sizes.values())
    return sorted({*drawn, *(arch for arch, size in sizes.items() if size == smallest)})


def _fit(
    terms: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[tuple[float, ...], float, float]:
    """Return coefficients, and median and 90th percentile of the relative error of new classes."""
    fold = np.random.default_rng(0).permutation(len(times)) % min(FOLDS, len(times))
    errors = np.empty(len(times))
    for held in set(fold.tolist()):
        known = fold != held
        predicted = terms[~known] @ _least_squares(terms[known], times[known])
        errors[~known] = np.abs(predicted / times[~known] - 1)
    coefficients = tuple(float(f"{c:.6g}") for c in _least_squares(terms, times))
    return coefficients, float(np.median(errors)), float(np.quantile(errors, 0.9))


def _least_squares(terms: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the non-negative coefficients that minimise the squared relative error."""
    from scipy.optimize import nnls

    coefficients: NDArray[np.float64] = nnls(terms / times[:, None], np.ones(len(times)))[0]
    return coefficients
