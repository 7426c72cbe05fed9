"""The random step that several algorithms share."""

from random import Random

from nasbench.space import Arch, SearchSpace


def mutant(space: SearchSpace, arch: Arch, rng: Random) -> Arch:
    """:meth:`~nasbench.space.SearchSpace.mutate`, but a random architecture if nothing is near.

    In an incomplete table most architectures have no recorded neighbour: a search that moves by
    mutation alone would train the same one for ever.
    """
    changed = space.mutate(arch, rng)
    return space.sample(rng) if changed == arch else changed
