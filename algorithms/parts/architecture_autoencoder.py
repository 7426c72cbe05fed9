"""The network of NAO (Luo et al., 2018, https://arxiv.org/abs/1808.07233), section 3."""

from collections.abc import Sequence
from itertools import accumulate
from math import inf, sqrt
from typing import cast

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.parts.choices import legal_options
from nasbench.space import Arch, SearchSpace


class ArchitectureAutoencoder(nn.Module):
    """Encoder, performance predictor and decoder of architectures.

    The encoder is an LSTM that reads the options in the order of the decisions; its states, each
    scaled to length 1, are the code of the architecture. The predictor is a fully connected network
    with ReLU and a sigmoid output on their mean, scaled to length 1. The decoder is an LSTM that
    starts from the last state of the code (with an empty cell) and reads the option before; its
    state and an average of the code, weighted by attention to that state, give the logits of the
    options. Computation is in double precision.

    Args:
        space: The search space.
        embedding: Size of the embedding of an option.
        hidden: Units of each LSTM.
        layers: Hidden layers of the predictor.
        width: Units of each of them.
        dropout: Probability of dropout after each of them.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        embedding: int,
        hidden: int,
        layers: int,
        width: int,
        dropout: float,
        generator: Generator,
    ) -> None:
        super().__init__()
        self._offsets = np.array([0, *accumulate(space.options)])
        self._legal = legal_options(space)
        self._dropout = dropout
        n = int(self._offsets[-1])
        within = torch.zeros(len(space.options), n, dtype=torch.bool)
        for place, first in enumerate(self._offsets[:-1].tolist()):
            within[place, first : first + space.options[place]] = True
        self._outside = ~within
        sizes = [hidden] + [width] * layers
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            self.read = nn.Embedding(n, embedding)
            self.encoder = nn.LSTM(embedding, hidden, batch_first=True)
            self.inner = nn.ModuleList(nn.Linear(size, width) for size in sizes[:-1])
            self.last = nn.Linear(width, 1)
            self.before = nn.Embedding(n + 1, embedding)  # the last one for the first decision
            self.decoder = nn.LSTM(embedding, hidden, batch_first=True)
            self.attention = nn.Linear(hidden, hidden, bias=False)
            self.combine = nn.Linear(2 * hidden, hidden, bias=False)
            self.logits = nn.Linear(hidden, n)
        self.to_empty(device="cpu").double()
        for module in self.modules():
            bound = 1 / sqrt(hidden)
            if isinstance(module, nn.Linear):
                bound = 1 / sqrt(module.in_features)
            elif isinstance(module, nn.Embedding):
                bound = 1.0
            with torch.no_grad():
                for weights in module.parameters(recurse=False):
                    weights.uniform_(-bound, bound, generator=generator)

    def tokens(self, archs: Sequence[Arch]) -> Tensor:
        """Return the number of each option among those of all decisions, shape ``(n, d)``."""
        return torch.from_numpy(np.array(archs) + self._offsets[:-1])

    def encode(self, tokens: Tensor) -> Tensor:
        """Return the codes of ``n`` architectures, shape ``(n, d, hidden)``."""
        return F.normalize(self.encoder(self.read(tokens))[0], dim=2)

    def predict(self, encoded: Tensor, generator: Generator | None) -> Tensor:
        """Return predictions in (0, 1), shape ``(n,)``; dropout needs the generator."""
        state = F.normalize(encoded.mean(1), dim=1)
        for linear in self.inner:
            state = linear(state).relu()
            if generator is not None and self._dropout:
                kept = torch.rand(state.shape, generator=generator) >= self._dropout
                state = state * kept / (1 - self._dropout)
        found: Tensor = self.last(state)
        return found[:, 0].sigmoid()

    def cross_entropy(self, encoded: Tensor, tokens: Tensor) -> Tensor:
        """Return the mean negative log-probability of an option, given the true ones before it."""
        start = torch.full_like(tokens[:, :1], int(self._offsets[-1]))
        before = torch.cat([start, tokens[:, :-1]], 1)
        outputs, _ = self.decoder(self.before(before), self._start(encoded))
        logits = self._logits(outputs, encoded).masked_fill(self._outside, -inf)
        return -logits.log_softmax(2).gather(2, tokens[:, :, None]).mean()

    def decode(self, encoded: Tensor) -> list[Arch]:
        """Return the most probable legal option of every decision in turn, for ``n`` codes."""
        archs: list[Arch] = [()] * len(encoded)
        before = torch.full((len(encoded), 1), int(self._offsets[-1]))
        state = self._start(encoded)
        for first in self._offsets[:-1].tolist():
            outputs, state = self.decoder(self.before(before), state)
            rows = self._logits(outputs, encoded)[:, 0].tolist()
            for i, row in enumerate(rows):
                options = self._legal(archs[i])
                archs[i] = (*archs[i], max(options, key=lambda o: cast("float", row[first + o])))
            before = torch.tensor([[first + arch[-1]] for arch in archs])
        return archs

    def _start(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """The first state and cell of the decoder."""
        state = encoded[:, -1][None].contiguous()
        return state, torch.zeros_like(state)

    def _logits(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Logits of all options of all decisions at each state of the decoder."""
        weights = (self.attention(outputs) @ encoded.mT).softmax(2)
        both = torch.cat([outputs, weights @ encoded], 2)
        found: Tensor = self.logits(self.combine(both).tanh())
        return found
