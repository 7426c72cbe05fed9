"""What a training costs on the clock of the table: measured once a machine, never during a build.

A sample of classes is timed alone, on one thread. Seconds of a training step and of a validation
are fitted on the network's cost terms (numbers of live operations), so that every class gets a time
that no other process has disturbed.
"""

import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from data_builders import NETWORKS, training
from data_builders.datasets import Split
from data_builders.networks import Network
from data_builders.recipe import Recipe
from nasbench.errors import BuildError
from nasbench.files import atomic
from nasbench.space import Arch

ROUNDS = 7
STEPS_A_ROUND = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted seconds, and how well they fit.

    Attributes:
        step: Seconds of one training step a unit of every cost term, in the network's order.
        validation: The same for one pass over the validation images.
        step_error: Median relative error of the fit on the timed classes.
        validation_error: The same for the validation.
        classes: Number of timed classes.
        machine: Processor, threads, versions.
    """

    step: tuple[float, ...]
    validation: tuple[float, ...]
    step_error: float
    validation_error: float
    classes: int
    machine: dict[str, str]

    def seconds(self, arch: Arch, recipe: Recipe) -> tuple[NDArray[np.float32], float]:
        """Training seconds from the start to the end of every epoch, and those of one validation.

        Args:
            arch: Representative of its class.
            recipe: How it is trained.

        Returns:
            Cumulative seconds, shape ``(epochs,)``, and a number.

        Raises:
            BuildError: The calibration is not one of the recipe's network.
        """
        terms = _amounts(NETWORKS.load(recipe.network), arch)
        if len(terms) != len(self.step):
            raise BuildError(
                f"the calibration has {len(self.step)} terms, {recipe.network!r} has {len(terms)}: "
                "delete calibration.json to measure again"
            )
        epoch = float(terms @ np.array(self.step)) * recipe.steps
        cumulative = (epoch * np.arange(1, recipe.epochs + 1)).astype(np.float32)
        return cumulative, float(terms @ np.array(self.validation))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            BuildError: The file is damaged.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
            document |= {name: _coefficients(document[name]) for name in ("step", "validation")}
            document |= {n: float(document[n]) for n in ("step_error", "validation_error")}
            calibration = cls(**document)
            if len(calibration.step) != len(calibration.validation):
                raise ValueError("step and validation have different numbers of terms")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BuildError(f"{path} is damaged ({error}): delete it to measure again") from error
        return calibration


def calibrate(archs: Sequence[Arch], recipe: Recipe, split: Split) -> Calibration:
    """Time every architecture alone on one thread and fit.

    Args:
        archs: Architectures of different cost that train, from :func:`timed_sample`.
        recipe: How they are trained.
        split: The images.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = measure(archs, recipe, split)
    finally:
        torch.set_num_threads(threads)
    network: Network = NETWORKS.load(recipe.network)
    terms = np.array([_amounts(network, arch) for arch in archs])
    (step, step_error), (validation, validation_error) = (_fit(terms, times[:, i]) for i in (0, 1))
    machine = {
        "processor": platform.processor() or platform.machine(),
        "threads": "1",
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
    return Calibration(step, validation, step_error, validation_error, len(archs), machine)


def timed_sample(network: Network, drawn: Sequence[Arch], classes: Sequence[Arch]) -> list[Arch]:
    """The drawn classes and the smallest ones of all, which alone pin the constant of the fit.

    Args:
        network: Class of the network.
        drawn: A random sample of classes.
        classes: All classes that train.
    """
    sizes = {arch: float(_amounts(network, arch).sum()) for arch in classes}
    smallest = min(sizes.values())
    return sorted({*drawn, *(arch for arch, size in sizes.items() if size == smallest)})


def measure(archs: Sequence[Arch], recipe: Recipe, split: Split) -> NDArray[np.float64]:
    """Median seconds of one training step and of one validation, shape ``(n_archs, 2)``.

    All architectures take part in every round, so that a disturbance of some seconds falls on a few
    repeats of each and not on all repeats of one.
    """
    data = training.tensors(split)
    x, y = data["train"].x[: recipe.batch], data["train"].y[: recipe.batch]
    networks = [training.build_network(arch, recipe, split) for arch in archs]
    optimizers = [training.optimizer(network, recipe) for network in networks]
    steps: list[list[float]] = [[] for _ in archs]
    validations: list[list[float]] = [[] for _ in archs]
    for _ in range(ROUNDS):
        for i, (network, sgd) in enumerate(zip(networks, optimizers, strict=True)):
            # Rate 0 keeps the weights: no overflow, no denormal numbers, whatever the recipe.
            training.step(network, sgd, x, y, 0.0)
            for _ in range(STEPS_A_ROUND):
                start = perf_counter()
                training.step(network, sgd, x, y, 0.0)
                steps[i].append(perf_counter() - start)
            start = perf_counter()
            training.evaluate(network, data["valid"])
            validations[i].append(perf_counter() - start)
    return np.stack([np.median(steps, axis=1), np.median(validations, axis=1)], axis=1)


def _amounts(network: Network, arch: Arch) -> NDArray[np.float64]:
    return np.array(list(network.cost_terms(arch).values()))


def _coefficients(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise ValueError(f"{values} are no seconds")
    return numbers


def _fit(terms: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
    """Non-negative least squares of the relative error, and the median of that error."""
    from scipy.optimize import nnls

    coefficients, _ = nnls(terms / times[:, None], np.ones(len(times)))
    error = float(np.median(np.abs(terms @ coefficients / times - 1)))
    return tuple(float(f"{c:.6g}") for c in coefficients), error
