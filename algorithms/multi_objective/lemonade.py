"""LEMONADE (Elsken, Metzen and Hutter, 2019, https://arxiv.org/abs/1804.09081)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from algorithms.parts.choices import pick
from algorithms.parts.kernel_density import KernelDensity
from algorithms.parts.pareto import Losses, fronts
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_MIN_BANDWIDTH = 1e-3
_MIN_DENSITY = 1e-300


class Lemonade(Algorithm):
    """LEMONADE: evolves a Pareto front, preferring sparse regions of cost (Elsken et al., 2019).

    The population is the Pareto front of all finished trainings. Each generation proposes children:
    random edits (``space.edits``) of members drawn with probability inversely proportional to the
    density of the population at the member's *cheap numbers*. Some of them are accepted, drawn
    without replacement with probability inversely proportional to the same density at their own
    cheap numbers, and only these are trained. The density is a sum of normal kernels.

    Cheap numbers are known before training: in the paper, parameters and multiply-adds (here
    ``known``, ``--known`` on the command line). Without them, the losses after the first serve as
    the cheap numbers of a member, and children, which have no losses yet, are accepted at random.
    Known numbers tell where children are rare, not which are better: what should be small must also
    be an objective. With one objective the population is the single best architecture.

    A generation is made from the current population as soon as the previous one is fully proposed,
    so workers never wait. No architecture is proposed twice while untried edits of the population
    remain; when none remain, a random architecture is trained. Among members with equal losses the
    latest stays. Diverged trainings never enter the population.

    In LEMONADE the edits are exact or approximate network morphisms, starting from trivial
    networks: a child inherits its parent's weights and trains briefly. A table holds trainings from
    scratch, so the savings of weight inheritance are not measured.

    The defaults are our own. Preset ``community`` has the numbers of a public re-implementation.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        proposed: Children proposed per generation.
        accepted: Proposed children that are trained, per generation.
        known: Cheap numbers of an architecture.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "community": {"proposed": 8, "accepted": 4},
    }

    multi_objective = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        proposed: int = 20,
        accepted: int = 8,
        known: Known | None = None,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if initial < 1:
            raise InvalidArgumentError(f"initial = {initial} must be at least 1")
        if not 1 <= accepted <= proposed:
            raise InvalidArgumentError(f"accepted = {accepted} must be in 1..proposed = {proposed}")
        self.initial = initial
        self.proposed = proposed
        self.accepted = accepted
        self.random_trials = initial
        self._known = known
        self._queue: list[Arch] = []
        self._seen: set[Arch] = set()  # keys
        self._population: dict[Losses, Arch] = {}

    def ask(self) -> Proposal:
        if not self._seen:
            self._queue = [self.space.sample(self.rng) for _ in range(self.initial)]
            self._seen.update(map(self.space.key, self._queue))
        if not self._queue:
            self._queue = self._next_generation() or [self.space.sample(self.rng)]
            self._seen.update(map(self.space.key, self._queue))
        return Proposal(self._queue.pop())

    def tell(self, observation: Observation) -> None:
        if max(observation.losses) < math.inf:
            self._population[observation.losses] = observation.proposal.arch

    def _next_generation(self) -> list[Arch]:
        """Children of the front; empty if the front is empty or all its edits were proposed."""
        told = self._population
        points = list(told)
        front = [points[place] for place in fronts(points)[0]] if points else []
        self._population = {losses: told[losses] for losses in front}
        archs = list(self._population.values())
        if self._known is None:
            return self._edited(archs, [losses[1:] for losses in front], self.accepted)
        cheap = [self._known(arch) for arch in archs]
        children = self._edited(archs, cheap, self.proposed)
        rarities = _rarities(cheap, [self._known(child) for child in children])
        places = list(range(len(children)))
        accepted: list[Arch] = []
        while places and len(accepted) < self.accepted:
            place = pick(places, rarities, self.rng)
            places.remove(place)
            accepted.append(children[place])
        return accepted

    def _edited(self, archs: list[Arch], cheap: list[Losses], n: int) -> list[Arch]:
        """Up to ``n`` new children of ``archs``, whose cheap numbers are ``cheap``."""
        draw, key, rarities = self.rng.random, self.space.key, _rarities(cheap, cheap)
        parents = list(range(len(archs)))
        edits: dict[int, list[Arch]] = {}
        children: dict[Arch, Arch] = {}  # by key
        while parents and len(children) < n:
            parent = pick(parents, rarities, self.rng)
            if parent not in edits:
                near = self.space.edits(archs[parent])
                edits[parent] = [edited for edited, _ in near if key(edited) not in self._seen]
            if left := edits[parent]:
                child = left.pop(int(draw() * len(left)))
                children.setdefault(key(child), child)
            else:
                parents.remove(parent)
        return list(children.values())


def _rarities(points: Sequence[Losses], at: Sequence[Losses]) -> list[float]:
    """Inverse density of ``points`` at the points ``at``, up to a constant factor.

    An undefined number (NaN) counts as the largest of its kind.
    """
    if not at or not at[0]:  # with one objective there are no cheap numbers
        return [1.0] * len(at)
    both = np.array([*points, *at])
    defined = ~np.isnan(both)
    largest = np.max(both, axis=0, where=defined, initial=both.min(initial=0, where=defined))
    both = np.where(defined, both, largest)
    lowest = both.min(axis=0)
    span = both.max(axis=0) - lowest
    scaled = (both - lowest) / np.where(span > 0, span, 1.0)
    kernels = KernelDensity(
        scaled[: len(points)], [0] * both.shape[1], min_bandwidth=_MIN_BANDWIDTH
    )
    density = kernels.density(scaled[len(points) :])
    rarities: list[float] = (1 / np.maximum(density, _MIN_DENSITY)).tolist()
    return rarities
