"""The mutation step that several algorithms share."""

from random import Random

from nasbench.space import Arch, SearchSpace


def mutant(space: SearchSpace, arch: Arch, rng: Random) -> Arch:
    """A mutant of ``arch``, or a random architecture if it has no neighbour.

    In an incomplete table most architectures have no recorded neighbour. There
    :meth:`~nasbench.space.SearchSpace.mutate` returns ``arch`` itself, and a search that moves by
    mutation alone would train it again and again.
    """
    changed = space.mutate(arch, rng)
    return space.sample(rng) if changed == arch else changed
