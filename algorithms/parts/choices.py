"""Architectures chosen one decision after the other, with options that can still become legal."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import TypeAlias

from nasbench.space import Arch, SearchSpace

LegalOptions: TypeAlias = Callable[[Arch], tuple[int, ...]]
"""The options with which a prefix can be completed to a legal architecture."""

_REMEMBERED = 65_536


def legal_options(space: SearchSpace) -> LegalOptions:
    """``space.legal_options``, which can be slow, with the latest answers remembered."""
    if not space.has_rules:
        by_position = [tuple(range(n)) for n in space.options]
        return lambda prefix: by_position[len(prefix)]
    return lru_cache(_REMEMBERED)(space.legal_options)


def completed(space: SearchSpace, prefix: Arch, legal: LegalOptions, rng: Random) -> Arch:
    """A legal architecture that begins with ``prefix``; every option has equal chance."""
    for _ in range(len(prefix), len(space.options)):
        options = legal(prefix)
        prefix = (*prefix, options[int(rng.random() * len(options))])
    return prefix


def pick(options: Sequence[int], weights: Sequence[float], rng: Random) -> int:
    """One of ``options``, the chance of option ``o`` in proportion to ``weights[o]``.

    If all have the weight zero, the chances are equal.
    """
    total = 0.0
    for option in options:
        total += weights[option]
    if not total > 0:
        return options[int(rng.random() * len(options))]
    rest = rng.random() * total
    for option in options:
        rest -= weights[option]
        if rest < 0:
            return option
    return next(option for option in reversed(options) if weights[option] > 0)


class IndependentChoices:
    """A distribution over architectures in which no decision depends on another.

    Only rules of the space couple decisions: an option after which nothing legal can follow has no
    chance, and the chances of the others grow in proportion.

    Args:
        space: The space.

    Attributes:
        weights: For each decision a non-negative number for each option; chances are in proportion
            to them. At first they are equal.
        legal: Options with which a prefix can be completed.
        unruled: Whether every tuple is legal.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.weights = [[1.0 / n] * n for n in space.options]
        self.legal = legal_options(space)
        self.unruled = not space.has_rules

    def sample(self, rng: Random) -> Arch:
        """A legal architecture."""
        if not self.unruled:
            arch: Arch = ()
            for weights in self.weights:
                arch = (*arch, pick(self.legal(arch), weights, rng))
            return arch
        draw = rng.random
        chosen = []
        for weights in self.weights:
            rest = draw() * sum(weights)
            for option, weight in enumerate(weights):  # noqa: B007
                rest -= weight
                if rest < 0:
                    break
            else:
                option = max(range(len(weights)), key=weights.__getitem__)
            chosen.append(option)
        return tuple(chosen)
