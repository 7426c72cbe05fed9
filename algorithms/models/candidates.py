"""Architectures that were not proposed yet, from which a model chooses."""

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from math import isfinite
from random import Random

from nasbench.space import Arch, SearchSpace

_DRAWS = 100
_LISTED = 1_000_000


def unseen(space: SearchSpace, n: int, rng: Random, seen: Collection[Arch]) -> list[Arch]:
    """Draw up to ``n`` different architectures uniformly from those that are not in ``seen``.

    There are fewer only where no more are left, or where the space is too large to be listed and
    ``100 * n`` draws gave no more.

    Args:
        space: The search space.
        n: Number of architectures; none if it is below 1.
        rng: Source of randomness.
        seen: What not to draw; a set or mapping.
    """
    if n < 1:
        return []
    found: dict[Arch, None] = {}
    for arch in islice(space.samples(rng), _DRAWS * n):
        if arch not in seen:
            found[arch] = None
        if len(found) == n:
            return list(found)
    if space.size is None or space.size > _LISTED:
        return list(found)
    rest = [arch for arch in space.archs() if arch not in seen and arch not in found]
    drawn = sorted((rng.random(), arch) for arch in rest)[: n - len(found)]
    return [*found, *(arch for _, arch in drawn)]


def mutants(
    parents: Sequence[Arch],
    n: int,
    seen: Collection[Arch],
    mutate: Callable[[Arch], Arch],
    *,
    at_once: int = 1,
    patience: int = 5,
) -> list[Arch]:
    """Return up to ``n`` different mutants that are not in ``seen``.

    The first ``at_once`` parents are mutated ``n // at_once`` times each; while there are fewer
    than ``n`` mutants, so are the next ones, ``patience * at_once`` at most. As in
    naszilla/naszilla (``get_candidates`` in ``nas_benchmarks.py``).

    Args:
        parents: Architectures to mutate, best first.
        n: Number of mutants.
        seen: What not to return; a set or mapping.
        mutate: Gives a random mutant of an architecture.
        at_once: How many parents share the mutants.
        patience: How many times as many parents may be mutated.
    """
    found: dict[Arch, None] = {}
    for parent in parents[: at_once * patience]:
        if len(found) >= n:
            break
        for _ in range(max(n // at_once, 1)):
            mutant = mutate(parent)
            if mutant not in seen:
                found[mutant] = None
    return list(found)[:n]


def mutants_or_unseen(
    space: SearchSpace,
    parents: Sequence[Arch],
    n: int,
    least: int,
    rng: Random,
    seen: Collection[Arch],
    patience: int,
) -> list[Arch]:
    """Return up to ``n`` :func:`mutants`; where there are fewer than ``least``, random ones, too.

    Args:
        space: The search space.
        parents: As for :func:`mutants`, as are ``n``, ``seen`` and ``patience``.
        n: See there.
        least: Random architectures join until there are so many, as far as there are any.
        rng: Source of randomness.
        seen: See there.
        patience: See there.
    """
    alone = set()

    def mutate(arch: Arch) -> Arch:
        if arch in alone:
            return arch
        mutant = space.mutate(arch, rng)
        if mutant == arch:  # it has no legal neighbour, which takes long to find out
            alone.add(arch)
        return mutant

    found = mutants(parents, n, seen, mutate, patience=patience)
    return found + unseen(space, least - len(found), rng, {*seen, *found})


def pool(space: SearchSpace, n: int, rng: Random, seen: Collection[Arch]) -> list[Arch]:
    """Return all architectures not in ``seen`` if the space has up to ``n``, else ``n`` random.

    Args:
        space: The search space.
        n: Number of architectures.
        rng: Source of randomness.
        seen: What not to return; a set or mapping.
    """
    if space.size is not None and space.size <= n:
        return [arch for arch in space.archs() if arch not in seen]
    return unseen(space, n, rng, seen)


def lowest(archs: Sequence[Arch], scores: Sequence[float], n: int) -> list[Arch]:
    """Return the ``n`` architectures with the lowest scores, lowest first.

    Returns:
        None of them if a score is not a finite number, as of a model whose training diverged.
    """
    if not all(map(isfinite, scores)):
        return []
    return [archs[i] for i in sorted(range(len(archs)), key=lambda i: (scores[i], i))[:n]]
