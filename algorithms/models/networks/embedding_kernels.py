"""Kernels on learned embeddings of architectures (Cao et al., 2019, https://arxiv.org/abs/1902.00383)."""

from collections.abc import Sequence
from itertools import accumulate
from math import log, pi, sqrt

import numpy as np
import torch
from numpy.linalg import LinAlgError
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from algorithms.parts.lstm_policy import Adam
from nasbench.space import Arch

Numbers = NDArray[np.float64]

_AT_ONCE = 1_024
_FORGET = 0.5  # weight of the last objective in its moving average, as in the source
_EARLIEST = 6  # steps before a kernel may stop


class EmbeddingKernels:
    """Gaussian processes whose kernels compare embeddings that bidirectional LSTMs compute.

    A member reads the options of an architecture, in the order of the decisions, with a stack of
    LSTMs in both directions. The mean of the states of the last layer over the decisions, scaled to
    length 1, is the embedding e. The kernel is ``exp(-|e - e'|**2 / (2 alpha))``, and observations
    have noise of variance ``beta``; the mean of the process is 0.

    Weights maximise the mean logarithm of the predictive density of each example given the others
    of the member, which has a closed form (Rasmussen and Williams, 2006, eqs. 5.10 to 5.12,
    https://gaussianprocess.org/gpml). Members share nothing; they are one program of stacked
    matrices, in double precision.

    Args:
        options: Number of options of each decision.
        members: Number of kernels.
        layers: LSTMs of a stack, each in two directions.
        hidden: Units of an LSTM; an embedding has twice as many numbers.
        alpha: Squared length of the kernel.
        beta: Variance of the noise, of targets of variance 1.
        generator: Draws the initial weights, uniformly from plus or minus 1 / sqrt(hidden).
    """

    def __init__(
        self,
        options: Sequence[int],
        *,
        members: int,
        layers: int,
        hidden: int,
        alpha: float,
        beta: float,
        generator: Generator,
    ) -> None:
        self.members = members
        self._offsets = np.array([0, *accumulate(options[:-1])])
        self._alpha = alpha
        self._beta = beta
        self._hidden = hidden
        shapes = []
        for layer in range(layers):
            inputs = 2 * hidden if layer else sum(options)
            for rows in (inputs, hidden, 1):  # weights of inputs, of states, biases
                shapes.append((2 * members, rows, 4 * hidden))
        self.parameters = [nn.Parameter(torch.empty(s, dtype=torch.float64)) for s in shapes]
        bound = 1 / sqrt(hidden)
        with torch.no_grad():
            for parameter in self.parameters:
                parameter.uniform_(-bound, bound, generator=generator)

    def tokens(self, archs: Sequence[Arch]) -> Tensor:
        """Return the number of each option among those of all decisions, shape ``(n, d)``."""
        return torch.from_numpy(np.array(archs) + self._offsets)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the embeddings that every member computes of its own inputs.

        Args:
            tokens: Shape ``(members, n, d)``.

        Returns:
            Shape ``(members, n, 2 * hidden)``, rows of length 1.
        """
        members, n, d = tokens.shape
        both = torch.stack([tokens, tokens.flip(2)], 1).reshape(2 * members, n, d)
        rows = torch.arange(2 * members)[:, None]
        d_last, states = d - 1, list[Tensor]()
        for layer in range(len(self.parameters) // 3):
            inputs, recurrent, biases = self.parameters[3 * layer : 3 * layer + 3]
            if layer:
                # What a direction reads: both directions' states at the same decision.
                pairs = [s.reshape(members, 2, n, -1) for s in states]
                joined = [torch.cat([pairs[t][:, 0], pairs[d_last - t][:, 1]], 2) for t in range(d)]
                received = [
                    torch.baddbmm(
                        biases,
                        torch.stack([joined[t], joined[d_last - t]], 1).flatten(0, 1),
                        inputs,
                    )
                    for t in range(d)
                ]
            else:
                table = inputs + biases
                received = [table[rows, column] for column in both.unbind(2)]
            state = cell = table.new_zeros((2 * members, n, self._hidden))
            states = []
            for given in received:
                gates = torch.baddbmm(given, state, recurrent)
                kept, added, shown, new = gates.chunk(4, dim=2)
                cell = kept.sigmoid() * cell + added.sigmoid() * new.tanh()
                state = shown.sigmoid() * cell.tanh()
                states.append(state)
        mean = torch.stack(states).mean(0).reshape(members, 2, n, -1)
        return nn.functional.normalize(torch.cat([mean[:, 0], mean[:, 1]], 2), dim=2)

    def covariance(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the kernels between embeddings, shape ``(members, n, m)``."""
        squares = 2 - 2 * (a @ b.mT)  # of vectors of length 1
        return (squares.clamp(min=0.0) / (-2 * self._alpha)).exp()

    def _inverse(self, embedded: Tensor, kept: Tensor) -> Tensor:
        """Inverse of the covariance of examples with noise; apart from each other, if not kept.

        Raises:
            LinAlgError: Weights are no numbers any more.
        """
        both = kept[:, :, None] & kept[:, None, :]
        gram = self.covariance(embedded, embedded) * both
        eye = torch.eye(gram.shape[1], dtype=torch.float64)
        gram = gram * (1 - eye) + (1 + self._beta) * eye
        factor, failed = torch.linalg.cholesky_ex(gram)
        if failed.any():
            raise LinAlgError("the covariance is not positive definite")
        return torch.cholesky_inverse(factor)

    def densities(self, tokens: Tensor, targets: Tensor, kept: Tensor) -> Tensor:
        """Return the mean logarithm of the density of an example given the others.

        Args:
            tokens: Examples of each member, shape ``(members, n, d)``.
            targets: Their targets, shape ``(members, n)``.
            kept: Which of them count, shape ``(members, n)``; the others fill the array.

        Returns:
            Shape ``(members,)``.
        """
        inverse = self._inverse(self.embed(tokens), kept)
        precisions = inverse.diagonal(dim1=1, dim2=2)
        errors = (inverse @ (targets * kept)[:, :, None])[:, :, 0] / precisions
        found = 0.5 * (precisions.log() - precisions * errors * errors - log(2 * pi))
        return (found * kept).sum(1) / kept.sum(1)

    def fit(
        self,
        tokens: Tensor,
        targets: Tensor,
        kept: Tensor,
        *,
        steps: int,
        tolerance: float,
        learning_rate: float,
        weight_decay: float,
    ) -> list[int]:
        """Train all members with Adam on all their examples at once.

        Args:
            tokens: As of :meth:`densities`, as are ``targets`` and ``kept``.
            targets: See there.
            kept: See there.
            steps: Largest number of steps.
            tolerance: A member stops when its objective differs by less from a moving average in
                which the last one weighs one half, but not in the first six steps; 0 for never.
            learning_rate: Of Adam.
            weight_decay: L2 penalty.

        Returns:
            Number of steps of each member.
        """
        adam = Adam(self.parameters, learning_rate, weight_decay=weight_decay)
        ended = torch.full((self.members,), steps)
        average = torch.zeros(self.members, dtype=torch.float64)
        for step in range(steps):
            density = self.densities(tokens, targets, kept)
            stopped = (ended <= step).repeat_interleave(2)
            before = [p.detach()[stopped] for p in self.parameters] if stopped.any() else []
            adam.ascend(density.sum())
            with torch.no_grad():
                for parameter, values in zip(self.parameters, before, strict=False):
                    parameter[stopped] = values
                new = density.detach()
                average = new if step == 0 else _FORGET * new + (1 - _FORGET) * average
                near = (average - new).abs() < tolerance
                if step >= _EARLIEST:
                    ended = torch.where(near & (ended == steps), step + 1, ended)
            if (ended <= step + 1).all():
                break
        found: list[int] = ended.tolist()
        return found

    @torch.no_grad()
    def predict(
        self, tokens: Tensor, targets: Tensor, kept: Tensor, archs: Sequence[Arch]
    ) -> tuple[Numbers, Numbers]:
        """Predict targets, with noise.

        Args:
            tokens: As of :meth:`densities`, as are ``targets`` and ``kept``.
            targets: See there.
            kept: See there.
            archs: ``k`` architectures.

        Returns:
            Means and standard deviations, each of shape ``(members, k)``.
        """
        embedded = self.embed(tokens)
        inverse = self._inverse(embedded, kept)
        weights = inverse @ (targets * kept)[:, :, None]
        means, deviations = [], []
        for part in torch.split(self.tokens(archs), _AT_ONCE):
            new = self.embed(part.expand(self.members, -1, -1))
            across = self.covariance(embedded, new) * kept[:, :, None]
            means.append((across.mT @ weights)[:, :, 0])
            explained = (across * (inverse @ across)).sum(1)
            deviations.append((1 + self._beta - explained).clamp(min=self._beta).sqrt())
        return torch.cat(means, 1).numpy(), torch.cat(deviations, 1).numpy()
