"""Hybrid sequence models: four layers in a row, each one of six mixers or none.

The mixers are those that hybrids of attention and recurrence are made of (Poli et al., 2024,
"Mechanistic Design and Scaling of Hybrid Architectures", https://arxiv.org/abs/2403.17844): 2,401
tuples, of which 1,555 are different networks.
"""

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, Graph, SearchSpace

MIXERS = (
    "identity",
    "attention",
    "window_attention",
    "linear_attention",
    "gated_convolution",
    "gated_recurrence",
    "mlp",
)
(
    IDENTITY,
    ATTENTION,
    WINDOW_ATTENTION,
    LINEAR_ATTENTION,
    GATED_CONVOLUTION,
    GATED_RECURRENCE,
    MLP,
) = range(7)
LAYERS = 4
_EXAMPLE = "gated_convolution-attention-mlp-identity"


class SeqMix(SearchSpace):
    """Networks ``gated_convolution-attention-mlp-identity``, the mixer of every layer.

    A layer adds its mixer's output to its input; ``identity`` is no layer at all. So tuples are the
    same network if their other layers follow each other in the same order, and ``canonical`` moves
    identities to the end: 1 + 6 + 36 + 216 + 1,296 classes of no to four layers.

    All tuples are legal and ``sample`` is uniform over them: classes with several spellings are
    drawn more often.
    """

    name = "seqmix"
    decisions = tuple(Decision(f"layer {i}", MIXERS) for i in range(1, LAYERS + 1))

    def to_text(self, arch: Arch) -> str:
        return "-".join([MIXERS[option] for option in arch])

    def from_text(self, text: str) -> Arch:
        names = text.strip().split("-")
        if len(names) != LAYERS:
            raise IllegalArchError(
                f"{text!r:.200} is no network of 'seqmix': four layers are needed, as in "
                f"{_EXAMPLE!r}"
            )
        for name in names:
            if name not in MIXERS:
                raise IllegalArchError(
                    f"{text!r:.200} has an unknown layer {name!r:.80}{one_of(name[:80], MIXERS)}"
                )
        return tuple([MIXERS.index(name) for name in names])

    def canonical(self, arch: Arch) -> Arch:
        """The member of the class that has its identities last."""
        kept = layers(arch)
        return (*kept, *[IDENTITY] * (LAYERS - len(kept)))

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        tuples = np.asarray(archs).astype(np.int64)
        order = np.argsort(tuples == IDENTITY, axis=1, kind="stable")
        return np.take_along_axis(tuples, order, axis=1)

    def graph(self, arch: Arch) -> Graph:
        """The layers in a row, identities left out."""
        labels = ("input", *(MIXERS[option] for option in layers(arch)), "output")
        return Graph(np.eye(len(labels), k=1, dtype=np.bool_), labels)


def layers(arch: Arch) -> Arch:
    """The options of the layers that there are, in their order; none to four."""
    return tuple([option for option in arch if option != IDENTITY])
