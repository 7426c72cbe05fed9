"""What answers inside a surrogate benchmark: compressed curves, regressors, noise, seconds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import Regressor, read_arrays, write_arrays
from nasbench.space import SearchSpace
from nasbench.splitmix import mix
from surrogates import REGRESSORS
from surrogates.compression import Compression
from surrogates.examples import Examples
from surrogates.noise import Noise

_FOLDS = 3
_ONE_STD = 0.6827
_WIDEST, _HALVINGS = 64.0, 40
_SECONDS = ("seconds", "validation_seconds")


class Answers(NamedTuple):
    """What a predictor says of ``n`` architectures, ``v`` values each.

    Attributes:
        values: Means over all possible trainings, shape ``(n, v)``.
        std: Standard deviation of the error of ``values`` that is to be expected, shape ``(n, v)``.
        seconds: Seconds up to each epoch, shape ``(n, e)``; None if not learned.
        validation_seconds: Seconds of one validation, shape ``(n,)``; None if not learned.
    """

    values: NDArray[np.float64]
    std: NDArray[np.float64]
    seconds: NDArray[np.float64] | None
    validation_seconds: NDArray[np.float64] | None


class Predictor:
    """Curves of every metric at once, and what they cost.

    What is minimised and positive, such as losses, is learned on a logarithmic scale. The vectors
    of examples are compressed to a few coefficients, each learned by a regressor of its own;
    logarithms of the whole seconds by another, with one share of them for each epoch, so that
    seconds never fall. Metrics are put on one scale before the compression.

    Args:
        space: The search space.
        regressor: Registered name.
        hyperparameters: All of them.
        components: How many coefficients a vector is compressed to, at most.
        level: Which of the values says how good an architecture is; the noise depends on it.
        seed: Seed of the fit.
    """

    def __init__(
        self,
        space: SearchSpace,
        regressor: str,
        hyperparameters: Mapping[str, Any],
        *,
        components: int,
        level: int,
        seed: int = 0,
    ) -> None:
        if components < 1:
            raise InvalidArgumentError(f"components = {components} must be at least 1")
        self.space = space
        self.regressor = regressor
        self.hyperparameters = dict(hyperparameters)
        self.components = components
        self.level = level
        self.seed = seed

    @property
    def family(self) -> str:
        """Kind of model of the regressor."""
        return self._make(0).family

    def fit(self, examples: Examples) -> Self:
        """Learn from examples.

        The uncertainty is scaled to the errors of held-out predictions. Where no architecture was
        trained twice, these also stand in for the noise, which then contains errors of the
        regressor.

        Raises:
            InvalidArgumentError: Too few examples, or nothing in which they differ.
        """
        self.logged = _logged(examples)
        examples = replace(examples, runs=self._inner(examples.runs))
        means = examples.means
        spread = means.std(axis=0).reshape(len(examples.columns), -1).max(axis=1)
        if not spread.any():
            raise InvalidArgumentError(
                f"all {len(examples)} architectures have equal values: there is nothing to learn"
            )
        spread[spread == 0] = 1.0
        self.scale = np.repeat(spread, len(examples.epochs))
        vectors = means / self.scale
        self.compression = Compression.fit(vectors, self.components)
        coefficients = self.compression.encode(vectors)
        self._curves = [
            self._make(i).fit(examples.archs, column) for i, column in enumerate(coefficients.T)
        ]
        self._fit_seconds(examples)
        self._fit_noise(examples, means)
        return self

    def predict(self, archs: NDArray[np.integer], *, seconds: bool = True) -> Answers:
        """What is expected of architectures.

        Args:
            archs: Canonical ones, shape ``(n, d)``.
            seconds: Whether to predict seconds too.
        """
        known = self._costs if seconds else {}
        regressors = [*self._curves, *known.values()]
        predictions = type(regressors[0]).predict_members(regressors, archs)
        curves = predictions[: len(self._curves)]
        coefficients, std = (np.stack(part, axis=1) for part in zip(*curves, strict=True))
        costs = [prediction.mean for prediction in predictions[len(curves) :]]
        learned = dict(zip(known, costs, strict=True))
        totals, validation = (
            np.exp(learned.get(name, np.full(len(archs), typical)))
            if seconds and np.isfinite(typical)
            else None
            for name, typical in zip(_SECONDS, self.typical.tolist(), strict=True)
        )
        values = self._outer(self.compression.decode(coefficients) * self.scale)
        deviations = np.hypot(self.compression.spread(std) * self.factor, self.floor) * self.scale
        return Answers(
            values,
            np.where(self.logged, values * deviations, deviations),
            None if totals is None else totals[:, None] * self.shares,
            validation,
        )

    def noise_std(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation between trainings of ``n`` architectures, shape ``(n, v)``."""
        std: NDArray[np.float64] = self.noise.std(self._inner(values)[:, self.level]) * self.scale
        return np.where(self.logged, values * std, std)

    def draw(self, values: NDArray[np.float64], rank: int, seed: int) -> NDArray[np.float64]:
        """One training of an architecture whose means are ``values``, shape ``(v,)``."""
        inner = self._inner(values)
        return self._outer(
            inner + self.noise.draw(float(inner[self.level]), rank, seed) * self.scale
        )

    def _inner(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values on the scale on which they are learned."""
        inner = values.copy()
        inner[..., self.logged] = np.log(inner[..., self.logged])
        return inner

    def _outer(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inverse of :meth:`_inner`."""
        outer = values.copy()
        outer[..., self.logged] = np.exp(outer[..., self.logged])
        return outer

    def save(self, folder: Path) -> None:
        """Write what was fitted into an empty folder."""
        arrays = {
            "scale": self.scale,
            "shares": self.shares,
            "typical": self.typical,
            "logged": self.logged,
            "factor": self.factor,
            "floor": self.floor,
            **self.compression._asdict(),
            **{f"noise_{name}": array for name, array in self.noise._asdict().items()},
        }
        write_arrays(folder / "curves.npz", arrays)
        for name, regressor in self._named().items():
            place = folder / name
            place.mkdir()
            regressor.save(place)

    def restore(self, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            SurrogateError: A file is missing or damaged.
        """
        noise = [f"noise_{name}" for name in Noise._fields]
        names = [
            "scale",
            "shares",
            "typical",
            "logged",
            "factor",
            "floor",
            *Compression._fields,
            *noise,
        ]
        arrays = read_arrays(folder / "curves.npz", names)
        self.scale, self.shares, self.typical, self.logged, self.factor, self.floor = (
            arrays[name] for name in names[:6]
        )
        self.compression = Compression(*(arrays[name] for name in Compression._fields))
        self.noise = Noise(*(arrays[name] for name in noise))
        v = len(self.scale)
        if self.compression.components.shape[1:] != (v,) or not 0 <= self.level < v:
            raise SurrogateError(f"{folder / 'curves.npz'} does not fit its description")
        self._curves = [
            self._make(i).restore(folder / f"coefficient-{i}")
            for i in range(len(self.compression.components))
        ]
        self._costs = {
            name: self._make(0).restore(folder / name)
            for name in _SECONDS
            if (folder / name).is_dir()
        }
        return self

    def _named(self) -> dict[str, Regressor]:
        curves = {f"coefficient-{i}": regressor for i, regressor in enumerate(self._curves)}
        return {**curves, **self._costs}

    def _make(self, number: int) -> Regressor:
        made = REGRESSORS.load(self.regressor)
        regressor: Regressor = made(
            self.space, seed=mix(self.seed + number) >> 33, **self.hyperparameters
        )
        return regressor

    def _fit_seconds(self, examples: Examples) -> None:
        self._costs = {}
        self.typical = np.full(len(_SECONDS), np.nan)
        self.shares = np.ones(len(examples.epochs))
        seconds = examples.seconds
        totals = (None if seconds is None else seconds[:, -1], examples.validation_seconds)
        for i, (name, total) in enumerate(zip(_SECONDS, totals, strict=True)):
            if total is None or not (total > 0).all():
                continue
            self.typical[i] = np.log(total).mean()
            if np.ptp(total) > 0:
                self._costs[name] = self._make(0).fit(examples.archs, np.log(total))
        if seconds is not None and np.isfinite(self.typical[0]):
            shares = np.median(seconds / seconds[:, -1:], axis=0)
            self.shares = np.maximum.accumulate(shares)

    def _fit_noise(self, examples: Examples, means: NDArray[np.float64]) -> None:
        """Noise, and by how much the errors of the regressor are larger than it says.

        Both from predictions by regressors that did not see the architecture. Errors of means over
        ``s`` trainings contain ``1 / s`` of the variance between trainings.
        """
        held_out, std = self._held_out(examples, means)
        errors, stated = (means - held_out) / self.scale, std / self.scale
        unknown = ~stated.any(axis=0)
        usual = np.where(unknown, np.sqrt(np.square(errors).mean(axis=0)), 0.0)
        counts = examples.counts
        several = counts[examples.owner] > 1
        if several.any():
            owner = examples.owner[several]
            residuals = (examples.runs[several] - means[owner]) / self.scale
            residuals *= np.sqrt(counts[owner] / (counts[owner] - 1))[:, None]
            self.noise = Noise.fit(residuals, means[owner, self.level])
            between = self.noise.std(means[:, self.level]) / np.sqrt(counts)[:, None]
            factor = _widened(errors, stated + usual, between)
            self.factor, self.floor = np.where(unknown, 0.0, factor), factor * usual
            return
        self.factor, self.floor = np.ones(len(self.scale)), np.zeros(len(self.scale))
        size = np.square(errors).mean(axis=0)
        rest = np.maximum(size - np.square(stated).mean(axis=0), 0.0)
        unexplained = np.sqrt(np.divide(rest, size, out=np.zeros_like(size), where=size > 0))
        self.noise = Noise.fit(errors * unexplained, held_out[:, self.level])

    def _held_out(
        self, examples: Examples, means: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and deviations as predicted by regressors that did not see the architecture."""
        _, network = np.unique(examples.ranks, return_inverse=True)
        order = np.random.default_rng(self.seed).permutation(network.max() + 1)
        fold = order[network] % _FOLDS
        coefficients = self.compression.encode(means / self.scale)
        predicted, std = np.zeros_like(coefficients), np.zeros_like(coefficients)
        for k in range(_FOLDS):
            inside, outside = examples.archs[fold != k], examples.archs[fold == k]
            for i, column in enumerate(coefficients.T):
                found = self._make(i).fit(inside, column[fold != k]).predict(outside)
                predicted[fold == k, i], std[fold == k, i] = found
        return (
            self.compression.decode(predicted) * self.scale,
            self.compression.spread(std) * self.scale,
        )


def _logged(examples: Examples) -> NDArray[np.bool_]:
    """Which values are learned as logarithms, shape ``(v,)``."""
    n_metrics, n_epochs = len(examples.columns), len(examples.epochs)
    smallest = examples.runs.min(axis=0).reshape(n_metrics, n_epochs).min(axis=1)
    minimised = np.array([column.goal == "min" for column in examples.columns])
    return np.repeat((smallest > 0) & minimised, n_epochs)


def _widened(
    errors: NDArray[np.float64], std: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors of ``std`` with which 68.3 % of the errors lie within one standard deviation.

    The other part of the deviation is ``other``. All have shape ``(n, v)``, the factors ``(v,)``.
    A share and not the mean square is matched, which a few large errors would decide.
    """
    low, high = np.zeros(errors.shape[1]), np.full(errors.shape[1], _WIDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = (np.abs(errors) <= np.hypot(middle * std, other)).mean(axis=0)
        low, high = np.where(inside < _ONE_STD, (middle, high), (low, middle))
    return high


def settings(
    regressor: str, changes: Mapping[str, Any], preset: str | None = None
) -> dict[str, Any]:
    """All hyperparameters of a regressor; see :func:`nasbench.algorithm.hyperparameters`."""
    return hyperparameters(REGRESSORS.load(regressor), changes, preset)
