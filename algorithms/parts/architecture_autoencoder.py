"""The network of NAO (Luo et al., 2018, https://arxiv.org/abs/1808.07233), section 3."""

from collections.abc import Collection, Sequence
from itertools import accumulate
from math import inf, sqrt
from typing import cast

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.parts.choices import legal_options
from algorithms.parts.lstm_policy import Adam
from nasbench.space import Arch, SearchSpace

_LARGEST_STEP = 50


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

    def loss(
        self, tokens: Tensor, targets: Tensor, trade_off: float, generator: Generator | None
    ) -> Tensor:
        """Return the joint loss of predictor and decoder; dropout needs the generator."""
        encoded = self.encode(tokens)
        errors = self.predict(encoded, generator) - targets
        entropy = self.cross_entropy(encoded, tokens)
        return trade_off * errors.square().mean() + (1 - trade_off) * entropy

    def fit(
        self,
        archs: Sequence[Arch],
        values: Tensor,
        *,
        trade_off: float,
        epochs: int,
        batch_size: int,
        adam: Adam,
        generator: Generator,
    ) -> None:
        """Train on values of architectures, scaled to [0, 1].

        Args:
            archs: ``n`` architectures.
            values: What to predict, shape ``(n,)``; two must differ.
            trade_off: Weight of the squared error; the cross-entropy has the rest of 1.
            epochs: Passes over the examples.
            batch_size: Examples per step.
            adam: Optimiser of the parameters.
            generator: Draws the order and the dropout.
        """
        low, high = values.min(), values.max()
        targets = (values - low) / (high - low)
        tokens, n = self.tokens(archs), len(targets)
        for _ in range(epochs):
            order = torch.randperm(n, generator=generator)
            for rows in order.tensor_split(-(-n // batch_size)):
                adam.ascend(-self.loss(tokens[rows], targets[rows], trade_off, generator))

    def moved(self, parents: Sequence[Arch], n: int, seen: Collection[Arch]) -> list[Arch]:
        """Return up to ``n`` architectures decoded where predictions are lower, short steps first.

        Args:
            parents: Architectures to start from.
            n: How many.
            seen: What not to return.
        """
        with torch.no_grad():
            encoded = self.encode(self.tokens(parents))
        encoded.requires_grad_()
        (gradient,) = torch.autograd.grad(self.predict(encoded, None).sum(), encoded)
        found: dict[Arch, None] = {}
        for eta in range(1, _LARGEST_STEP + 1):
            if not torch.isfinite(gradient).all():
                break
            with torch.no_grad():
                decoded = self.decode(encoded - eta * gradient)
            found.update(dict.fromkeys(arch for arch in decoded if arch not in seen))
            if len(found) >= n:
                break
        return list(found)[:n]
