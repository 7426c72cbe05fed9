"""Extrapolators of learning curves by name, all called alike."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from algorithms.models.curves.families import Numbers
from algorithms.models.curves.lc_pow import extrapolate, to_accuracies
from algorithms.models.curves.lc_svr import FEWEST, CurveSVR, features
from algorithms.models.curves.sums import last, sotl, sotl_ema


class Curves(Protocol):
    """Learning curves of ``n`` trainings, all recorded after the same ``k`` epochs.

    Attributes:
        epochs: Shape ``(k,)``.
        valid: Validation losses in percent, shape ``(n, k)``; ``inf`` once a training diverged.
        train: Training losses, shape ``(n, k)``; NaN where not recorded.
        numbers: What is known of the architectures before training, finite, shape ``(n, p)``.
    """

    @property
    def epochs(self) -> Numbers: ...
    @property
    def valid(self) -> Numbers: ...
    @property
    def train(self) -> Numbers: ...
    @property
    def numbers(self) -> Numbers: ...


class Extrapolator(NamedTuple):
    """A way to predict the ends of curves from their beginnings.

    Attributes:
        predict: Gives a number for each of some beginnings, low for a low final loss, from complete
            curves of other trainings, whose last epoch it predicts. Infinite where a training
            diverged, NaN where nothing can be said.
        is_loss: Whether the number is a validation loss in percent.
        examples: Fewest complete curves of other trainings.
    """

    predict: Callable[[Curves, Curves], Numbers]
    is_loss: bool
    examples: int = 0


def _last(seen: Curves, complete: Curves) -> Numbers:
    return last(seen.valid)


def _sum(total: Callable[[Numbers], Numbers], seen: Curves, complete: Curves) -> Numbers:
    return total(seen.train)


def _families(monotone: bool, seen: Curves, complete: Curves) -> Numbers:
    horizon = int(complete.epochs[-1])
    found = extrapolate(seen.epochs, to_accuracies(seen.valid), horizon, monotone=monotone)
    return np.where(np.isinf(seen.valid).any(axis=1), np.inf, 100 * (1 - found.mean))


def _support_vectors(seen: Curves, complete: Curves) -> Numbers:
    kept = np.isfinite(complete.valid).all(axis=1)
    known = np.isfinite(seen.valid).all(axis=1)
    found = np.where(np.isinf(seen.valid).any(axis=1), np.inf, np.nan)
    if kept.sum() < FEWEST or not known.any():
        return found
    beginnings = complete.valid[kept, : len(seen.epochs)]
    model = CurveSVR(draws=100, seed=0)
    model.fit(features(beginnings, complete.numbers[kept]), complete.valid[kept, -1])
    found[known] = model.predict(features(seen.valid[known], seen.numbers[known]))
    return found


EXTRAPOLATORS: Mapping[str, Extrapolator] = {
    "lc_last": Extrapolator(_last, is_loss=True),
    "lc_sotl": Extrapolator(partial(_sum, sotl), is_loss=False),
    "lc_sotl_e": Extrapolator(partial(_sum, last), is_loss=False),
    "lc_sotl_ema": Extrapolator(partial(_sum, sotl_ema), is_loss=False),
    "lc_pow": Extrapolator(partial(_families, False), is_loss=True),
    "lc_pow_monotone": Extrapolator(partial(_families, True), is_loss=True),
    "lc_svr": Extrapolator(_support_vectors, is_loss=True, examples=FEWEST),
}
