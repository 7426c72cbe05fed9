"""Layers of hybrid sequence models: what mixes a token's features with those of tokens before it.

All are causal, take and give features of shape ``(…, length, width)``, and have about
``4 * width**2`` parameters.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders.networks.sequence_functions import (
    as_one,
    attend,
    convolve,
    in_heads,
    retain,
    rotated,
    rotations,
    scan,
)

WINDOW = 8
"""Tokens that window attention sees, the present one included."""
TAPS = 4
"""Tokens that the short convolution sees, the present one included (as in Mamba)."""


class Cost(NamedTuple):
    """What a part of a network holds, and does to one sequence.

    Attributes:
        parameters: Trainable parameters.
        macs: Multiply-adds of the definition: products with weights, scores and weighted sums of
            the tokens that are seen (those that a mask hides cost nothing), updates and readings of
            states. Gates, norms and positions, which add nothing up, do not count.
        state: Numbers to keep of the sequence in order to go on with it token by token.
    """

    parameters: int
    macs: int
    state: int


class Mixer(nn.Module, ABC):
    """A mixer: a projection of the tokens, what is between, and a projection back.

    Attributes:
        into: The first projection.
        out: The second one.
        sizes: How many features the first one gives for each part of what is between.
        own: Names of the parameters between them.
    """

    sizes: tuple[int, ...]
    into: nn.Linear
    out: nn.Linear
    own: ClassVar[tuple[str, ...]] = ()

    def forward(self, x: Tensor) -> Tensor:
        """Mixed features; at most as many tokens as the class was told of."""
        own = (getattr(self, name) for name in self.own)
        return self.out(self.mix(self.into(x).split(self.sizes, dim=-1), *own))  # type: ignore[no-any-return]

    @abstractmethod
    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        """What is between the projections, of one network or of many.

        Args:
            parts: Projected features by :attr:`sizes`, each of shape ``(…, length, features)``.
            own: The parameters of :attr:`own`, broadcast against a token's features.
        """

    @classmethod
    @abstractmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form; arguments as those of the class."""


