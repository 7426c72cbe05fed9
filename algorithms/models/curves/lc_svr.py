"""Final losses predicted from the beginnings of curves by support vectors (Baker et al., 2018).

"Accelerating Neural Architecture Search using Performance Prediction",
https://arxiv.org/abs/1705.10823.
"""

from typing import Self

import numpy as np
from scipy.special import ndtr
from sklearn.svm import NuSVR

from algorithms.models.curves.families import Numbers
from nasbench.errors import InvalidArgumentError

FEWEST = 6
"""Examples that a fit needs: each of three folds is predicted from at least four."""
_FOLDS = 3
_LOWEST, _HIGHEST = 1e-5, 10.0


def features(losses: Numbers, numbers: Numbers) -> Numbers:
    """Return features of ``n`` beginnings of curves.

    They are the losses, their first and second differences, their mean and standard deviation, and
    further numbers.

    Args:
        losses: Shape ``(n, k)``.
        numbers: What else is known of the architectures, shape ``(n, p)``.
    """
    differences = np.diff(losses, axis=1)
    moments = np.stack([losses.mean(axis=1), losses.std(axis=1)], axis=1)
    second = np.diff(differences, axis=1) if losses.shape[1] > 2 else losses[:, :0]
    return np.hstack([losses, differences, second, moments, numbers])


class CurveSVR:
    """Nu support vector regression with a radial kernel, tuned by random search.

    Each of ``draws`` settings (``C`` and ``gamma`` log-uniform in [1e-5, 10], ``nu`` uniform in
    [0, 1]) is judged by the squared error of threefold cross-validation; the best one is fitted to
    all examples. Features and targets are standardised.

    Args:
        draws: Settings that are tried.
        seed: Seed of settings and folds.

    Attributes:
        std: Root mean squared error of the cross-validation of the chosen setting.

    Raises:
        InvalidArgumentError: ``draws`` is less than 1.
    """

    def __init__(self, *, draws: int, seed: int) -> None:
        if draws < 1:
            raise InvalidArgumentError(f"draws = {draws} must be at least 1")
        self._draws = draws
        self._seed = seed
        self.std = float("inf")

    def fit(self, rows: Numbers, targets: Numbers) -> Self:
        """Fit the model.

        Args:
            rows: Finite features, shape ``(m, d)``.
            targets: Finite final losses, shape ``(m,)``.

        Returns:
            The model itself.

        Raises:
            InvalidArgumentError: There are fewer than :data:`FEWEST` examples.
        """
        if len(rows) < FEWEST:
            raise InvalidArgumentError(f"{len(rows)} examples are too few, {FEWEST} are needed")
        self._centre, self._scale = rows.mean(axis=0), _positive(rows.std(axis=0))
        self._middle, self._unit = targets.mean(), _positive(targets.std())
        inputs, outputs = self._scaled(rows), (targets - self._middle) / self._unit
        rng = np.random.default_rng(self._seed)
        fold = rng.permutation(len(rows)) % _FOLDS
        least = np.inf
        for low, high, nu in rng.random((self._draws, 3)):
            model = NuSVR(C=_log_uniform(low), gamma=_log_uniform(high), nu=max(nu, 1e-3))
            model.random_state = 0  # otherwise it draws a number from the global generator
            errors = np.empty(len(rows))
            for held in range(_FOLDS):
                kept = fold != held
                model.fit(inputs[kept], outputs[kept])
                errors[~kept] = model.predict(inputs[~kept]) - outputs[~kept]
            error = float(np.sqrt((errors**2).mean()))
            if error < least:
                least, self._model = error, model
        self._model.fit(inputs, outputs)
        self.std = least * float(self._unit)
        return self

    def predict(self, rows: Numbers) -> Numbers:
        """Return expected final losses, shape ``(n,)``.

        Args:
            rows: Finite features, shape ``(n, d)``.
        """
        found: Numbers = self._model.predict(self._scaled(rows)) * self._unit + self._middle
        return found

    def below(self, rows: Numbers, loss: float) -> Numbers:
        """Return probabilities of a final loss below ``loss``, with normal errors, shape ``(n,)``.

        Args:
            rows: Finite features, shape ``(n, d)``.
            loss: The final loss to beat.
        """
        with np.errstate(divide="ignore", invalid="ignore"):  # examples that are all alike
            distances = (loss - self.predict(rows)) / np.float64(self.std)
        found: Numbers = np.where(np.isnan(distances), 0.5, ndtr(distances))
        return found

    def _scaled(self, rows: Numbers) -> Numbers:
        found: Numbers = (rows - self._centre) / self._scale
        return found


def _log_uniform(share: float) -> float:
    return float(_LOWEST * (_HIGHEST / _LOWEST) ** share)


def _positive(deviations: Numbers) -> Numbers:
    return np.where(deviations > 0, deviations, 1.0)
