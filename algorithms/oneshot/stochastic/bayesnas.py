"""BayesNAS: options that are not relevant are pruned by their variances."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.hessian import hessian
from algorithms.oneshot.one_shot_search import DivergedError, finite
from nasbench.errors import InvalidArgumentError
from nasbench.supernet import Answer, Batch

IRRELEVANT = 1 / (2 * math.pi * math.e)
"""A normal distribution of this variance has entropy 0: what has less is pruned."""
SMALLEST = 1e-12
"""Of curvatures and variances."""


class BayesNAS(BilevelSearch):
    """Learns gates of options and of decisions under priors whose variances are learned too.

    Zhou, Yang, Wang and Pan (2019), https://arxiv.org/abs/1905.04919: hierarchical automatic
    relevance determination. Every option has a gate, and every decision one for all of them. All
    are normally distributed around 0. First the weights are trained alone; then gates learn on the
    other half, with an absolute penalty, ``strength`` times a factor for each. After every epoch
    the second derivative of the loss in each gate gives new variances and factors
    (:func:`reweighted`); the precisions of an option and of its decision are added up, so an
    option goes with its decision. The option with the largest variance is proposed; one that
    contributes nothing, if the space has one, where all entropies are below 0.

    As in the authors' code (``BayesNAS/BayesNAS``), but: second derivatives are those of automatic
    differentiation on a batch, where the authors approximate them layer by layer, negative ones
    count as 0; gates learn in turn with the weights, by Adam, where theirs move together, by SGD;
    variances are renewed after every epoch, not once; they start at 1, not at random; and cells
    have the same gates, not groups of gates. Not here: dependence of a decision on those before
    it in the graph, which the paper has and the contract of supernets does not say, and pruning
    while training.

    Args:
        space: The space to search.
        strength: Weight of the penalty, and variance of the noise.
        warmup: Share of the epochs before gates begin to learn.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    spread = 0.0
    mean = 1.0

    def __init__(
        self,
        space: Any,
        *,
        strength: float = 0.01,
        gate_rate: float = 0.01,
        gate_decay: float = 0.0,
        warmup: float = 0.5,
        **shared: Any,
    ) -> None:
        super().__init__(space, gate_rate=gate_rate, gate_decay=gate_decay, **shared)
        if not strength > 0:
            raise InvalidArgumentError(f"strength = {strength} must be above 0")
        if not 0 <= warmup < 1:
            raise InvalidArgumentError(f"warmup = {warmup} must be in [0, 1)")
        self.strength = strength
        self.warmup = warmup

    def other_parameters(self) -> list[Tensor]:
        self.edges = torch.ones_like(self.alphas[:, 0]).requires_grad_()
        return [self.edges]

    def start(self) -> None:
        super().start()
        sizes = (self.alphas.detach(), self.edges.detach())
        self.variances, self.edge_variances = map(torch.ones_like, sizes)
        self.factors, self.edge_factors = map(torch.ones_like, sizes)
        self.keep(variances=self.variances, edge_variances=self.edge_variances)
        self.keep(factors=self.factors, edge_factors=self.edge_factors)

    def weighed(self) -> Tensor:
        found = self.variances.clone()
        found[:, list(self.net.nothing)] = IRRELEVANT
        return found

    def answer(self, batch: Batch) -> Answer:
        return self.net.answer(batch, self.alphas, edges=self.edges)

    def begin(self, epoch: int) -> None:
        self.learning = epoch >= max(self.first_epoch, int(self.warmup * self.epochs))

    def learn_gates(self, train: Batch, valid: Batch) -> Answer | None:
        if not self.learning:
            return None
        answer = self.answer(valid)
        penalty = (self.factors * self.alphas.abs()).sum()
        penalty = penalty + (self.edge_factors * self.edges.abs()).sum()
        self.descend(finite(answer) + self.strength * penalty)
        return answer

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        row = super().epoch(epoch)
        if self.learning:
            options, decisions = self.curvatures(next(self.net.valid_batches(epoch)))
            self.renew(options / self.strength, decisions / self.strength)
        return {**row, "gates": self.weighed().double().cpu().numpy()}

    def curvatures(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Second derivatives of the loss in the gates of options, and of decisions."""
        flat = torch.cat([self.alphas.detach().flatten(), self.edges.detach()]).requires_grad_()
        options, edges = flat[: self.alphas.numel()].view(self.net.shape), flat[-len(self.edges) :]
        answer = self.net.answer(batch, options, edges=edges, passes=1 + flat.numel())
        found = hessian(finite(answer), flat).diagonal()
        if not torch.isfinite(found).all():
            raise DivergedError
        return found[: self.alphas.numel()].view(self.net.shape), found[-len(self.edges) :]

    @torch.no_grad()
    def renew(self, options: Tensor, decisions: Tensor) -> None:
        """Renew variances and factors for these curvatures."""
        variance, factor = reweighted(self.edges, self.edge_variances, decisions)
        self.edge_variances.copy_(variance)
        self.edge_factors.copy_(factor)
        variance, factor = reweighted(self.alphas, self.variances, options)
        self.variances.copy_(1 / (1 / variance + 1 / self.edge_variances[:, None]))
        self.factors.copy_(factor)


def reweighted(gate: Tensor, variance: Tensor, curvature: Tensor) -> tuple[Tensor, Tensor]:
    """Return new variances of priors, and factors of the penalty that make gates obey them.

    With ``c`` the variance of the posterior, ``1 / (1 / variance + curvature)``, the factor is the
    root of ``1 / variance - c / variance ** 2``, and the new variance is the size of the gate
    divided by it.

    Args:
        gate: Values of the gates.
        variance: Variances of their priors.
        curvature: Second derivatives of the negative log-likelihood; negative ones count as 0.
    """
    curvature = curvature.clamp_min(SMALLEST)
    factor = (curvature / (1 + variance * curvature)).sqrt()
    return (gate.abs() / factor).clamp_min(SMALLEST), factor
