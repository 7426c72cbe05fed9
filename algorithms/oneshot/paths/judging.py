"""Architectures judged with shared weights: all at once, or by evolution."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.one_shot_search import DivergedError, OneShotSearch
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch, Supernet


def uniform_path(net: Supernet) -> Tensor:
    """Draw an option of every decision, shape ``(n_decisions,)``."""
    n_decisions, n_options = net.shape
    device = net.generator.device
    return torch.randint(n_options, (n_decisions,), generator=net.generator, device=device)


def answer_path(net: Supernet, batch: Batch, options: Tensor) -> Answer:
    """What the supernet makes of a batch with one option of every decision."""
    chosen = gates.one_hot(options, net.weights()[0].new_zeros(net.shape))
    return net.answer(batch, chosen, active=chosen.bool())


def judging_batches(net: Supernet) -> list[Batch]:
    """Return all examples for gates, not augmented, in as many equal parts as an epoch has steps.

    Parts may have one example more than others, and more than a batch of a training.
    """
    whole = net.valid()
    parts = (whole.x.tensor_split(net.steps), whole.y.tensor_split(net.steps))
    return [Batch(x, y) for x, y in zip(*parts, strict=True)]


@torch.no_grad()
def accuracies(net: Supernet, archs: Iterable[Arch], batches: Sequence[Batch]) -> list[float]:
    """Mean accuracy of every architecture over some batches.

    Raises:
        DivergedError: A loss is not finite.
    """
    found = []
    for arch in archs:
        answers = [net.path(batch, arch) for batch in batches]
        if not all(torch.isfinite(answer.loss) for answer in answers):
            raise DivergedError
        found.append(sum((answer.accuracy for answer in answers), start=0.0) / len(batches))
    return found


def best_first(archs: Sequence[Arch], scores: Sequence[float]) -> list[Arch]:
    """Architectures by descending score; the first of equal ones first."""
    order = sorted(range(len(archs)), key=lambda i: -scores[i])
    return [archs[i] for i in order]


def different(search: OneShotSearch, n: int) -> list[Arch]:
    """Draw ``n`` different random architectures, or as many as ten times as many draws give."""
    found: dict[Arch, None] = {}
    for _ in range(10 * n):
        if len(found) == n:
            break
        found[search.space.sample(search.rng)] = None
    return list(found)


def evolved(
    search: OneShotSearch,
    *,
    population: int,
    generations: int,
    parents: int,
    mutation: float,
) -> list[Arch]:
    """Search the supernet by evolution (Guo et al., 2020, algorithm 1 and its code).

    A generation is half crossovers, half mutants of the best architectures so far, none judged
    before; random ones where these are too few.

    Args:
        search: The search, with a trained supernet.
        population: Architectures of a generation.
        generations: Number of generations, the random first one included.
        parents: How many of the best so far have children.
        mutation: Probability that a decision of a mutant is drawn anew.

    Returns:
        All that were judged, best first.
    """
    rng, space, batch = search.rng, search.space, search.net.valid()
    judged: dict[Arch, float] = {}

    def parent(best: Sequence[Arch]) -> Arch:
        return best[int(rng.random() * len(best))]

    def mutant(best: Sequence[Arch]) -> Arch:
        arch, other = parent(best), space.sample(rng)
        child = tuple(b if rng.random() < mutation else a for a, b in zip(arch, other, strict=True))
        return child if space.is_legal(child) else arch

    def crossed(best: Sequence[Arch]) -> Arch:
        return space.crossover(parent(best), parent(best), rng)

    def add(make: Callable[[], Arch], n: int) -> None:
        """Add ``n`` new architectures, or as many as ten times as many draws give."""
        wanted = len(fresh) + n
        for _ in range(10 * n):
            if len(fresh) == wanted:
                break
            if (arch := make()) not in judged:
                fresh[arch] = None

    for generation in range(generations):
        fresh: dict[Arch, None] = {}
        if generation:
            best = best_first(list(judged), list(judged.values()))[:parents]
            add(partial(mutant, best), population // 2)
            add(partial(crossed, best), population // 2)
        add(partial(space.sample, rng), population - len(fresh))
        judged |= zip(fresh, accuracies(search.net, fresh, [batch]), strict=True)
    return best_first(list(judged), list(judged.values()))
