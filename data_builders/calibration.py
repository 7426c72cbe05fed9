"""What a training costs on the clock of the table: measured once a machine, never taken from the build itself.

A sample of classes is timed alone, on one thread. Seconds of a training step and of a validation are fitted on
the numbers of live operations, so that every class gets a time that no other process has disturbed.
"""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from data_builders import training
from data_builders.datasets import Split
from data_builders.recipe import Recipe
from nasbench.errors import BuildError
from nasbench.files import atomic
from nasbench.space import Arch
from nasbench.spaces.nb201 import CONV1, CONV3, POOL, SKIP, live_edges

TERMS = (
    "network",
    "live skip_connect",
    "live nor_conv_1x1",
    "live nor_conv_3x3",
    "live avg_pool_3x3",
)
_REPEATS = 9


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted seconds, and how well they fit.

    Attributes:
        step: Coefficients of the seconds of one training step, one for each of :data:`TERMS`.
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
        """Seconds from the start to the end of every epoch, shape ``(epochs,)``, and of one validation."""
        terms = _terms(arch)
        epoch = float(terms @ np.array(self.step)) * recipe.steps
        return (epoch * np.arange(1, recipe.epochs + 1)).astype(np.float32), float(
            terms @ np.array(self.validation)
        )

    def save(self, path: Path) -> None:
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            BuildError: The file is damaged.
        """
        try:
            document: dict[str, Any] = json.loads(path.read_text())
            document |= {name: tuple(document[name]) for name in ("step", "validation")}
            return cls(**document)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BuildError(f"{path} is damaged ({error}): delete it to measure again") from error


def calibrate(archs: list[Arch], recipe: Recipe, split: Split) -> Calibration:
    """Time every architecture alone on one thread and fit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = np.array([_times(arch, recipe, split) for arch in archs])
    finally:
        torch.set_num_threads(threads)
    terms = np.array([_terms(arch) for arch in archs])
    (step, step_error), (validation, validation_error) = (_fit(terms, times[:, i]) for i in (0, 1))
    machine = {
        "processor": platform.processor() or platform.machine(),
        "threads": "1",
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
    return Calibration(step, validation, step_error, validation_error, len(archs), machine)


def _terms(arch: Arch) -> NDArray[np.float64]:
    live = [option for option, is_live in zip(arch, live_edges(arch), strict=True) if is_live]
    return np.array([1.0, *(live.count(option) for option in (SKIP, CONV1, CONV3, POOL))])


def _times(arch: Arch, recipe: Recipe, split: Split) -> tuple[float, float]:
    """Median seconds of one training step and of one validation."""
    data = training.tensors(split)
    network = training.build_network(arch, recipe, split)
    training.initialise(network, arch, 0)
    sgd = training.optimizer(network, recipe)
    x, y = data["train"].x[: recipe.batch], data["train"].y[: recipe.batch]

    def one_step() -> None:
        loss = F.cross_entropy(network(x), y)
        sgd.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        sgd.step()

    def seconds(action: Any) -> float:
        start = perf_counter()
        action()
        return perf_counter() - start

    one_step()
    steps = [seconds(one_step) for _ in range(_REPEATS)]
    training.evaluate(network, data["valid"])
    validations = [seconds(lambda: training.evaluate(network, data["valid"])) for _ in range(3)]
    return median(steps), median(validations)


def _fit(terms: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
    """Non-negative least squares of the relative error, and the median of that error."""
    from scipy.optimize import nnls

    coefficients, _ = nnls(terms / times[:, None], np.ones(len(times)))
    error = float(np.median(np.abs(terms @ coefficients / times - 1)))
    return tuple(float(f"{c:.6g}") for c in coefficients), error
