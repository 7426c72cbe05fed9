"""Mutation steps that several algorithms share."""

import re
from random import Random

from nasbench.space import Arch, SearchSpace

_EDGE = re.compile(r"edge (\d+)->(\d+)")
_TRIES = 1000


def mutant(space: SearchSpace, arch: Arch, rng: Random) -> Arch:
    """A mutant of ``arch``, or a random architecture if it has no neighbour.

    In an incomplete table most architectures have no recorded neighbour. There
    :meth:`~nasbench.space.SearchSpace.mutate` returns ``arch`` itself, and a search that moves by
    mutation alone would train it again and again.
    """
    changed = space.mutate(arch, rng)
    return space.sample(rng) if changed == arch else changed


def edge_ends(space: SearchSpace) -> list[tuple[str, str] | None]:
    """For every decision the nodes at the ends of the edge that it decides; None for another."""
    matches = [_EDGE.fullmatch(decision.name) for decision in space.decisions]
    return [(match[1], match[2]) if match else None for match in matches]


def naszilla_rates(space: SearchSpace) -> list[float]:
    """Probability that each decision changes in naszilla/naszilla.

    An edge changes with probability one over the number of edges, or of edges minus two in a cell
    whose decisions are all edges; another decision with one over the number of the others.
    """
    ends = edge_ends(space)
    n_edges = len(ends) - ends.count(None)
    n_others = ends.count(None)
    one_in = n_edges if n_others else max(n_edges - 2, 1)
    return [1 / one_in if edge else 1 / n_others for edge in ends]


def mutate_each(space: SearchSpace, arch: Arch, rates: list[float], rng: Random) -> Arch:
    """A legal mutant in which every decision changes with a probability of its own.

    It is drawn until it is legal, which may be ``arch`` itself.
    """
    draw = rng.random
    for _ in range(_TRIES):
        mutant = tuple(
            [
                (option + 1 + int(draw() * (n - 1))) % n if n > 1 and draw() < rate else option
                for option, n, rate in zip(arch, space.options, rates, strict=True)
            ]
        )
        if space.is_legal(mutant):
            return mutant
    return arch
