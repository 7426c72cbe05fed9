"""A network that assigns probabilities to the edits of an architecture."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import sqrt
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from algorithms.parts.choices import pick
from nasbench.space import Arch, SearchSpace

_CACHE_SIZE = 4_096
_MASKED = -1e30


class Edits(NamedTuple):
    """The edits of an architecture.

    Attributes:
        archs: ``n`` distinct edited architectures, all different from the original.
        tokens: Array of shape ``(n, k)``: the tokens of the options that each edit brings. The
            token of option ``o`` of a decision is ``o`` plus the number of options of all earlier
            decisions; rows are padded with the total number of options.
    """

    archs: tuple[Arch, ...]
    tokens: NDArray[np.int64]


class EditPolicy:
    """A distribution over the edits of an architecture, trained by policy gradient.

    A bidirectional LSTM reads the options of the architecture, one decision after the other. Its
    state at a decision gives every option there a score. The score of an edit is the sum of the
    scores of the options that it brings, and probabilities are the softmax over all edits that
    ``space.edits`` offers; initially they are equal. Computation is in double precision, so that
    rounding, which differs between machines, hardly ever decides a draw.

    Args:
        space: The search space.
        embedding: Size of the embedding of an option.
        units: Units of the LSTM in each direction.
        learning_rate: Learning rate of Adam.
        seed: Seed of the initial weights.
    """

    def __init__(
        self, space: SearchSpace, *, embedding: int, units: int, learning_rate: float, seed: int
    ) -> None:
        self._space = space
        self._offsets = np.array([0, *accumulate(space.options)])
        self.network = _ScoreNetwork(space.options, embedding, units, seed)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=learning_rate)
        self.edits = lru_cache(_CACHE_SIZE)(self._find_edits)

    def sample(self, archs: Sequence[Arch], rng: Random) -> list[int]:
        """Draws one edit for each architecture; all of them must have edits.

        Returns:
            Index of an edit for each architecture.
        """
        with torch.no_grad():
            rows = self.log_chances(archs).exp().tolist()
        return [
            pick(range(len(self.edits(arch).archs)), row, rng)
            for arch, row in zip(archs, rows, strict=True)
        ]

    def log_chances(self, archs: Sequence[Arch]) -> Tensor:
        """Log-probabilities of the edits of ``b`` architectures.

        Returns:
            Tensor of shape ``(b, n)``, where ``n`` is the largest number of edits; shorter rows are
            padded with values whose exponential is 0.
        """
        edits = [self.edits(arch).tokens for arch in archs]
        n, k = (max(tokens.shape[axis] for tokens in edits) for axis in (0, 1))
        chosen = np.full((len(archs), n, k), self._offsets[-1])
        for row, tokens in zip(chosen, edits, strict=True):
            row[: len(tokens), : tokens.shape[1]] = tokens
        counts = torch.tensor([len(tokens) for tokens in edits])
        scores: Tensor = self.network(torch.from_numpy(np.array(archs) + self._offsets[:-1]))
        sums = scores.gather(1, torch.from_numpy(chosen).flatten(1)).view(chosen.shape).sum(2)
        return sums.masked_fill(torch.arange(n) >= counts[:, None], _MASKED).log_softmax(1)

    def objective(
        self,
        archs: Sequence[Arch],
        choices: Sequence[int],
        weights: Sequence[float],
        entropy_weight: float,
    ) -> Tensor:
        """Weighted sum of the log-probabilities of ``choices`` plus the weighted mean entropy."""
        logs = self.log_chances(archs)
        chosen = logs[torch.arange(len(archs)), torch.tensor(choices)]
        entropy = -(logs.exp() * logs).sum(1).mean()
        return chosen @ torch.tensor(weights, dtype=logs.dtype) + entropy_weight * entropy

    def learn(
        self,
        archs: Sequence[Arch],
        choices: Sequence[int],
        weights: Sequence[float],
        entropy_weight: float,
    ) -> None:
        """Take one Adam step that raises the objective."""
        self._adam.zero_grad()
        torch.autograd.backward(-self.objective(archs, choices, weights, entropy_weight))
        self._adam.step()

    def _find_edits(self, arch: Arch) -> Edits:
        archs = tuple(dict.fromkeys(to for to, _ in self._space.edits(arch) if to != arch))
        if not archs:
            return Edits((), np.empty((0, 0), dtype=np.int64))
        edited = np.array(archs)
        changed = edited != np.array(arch)
        tokens = np.where(changed, edited + self._offsets[:-1], self._offsets[-1])
        tokens.sort(axis=1)
        return Edits(archs, tokens[:, : changed.sum(1).max()])


class _ScoreNetwork(nn.Module):
    """Scores of all options of all decisions, given an architecture.

    Args:
        options: Number of options of each decision; ``t`` in total.
        embedding: Size of the embedding of an option.
        units: Units of the LSTM in each direction.
        seed: Seed of the initial weights.
    """

    def __init__(self, options: Sequence[int], embedding: int, units: int, seed: int) -> None:
        super().__init__()
        t = sum(options)
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            self.embedding = nn.Embedding(t, embedding)
            self.encoder = nn.LSTM(embedding, units, bidirectional=True, batch_first=True)
            self.head = nn.Embedding(t, 2 * units + 1)
        self.to_empty(device="cpu").double()
        self._decisions = torch.arange(len(options)).repeat_interleave(torch.tensor(options))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.embedding.weight.uniform_(-sqrt(3), sqrt(3), generator=generator)
            for weight in self.encoder.parameters():
                weight.uniform_(-1 / sqrt(units), 1 / sqrt(units), generator=generator)
            self.head.weight.zero_()

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores given ``(b, d)`` tokens, shape ``(b, t + 1)``; the last column is 0."""
        states = pad(self.encoder(self.embedding(tokens))[0], (0, 1), value=1.0)
        scores = (states[:, self._decisions] * self.head.weight).sum(2)
        return pad(scores, (0, 1))
