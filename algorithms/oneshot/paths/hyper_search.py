"""Weights that a network makes for an architecture: what methods with hypernetworks share."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from algorithms.oneshot.one_shot_search import DivergedError, OneShotSearch, at_least, finite
from algorithms.oneshot.paths.judging import best_first, different
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch


class HyperSearch(OneShotSearch):
    """Every step trains a network that makes the weights of a random architecture.

    A code of the architecture, which a subclass makes in :meth:`encoder`, goes through a linear
    layer, whose outputs are all weights. Its bias begins with the initial weights of the supernet,
    the rest with zeros. Random architectures are judged with their weights; the best are proposed,
    best first. What the network costs is not in the calibration, so it is not charged.

    Args:
        space: The space to search.
        hidden: Size of the code.
        rate: Learning rate, by Adam.
        clip: Largest norm of the gradient; 0 for no limit.
        candidates: Random architectures to judge.
        finalists: How many of the best are proposed.
    """

    def __init__(
        self,
        space: Any,
        *,
        hidden: int = 16,
        rate: float = 1e-3,
        clip: float = 5.0,
        candidates: int = 500,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, hidden=hidden, candidates=candidates, finalists=finalists)
        at_least(0, rate=rate, clip=clip)
        self.hidden = hidden
        self.rate = rate
        self.clip = clip
        self.candidates = candidates
        self.finalists = finalists

    @abstractmethod
    def encoder(self) -> nn.Module:
        """Make a module from one-hot options, of the shape of the supernet, to the code."""

    def start(self) -> None:
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            encoder = self.encoder()
        first = self.net.weights()[0]
        self.code = encoder.to_empty(device=first.device).to(first.dtype)
        with torch.no_grad():
            for value in self.code.parameters():
                bound = 1 / math.sqrt(value.shape[-1])
                value.uniform_(-bound, bound, generator=self.net.generator)
        self.sizes = [tuple(weight.shape) for weight in self.net.weights()]
        self.bias = torch.cat([weight.detach().flatten() for weight in self.net.weights()])
        self.slopes = self.bias.new_zeros(self.hidden, len(self.bias)).requires_grad_()
        self.bias.requires_grad_()
        self.learnt = [*self.code.parameters(), self.bias, self.slopes]
        self.adam = torch.optim.Adam(self.learnt, lr=self.rate)
        self.keep(code=self.code, bias=self.bias, slopes=self.slopes, adam=self.adam)

    def made(self, arch: Arch) -> list[Tensor]:
        """The weights of an architecture."""
        options = torch.tensor(arch, device=self.bias.device)
        chosen = nn.functional.one_hot(options, self.net.shape[1]).to(self.bias.dtype)
        flat = self.bias + self.code(chosen) @ self.slopes
        parts = flat.split([math.prod(size) for size in self.sizes])
        return [part.view(size) for part, size in zip(parts, self.sizes, strict=True)]

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        losses = [self.learn(batch).loss.item() for batch in self.net.train_batches(epoch)]
        return {"train_loss": sum(losses) / len(losses)}

    def learn(self, batch: Batch) -> Answer:
        """Take a step for the weights of a random architecture."""
        arch = self.space.sample(self.rng)
        answer = self.judge(batch, arch)
        self.adam.zero_grad()
        torch.autograd.backward(finite(answer), inputs=self.learnt)
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.learnt, self.clip)
        self.adam.step()
        return answer

    def judge(self, batch: Batch, arch: Arch) -> Answer:
        return self.net.path(batch, arch, weights=self.made(arch))

    @torch.no_grad()
    def ranking(self) -> Iterable[Arch]:
        archs, batch = different(self, self.candidates), self.net.valid()
        answers = [self.judge(batch, arch) for arch in archs]
        if not all(math.isfinite(answer.loss.item()) for answer in answers):
            raise DivergedError
        return best_first(archs, [answer.accuracy for answer in answers])[: self.finalists]
