"""Random scalarizations for any inner algorithm (Paria et al., 2020, https://arxiv.org/abs/1805.12168).

The weighted, augmented Tchebycheff distance is that of ParEGO (Knowles, 2006,
https://doi.org/10.1109/TEVC.2005.851274).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from algorithms.parts.inner import Wrapper, with_one_loss
from algorithms.parts.ordered_sum import ordered_sum
from algorithms.parts.running import Running
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.regressor import Regressors
from nasbench.space import SearchSpace

_SCALARIZATIONS = ("tchebycheff", "linear")
_MIN_RANGE = 1e-200
"""Losses in a smaller range are equal: in units of it, others would be infinite."""
_RHO = 0.05


class RandomScalarization(Wrapper):
    """Runs any algorithm repeatedly on random scalarizations of the losses (Paria et al., 2020).

    The first inner search minimises the first loss alone. Every later one draws weights uniformly
    from the simplex and is told 100 times the weighted distance of the losses from the best values
    seen before it, in units of the ranges seen before it. Values told within one inner search are
    therefore comparable, whatever the inner algorithm remembers. An inner search ends after
    ``period`` proposals, or when it ends itself; results that arrive later are told to the search
    that proposed them. With one objective there is a single inner search.

    Args:
        space: The search space.
        fidelities: Epochs on offer to the inner algorithm.
        seed: Seed of the first inner search and of everything drawn later.
        known: Passed on to the inner algorithm.
        resumable: Passed on to the inner algorithm.
        regressors: Passed on to the inner algorithm.
        scalarization: ``"tchebycheff"``: the largest weighted distance plus 0.05 times the sum of
            all; ``"linear"``: the sum, which finds only convex parts of the front.
        period: Proposals per inner search.
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        known: Known | None = None,
        resumable: bool = True,
        regressors: Regressors | None = None,
        scalarization: str = "tchebycheff",
        period: int = 50,
        search: str = "local_search",
        search_preset: str | None = None,
        search_settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            known=known,
            resumable=resumable,
            regressors=regressors,
            search=search,
            search_preset=search_preset,
            search_settings=search_settings,
        )
        if scalarization not in _SCALARIZATIONS:
            raise InvalidArgumentError(
                f"scalarization = {scalarization!r}{one_of(scalarization, _SCALARIZATIONS)}"
            )
        if period < 1:
            raise InvalidArgumentError(f"period = {period} must be at least 1")
        self.scalarization = scalarization
        self.period = period
        self._array_rng = np.random.default_rng(int(self.rng.random() * 2**53))
        self._current = _Search(self._make(seed=seed), itemgetter(0))
        self.families = self._current.algorithm.families
        self.loss_unit = self._current.algorithm.loss_unit
        self.random_trials = self._current.algorithm.random_trials
        self.inner_regressors = self._current.algorithm.inner_regressors
        self._running: Running[_Search] = Running()
        self._lowest: tuple[float, ...] = ()
        self._highest: tuple[float, ...] = ()

    def ask(self) -> Proposal | None:
        if self._current.n_asked >= self.period:
            self._begin()
        proposal = self._ask(self._current.algorithm)
        if proposal is None and not self._current.n_running and self._begin():
            proposal = self._ask(self._current.algorithm)
        if proposal is not None:
            self._current.n_asked += 1
            self._current.n_running += 1
            self._running.add(proposal, self._current)
        return proposal

    def tell(self, observation: Observation) -> None:
        losses = observation.losses
        if all(map(math.isfinite, losses)):
            self._lowest = tuple(map(min, losses, self._lowest or losses))
            self._highest = tuple(map(max, losses, self._highest or losses))
        search = self._running.take(observation.proposal)
        search.n_running -= 1
        search.algorithm.tell(with_one_loss(observation, search.combine))

    def _begin(self) -> bool:
        """Begin the next inner search, unless there is one objective or no range is known yet."""
        n = len(self._lowest)
        if n < 2:
            return False
        weights = self._array_rng.dirichlet(np.ones(n)).tolist()
        scales = [
            100 * weight / (highest - lowest if highest - lowest > _MIN_RANGE else 1.0)
            for weight, lowest, highest in zip(weights, self._lowest, self._highest, strict=True)
        ]
        combine = partial(self._combine, self._lowest, scales)
        self._current = _Search(self._make(seed=int(self.rng.random() * 2**53)), combine)
        return True

    def _combine(
        self, lowest: Sequence[float], scales: Sequence[float], losses: Sequence[float]
    ) -> float:
        """The scalarized loss."""
        distances = [
            scale * (loss - low) for scale, loss, low in zip(scales, losses, lowest, strict=True)
        ]
        if self.scalarization == "linear":
            return ordered_sum(distances)
        return max(distances) + _RHO * ordered_sum(distances)


class _Search:
    """One inner search.

    Args:
        algorithm: The inner algorithm.
        combine: Maps all losses to the one that the inner algorithm is told.

    Attributes:
        algorithm: As given.
        combine: As given.
        n_asked: Number of proposals so far.
        n_running: Number of proposals not told yet.
    """

    __slots__ = ("algorithm", "combine", "n_asked", "n_running")

    def __init__(self, algorithm: Algorithm, combine: Callable[[Sequence[float]], float]) -> None:
        self.algorithm = algorithm
        self.combine = combine
        self.n_asked = 0
        self.n_running = 0