class Attention(Mixer):
    """Softmax attention of several heads (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762).

    Positions are rotary (Su et al., 2021, https://arxiv.org/abs/2104.09864). ``4 * width**2``
    parameters.

    Args:
        width: Features of a token.
        heads: Number of heads.
        length: Tokens of the longest sequence.
    """

    angles: Tensor
    mask: Tensor

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.heads = heads
        self.sizes = (2 * width, width)
        self.into = nn.Linear(width, sum(self.sizes), bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.register_buffer("angles", rotations(length, width // heads), persistent=False)
        hidden = ~self.sees(length)
        mask = torch.zeros(length, length, dtype=torch.float64).masked_fill(hidden, -math.inf)
        self.register_buffer("mask", mask, persistent=False)

    @classmethod
    def sees(cls, length: int) -> Tensor:
        """Which token (row) sees which (column); boolean, shape ``(length, length)``."""
        return torch.ones(length, length, dtype=torch.bool).tril()

    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        positioned, v = parts
        n = v.shape[-2]
        q, k = in_heads(rotated(positioned, self.angles[:n]), 2 * self.heads).chunk(2, dim=-3)
        y = attend(q, k, in_heads(v, self.heads), self.mask[:n, :n].to(v.dtype))
        return as_one(y)

    @classmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form; arguments as those of the class."""
        weights = 4 * width**2
        pairs = int(cls.sees(length).sum())
        kept = int(cls.sees(length + 1)[-1].sum()) - 1
        return Cost(weights, weights * length + 2 * pairs * width, 2 * kept * width)


class WindowAttention(Attention):
    """Attention to the last :data:`WINDOW` tokens only, the present one included.

    Child et al. (2019), https://arxiv.org/abs/1904.10509; Beltagy et al. (2020),
    https://arxiv.org/abs/2004.05150.
    """

    @classmethod
    def sees(cls, length: int) -> Tensor:
        return super().sees(length).triu(1 - WINDOW)


class LinearAttention(Mixer):
    """Retention with a fixed decay for every head (Sun et al., 2023, RetNet).

    https://arxiv.org/abs/2307.08621: rotary positions, decays ``1 - 2**(-5 - head)``, a norm for
    every head, a SiLU gate, keys of half as many features as values; here ``width / 2`` and
    ``width``, so that there are ``4 * width**2`` parameters.
    """

    angles: Tensor
    decay: Tensor

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.heads = heads
        self.sizes = (width, width, width)
        self.into = nn.Linear(width, sum(self.sizes), bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.register_buffer("angles", rotations(length, width // heads // 2), persistent=False)
        log_decays = torch.log1p(-(2.0 ** -(5 + torch.arange(heads, dtype=torch.float64))))
        places = torch.arange(length)
        ages = places[:, None] - places
        decay = (log_decays[:, None, None] * ages).exp().tril()
        self.register_buffer("decay", decay, persistent=False)

    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        positioned, v, gate = parts
        n = v.shape[-2]
        q, k = in_heads(rotated(positioned, self.angles[:n]), 2 * self.heads).chunk(2, dim=-3)
        y = retain(q, k, in_heads(v, self.heads), self.decay[:, :n, :n].to(v.dtype))
        return F.silu(gate) * as_one(F.layer_norm(y, y.shape[-1:]))

    @classmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form, in the recurrent form; arguments as those of the class."""
        weights, state = 4 * width**2, width**2 // (2 * heads)
        return Cost(weights, (weights + 2 * state) * length, state)


class GatedConvolution(Mixer):
    """A short depthwise convolution between two multiplicative gates.

    The operator of H3 (Fu et al., 2023, https://arxiv.org/abs/2212.14052) and Hyena (Poli et al.,
    2023, https://arxiv.org/abs/2302.10866) with a filter of :data:`TAPS` tokens only.
    ``4 * width**2 + TAPS * width`` parameters.
    """

    own: ClassVar[tuple[str, ...]] = ("filter",)

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.sizes = (width, width, width)
        self.into = nn.Linear(width, sum(self.sizes), bias=False)
        self.filter = nn.Parameter(torch.ones(width, TAPS))
        self.out = nn.Linear(width, width, bias=False)

    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        before, value, after = parts
        return after * convolve(before * value, own[0])

    @classmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form; arguments as those of the class."""
        weights = 4 * width**2 + TAPS * width
        return Cost(weights, weights * length, (TAPS - 1) * width)


class GatedRecurrence(Mixer):
    """The diagonal recurrence of minGRU (Feng et al., 2024, https://arxiv.org/abs/2410.01201).

    ``h[t] = (1 - z[t]) * h[t - 1] + z[t] * new[t]``: the gate ``z`` depends on the token alone. The
    output has a SiLU gate as in Mamba (Gu and Dao, 2023, https://arxiv.org/abs/2312.00752).
    Memories begin at 1 to ``length`` tokens (Tallec and Ollivier, 2018,
    https://arxiv.org/abs/1804.11188): feature i has ``z = 1 / (1 + tokens[i])`` where the gate's
    input is 0.
    ``4 * width**2 + width`` parameters.
    """

    own: ClassVar[tuple[str, ...]] = ("bias",)

    memory: Tensor

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.sizes = (width, width, width)
        self.into = nn.Linear(width, sum(self.sizes), bias=False)
        self.bias = nn.Parameter(torch.zeros(width))
        self.out = nn.Linear(width, width, bias=False)
        memory = torch.linspace(1, length, width, dtype=torch.float64).log()
        self.register_buffer("memory", memory, persistent=False)

    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        forgetting, new, gate = parts
        kept = torch.sigmoid(self.memory.to(new.dtype) - own[0] - forgetting)
        return F.silu(gate) * scan(kept, (1 - kept) * new)

    @classmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form; arguments as those of the class."""
        weights = 4 * width**2
        return Cost(weights + width, (weights + width) * length, width)


class Mlp(Mixer):
    """SwiGLU (Shazeer, 2020, https://arxiv.org/abs/2002.05202), which sees the present token only.

    ``3 * width * round(4 * width / 3)`` parameters.
    """

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        hidden = self.hidden(width)
        self.sizes = (hidden, hidden)
        self.into = nn.Linear(width, sum(self.sizes), bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    @staticmethod
    def hidden(width: int) -> int:
        """Hidden units."""
        return round(4 * width / 3)

    def mix(self, parts: Sequence[Tensor], *own: Tensor) -> Tensor:
        gate, value = parts
        return F.silu(gate) * value

    @classmethod
    def cost(cls, width: int, heads: int, length: int) -> Cost:
        """The cost in closed form; arguments as those of the class."""
        weights = 3 * width * cls.hidden(width)
        return Cost(weights, weights * length, 0)


MIXERS: Mapping[str, type[Mixer]] = {
    "attention": Attention,
    "window_attention": WindowAttention,
    "linear_attention": LinearAttention,
    "gated_convolution": GatedConvolution,
    "gated_recurrence": GatedRecurrence,
    "mlp": Mlp,
}
"""The mixer of every option that is a layer."""
