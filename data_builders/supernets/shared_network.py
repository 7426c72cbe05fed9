"""What a network with shared weights is asked: which options count how much, and what it costs."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(eq=False, frozen=True, slots=True, kw_only=True)
class Mixture:
    """How much each option counts in a forward pass; see :meth:`nasbench.supernet.Supernet.answer`.

    Attributes:
        gates: Factor of every option, shape ``(n_decisions, n_options)``.
        active: Whether the option is computed, as nested lists of that shape.
        edges: Factor of every decision, shape ``(n_decisions,)``, or None.
        ghosts: Numbers to add to the features of each decision, shape ``(n_decisions,)``, or None.
        drop_path: Probability that the mixture of a decision is dropped, for an example.
        skip_dropout: Probability that a number behind an option that copies is dropped.
        generator: Random numbers of both.
    """

    gates: Tensor
    active: list[list[bool]]
    edges: Tensor | None
    ghosts: Tensor | None
    drop_path: float
    skip_dropout: float
    generator: torch.Generator

    def kept(self, x: Tensor, shape: tuple[int, ...], probability: float) -> Tensor:
        """Return ``x`` with parts dropped and the others scaled, so that its mean is the same.

        Args:
            x: The features.
            shape: Of the draws, broadcast against ``x``.
            probability: Of dropping.
        """
        if not probability:
            return x
        draws = torch.rand(shape, generator=self.generator, device=x.device)
        return x * ((draws >= probability) / (1.0 - probability)).to(x.dtype)


class SharedNetwork(Protocol):
    """A module that holds every architecture of a space; modules of this folder have this form.

    Attributes:
        shape: Number of decisions and of options.
        has_weights: For every option, whether it has weights.
        groups: Decisions whose outputs are added up.
        nothing: Options that contribute nothing, whatever their gates.
    """

    shape: tuple[int, int]
    has_weights: tuple[bool, ...]
    groups: tuple[tuple[int, ...], ...]
    nothing: tuple[int, ...]

    def __call__(self, x: Tensor, mixture: Mixture) -> Tensor:
        """Return logits, classes last."""

    def terms(self, active: list[list[bool]]) -> list[float]:
        """Return the amount of each cost term of the calibration."""
