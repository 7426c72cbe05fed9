"""Ranks of trainings from single points and sums of their curves.

Sums of training losses (SoTL) are those of Ru et al. (2021), "Speedy Performance Estimation for
Neural Architecture Search", https://arxiv.org/abs/2006.04492. Low is good; a curve with a point
that is not finite has no finite sum.
"""

import numpy as np

from algorithms.models.curves.families import Numbers


def last(losses: Numbers) -> Numbers:
    """Return the last recorded loss of each of ``n`` curves, shape ``(n,)``; NaN if there is none.

    Args:
        losses: Shape ``(n, k)``; NaN where not recorded.
    """
    places = np.where(np.isnan(losses), 0, np.arange(losses.shape[1])).max(axis=1)
    found: Numbers = losses[np.arange(len(losses)), places]
    return found


def sotl(losses: Numbers) -> Numbers:
    """Return the sum of all losses of each of ``n`` curves (SoTL), shape ``(n,)``.

    Args:
        losses: Training losses, shape ``(n, k)``.
    """
    found: Numbers = losses.sum(axis=1)
    return found


def sotl_ema(losses: Numbers, mu: float = 0.99) -> Numbers:
    """Return the sum of a moving average of the losses of each curve (SoTL-EMA), shape ``(n,)``.

    Args:
        losses: Training losses, shape ``(n, k)``.
        mu: Weight of a new loss in the average, which starts as the first loss.
    """
    average = total = losses[:, 0]
    for column in losses.T[1:]:
        average = (1 - mu) * average + mu * column
        total = total + average
    return total
