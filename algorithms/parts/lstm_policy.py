"""An LSTM policy over architectures, and its optimiser.

The controller of Zoph and Le (2017, https://arxiv.org/abs/1611.01578): an LSTM that takes one
decision after the other. It computes in double precision, so that rounding, which differs between
processors, hardly ever decides which option is drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf, log
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from algorithms.parts.choices import legal_options, pick
from nasbench.space import Arch, SearchSpace

_BETA1, _BETA2 = 0.9, 0.999


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread: networks this small only lose time with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Batch(NamedTuple):
    """``n`` architectures of ``d`` decisions with at most ``w`` options, as tensors.

    Attributes:
        before: Rows of the embedding table for the choice before each decision, shape ``(d, n)``.
        chosen: Chosen options, shape ``(d, n)``.
        legal: Whether an option can follow the earlier choices, shape ``(d, n, w)``, or
            ``(d, 1, w)`` if that does not depend on them.
    """

    before: Tensor
    chosen: Tensor
    legal: Tensor


class LSTMPolicy:
    """A distribution over architectures in which every choice may depend on all earlier ones.

    At each decision the network reads an embedding of the previous choice and outputs the logits of
    the options through a linear layer of that decision. Options after which nothing legal can
    follow have probability 0.

    Args:
        space: The search space.
        rng: Seeds the generator of the initial weights.
        layers: Layers of the LSTM.
        hidden: Units per layer and size of the embeddings.
        initial_range: All weights and biases start uniform in [-initial_range, initial_range].
        temperature: Divides the logits.
        tanh_constant: If given, logits ``x`` (after the temperature) become
            ``tanh_constant * tanh(x)``.
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: Random,
        *,
        layers: int,
        hidden: int,
        initial_range: float,
        temperature: float = 1.0,
        tanh_constant: float | None = None,
    ) -> None:
        self._temperature = temperature
        self._tanh_constant = tanh_constant
        self._unruled = not space.has_rules
        self._legal = legal_options(space)
        n, width = len(space.options), max(space.options)
        self._first_rows = [1 + sum(space.options[:i]) for i in range(n)]
        self._within = torch.tensor([[o < k for o in range(width)] for k in space.options])
        # on device "meta" the constructor draws nothing from the global generator
        self._lstm = nn.LSTM(hidden, hidden, layers, dtype=torch.float64, device="meta")
        self._lstm.to_empty(device="cpu")
        shapes = ((1 + sum(space.options[:-1]), hidden), (n, hidden, width), (n, 1, width))
        self._embeddings, self._weights, self._biases = (
            nn.Parameter(torch.empty(shape, dtype=torch.float64)) for shape in shapes
        )
        self.parameters = [
            self._embeddings,
            self._weights,
            self._biases,
            *self._lstm.parameters(),
        ]
        generator = torch.Generator().manual_seed(int(rng.random() * 2**53))
        for parameter in self.parameters:
            nn.init.uniform_(parameter, -initial_range, initial_range, generator)

    @torch.inference_mode()
    def sample(self, n: int, rng: Random) -> list[tuple[Arch, float]]:
        """Draws ``n`` legal architectures, each with its log-probability."""
        archs: list[Arch] = [()] * n
        logarithms = [0.0] * n
        before, state = torch.zeros(1, n, dtype=torch.int64), None
        for position, first in enumerate(self._first_rows):
            outputs, state = self._lstm(F.embedding(before, self._embeddings), state)
            legal = self._mask(position, archs)[None]
            rows = self._log_softmax(outputs, slice(position, position + 1), legal)[0].exp()
            for i, row in enumerate(rows.tolist()):
                option = pick(self._legal(archs[i]), row, rng)
                archs[i] = (*archs[i], option)
                logarithms[i] += log(row[option])
            before = torch.tensor([[first + arch[-1] for arch in archs]])
        return list(zip(archs, logarithms, strict=True))

    def encode(self, archs: Sequence[Arch]) -> Batch:
        """Architectures as tensors for :meth:`score`."""
        columns = list(zip(*archs, strict=True))
        rows = [
            [first + option for option in column]
            for first, column in zip(self._first_rows[:-1], columns[:-1], strict=True)
        ]
        masks = [
            self._mask(position, [arch[:position] for arch in archs])
            for position in range(len(columns))
        ]
        return Batch(
            torch.tensor([[0] * len(archs), *rows]), torch.tensor(columns), torch.stack(masks)
        )

    def score(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies of architectures, both of shape ``(n,)``.

        The entropy, in nats, is the sum over decisions of the entropy of the conditional
        distribution that the choice was drawn from.
        """
        outputs, _ = self._lstm(F.embedding(batch.before, self._embeddings))
        logarithms = self._log_softmax(outputs, slice(None), batch.legal)
        chosen = logarithms.gather(2, batch.chosen[..., None]).sum((0, 2))
        finite = logarithms.masked_fill(~batch.legal, 0.0)
        return chosen, -(logarithms.exp() * finite).sum((0, 2))

    def _log_softmax(self, outputs: Tensor, decisions: slice, legal: Tensor) -> Tensor:
        logits = torch.baddbmm(self._biases[decisions], outputs, self._weights[decisions])
        logits = logits / self._temperature
        if self._tanh_constant is not None:
            logits = self._tanh_constant * logits.tanh()
        return logits.masked_fill(~legal, -inf).log_softmax(-1)

    def _mask(self, position: int, prefixes: Sequence[Arch]) -> Tensor:
        """Whether each option can follow each prefix, shape ``(n, w)`` or ``(1, w)``."""
        if self._unruled:
            return self._within[position : position + 1]
        width = self._within.shape[1]
        rows = [[False] * width for _ in prefixes]
        for row, prefix in zip(rows, prefixes, strict=True):
            for option in self._legal(prefix):
                row[option] = True
        return torch.tensor(rows)


class Adam:
    """Gradient ascent with Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).

    ``torch.optim`` does the same, but first loads PyTorch's compiler, which takes seconds.

    Args:
        parameters: Parameters to update in place.
        learning_rate: Step size.
        epsilon: Added to the square root of the second moment.
        clip_norm: Gradients with a larger norm are scaled down to it; None for no limit.
        weight_decay: Penalty on half the squared parameters.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        learning_rate: float,
        *,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        weight_decay: float = 0.0,
    ) -> None:
        self._parameters = parameters
        self._learning_rate = learning_rate
        self._epsilon = epsilon
        self._clip_norm = clip_norm
        self._weight_decay = weight_decay
        self._values = nn.utils.parameters_to_vector(parameters).detach()
        nn.utils.vector_to_parameters(self._values, parameters)  # parameters become views
        self.first, self.second = torch.zeros(2, len(self._values), dtype=self._values.dtype)
        self._steps = 0

    def ascend(self, objective: Tensor) -> None:
        """Take one step that raises ``objective``."""
        parts = torch.autograd.grad(objective, self._parameters)
        gradient = torch.cat([part.reshape(-1) for part in parts])
        if self._clip_norm is not None:
            norm = float(gradient.norm())
            gradient *= min(1.0, self._clip_norm / norm) if norm else 1.0
        if self._weight_decay:
            gradient.add_(self._values, alpha=-self._weight_decay)
        self._steps += 1
        self.first.lerp_(gradient, 1 - _BETA1)
        self.second.lerp_(gradient * gradient, 1 - _BETA2)
        root = (self.second / (1 - _BETA2**self._steps)).sqrt() + self._epsilon
        rate = self._learning_rate / (1 - _BETA1**self._steps)
        self._values.addcdiv_(self.first, root, value=rate)
