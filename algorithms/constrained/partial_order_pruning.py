"""Partial Order Pruning (Li et al., 2019, https://arxiv.org/abs/1903.03777)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algorithms.models.costs import Costs, Untried, varied
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class PartialOrderPruning(Algorithm):
    """Partial Order Pruning: trains random architectures that results do not rule out.

    Architectures are partially ordered: ``x`` is below ``w`` if, in every decision where they
    differ, the option of ``x`` is the smaller one. The assumption is that what is below costs no
    more and is no more accurate. So a trained ``w`` prunes every ``x`` below it that costs at least
    as much as some trained ``z`` whose loss is no higher than that of ``w``: ``z`` is no worse than
    ``x`` in either respect. Pruned architectures are never trained. The search ends when all that
    the limit allows is trained or pruned. A diverged training prunes nothing.

    An option is smaller than another of the same decision if it costs less in each of
    ``references`` random architectures in which both are legal, of which there must be one. Options
    of equal cost, such as a skip connection and a pooling layer by their parameters, are not
    ordered, whatever the kind of the decision. A partial table may leave nothing to order; then
    this is random search.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        column: Place of the cost among the known numbers, from 0.
        limit: What an architecture may cost at most, in the unit of the column; None for no limit.
        references: Number of random architectures in which options are compared.
        known: Numbers of an architecture; needed. A cost that is not defined counts as the largest.

    Raises:
        InvalidArgumentError: There is no cost, or a hyperparameter has an impossible value.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        column: int = 0,
        limit: float | None = None,
        references: int = 4,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if references < 1:
            raise InvalidArgumentError(f"references = {references} must be at least 1")
        self.column = column
        self.limit = limit
        self.references = references
        self.random_trials = 1 if limit is None else 0
        self._costs = Costs(known, column, limit)
        self._untried = Untried(space, self.rng, self._refused)
        self._order: NDArray[np.bool_] | None = None
        self._archs = np.empty((0, len(space.options)), dtype=np.intp)  # of finite loss
        self._losses = np.empty(0)
        self._trained_costs = np.empty(0)
        self._least = np.empty(0)  # of each, the lowest cost of those that are as accurate

    def ask(self) -> Proposal | None:
        if self._order is None:
            found = [self.space.sample(self.rng) for _ in range(self.references)]
            self._order = option_order(self.space, self._costs, found)
        arch = self._untried.draw()
        return None if arch is None else Proposal(arch)

    def tell(self, observation: Observation) -> None:
        if observation.loss == np.inf:
            return
        arch, loss = observation.proposal.arch, observation.loss
        cost = self._costs(arch)
        self._least[self._losses >= loss] = np.minimum(self._least[self._losses >= loss], cost)
        as_good = self._trained_costs[self._losses <= loss]
        self._archs = np.vstack((self._archs, arch))
        self._losses = np.append(self._losses, loss)
        self._trained_costs = np.append(self._trained_costs, cost)
        self._least = np.append(self._least, min(as_good.min(initial=np.inf), cost))

    def _refused(self, arch: Arch) -> bool:
        return not self._costs.allows(arch) or self.is_pruned(arch)

    def is_pruned(self, arch: Arch) -> bool:
        """Return whether results so far rule out an architecture."""
        if self._order is None:
            return False
        above = self._archs[self._least <= self._costs(arch)]
        order = self._order[np.arange(len(arch)), arch, above]
        return bool(order.all(axis=1).any())


def option_order(space: SearchSpace, costs: Costs, archs: Sequence[Arch]) -> NDArray[np.bool_]:
    """Return which options are equal or smaller.

    Args:
        space: The search space.
        costs: Gives the costs.
        archs: Architectures in which options are compared.

    Returns:
        Shape ``(d, n, n)`` for ``d`` decisions of up to ``n`` options; ``[i, a, b]`` says whether
        option ``a`` of decision ``i`` is ``b`` or smaller than it.
    """
    d, n = len(space.options), max(space.options)
    found = np.full((len(archs), d, n), np.nan)
    for place, arch in enumerate(archs):
        for decision in range(d):
            for option, other in varied(space, arch, decision):
                found[place, decision, option] = costs(other)
    cheaper = found[..., :, None] < found[..., None, :]
    compared = ~np.isnan(found)
    both = compared[..., :, None] & compared[..., None, :]
    order: NDArray[np.bool_] = (cheaper | ~both).all(axis=0) & both.any(axis=0)
    return order | np.eye(n, dtype=np.bool_)
