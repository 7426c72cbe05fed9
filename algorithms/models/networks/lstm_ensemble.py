"""Ensembles of LSTMs that read architectures, all members trained together."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from algorithms.parts.lstm_policy import Adam
from nasbench.space import Arch

Numbers = NDArray[np.float64]

_RANGE = 0.1
_AT_ONCE = 1_024


class LSTMEnsemble:
    """Networks that read the options of an architecture and predict a number.

    A member is an embedding of every option of every decision, an LSTM that reads them in the order
    of the decisions, and a linear layer on its last state. Members share nothing; they are one
    program of stacked matrices, in double precision.

    Args:
        options: Number of options of each decision.
        members: Number of networks.
        hidden: Units of an LSTM.
        embedding: Size of the embedding of an option.
        sigmoid: Whether predictions are squashed into (0, 1).
        bias: Initial bias of the linear layer.
        generator: Draws the other initial weights, uniformly from [-0.1, 0.1], and later the order
            of examples.
    """

    def __init__(
        self,
        options: Sequence[int],
        *,
        members: int,
        hidden: int,
        embedding: int,
        sigmoid: bool,
        bias: float,
        generator: Generator,
    ) -> None:
        self.members = members
        self._offsets = np.array([0, *accumulate(options[:-1])])
        self._hidden = hidden
        self._sigmoid = sigmoid
        self._generator = generator
        self._member = torch.arange(members)[:, None]
        shapes = (
            (members, sum(options), embedding),
            (members, embedding, 4 * hidden),
            (members, hidden, 4 * hidden),
            (members, 1, 4 * hidden),
            (members, hidden, 1),
            (members, 1),
        )
        self.parameters = [nn.Parameter(torch.empty(s, dtype=torch.float64)) for s in shapes]
        with torch.no_grad():
            for parameter in self.parameters[:-1]:
                parameter.uniform_(-_RANGE, _RANGE, generator=generator)
            self.parameters[-1].fill_(bias)

    def tokens(self, archs: Sequence[Arch]) -> Tensor:
        """Return the rows of the embeddings for ``n`` architectures, shape ``(n, d)``."""
        return torch.from_numpy(np.array(archs) + self._offsets)

    def outputs(self, tokens: Tensor) -> Tensor:
        """Return what every member predicts from its own inputs.

        Args:
            tokens: Shape ``(members, n, d)``.

        Returns:
            Shape ``(members, n)``.
        """
        embeddings, inputs, recurrent, biases, head, last = self.parameters
        received = torch.baddbmm(biases, embeddings, inputs)
        state = cell = tokens.new_zeros(
            (self.members, tokens.shape[1], self._hidden), dtype=torch.float64
        )
        for column in tokens.unbind(2):
            gates = torch.baddbmm(received[self._member, column], state, recurrent)
            kept, added, shown, new = gates.chunk(4, dim=2)
            cell = kept.sigmoid() * cell + added.sigmoid() * new.tanh()
            state = shown.sigmoid() * cell.tanh()
        outputs = (state @ head)[:, :, 0] + last
        return outputs.sigmoid() if self._sigmoid else outputs

    def fit(
        self,
        archs: Sequence[Arch],
        targets: Numbers,
        rows: NDArray[np.int64],
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """Go on training all members with Adam on their mean absolute errors.

        Args:
            archs: ``n`` architectures.
            targets: What each member should predict, shape ``(members, n)``.
            rows: Numbers of the architectures that each member learns from, ``(members, m)``.
            epochs: Passes over these examples.
            batch_size: Largest number of examples of a step; steps have nearly equal numbers.
            learning_rate: Of Adam.
        """
        tokens, truth = self.tokens(archs), torch.from_numpy(targets)
        learned = torch.from_numpy(rows)
        adam = Adam(self.parameters, learning_rate)
        n_batches = -(-rows.shape[1] // batch_size)
        for _ in range(epochs):
            order = torch.rand(learned.shape, generator=self._generator).argsort(1)
            for part in learned.gather(1, order).tensor_split(n_batches, 1):
                errors = self.outputs(tokens[part]) - truth.gather(1, part)
                adam.ascend(-errors.abs().mean(1).sum())

    @torch.inference_mode()
    def predict(self, archs: Sequence[Arch]) -> Numbers:
        """Return the predictions of all members, shape ``(members, n)``."""
        parts = torch.split(self.tokens(archs), _AT_ONCE)
        found = torch.cat([self.outputs(part.expand(self.members, -1, -1)) for part in parts], 1)
        predicted: Numbers = found.numpy()
        return predicted
