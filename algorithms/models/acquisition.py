"""Acquisition functions: how much a prediction promises, for losses; more is better.

Each takes the mean and the standard deviation of predicted losses, both of shape ``(n,)``; where
the standard deviation is 0, the prediction is certain.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr

from nasbench.errors import InvalidArgumentError, one_of

Numbers = NDArray[np.float64]

NAMES = ("ei", "log_ei", "pi", "ucb", "ts", "mean")
"""What :func:`acquisition` knows."""

_ROOT_2 = np.sqrt(2.0)
_LOG_ROOT_2_PI = 0.5 * np.log(2 * np.pi)


def acquisition(
    name: str, mean: Numbers, std: Numbers, best: float, beta: float, rng: Generator
) -> Numbers:
    """Return an acquisition function by its name, shape ``(n,)``.

    Args:
        name: One of :data:`NAMES`: ``"ei"``, ``"log_ei"`` and ``"pi"`` compare with ``best``,
            ``"ucb"`` uses ``beta``, ``"ts"`` (independent Thompson sampling) draws, ``"mean"``
            only exploits.
        mean: Predicted losses.
        std: Their standard deviations.
        best: The lowest loss so far.
        beta: Weight of the standard deviation.
        rng: Source of randomness.
    """
    if name == "ei":
        return expected_improvement(mean, std, best)
    if name == "log_ei":
        return log_expected_improvement(mean, std, best)
    if name == "pi":
        return probability_of_improvement(mean, std, best)
    if name == "ucb":
        return upper_confidence_bound(mean, std, beta)
    if name == "ts":
        return independent_thompson(mean, std, rng)
    return -mean


def check_name(name: str) -> None:
    """Raise InvalidArgumentError unless a name is one of :data:`NAMES`."""
    if name not in NAMES:
        raise InvalidArgumentError(f"acquisition = {name!r}{one_of(name, NAMES)}")


def expected_improvement(mean: Numbers, std: Numbers, best: float) -> Numbers:
    """Return E max(best - loss, 0) of a Gaussian (Jones et al., 1998, eq. 15).

    https://doi.org/10.1023/A:1008306431147
    """
    gain = best - mean
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = gain / std
        ei = gain * ndtr(z) + std * _density(z)
    found: Numbers = np.where(std > 0, np.maximum(ei, 0.0), np.maximum(gain, 0.0))
    return found


def log_expected_improvement(mean: Numbers, std: Numbers, best: float) -> Numbers:
    """Return the logarithm of :func:`expected_improvement`, also where that is no longer a number.

    With z = (best - mean) / std it is log std + log(density(z) + z Phi(z)); for negative z the
    second term is written with the scaled complementary error function (Ament et al., 2023,
    https://arxiv.org/abs/2310.20708, eq. 9).
    """
    gain = best - mean
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = gain / std
        near = np.log(_density(z) + z * ndtr(z))
        # 1 + z sqrt(pi/2) erfcx(-z/sqrt 2) cancels for large -z, where it is 1 / z**2.
        mills = z * np.sqrt(np.pi / 2) * erfcx(-z / _ROOT_2)
        far = -0.5 * z * z - _LOG_ROOT_2_PI + np.log1p(mills)
        farthest = -0.5 * z * z - _LOG_ROOT_2_PI - 2 * np.log(-z)
        log_h = np.where(z > -1, near, np.where(z > -1e5, far, farthest))
        certain = np.where(gain > 0, np.log(gain), -np.inf)
        found: Numbers = np.where(std > 0, np.log(std) + log_h, certain)
    return found


def probability_of_improvement(mean: Numbers, std: Numbers, best: float) -> Numbers:
    """Return log P(loss < best) of a Gaussian (Kushner, 1964).

    The logarithm has the same order and does not vanish. https://doi.org/10.1115/1.3653121
    """
    gain = best - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        certain = np.where(gain > 0, 0.0, -np.inf)
        found: Numbers = np.where(std > 0, log_ndtr(gain / std), certain)
    return found


def upper_confidence_bound(mean: Numbers, std: Numbers, beta: float) -> Numbers:
    """Return ``beta * std - mean``: the bound of the negative loss.

    Srinivas et al. (2010), eq. 6, https://arxiv.org/abs/0912.3995, with beta for its root.
    """
    return beta * std - mean


def independent_thompson(mean: Numbers, std: Numbers, rng: Generator) -> Numbers:
    """Return the negative of one draw from every prediction.

    White et al. (2021), https://arxiv.org/abs/1910.11858, section 4: each candidate is drawn on its
    own, whatever the others are.
    """
    return -(mean + std * rng.standard_normal(len(mean)))


def _density(z: Numbers) -> Numbers:
    density: Numbers = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return density
