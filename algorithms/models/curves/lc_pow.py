"""Learning curves extrapolated by families of functions (Domhan et al., 2015).

https://www.ijcai.org/Proceedings/15/Papers/487.pdf
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from algorithms.models.curves.families import FAMILIES, Numbers
from algorithms.models.curves.least_squares import curves, fit, jacobian

NOISE = 0.005
"""Least standard deviation of an accuracy from its curve: half a percentage point."""
_N_PARAMETERS = np.array([[family.n_parameters] for family in FAMILIES])


class Forecast(NamedTuple):
    """What ``f`` families say of the accuracies of ``n`` trainings at the horizon.

    Attributes:
        weights: Weights of the families, shape ``(n, f)``, of sum 1; all 0 where none could be
            fitted.
        means: Predictions of the families in [0, 1], shape ``(n, f)``; 0 where not fitted.
        stds: Standard deviations of these predictions, shape ``(n, f)``, at most 1, which says
            nothing of an accuracy; 0 where not fitted.
        noise: Standard deviations of an accuracy from its curve, shape ``(n, f)``.
        last: Last recorded accuracies, shape ``(n,)``; NaN if there is none.
    """

    weights: Numbers
    means: Numbers
    stds: Numbers
    noise: Numbers
    last: Numbers

    @property
    def is_fitted(self) -> NDArray[np.bool_]:
        """Whether a family could be fitted, shape ``(n,)``."""
        found: NDArray[np.bool_] = self.weights.max(axis=1) > 0
        return found

    @property
    def mean(self) -> Numbers:
        """Expected accuracies, shape ``(n,)``; the last recorded ones where nothing was fitted."""
        return np.where(self.is_fitted, (self.weights * self.means).sum(axis=1), self.last)

    @property
    def std(self) -> Numbers:
        """Standard deviations without noise, shape ``(n,)``; ``inf`` where nothing was fitted."""
        squares = self.stds**2 + (self.means - self.mean[:, None]) ** 2
        spread = np.sqrt((self.weights * squares).sum(axis=1))
        return np.where(self.is_fitted, spread, np.inf)

    def exceeds(self, accuracy: float) -> Numbers:
        """Return the probability of more than an accuracy, given that it is in [0, 1].

        Args:
            accuracy: In [0, 1].

        Returns:
            Probabilities of shape ``(n,)``; 1 where nothing was fitted.
        """
        scale = np.hypot(self.stds, self.noise)
        below = [ndtr((limit - self.means) / scale) for limit in (0.0, accuracy, 1.0)]
        above = (below[2] - below[1]) / (below[2] - below[0])
        return np.where(self.is_fitted, (self.weights * above).sum(axis=1), 1.0)


def extrapolate(
    epochs: Numbers, accuracies: Numbers, horizon: int, *, monotone: bool = False
) -> Forecast:
    """Extrapolate learning curves by a weighted mean of families.

    Every family with fewer parameters than the curve has points is fitted by least squares, where
    the last point weighs almost ten times as much as the first. The weight of the family is
    ``exp(-BIC / 2)``, but 0 if it leaves [0, 1] at the horizon or falls by more than
    :data:`NOISE`. Its uncertainty is that of its parameters, to first order.

    A curve of two points, or one that no family describes within these bounds, is predicted to stay
    where it is, without a claim as to how certain that is.

    Args:
        epochs: Ascending numbers from 1 on, shape ``(k,)``.
        accuracies: Shape ``(n, k)``, in [0, 1]; NaN where not recorded.
        horizon: The epoch to predict.
        monotone: Whether a family must not fall anywhere before the horizon (LCE-m), rather than
            from its beginning to the horizon.
    """
    known = np.isfinite(accuracies)
    values = np.where(known, accuracies, 0.0)
    n = known.sum(axis=1)
    recency = np.where(known, 10.0 ** (known.cumsum(axis=1) / np.maximum(n, 1)[:, None]), 0.0)
    recency *= (n / np.maximum(recency.sum(axis=1), 1))[:, None]
    ahead = np.arange(1.0, horizon + 1) if monotone else np.array([1.0, horizon])
    with np.errstate(all="ignore"):  # formulas that are not defined give no finite numbers
        found = fit(epochs, values, recency)
        path = curves(found.parameters, ahead)
        end, falls = path[..., -1], (np.maximum.accumulate(path, axis=-1) - path).max(axis=-1)
        slope = jacobian(found.parameters, ahead[-1:])[1][..., 0]
        spread = np.sqrt(np.einsum("fnp,fnpq,fnq->fn", slope, found.inverse, slope))
        free = n - _N_PARAMETERS
        noise = np.sqrt(np.maximum(found.cost / np.maximum(free, 1), NOISE**2))
        variance = np.maximum(found.cost / np.maximum(n, 1), NOISE**2)
        bic = n * np.log(variance) + found.cost / variance + _N_PARAMETERS * np.log(n)
        fits = (free > 0) & np.isfinite(bic + spread + noise)
        usable = fits & (end >= 0) & (end <= 1) & (falls <= NOISE)
        weights = np.where(usable, np.exp((np.where(usable, bic, np.inf).min(axis=0) - bic) / 2), 0)
    places = np.where(known, np.arange(known.shape[1]), 0).max(axis=1)
    return Forecast(
        weights=(weights / np.maximum(weights.sum(axis=0), 1)).T,
        means=np.where(usable, end, 0.0).T,
        stds=np.where(usable, np.minimum(noise * spread, 1.0), 0.0).T,
        noise=np.where(usable, noise, NOISE).T,
        last=accuracies[np.arange(len(places)), places],
    )


def to_accuracies(losses: Numbers) -> Numbers:
    """Accuracies in [0, 1] of losses in percent; NaN where a loss is not finite or not recorded."""
    return np.where(np.isfinite(losses), np.clip(1 - losses / 100, 0, 1), np.nan)
