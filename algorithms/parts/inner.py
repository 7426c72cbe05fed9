"""Base of algorithms that run another algorithm on one loss made of several."""

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
    Proposal,
    hyperparameters,
    make,
    takes_known,
)
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressors
from nasbench.space import SearchSpace


class Wrapper(Algorithm):
    """Base of algorithms that run an inner algorithm.

    Args:
        space: The search space.
        fidelities: Epochs on offer to the inner algorithm.
        seed: Seed of the search.
        known: Passed on to the inner algorithm.
        resumable: Passed on to the inner algorithm.
        regressors: Passed on to the inner algorithm.
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.
        needs_known: Whether to refuse ``known`` for an inner algorithm that does not take it; if
            not, only one that does is given it.

    Raises:
        UnknownNameError: No such algorithm, preset or hyperparameter.
        InvalidArgumentError: ``search`` is not an algorithm or is itself a wrapper, does not take
            ``known``, or refuses a value.
    """

    multi_objective = True

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
        regressors: Regressors | None = None,
        needs_known: bool = True,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if search_settings is not None and not isinstance(search_settings, Mapping):
            raise InvalidArgumentError(
                f"search_settings = {search_settings!r} must map names to values, such as "
                "{population = 50, sample = 10} on the command line"
            )
        inner = ALGORITHMS.load(search)
        if not isinstance(inner, type) or not issubclass(inner, Algorithm):
            raise InvalidArgumentError(f"search = {search!r} is {inner!r}, not an algorithm")
        if issubclass(inner, Wrapper):
            raise InvalidArgumentError(
                f"search = {search!r} runs an inner algorithm itself and cannot be one; "
                "use an algorithm without an inner one"
            )
        values = hyperparameters(inner, search_settings or {}, search_preset)
        is_used = takes_known(inner)
        if known is not None and needs_known and not is_used:
            raise InvalidArgumentError(
                f"search = {search!r} has no keyword 'known' and cannot use known numbers"
            )
        self.inner_algorithms = (inner,)
        self.search = search
        self.search_preset = search_preset
        self.search_settings = search_settings
        self._make: Callable[..., Algorithm] = partial(
            make,
            inner,
            space,
            fidelities=self.fidelities,
            hyperparameters=values,
            known=known if is_used else None,
            resumable=resumable,
            regressors=regressors,
        )

    def _ask(self, inner: Algorithm) -> Proposal | None:
        """Ask an inner algorithm; its fallbacks are ours."""
        before = inner.fallbacks
        proposal = inner.ask()
        self.fallbacks += inner.fallbacks - before
        return proposal


def with_one_loss(
    observation: Observation, combine: Callable[[Sequence[float]], float]
) -> Observation:
    """The observation with its losses combined into one, and with the curve of that loss.

    The combined loss is infinite if any loss is. Along the curve only the first loss varies; the
    others stay at their final values. An observation with one loss is returned unchanged.

    Args:
        observation: What was told.
        combine: Combines several losses into one; NaN if one is NaN.
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
