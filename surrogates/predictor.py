"""The model inside a surrogate benchmark: compressed curves, regressors, noise, seconds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import hyperparameters
from nasbench.errors import (
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    SurrogateError,
    first_line,
)
from nasbench.regressor import Regressor, check_numbers, read_arrays, write_arrays
from nasbench.space import SearchSpace
from nasbench.splitmix import mix
from surrogates import REGRESSORS
from surrogates.calibration import MAX_FACTOR, calibration_factors
from surrogates.compression import Compression
from surrogates.examples import Examples
from surrogates.noise import Noise
from surrogates.scale import from_learned, to_learned

_FOLDS = 3
_MAX_SCALE = 1e12
"""Largest spread of a metric; together with the following, so large that no fit reaches it."""
_MAX_LOG_SECONDS = 40.0
_MAX_SHARE = 1e6
_SECONDS = ("seconds", "validation_seconds")


class Answers(NamedTuple):
    """Predictions for ``n`` architectures, ``v`` values each.

    Attributes:
        values: Expected values over all possible trainings, shape ``(n, v)``.
        centers: Expected values on the scale on which they are learned, around which trainings are
            drawn, shape ``(n, v)``. Of logarithms they do not give ``values``: the mean of a
            log-normal distribution lies above the exponential of the mean logarithm.
        std: Expected standard deviation of the error of ``values``, shape ``(n, v)``.
        seconds: Seconds up to each epoch, shape ``(n, e)``; None if not learned.
        validation_seconds: Seconds of one validation, shape ``(n,)``; None if not learned.
    """

    values: NDArray[np.float64]
    centers: NDArray[np.float64]
    std: NDArray[np.float64]
    seconds: NDArray[np.float64] | None
    validation_seconds: NDArray[np.float64] | None


class Predictor:
    """Predicts the curves of all metrics at once, and their cost.

    Positive metrics that are minimised, such as losses, are learned on a logarithmic scale. All
    metrics are scaled alike, then the vectors are compressed to a few coefficients, each learned by
    its own regressor. Another regressor learns the logarithm of the total seconds; every epoch has
    a fixed share of them, so that seconds never decrease.

    Args:
        space: The search space.
        regressor: Registered name of the regressor.
        hyperparameters: All hyperparameters of the regressor.
        components: Maximum number of coefficients per vector.
        level: Index of the value that says how good an architecture is; the noise depends on it.
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
        """Family of the regressor."""
        fitted = getattr(self, "_curves", None)
        return fitted[0].family if fitted else self._make(0).family

    @property
    def is_clocked(self) -> bool:
        """Whether it has learned the seconds of a training."""
        return bool(np.isfinite(self.typical[0]))

    def fit(self, examples: Examples) -> Self:
        """Learn from examples.

        The uncertainty is scaled to the errors of held-out predictions. The noise is measured on
        architectures with several trainings; without enough of them there is none, and every
        training is the mean.

        Raises:
            InvalidArgumentError: There are too few examples, or they are all equal.
        """
        self.logged = examples.logged
        examples = replace(examples, runs=to_learned(examples.runs, self.logged))
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
        """Predict the values of architectures.

        Args:
            archs: Canonical architectures, shape ``(n, d)``.
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
        centers = self.compression.decode(coefficients) * self.scale
        values = from_learned(centers, self.logged)
        if self.logged.any():
            variance = np.square(self.noise_std(centers))
            values = np.where(self.logged, values * np.exp(variance / 2), values)
        deviations = np.hypot(self.compression.spread(std) * self.factor, self.floor) * self.scale
        return Answers(
            values,
            centers,
            np.where(self.logged, values * deviations, deviations),
            None if totals is None else totals[:, None] * self.shares,
            validation,
        )

    def noise_std(self, centers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation between trainings of ``n`` architectures, on the learned scale.

        Args:
            centers: As in :class:`Answers`, shape ``(n, v)``.

        Returns:
            Shape ``(n, v)``.
        """
        std: NDArray[np.float64] = self.noise.std(centers[:, self.level]) * self.scale
        return std

    def draw(self, centers: NDArray[np.float64], rank: int, seed: int) -> NDArray[np.float64]:
        """Values of one training, shape ``(v,)``; without measured noise, these are the means.

        Args:
            centers: A row of :attr:`Answers.centers`.
            rank: Rank of the architecture.
            seed: The training seed.
        """
        noise = self.noise.draw(float(centers[self.level]), rank, seed)
        return from_learned(centers + noise * self.scale, self.logged)

    def save(self, folder: Path) -> None:
        """Write the fitted model into an empty folder."""
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
        try:
            self.hyperparameters = settings(self.regressor, self.hyperparameters)
            self._read_curves(folder / "curves.npz")
            self._curves = [
                self._make(i).restore(folder / f"coefficient-{i}")
                for i in range(len(self.compression.components))
            ]
            self._costs = {
                name: self._make(0).restore(folder / name)
                for name, typical in zip(_SECONDS, self.typical, strict=True)
                if np.isfinite(typical) and (folder / name).is_dir()
            }
        except (MissingExtraError, SurrogateError):
            raise
        except NasbenchError as error:
            raise SurrogateError(f"{folder} cannot be read: {error}") from error
        except Exception as error:  # whatever a library makes of values that it was not made for
            told = f"{type(error).__name__}: {first_line(error)}"
            raise SurrogateError(f"{folder} cannot be read: {told}") from error
        return self

    def _read_curves(self, path: Path) -> None:
        """Read everything but the regressors.

        Raises:
            SurrogateError: The file is missing or damaged, or a number in it is not possible.
        """
        vectors = ("scale", "factor", "floor", "mean", "noise_rest")
        others = ("shares", "noise_levels", "noise_scales", "components", "noise_loadings")
        arrays = read_arrays(path, ("logged", "typical", *vectors, *others))
        self.logged, self.typical = arrays["logged"], arrays["typical"]
        v = self.logged.size
        shapes: dict[str, tuple[int | None, ...]] = dict.fromkeys(vectors, (v,))
        shapes |= dict.fromkeys(others[:3], (None,)) | dict.fromkeys(others[3:], (None, v))
        numbers = check_numbers(arrays, path, shapes)
        self.scale, self.factor, self.floor, self.shares = (
            numbers[name] for name in ("scale", "factor", "floor", "shares")
        )
        self.compression = Compression(*(numbers[name] for name in Compression._fields))
        self.noise = Noise(*(numbers[f"noise_{name}"] for name in Noise._fields))
        levels, known = self.noise.levels, self.typical[~np.isnan(self.typical)]
        if not (
            self.logged.dtype.kind == "b"
            and self.logged.shape == (v,)
            and self.typical.dtype.kind == "f"
            and self.typical.shape == (len(_SECONDS),)
            and (np.abs(known) <= _MAX_LOG_SECONDS).all()
            and 0 <= self.level < v
            and ((self.scale > 0) & (self.scale <= _MAX_SCALE)).all()
            and ((self.factor >= 0) & (self.factor <= MAX_FACTOR)).all()
            and (self.floor >= 0).all()
            and len(self.shares) > 0
            and (np.diff(self.shares, prepend=0.0) >= 0).all()
            and self.shares[-1] <= _MAX_SHARE
            and 0 < len(self.compression.components) <= self.components
            and (np.abs(self.compression.components) <= 1 + 1e-6).all()
            and 0 < len(levels) == len(self.noise.scales)
            and (np.diff(levels) > 0).all()
            and (self.noise.scales >= 0).all()
            and (self.noise.rest >= 0).all()
        ):
            raise SurrogateError(f"{path} holds what no fit gives, or does not fit its description")

    def _named(self) -> dict[str, Regressor]:
        curves = {f"coefficient-{i}": regressor for i, regressor in enumerate(self._curves)}
        return {**curves, **self._costs}

    def _make(self, number: int) -> Regressor:
        made = REGRESSORS.load_registered(self.regressor)
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
        """Fit the noise, and scale the regressors' uncertainty to their actual errors.

        Both use predictions by regressors that have not seen the architecture: the noise depends on
        the level that is predicted. Two trainings of an architecture differ by the square root of 2
        times the noise of one; errors of means over ``s`` trainings contain ``1 / s`` of the
        variance between trainings.
        """
        held_out, std = self._held_out(examples, means)
        errors, stated = (means - held_out) / self.scale, std / self.scale
        unknown = ~stated.any(axis=0)
        typical_error = np.where(unknown, np.sqrt(np.square(errors).mean(axis=0)), 0.0)
        level = held_out[:, self.level]
        owner = examples.owner
        again = owner[1:] == owner[:-1]
        if examples.repeated:
            differences = np.diff(examples.runs, axis=0)[again] / self.scale
            self.noise = Noise.fit(differences / np.sqrt(2), level[owner[1:][again]])
        else:
            self.noise = Noise.none(len(self.scale))
        between = self.noise.std(level) / np.sqrt(examples.counts)[:, None]
        factor = calibration_factors(errors, stated + typical_error, between)
        self.factor, self.floor = np.where(unknown, 0.0, factor), factor * typical_error

    def _held_out(
        self, examples: Examples, means: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and standard deviations by regressors that have not seen the function."""
        _, function = np.unique(examples.functions, return_inverse=True)
        order = np.random.default_rng(self.seed).permutation(function.max() + 1)
        fold = order[function] % _FOLDS
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


def settings(
    regressor: str, changes: Mapping[str, Any], preset: str | None = None
) -> dict[str, Any]:
    """All hyperparameters of a regressor; see :func:`nasbench.algorithm.hyperparameters`.

    Raises:
        UnknownNameError: The regressor, or that of the members of an ensemble, is not registered,
            so that a file could not name it.
    """
    values = hyperparameters(REGRESSORS.load_registered(regressor), changes, preset)
    if isinstance(member := values.get("regressor"), str):
        REGRESSORS.check_registered(member)
    return values
