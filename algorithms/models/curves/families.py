"""The eleven families of rising learning curves of Domhan et al. (2015).

"Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by Extrapolation of
Learning Curves", https://www.ijcai.org/Proceedings/15/Papers/487.pdf. Start values are those of
automl/pylearningcurvepredictor (``pylrpredictor/curvefunctions.py``), except those of
``loglog_linear`` and the second ones, which are ours: the published ones of some families are so
flat that no step improves them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Family(NamedTuple):
    """Curves of one formula.

    Attributes:
        name: Name in the paper's code.
        value: Gives accuracies after epochs ``x``, from 1 on, for parameters that broadcast; not
            finite where the formula is not defined.
        starts: Two vectors of parameters from which fits begin.
    """

    name: str
    value: Callable[..., Numbers]
    starts: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return len(self.starts[0])


def _vapor_pressure(x: Numbers, a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    return np.exp(a + b / x + c * np.log(x))


def _pow3(x: Numbers, c: Numbers, a: Numbers, alpha: Numbers) -> Numbers:
    return c - a * x**-alpha


def _pow4(x: Numbers, c: Numbers, a: Numbers, b: Numbers, alpha: Numbers) -> Numbers:
    return c - (a * x + b) ** -alpha


def _log_power(x: Numbers, a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    return a / (1 + (x * np.exp(-b)) ** c)


def _weibull(x: Numbers, end: Numbers, start: Numbers, kappa: Numbers, delta: Numbers) -> Numbers:
    return end - (end - start) * np.exp(-((kappa * x) ** delta))


def _mmf(x: Numbers, end: Numbers, start: Numbers, kappa: Numbers, delta: Numbers) -> Numbers:
    return end - (end - start) / (1 + (kappa * x) ** delta)


def _janoschek(x: Numbers, end: Numbers, start: Numbers, kappa: Numbers, delta: Numbers) -> Numbers:
    return end - (end - start) * np.exp(-kappa * x**delta)


def _exp4(x: Numbers, c: Numbers, a: Numbers, b: Numbers, alpha: Numbers) -> Numbers:
    return c - np.exp(b - a * x**alpha)


def _ilog2(x: Numbers, c: Numbers, a: Numbers) -> Numbers:
    return c - a / np.log(x + 1)


def _hill3(x: Numbers, theta: Numbers, eta: Numbers, kappa: Numbers) -> Numbers:
    return theta / (1 + (kappa / x) ** eta)


def _loglog_linear(x: Numbers, a: Numbers, b: Numbers) -> Numbers:
    return np.log(a * np.log(x) + b)


FAMILIES = (
    Family("vapor_pressure", _vapor_pressure, ((-0.622028, -0.47005, 0.042322), (-0.2, -1.0, 0.0))),
    Family("pow3", _pow3, ((0.84, 0.52, 0.01), (0.8, 0.5, 1.0))),
    Family("pow4", _pow4, ((0.8, 200.0, 0.0, 0.1), (0.8, 1.0, 1.0, 1.0))),
    Family("log_power", _log_power, ((0.77, 2.98, -0.51), (0.8, 0.5, -1.0))),
    Family("weibull", _weibull, ((0.7, 0.1, 0.01, 1.0), (0.8, 0.1, 0.5, 1.0))),
    Family("mmf", _mmf, ((0.7, 0.1, 0.01, 5.0), (0.8, 0.1, 0.5, 1.0))),
    Family("janoschek", _janoschek, ((0.73, 0.07, 0.355, 0.46), (0.8, 0.1, 0.5, 1.0))),
    Family("exp4", _exp4, ((0.7, 0.8, -0.8, 0.3), (0.8, 0.5, -0.5, 1.0))),
    Family("ilog2", _ilog2, ((0.78, 0.43), (0.9, 0.1))),
    Family("hill3", _hill3, ((0.77232, 0.586449, 2.460843), (0.8, 1.0, 1.0))),
    Family("loglog_linear", _loglog_linear, ((1.0, 1.0), (0.1, 2.0))),
)
