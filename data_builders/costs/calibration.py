"""Training costs on the clock of a table, measured once per machine and never during a build.

A calibration times a sample of classes, one at a time: a training step, a pass over the validation
examples, the answer to a single one. It fits the seconds to the network's cost terms, so that
every class gets a time that no other process has disturbed. Where the terms count live operations,
the fit covers constant + a·MACs + b·bytes, which for one recipe is linear in them, and leaves it to
the device which operations are expensive. :mod:`data_builders.costs.stopwatch` describes the clock.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data_builders import NETWORKS
from data_builders.costs.stopwatch import machine, stopwatch
from data_builders.costs.timing import TIMED, measure
from data_builders.network import Network
from data_builders.origin import Origin
from data_builders.recipe import Recipe
from data_builders.training.course import LATENCY_BATCH, Course
from data_builders.training.devices import one_thread
from nasbench.column import Column
from nasbench.errors import BuildError
from nasbench.space import Arch
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic, json_digest

FOLDS = 10
_SEAL = "made_from"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Fitted seconds, and the errors of the fit.

    Errors are relative and cross-validated: of classes that the fit has not seen. Where there is no
    latency, as in the first tables, they are errors of the fitted classes.

    Attributes:
        step: Seconds of one training step per unit of each cost term, in the network's order.
        validation: The same for one pass over the validation examples.
        step_error: Median error.
        validation_error: Median error.
        classes: Number of timed classes.
        machine: Device, clocks, versions, batch sizes, and how the clock was read.
        latency: Seconds to answer ``LATENCY_BATCH`` examples per unit of each cost term.
        latency_error: Median error.
        step_error_90: 90th percentile of the error.
        validation_error_90: 90th percentile of the error.
        latency_error_90: 90th percentile of the error.
    """

    step: tuple[float, ...]
    validation: tuple[float, ...]
    step_error: float
    validation_error: float
    classes: int
    machine: dict[str, str]
    latency: tuple[float, ...] = ()
    latency_error: float | None = None
    step_error_90: float | None = None
    validation_error_90: float | None = None
    latency_error_90: float | None = None

    def seconds(self, arch: Arch, recipe: Recipe) -> tuple[NDArray[np.float32], float]:
        """Return the training seconds up to the end of each epoch, and those of one validation.

        Args:
            arch: Representative of its class.
            recipe: How it is trained.

        Returns:
            Cumulative seconds, shape ``(epochs,)``, and the seconds of one validation.

        Raises:
            BuildError: The calibration is not for the recipe's network.
        """
        terms = self._terms(arch, recipe)
        epoch = float(terms @ np.array(self.step)) * recipe.steps
        cumulative = (epoch * np.arange(1, recipe.epochs + 1)).astype(np.float32)
        return cumulative, float(terms @ np.array(self.validation))

    def arch_numbers(self, arch: Arch, recipe: Recipe) -> dict[str, float]:
        """Return the latency of an architecture, by column name; empty if it was not timed.

        Args:
            arch: Representative of its class.
            recipe: How it is trained.

        Raises:
            BuildError: The calibration is not for the recipe's network.
        """
        if not self.latency:
            return {}
        seconds = float(self._terms(arch, recipe) @ np.array(self.latency))
        return {self._latency_name: 1000 * seconds}

    def columns(self, terms: Iterable[str]) -> list[Column]:
        """Return descriptions of a run's seconds, and of :meth:`arch_numbers`.

        Args:
            terms: Names of the network's cost terms.
        """
        described: dict[str, tuple[str, float | None, float | None]] = {
            "seconds": (
                "training seconds from the start to the end of the epoch",
                self.step_error,
                self.step_error_90,
            ),
            "validation_seconds": (
                "one pass over the validation data",
                self.validation_error,
                self.validation_error_90,
            ),
        }
        if self.latency:
            described[self._latency_name] = (
                f"answer to a batch of {LATENCY_BATCH}",
                self.latency_error,
                self.latency_error_90,
            )
        fit = f"linear in {', '.join(terms)}, fitted on {self.classes} classes timed alone"
        return [
            Column.of(name, f"{meaning}; {fit}; {_quality(median, high)}")
            for name, (meaning, median, high) in described.items()
        ]

    def save(self, path: Path, origin: Origin, *, first: bool = False) -> None:
        """Write the calibration as JSON, with what it was measured for.

        Args:
            path: The file to write.
            origin: What it was measured for.
            first: Whether a file that is there by then is kept.

        Raises:
            InvalidArgumentError: The file cannot be written.
        """
        document = asdict(self)
        with atomic(path, first=first) as temporary:
            seal = origin.seal(json_digest(document))
            temporary.write_text(json.dumps(document | {_SEAL: seal}, indent=1))

    @classmethod
    def load(cls, path: Path, origin: Origin) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            BuildError: The file is damaged, was edited, or belongs to another build.
        """
        advice = "delete it to measure again"
        try:
            document: dict[str, Any] = read_json(path)
            said = document.pop(_SEAL, None)
            refusal = origin.refusal(said, json_digest(document))
            found = cls.decode(document)
        except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise BuildError(f"{path} is damaged ({error}): {advice}") from error
        if refusal:
            raise BuildError(f"{path} {refusal}: {advice}")
        return found

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> Self:
        """Read the calibration that a table says in its recipe, also one without a latency.

        Raises:
            ValueError: A number is impossible, or the fits do not match.
            TypeError: Something is missing, unknown or of another type.
        """
        fits = {name: _coefficients(document.get(name, ())) for name in TIMED}
        n_terms = {len(fit) for name, fit in fits.items() if fit or name != "latency"}
        if len(n_terms) > 1 or 0 in n_terms:
            raise ValueError(f"fits of {sorted(n_terms)} terms")
        errors = {
            name: _coefficients([value])[0]
            for name, value in document.items()
            if "_error" in name and value is not None
        }
        facts = document.get("machine", {})
        if type(document.get("classes", 0)) is not int or not (
            isinstance(facts, dict) and all(isinstance(text, str) for text in facts.values())
        ):
            raise ValueError("classes must be an integer, machine an object of texts")
        return cls(**{**document, **fits, **errors})

    @property
    def _latency_name(self) -> str:
        return f"latency_{'gpu' if self.machine.get('device') == 'cuda' else 'cpu'}_ms"

    def _terms(self, arch: Arch, recipe: Recipe) -> NDArray[np.float64]:
        terms = _amounts(NETWORKS.load(recipe.network), arch)
        if len(terms) != len(self.step):
            raise BuildError(
                f"the calibration has {len(self.step)} terms, {recipe.network!r} has {len(terms)}: "
                "delete calibration.json to measure again"
            )
        return terms


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
    terms = np.array([_amounts(network, arch) for arch in archs])
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
    sizes = {arch: float(_amounts(network, arch).sum()) for arch in classes}
    smallest = min(sizes.values())
    return sorted({*drawn, *(arch for arch, size in sizes.items() if size == smallest)})


def _amounts(network: Network, arch: Arch) -> NDArray[np.float64]:
    return np.array(list(network.cost_terms(arch).values()))


def _coefficients(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise ValueError(f"{values} are not seconds")
    return numbers


def _quality(median: float | None, high: float | None) -> str:
    errors = {"median error": median, "90th percentile": high}
    return ", ".join(f"{name} {100 * e:.1f} %" for name, e in errors.items() if e is not None)


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
