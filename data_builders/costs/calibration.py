"""Training costs on the clock of a table, measured once per machine and never during a build.

A calibration has seconds per unit of a network's cost terms, so that every class gets a time that
no other process has disturbed; :mod:`data_builders.costs.fit` measures it.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from data_builders import NETWORKS
from data_builders.network import Network
from data_builders.origin import Origin
from data_builders.recipe import LATENCY_BATCH, Recipe
from nasbench.column import Column
from nasbench.errors import BuildError
from nasbench.space import Arch
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic, json_digest

_FITS = ("step", "validation", "latency")
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
        fits = {name: _coefficients(document.get(name, ())) for name in _FITS}
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
        terms = amounts(NETWORKS.load(recipe.network), arch)
        if len(terms) != len(self.step):
            raise BuildError(
                f"the calibration has {len(self.step)} terms, {recipe.network!r} has {len(terms)}: "
                "delete calibration.json to measure again"
            )
        return terms


def amounts(network: Network, arch: Arch) -> NDArray[np.float64]:
    """Return the amount of each cost term of an architecture, in the network's order."""
    return np.array(list(network.cost_terms(arch).values()))


def _coefficients(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise ValueError(f"{values} are not seconds")
    return numbers


def _quality(median: float | None, high: float | None) -> str:
    errors = {"median error": median, "90th percentile": high}
    return ", ".join(f"{name} {100 * e:.1f} %" for name, e in errors.items() if e is not None)
