"""Hybrid sequence models of the space ``seqmix``: four layers of mixers between two tables."""

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from data_builders.networks.mixers import MIXERS, TAPS, WINDOW, Cost
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.spaces import seqmix

FLOAT_BYTES = 4


class Block(nn.Module):
    """A residual block: its input plus what a mixer makes of the normalised input.

    Pre-norm (Xiong et al., 2020, https://arxiv.org/abs/2002.04745).
    """

    def __init__(self, name: str, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.norm = layer_norm(width)
        self.mixer = MIXERS[name](width, heads, length)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape."""
        return x + self.mixer(self.norm(x))  # type: ignore[no-any-return]


class SeqMixNetwork(nn.Module):
    """A sequence model; see :class:`data_builders.network.Network`.

    Embedding (times the root of the width, as in Vaswani et al., 2017), a pre-norm residual block
    for every layer of the architecture that is no ``identity``, norm, output projection. Norms are
    LayerNorm without shift (Ba et al., 2016, https://arxiv.org/abs/1607.06450), a single fused
    operation on every device. No layer but the gate of the recurrence has a bias.

    With d the width, a mixer has

    ====================================  ==================  ======  ======  ======
    mixer                                 parameters          d = 32  d = 48  d = 64
    ====================================  ==================  ======  ======  ======
    attention, with and without a window  4 d d                4,096   9,216  16,384
    linear attention                      4 d d                4,096   9,216  16,384
    gated convolution                     4 d d + 4 d          4,224   9,408  16,640
    gated recurrence                      4 d d + d            4,128   9,264  16,448
    mlp                                   3 d round(4 d / 3)   4,128   9,216  16,320
    ====================================  ==================  ======  ======  ======

    A norm adds d to each, and to the last one; embedding and output have d for every token of the
    vocabulary.

    Args:
        arch: An architecture of the space ``seqmix``.
        width: Features of a token.
        heads: Heads of the mixers that have heads.
        vocabulary: Number of different tokens.
        length: Tokens of the longest sequence.

    Raises:
        InvalidArgumentError: The heads do not divide the width, or a window sees everything.
    """

    space: ClassVar[str] = "seqmix"
    description: ClassVar[str] = f"""\
Embedding of the tokens, times the root of `width`; for every layer that is no identity a \
residual block, x + mixer(norm(x)); norm; output projection without bias. Norms are LayerNorm \
over the features, epsilon 1e-5, with a scale and no shift. A mixer projects (`into`, no bias), \
mixes, and projects back (`out`, no bias). attention: softmax attention of `heads` heads to all \
tokens so far, scores divided by the root of a head's width, rotary positions of base 10000 on \
neighbouring pairs of queries and keys. window_attention: the same, to the last {WINDOW} tokens, \
the present one included. linear_attention: queries and keys half as wide, rotary; for token i, \
token j <= i has the weight (1 - 2^-(5 + head))^(i - j) q_i k_j / root of a key's width, heads \
counted from 0; LayerNorm of every head without scale; times the SiLU of a gate. \
gated_convolution: a gate times the value, then a depthwise causal filter of {TAPS} taps, of \
which the last is for the present token, then times a second gate. gated_recurrence: h_t = (1 - \
z_t) h_(t-1) + z_t new_t with z_t = sigmoid(bias + projection - log m), m from 1 to the length in \
equal steps over the features, and h = 0 before the first token; times the SiLU of a gate. mlp: \
SwiGLU with round(4 width / 3) hidden units, whose gate comes first. Heads are neighbouring \
features. Names of parameters: embedding.weight, blocks.<number>.norm.weight, blocks counted from \
0 without identities, .mixer.into.weight, .mixer.out.weight, .mixer.filter, .mixer.bias, \
norm.weight, head.weight; `into` gives queries, keys, values and gates in the order named here"""
    arch_columns: ClassVar[Mapping[str, str]] = {
        "parameters": "trainable parameters",
        "macs": "multiply-adds of one sequence: products with weights, scores and sums of the "
        "tokens that attention sees, updates and readings of states",
        "state_bytes": "float32 bytes to keep of a whole sequence in order to go on with it token "
        "by token: keys and values of tokens in sight, states of recurrences",
    }

    def __init__(self, arch: Arch, *, width: int, heads: int, vocabulary: int, length: int) -> None:
        super().__init__()
        check_sizes(width, heads, length)
        names = [seqmix.MIXERS[option] for option in seqmix.layers(arch)]
        self.scale = math.sqrt(width)
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(name, width, heads, length) for name in names)
        self.norm = layer_norm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the answer at every token, which depend on it and those before it.

        Args:
            tokens: Integers, shape ``(batch, length)``.

        Returns:
            Shape ``(batch, length, vocabulary)``.
        """
        x = self.scale * self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))  # type: ignore[no-any-return]

    @staticmethod
    def trains(arch: Arch) -> bool:
        """All train: without a layer, an answer is a function of the present token."""
        return True

    @staticmethod
    def cost_terms(arch: Arch) -> dict[str, float]:
        """The fixed part of the network and the number of layers of every mixer."""
        layers = seqmix.layers(arch)
        counts = {name: layers.count(seqmix.MIXERS.index(name)) for name in MIXERS}
        return {"network": 1.0} | {name: float(n) for name, n in counts.items()}

    @classmethod
    def arch_numbers(
        cls, arch: Arch, *, width: int, heads: int, vocabulary: int, length: int
    ) -> dict[str, int]:
        """Values of :attr:`arch_columns`."""
        check_sizes(width, heads, length)
        names = [seqmix.MIXERS[option] for option in seqmix.layers(arch)]
        table = width * vocabulary
        parts = [Cost(2 * table + width, table * length, 0)]
        for name in names:
            parts += [Cost(width, 0, 0), MIXERS[name].cost(width, heads, length)]
        parameters, macs, state = map(sum, zip(*parts, strict=True))
        return {"parameters": parameters, "macs": macs, "state_bytes": FLOAT_BYTES * state}


def layer_norm(width: int) -> nn.LayerNorm:
    """LayerNorm with a scale and no shift."""
    return nn.LayerNorm(width, bias=False)


def check_sizes(width: int, heads: int, length: int) -> None:
    """Raise InvalidArgumentError for a network that cannot be, or has equal mixers."""
    if heads < 1 or width < 1 or width % (4 * heads):
        raise InvalidArgumentError(
            f"width = {width} is not possible with heads = {heads}: keys of linear attention, "
            f"half as wide as a head, are turned in pairs, so it must be a multiple of {4 * heads}"
        )
    if length <= WINDOW:
        raise InvalidArgumentError(
            f"length = {length} is not possible: it must be more than {WINDOW}, the window of "
            "window_attention, which otherwise is attention"
        )
