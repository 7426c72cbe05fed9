"""Natural gradient boosting (Duan et al., 2020, https://arxiv.org/abs/1910.03225)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from xgboost import Booster, DMatrix

from nasbench.errors import SurrogateError
from nasbench.regressor import Prediction
from nasbench.space import SearchSpace
from surrogates.regressors.parts.boosted import Boosted, Gradient

_LEAST_LOG_STD = -10.0
_MOST_SURPRISE = 100.0


class NGB(Boosted):
    """Trees that predict the mean and the logarithm of the standard deviation of a normal target.

    Every round grows one tree for either, fitted to the natural gradient of the negative
    log-likelihood. Other than in the paper the trees are those of XGBoost, may be shrunk by
    penalties, and every round makes a full step of the learning rate where the paper searches along
    a line. Targets are standardised for the fit.

    What the prediction calls ``std`` is the spread of the targets around their mean, as far as the
    features do not explain them: it does not shrink with more examples. The best likelihood comes
    early, which is why a tenth of the examples is held out by default.

    Args: see :class:`~surrogates.regressors.parts.boosted.Boosted`.
    """

    family = "gradient boosting"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        rounds: int = 500,
        depth: int = 5,
        learning_rate: float = 0.05,
        min_child_weight: float = 5.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.5,
        colsample_bylevel: float = 1.0,
        l2: float = 1.0,
        l1: float = 0.0,
        early_stop: int = 50,
        encodings: Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            space,
            seed=seed,
            rounds=rounds,
            depth=depth,
            learning_rate=learning_rate,
            min_child_weight=min_child_weight,
            subsample=subsample,
            colsample_bytree=colsample_bytree,
            colsample_bylevel=colsample_bylevel,
            l2=l2,
            l1=l1,
            early_stop=early_stop,
            encodings=encodings,
        )

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        center, scale = targets.mean(), targets.std()
        labels = np.stack([(targets - center) / scale] * 2, axis=1)
        booster = self._boost(archs, labels, objective=_objective, metric=_metric)
        booster.set_attr(center=repr(float(center)), scale=repr(float(scale)))
        self._keep(booster)

    def _keep(self, booster: Booster) -> None:
        center, scale = booster.attr("center"), booster.attr("scale")
        if center is None or scale is None:
            raise SurrogateError("the booster lacks the scale of its targets")
        self._center, self._scale = float(center), float(scale)
        super()._keep(booster)

    def _prediction(self, outputs: NDArray[np.float64]) -> Prediction:
        mean, log_std = outputs.T
        std = np.exp(np.maximum(log_std, _LEAST_LOG_STD))
        return Prediction(self._center + self._scale * mean, self._scale * std)


def natural_gradient(
    outputs: NDArray[np.floating], targets: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Of the negative log-likelihood of normal targets, shape ``(n, 2)``.

    The gradient by the mean m is ``(m - y) / std**2``, that by the logarithm of the standard
    deviation ``1 - ((m - y) / std)**2``; the Fisher information is diagonal with ``1 / std**2`` and
    2, and the natural gradient is their quotient. ``((m - y) / std)**2`` counts as at most 100, so
    that an outlier cannot throw the standard deviation out of all bounds.

    Args:
        outputs: Mean and logarithm of the standard deviation, shape ``(n, 2)``.
        targets: Shape ``(n,)``.
    """
    error = outputs[:, 0] - targets
    surprise = np.minimum(_surprise(outputs, targets), _MOST_SURPRISE)
    return np.stack([error, (1 - surprise) / 2], axis=1)


def negative_log_likelihood(
    outputs: NDArray[np.floating], targets: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Of normal targets, shape ``(n,)``, less the constant ``log(2 * pi) / 2``."""
    losses: NDArray[np.floating]
    losses = np.maximum(outputs[:, 1], _LEAST_LOG_STD) + _surprise(outputs, targets) / 2
    return losses


def _surprise(outputs: NDArray[np.floating], targets: NDArray[np.floating]) -> NDArray[np.floating]:
    precision = np.exp(-np.maximum(outputs[:, 1], _LEAST_LOG_STD))
    surprise: NDArray[np.floating] = ((outputs[:, 0] - targets) * precision) ** 2
    return surprise


def _objective(outputs: NDArray[np.float32], examples: DMatrix) -> Gradient:
    gradient = natural_gradient(outputs, _targets(examples))
    return gradient, np.ones_like(gradient)  # then a leaf is the mean of its gradients


def _metric(outputs: NDArray[np.float32], examples: DMatrix) -> tuple[str, float]:
    loss = negative_log_likelihood(outputs, _targets(examples)).mean()
    return "negative-log-likelihood", float(loss)


def _targets(examples: DMatrix) -> NDArray[np.float32]:
    labels: NDArray[np.float32] = examples.get_label()
    return labels.reshape(-1, 2)[:, 0]
