"""What a training gives: curves and a status."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

CURVES = (
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_accuracy",
    "test_loss",
    "test_accuracy",
)


@dataclass(frozen=True, slots=True)
class Training:
    """Result of one training run.

    Attributes:
        curves: Values of shape ``(epochs,)`` for every name in :data:`CURVES`, float32 unless the
            training was float64. Accuracies are in percent. NaN from the epoch in which the
            training diverged.
        status: ``"finished"`` or ``"diverged"``.
    """

    curves: dict[str, NDArray[np.floating]]
    status: str


def training_of(figures: NDArray[np.float64], dtype: torch.dtype) -> Training:
    """Pack the metrics of a run into a :class:`Training`.

    Args:
        figures: Metrics in the order of :data:`CURVES`, shape ``(epochs, 6)``. From the first epoch
            with a metric that is not finite, all become NaN in the result.
        dtype: Type of weights and activations.
    """
    sound = np.logical_and.accumulate(np.isfinite(figures).all(axis=1))
    kept = np.where(sound[:, None], figures, np.nan)
    kept = kept.astype(np.float64 if dtype == torch.float64 else np.float32)
    curves = {name: kept[:, i].copy() for i, name in enumerate(CURVES)}
    return Training(curves, "finished" if sound.all() else "diverged")
