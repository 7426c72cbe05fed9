"""Natural gradient boosting (Duan et al., 2020, https://arxiv.org/abs/1910.03225)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from xgboost import DMatrix

from nasbench.errors import SurrogateError
from nasbench.regressor import Prediction
from nasbench.space import SearchSpace
from surrogates.regressors.parts.boosted import Boosted, Gradient
from surrogates.regressors.parts.boosted_model import BoostedModel

_MIN_LOG_STD = -10.0
_MAX_SQUARED_ERROR = 100.0
_MAX_SCALE = 1e12


class NGB(Boosted):
    """Natural gradient boosting: trees for mean and log standard deviation of a normal target.

    Each round grows one tree for either output, fitted to the natural gradient of the negative
    log-likelihood. Unlike in the paper, XGBoost grows the trees, penalties may shrink them, and
    each round takes a full step of the learning rate instead of searching along a line. Targets are
    standardised for the fit.

    ``std`` is the spread of the targets around their mean that the features do not explain; it does
    not shrink with more examples. The best likelihood comes early, so by default a tenth of the
    examples is held out for early stopping.

    For the arguments see :class:`~surrogates.regressors.parts.boosted.Boosted`.
    """

    family = "gradient boosting"
    outputs = 2

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

    def _adopt(self, model: BoostedModel) -> None:
        try:
            center, scale = (float(model.attributes[name]) for name in ("center", "scale"))
        except (KeyError, ValueError) as error:
            raise SurrogateError("the booster lacks the scale of its targets") from error
        if not (abs(center) <= _MAX_SCALE and 0 < scale <= _MAX_SCALE):
            raise SurrogateError(f"targets cannot have mean {center} and deviation {scale}")
        self._center, self._scale = center, scale
        super()._adopt(model)

    def _prediction(self, outputs: NDArray[np.float64]) -> Prediction:
        mean, log_std = outputs.T
        std = np.exp(np.maximum(log_std, _MIN_LOG_STD))
        return Prediction(self._center + self._scale * mean, self._scale * std)


def natural_gradient(
    outputs: NDArray[np.floating], targets: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Natural gradient of the negative log-likelihood of normal targets, shape ``(n, 2)``.

    The gradient with respect to the mean m is ``(m - y) / std**2``, and with respect to the log
    standard deviation ``1 - ((m - y) / std)**2``. The Fisher information is diagonal with
    ``1 / std**2`` and 2, and the natural gradient is the quotient. ``((m - y) / std)**2`` is capped
    at 100, so that an outlier cannot blow up the standard deviation.

    Args:
        outputs: Mean and log standard deviation, shape ``(n, 2)``.
        targets: Targets, shape ``(n,)``.
    """
    error = outputs[:, 0] - targets
    squared_errors = np.minimum(_squared_errors(outputs, targets), _MAX_SQUARED_ERROR)
    return np.stack([error, (1 - squared_errors) / 2], axis=1)


def negative_log_likelihood(
    outputs: NDArray[np.floating], targets: NDArray[np.floating], cap: float = np.inf
) -> NDArray[np.floating]:
    """Negative log-likelihood of normal targets, without the constant ``log(2 * pi) / 2``.

    Args:
        outputs: Mean and log standard deviation, shape ``(n, 2)``.
        targets: Targets, shape ``(n,)``.
        cap: Largest squared error, in variances.

    Returns:
        Shape ``(n,)``.
    """
    losses: NDArray[np.floating]
    squared_errors = np.minimum(_squared_errors(outputs, targets), cap)
    losses = np.maximum(outputs[:, 1], _MIN_LOG_STD) + squared_errors / 2
    return losses


def _squared_errors(
    outputs: NDArray[np.floating], targets: NDArray[np.floating]
) -> NDArray[np.floating]:
    precision = np.exp(-np.maximum(outputs[:, 1], _MIN_LOG_STD))
    squared_errors: NDArray[np.floating] = ((outputs[:, 0] - targets) * precision) ** 2
    return squared_errors


def _objective(outputs: NDArray[np.float32], examples: DMatrix) -> Gradient:
    gradient = natural_gradient(outputs, _targets(examples))
    return gradient, np.ones_like(gradient)  # makes a leaf the mean of its gradients


def _metric(outputs: NDArray[np.float32], examples: DMatrix) -> tuple[str, float]:
    """Mean loss; capped as the gradient is, so that a few outliers do not end the boosting."""
    loss = negative_log_likelihood(outputs, _targets(examples), _MAX_SQUARED_ERROR).mean()
    return "negative-log-likelihood", float(loss)


def _targets(examples: DMatrix) -> NDArray[np.float32]:
    labels: NDArray[np.float32] = examples.get_label()
    return labels.reshape(-1, 2)[:, 0]
