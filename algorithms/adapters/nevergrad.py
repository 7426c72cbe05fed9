"""Optimizers of Nevergrad (Bennet et al., 2021, https://doi.org/10.1145/3460310.3460312)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from inspect import getdoc
from typing import Any, ClassVar

import nevergrad
import numpy as np

from algorithms.adapters.adapter import MOST, Adapter, Asked, adapted, refusals
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_LARGEST = 5e20
"""The loss to which Nevergrad cuts larger ones, where there is one objective."""


class NevergradSearch(Adapter):
    """An optimizer of Nevergrad, asked and told.

    The search is the loop ``candidate = optimizer.ask()``, ``optimizer.tell(candidate, losses)`` on
    ``space.to_nevergrad()``, whose random state has the seed of the search.

    Several objectives are told together; optimizers of one objective then minimise what Nevergrad
    makes of them, the hypervolume that a candidate adds. Losses above 5e20, such as that of a
    diverged training, are told as 5e20, as Nevergrad does itself with one objective.

    Some optimizers draw from NumPy's global generator. It is set to the seed when the search
    begins, and put back whenever Nevergrad returns.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the parametrization.
        objectives: Number of objectives; all count.
        budget: Number of trials that the optimizer plans with. ``NGOpt`` and its relatives choose
            a method by it; the search goes on if there are more.
        num_workers: Number of trials at a time that the optimizer plans with.

    Raises:
        InvalidArgumentError: The optimizer refuses its arguments.
    """

    packages = ("nevergrad",)
    multi_objective = True
    configured: ClassVar[Any] = None
    """What makes the optimizer; None if that is :attr:`foreign` with its settings."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        budget: int = 100,
        num_workers: int = 1,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        self.budget = budget
        self.num_workers = num_workers
        if budget < 1 or num_workers < 1:
            name, value = ("budget", budget) if budget < 1 else ("num_workers", num_workers)
            raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if num_workers > MOST:
            raise InvalidArgumentError(f"num_workers = {num_workers} must be at most {MOST:,}")
        self._generator = np.random.RandomState(seed % 2**32).get_state()
        with self.theirs(), refusals():
            parametrization = space.to_nevergrad()
            parametrization.random_state.seed(seed % 2**32)
            make = self.configured or self.foreign(**settings)
            self.parallel = not make.no_parallelization  # type: ignore[misc]
            if num_workers > 1 and not self.parallel:
                raise InvalidArgumentError(
                    f"num_workers = {num_workers}, but {type(self).__name__} of nevergrad tries "
                    "one candidate after the other"
                )
            self._optimizer = make(parametrization, budget=budget, num_workers=num_workers)

    def propose(self) -> Asked | None:
        candidate = self._optimizer.ask()
        return Asked(candidate, self.legal(candidate.value))

    def learn(self, token: Any, observation: Observation) -> None:
        self._optimizer.tell(token, _told(observation.losses))

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        with self.theirs():
            value = self.space.to_configuration(arch)
            candidate = self._optimizer.parametrization.spawn_child(new_value=value)
            self._optimizer.tell(candidate, _told(losses))

    @contextmanager
    def theirs(self) -> Iterator[None]:
        """Code of Nevergrad runs, on its own state of NumPy's global generator."""
        ours = np.random.get_state()  # noqa: NPY002
        np.random.set_state(self._generator)  # noqa: NPY002
        try:
            with super().theirs():
                yield
        finally:
            self._generator = np.random.get_state()  # noqa: NPY002
            np.random.set_state(ours)  # noqa: NPY002


@cache
def __getattr__(name: str) -> type[NevergradSearch]:
    """Make the algorithm with the name of a registered optimizer, or of a family of them."""
    registered, families = nevergrad.optimizers.registry, nevergrad.families.__all__
    possible = [*registered, *families]
    if name not in possible:
        raise AttributeError(f"nevergrad has no {name!r}{one_of(name, possible)}")
    if name not in registered:
        return adapted(NevergradSearch, getattr(nevergrad.families, name), module=__name__)
    made = registered[name]
    foreign = made if isinstance(made, type) else type(made)
    return type(
        name,
        (NevergradSearch,),
        {
            "__doc__": f"``nevergrad``: the registered {name}\n\n{getdoc(NevergradSearch)}",
            "__module__": __name__,
            "__qualname__": name,
            "foreign": foreign,
            "configured": made,
        },
    )


def _told(losses: Sequence[float]) -> float | list[float]:
    bounded = [min(loss, _LARGEST) for loss in losses]
    return bounded[0] if len(bounded) == 1 else bounded
