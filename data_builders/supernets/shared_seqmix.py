"""A hybrid sequence model whose layers hold all mixers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from data_builders.networks.mixers import MIXERS
from data_builders.networks.seqmix import check_sizes, layer_norm
from data_builders.supernets.shared_network import Mixture
from nasbench.errors import InvalidArgumentError
from nasbench.spaces import seqmix

IDENTITY = seqmix.MIXERS.index("identity")


class SharedSeqMix(nn.Module):
    """Layers of all mixers behind one norm each; see :mod:`data_builders.supernets.shared_network`.

    A layer adds what its mixers make of the normalised input, times their gates. The gate of
    ``identity`` weighs nothing: the residual path is always there.

    Args:
        width: Features of a token.
        heads: Heads of the mixers that have heads.
        vocabulary: Number of different tokens.
        length: Tokens of the longest sequence.
        partial: Must be 1: features of a token are no channels to leave out.

    Raises:
        InvalidArgumentError: A size is impossible.
    """

    shape = (seqmix.LAYERS, len(seqmix.MIXERS))
    has_weights = tuple(name in MIXERS for name in seqmix.MIXERS)
    groups = tuple((layer,) for layer in range(seqmix.LAYERS))
    nothing = (IDENTITY,)

    def __init__(
        self, *, width: int, heads: int, vocabulary: int, length: int, partial: int = 1
    ) -> None:
        super().__init__()
        check_sizes(width, heads, length)
        if partial != 1:
            raise InvalidArgumentError(
                f"partial = {partial} is not possible in a sequence model, only 1"
            )
        self.scale = math.sqrt(width)
        self.embedding = nn.Embedding(vocabulary, width)
        self.norms = nn.ModuleList(
            nn.ModuleDict({name: layer_norm(width) for name in MIXERS})
            for _ in range(seqmix.LAYERS)
        )
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: kind(width, heads, length) for name, kind in MIXERS.items()})
            for _ in range(seqmix.LAYERS)
        )
        self.norm = layer_norm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor, mixture: Mixture) -> Tensor:
        """Return logits at every token, shape ``(batch, length, vocabulary)``."""
        x = self.scale * self.embedding(tokens)
        for number in range(seqmix.LAYERS):
            added = torch.zeros_like(x)
            for name in MIXERS:
                option = seqmix.MIXERS.index(name)
                if mixture.active[number][option]:
                    added = added + self._mixed(number, name, x) * mixture.gates[number, option]
            added = mixture.kept(added, (len(x), 1, 1), mixture.drop_path)
            if mixture.ghosts is not None:
                added = added + mixture.ghosts[number]
            if mixture.edges is not None:
                added = added * mixture.edges[number]
            x = x + added
        return self.head(self.norm(x))  # type: ignore[no-any-return]

    def _mixed(self, number: int, name: str, x: Tensor) -> Tensor:
        """Return what a mixer of a layer makes of its normalised input."""
        norm: nn.Module = self.norms[number][name]  # type: ignore[index]
        mixer: nn.Module = self.layers[number][name]  # type: ignore[index]
        return mixer(norm(x))  # type: ignore[no-any-return]

    def terms(self, active: Sequence[Sequence[bool]]) -> list[float]:
        """Return 1 for the network, and the number of active layers of every mixer."""
        options = [seqmix.MIXERS.index(name) for name in MIXERS]
        return [1.0, *(float(sum(row[option] for row in active)) for option in options)]
