"""Architectures built decision by decision from options that can still become legal."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import TypeAlias

from algorithms.parts.ordered_sum import ordered_sum
from nasbench.space import Arch, SearchSpace

LegalOptions: TypeAlias = Callable[[Arch], tuple[int, ...]]
"""Maps a prefix to the options after which it can still be completed to a legal architecture."""

_CACHE_SIZE = 65_536


def legal_options(space: SearchSpace) -> LegalOptions:
    """``space.legal_options``, which can be slow, with a cache of recent answers."""
    if not space.has_rules:
        by_position = [tuple(range(n)) for n in space.options]
        return lambda prefix: by_position[len(prefix)]
    return lru_cache(_CACHE_SIZE)(space.legal_options)


def completed(space: SearchSpace, prefix: Arch, legal: LegalOptions, rng: Random) -> Arch:
    """A legal architecture that begins with ``prefix``; other decisions are uniform."""
    for _ in range(len(prefix), len(space.options)):
        options = legal(prefix)
        prefix = (*prefix, options[int(rng.random() * len(options))])
    return prefix


def pick(options: Sequence[int], weights: Sequence[float], rng: Random) -> int:
    """Draws one of ``options``; option ``o`` has probability proportional to ``weights[o]``.

    If all weights are zero, the draw is uniform.
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
    """A distribution over architectures with independent decisions.

    Only rules of the space couple decisions: options after which nothing legal can follow have
    probability 0, and the others grow in proportion.

    Args:
        space: The search space.

    Attributes:
        weights: For each decision, one non-negative weight per option, proportional to its
            probability; equal at first.
        legal: Maps a prefix to the options that can follow it.
        unruled: Whether every tuple is legal.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.weights = [[1.0 / n] * n for n in space.options]
        self.legal = legal_options(space)
        self.unruled = not space.has_rules

    def sample(self, rng: Random) -> Arch:
        """Draws a legal architecture."""
        if not self.unruled:
            arch: Arch = ()
            for weights in self.weights:
                arch = (*arch, pick(self.legal(arch), weights, rng))
            return arch
        draw = rng.random
        chosen = []
        for weights in self.weights:
            rest = draw() * ordered_sum(weights)
            for option, weight in enumerate(weights):  # noqa: B007
                rest -= weight
                if rest < 0:
                    break
            else:
                option = max(range(len(weights)), key=weights.__getitem__)
            chosen.append(option)
        return tuple(chosen)

    def most_likely(self) -> Arch:
        """Return the most likely legal option of each decision in turn; ties go to the first."""
        arch: Arch = ()
        for weights in self.weights:
            arch = (*arch, max(self.legal(arch), key=weights.__getitem__))
        return arch


def better_though_rarer(
    weights: Sequence[float], counts: Sequence[int], losses: Sequence[float], step: float
) -> list[float]:
    """Return the probabilities of a decision after an update of MdeNAS.

    Zheng et al. (2019), https://arxiv.org/abs/1905.07529. For every two options that were drawn,
    ``step`` of probability moves from one that was drawn more often but is worse to the other. What
    falls below 0 is 0, and all are divided by their sum.

    Args:
        weights: Probabilities before.
        counts: How often each option was drawn.
        losses: How bad each is.
        step: What moves.
    """
    moved = list(weights)
    drawn = [option for option, count in enumerate(counts) if count]
    for place, i in enumerate(drawn):
        for j in drawn[:place]:
            if counts[i] < counts[j] and losses[i] < losses[j]:
                gains, loses = i, j
            elif counts[i] > counts[j] and losses[i] > losses[j]:
                gains, loses = j, i
            else:
                continue
            moved[gains] += step
            moved[loses] -= step
    positive = [max(p, 0.0) for p in moved]
    total = ordered_sum(positive)
    return [p / total for p in positive]
