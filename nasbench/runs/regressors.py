"""Registered regressors for algorithms that fit some."""

from typing import Any

from nasbench.algorithm import hyperparameters
from nasbench.regressor import Regressor
from nasbench.siblings import SIBLINGS
from nasbench.space import SearchSpace


def registered_regressor(
    name: str, space: SearchSpace, *, seed: int = 0, **changes: Any
) -> Regressor:
    """Return a new regressor; the ``regressors`` argument of an algorithm.

    Args:
        name: Registered name.
        space: The space of the architectures.
        seed: Seed of the fit.
        changes: Hyperparameters that replace the defaults.

    Raises:
        NasbenchError: As for :class:`nasbench.regressor.Regressors`.
    """
    kind: type[Regressor] = SIBLINGS.load("regressors").load_registered(name)
    return kind(space, seed=seed, **hyperparameters(kind, changes))
