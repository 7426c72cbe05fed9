"""DPP-Net, device-aware progressive search (Dong et al., 2018, https://arxiv.org/abs/1806.08198)."""

import math
from collections.abc import Sequence

import numpy as np

from algorithms.models.examples import Examples
from algorithms.models.progressive_search import ProgressiveSearch
from algorithms.parts.pareto import Losses, crowding, fronts
from nasbench.algorithm import Known, Observation
from nasbench.space import Arch, SearchSpace


class DPPNet(ProgressiveSearch):
    """DPP-Net: grows architectures level by level, keeping the predicted Pareto front of each.

    It grows like :class:`~algorithms.predictor.pnas.PNAS`, and an ensemble of LSTMs predicts the
    first loss, too. But candidates are compared by this prediction and by costs, all to be small.
    Costs are numbers known before training, such as parameters or a latency (``known``; ``--known``
    on the command line). Without them, the losses after the first take their place, which are
    predicted by ensembles of their own; with one objective, it is PNAS.

    Of the candidates of a level, the front that no other candidate dominates is chosen, then the
    next front without it, up to ``beam``. Of a front that does not fit, the least crowded are
    chosen, as in NSGA-II.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        first: Level 1 is trained as a whole, unless it is larger: then so many random ones.
        beam: Architectures trained at each later level.
        levels: Number of levels; None for the number of decisions.
        members: Number of LSTMs that predict a loss.
        hidden: Units of an LSTM.
        embedding: Size of the embedding of an option.
        epochs: Passes over the examples at each level.
        batch_size: Examples per step.
        learning_rate: Of Adam when LSTMs are trained first.
        later_rate: Of Adam when they are trained again.
        known: Costs of an architecture; one that is not defined counts as the largest.
    """

    multi_objective = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        first: int = 50,
        beam: int = 25,
        levels: int | None = None,
        members: int = 5,
        hidden: int = 32,
        embedding: int = 32,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        later_rate: float = 0.002,
        known: Known | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            first=first,
            beam=beam,
            levels=levels,
            members=members,
            hidden=hidden,
            embedding=embedding,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            later_rate=later_rate,
            targets="standardized",
        )
        self._known = known
        self._others: list[Examples] = []  # those of the losses after the first

    def tell(self, observation: Observation) -> None:
        super().tell(observation)
        if self._known is None:
            costs = observation.losses[1:]
            self._others = self._others or [Examples() for _ in costs]
            for examples, loss in zip(self._others, costs, strict=True):
                examples.archs.append(observation.proposal.arch)
                examples.losses.append(loss)

    def select(self, candidates: Sequence[Arch], n: int) -> list[Arch]:
        predicted = self.predict(candidates, [self.examples, *self._others])
        if not np.isfinite(predicted).all():
            return []
        points: list[Losses] = list(zip(*predicted.tolist(), strict=True))
        if self._known is not None:
            points = [
                (*point, *(math.inf if math.isnan(cost) else cost for cost in self._known(arch)))
                for point, arch in zip(points, candidates, strict=True)
            ]
        return [candidates[place] for place in pareto_first(points, n)]


def pareto_first(points: Sequence[Losses], n: int) -> list[int]:
    """Return the places of ``n`` points, front by front, in a front by their first loss.

    Of a front that does not fit, those with the largest crowding distance are taken.
    """
    found: list[int] = []
    for front in fronts(points):
        if len(front) > n - len(found):
            distances = crowding([_bounded(points[place]) for place in front])
            order = sorted(range(len(front)), key=lambda i: (-distances[i], i))
            front = sorted((front[i] for i in order[: n - len(found)]), key=points.__getitem__)
        found += front
        if len(found) == n:
            break
    return found


def _bounded(point: Losses) -> Losses:
    """A point whose infinite costs are large numbers, between which there are distances."""
    return tuple([min(x, 1e100) for x in point])
