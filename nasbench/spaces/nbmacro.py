"""The space of NAS-Bench-Macro (Su et al., 2021, https://arxiv.org/abs/2103.11922).

Eight layers in a row with a choice of three blocks each: 6,561 tuples, of which 3,969 are different
networks.
"""

from itertools import accumulate

import numpy as np

from nasbench.errors import IllegalArchError
from nasbench.space import Arch, Decision, Graph, SearchSpace

BLOCKS = ("identity", "mbconv_k3_e3", "mbconv_k5_e6")
IDENTITY = 0
STAGES = (2, 3, 3)
PROJECTION = "projection"
_LAYERS = sum(STAGES)
_FIRST = tuple(accumulate(STAGES[:-1], initial=0))
_DIGITS = "012"
_EXAMPLE = "22212220"


class NBMacro(SearchSpace):
    """Networks of NAS-Bench-Macro: ``22212220``, the block of each of eight layers.

    0 is identity, 1 is MBConv k3 e3, 2 is MBConv k5 e6. The layers form stages of two, three and
    three. The first layer of a stage halves the resolution and doubles the channels; "identity"
    there is a 1x1 convolution of stride 2 with batch normalisation. Elsewhere it passes its input
    on, so two tuples are the same network if, in every stage, their other blocks follow each other
    in the same order; ``canonical`` moves identities to the end of their stage. The published file
    agrees: it holds 3,969 different records, one per class.

    All tuples are legal and ``sample`` is uniform over them. 2,592 tuples repeat a network, so
    classes with several spellings are drawn more often.
    """

    name = "nbmacro"
    table_key = "class"
    decisions = tuple(Decision(f"layer {i}", BLOCKS) for i in range(1, _LAYERS + 1))

    def to_text(self, arch: Arch) -> str:
        return "".join([_DIGITS[option] for option in arch])

    def from_text(self, text: str) -> Arch:
        digits = text.strip()
        if len(digits) != _LAYERS or not set(digits) <= set(_DIGITS):
            raise IllegalArchError(
                f"{text!r:.200} is not a network of 'nbmacro': eight digits of 0 (identity), "
                f"1 (MBConv k3 e3), 2 (MBConv k5 e6) are needed, as in {_EXAMPLE!r}"
            )
        return tuple([int(digit) for digit in digits])

    def canonical(self, arch: Arch) -> Arch:
        """Return the member of the class with the identities of every stage last.

        The first layer of a stage keeps its place.
        """
        moved: list[int] = []
        for first, layers in zip(_FIRST, STAGES, strict=True):
            moved.append(arch[first])
            moved += sorted(arch[first + 1 : first + layers], key=_is_identity)
        return tuple(moved)

    def graph(self, arch: Arch) -> Graph:
        """Return the layers in a row; an identity that opens a stage is labelled ``projection``."""
        labels = [
            PROJECTION if option == IDENTITY and i in _FIRST else BLOCKS[option]
            for i, option in enumerate(arch)
        ]
        row = np.eye(_LAYERS + 2, k=1, dtype=np.bool_)
        return Graph(row, ("input", *labels, "output"))


def _is_identity(option: int) -> bool:
    return option == IDENTITY
