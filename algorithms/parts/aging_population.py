"""A population whose oldest member makes room, and tournaments in it."""

from random import Random

from nasbench.algorithm import Observation
from nasbench.space import Arch


class AgingPopulation:
    """The latest ``size`` results, in the order in which they were told (Real et al., 2019).

    Args:
        size: Number of members.
        sample: Members that a tournament draws.
        replacement: Whether it may draw a member twice.

    Attributes:
        members: Loss, number of the trial and architecture of each.
    """

    def __init__(self, size: int, sample: int, *, replacement: bool = True) -> None:
        self._size = size
        self._sample = sample
        self._replacement = replacement
        self._told = 0
        self.members: list[tuple[float, int, Arch]] = []

    def add(self, observation: Observation) -> None:
        """Add a result; in a full population it takes the place of the oldest."""
        member = (observation.losses[0], observation.trial, observation.proposal.arch)
        if self._told < self._size:
            self.members.append(member)
        else:
            self.members[self._told % self._size] = member
        self._told += 1

    def winner(self, rng: Random) -> Arch:
        """Return the best member of a tournament; ties go to the earlier trial."""
        members, draw = self.members, rng.random
        n = len(members)
        if self._replacement:
            return min([members[int(draw() * n)] for _ in range(self._sample)])[2]
        indices = list(range(n))
        chosen = min(self._sample, n)
        for i in range(chosen):
            j = i + int(draw() * (n - i))
            indices[i], indices[j] = indices[j], indices[i]
        return min([members[i] for i in indices[:chosen]])[2]
