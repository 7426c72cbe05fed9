"""Algorithms that let another one search: it is told a single loss, made of several."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms import ALGORITHMS
from nasbench.algorithm import (
    Algorithm,
    Known,
    Observation,
    hyperparameters,
    make,
    takes_known,
)
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class Wrapper(Algorithm):
    """Base of the algorithms that have another one inside.

    Args:
        space: What to search.
        fidelities: Those of the algorithm inside.
        seed: Seed of the search.
        known: Passed on to the algorithm inside.
        resumable: The same.
        search: Registered name of the algorithm inside, or ``"module:Class"``.
        search_preset: One of its presets.
        search_settings: Changes to that preset or to its defaults.

    Raises:
        UnknownNameError: There is no such algorithm, preset or hyperparameter.
        InvalidArgumentError: ``search`` is no algorithm or a wrapper itself, has no use for
            ``known``, or does not take one of the values.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        known: Known | None,
        resumable: bool,
        search: str,
        search_preset: str | None,
        search_settings: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if search_settings is not None and not isinstance(search_settings, Mapping):
            raise InvalidArgumentError(
                f"search_settings = {search_settings!r} must be names with values, such as "
                "{population = 50, sample = 10} on the command line"
            )
        inner = ALGORITHMS.load(search)
        if not isinstance(inner, type) or not issubclass(inner, Algorithm):
            raise InvalidArgumentError(f"search = {search!r} is {inner!r}, not an algorithm")
        if issubclass(inner, Wrapper):
            raise InvalidArgumentError(
                f"search = {search!r} has an algorithm inside and cannot be inside another; "
                "possible is every algorithm without"
            )
        values = hyperparameters(inner, search_settings or {}, search_preset)
        if known is not None and not takes_known(inner):
            raise InvalidArgumentError(
                f"search = {search!r} has no keyword 'known' and cannot use known numbers"
            )
        self.search = search
        self.search_preset = search_preset
        self.search_settings = search_settings
        self._make: Callable[..., Algorithm] = partial(
            make,
            inner,
            space,
            fidelities=self.fidelities,
            hyperparameters=values,
            known=known,
            resumable=resumable,
        )


def with_one_loss(
    observation: Observation, combine: Callable[[Sequence[float]], float]
) -> Observation:
    """An observation with one loss made of all, and with the curve of that loss.

    Infinite if one of them is. On the curve all losses but the first are those at its end. With a
    single loss the observation stays as it is.

    Args:
        observation: What was told.
        combine: Makes one loss of several, NaN of NaN.
    """
    losses = observation.losses
    if len(losses) == 1:
        return observation

    def combined(first: float) -> float:
        all_losses = (first, *losses[1:])
        return math.inf if math.inf in all_losses else combine(all_losses)

    def curve(_: int) -> NDArray[np.float64]:
        return np.array([combined(first) for first in observation.curve.tolist()])

    return Observation(
        observation.trial, observation.proposal, (combined(losses[0]),), observation.seconds, curve
    )
