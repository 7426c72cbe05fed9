"""Gates: parameters of architectures, what is drawn from them, and what they choose."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nasbench.space import Arch
from nasbench.supernet import Supernet


def parameters(net: Supernet, *, spread: float = 1e-3, mean: float = 0.0) -> Tensor:
    """Return new parameters of the shape of the supernet, normally distributed."""
    device = net.generator.device
    drawn = torch.randn(net.shape, generator=net.generator, device=device, dtype=torch.float64)
    return (mean + spread * drawn).to(net.weights()[0].dtype).requires_grad_()


def adam(
    parameters: Sequence[Tensor],
    *,
    rate: float = 3e-4,
    betas: tuple[float, float] = (0.5, 0.999),
    decay: float = 1e-3,
) -> torch.optim.Adam:
    """Return the optimiser of architecture parameters that most papers use."""
    return torch.optim.Adam(list(parameters), lr=rate, betas=betas, weight_decay=decay)


def gumbels(net: Supernet, like: Tensor) -> Tensor:
    """Draw standard Gumbel variables of the shape of a tensor."""
    u = torch.rand(like.shape, generator=net.generator, device=like.device, dtype=torch.float64)
    tiny = torch.finfo(torch.float64).tiny
    return -torch.log(-torch.log(u.clamp_min(tiny))).to(like.dtype)


def one_hot(options: Tensor, like: Tensor) -> Tensor:
    """Return gates of 1 for an option of every decision, else 0."""
    return torch.nn.functional.one_hot(options, like.shape[1]).to(like.dtype)


def best(values: Tensor) -> Arch:
    """Return the architecture of the options with the largest values; the first of equal ones."""
    return tuple(int(option) for option in values.detach().argmax(dim=1).tolist())


def hard_gumbel(net: Supernet, alphas: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Draw an option of every decision, with gradients as of the relaxation (straight-through).

    Jang, Gu and Poole (2017), https://arxiv.org/abs/1611.01144.

    Args:
        net: The supernet, for its random numbers.
        alphas: Architecture parameters, logarithms of probabilities up to constants.
        temperature: Of the relaxation whose gradient is taken.

    Returns:
        Gates of 1 and 0, and which are 1.
    """
    soft = soft_gumbel(net, alphas, temperature)
    hard = one_hot(soft.detach().argmax(dim=1), soft)
    return hard - soft.detach() + soft, hard.bool()


def soft_gumbel(net: Supernet, alphas: Tensor, temperature: float) -> Tensor:
    """Draw gates from the Gumbel-softmax distribution; they sum to 1 for every decision."""
    return ((alphas.log_softmax(dim=1) + gumbels(net, alphas)) / temperature).softmax(dim=1)


def most_likely(log_probabilities: Tensor, n: int) -> list[Arch]:
    """Return the ``n`` most probable architectures of independent decisions, best first."""
    found: list[tuple[float, Arch]] = [(0.0, ())]
    for row in log_probabilities.detach().double().tolist():
        longer = [(x + y, (*arch, option)) for x, arch in found for option, y in enumerate(row)]
        found = sorted(longer, key=lambda pair: (-pair[0], pair[1]))[:n]
    return [arch for _, arch in found]


def best_of_numbers(values: Any, shape: tuple[int, int]) -> Arch:
    """Return :func:`best` of numbers in a row, as histories keep them."""
    return best(torch.as_tensor(values).reshape(shape))


def between(first: float, last: float, epoch: int, epochs: int) -> float:
    """Return a value that moves linearly from the first epoch to the last."""
    return first + (last - first) * (epoch / max(1, epochs - 1))
