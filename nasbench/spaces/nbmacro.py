"""The space of NAS-Bench-Macro (Su et al., 2021, https://arxiv.org/abs/2103.11922).

Eight layers in a row, three blocks to choose from: 6,561 tuples, of which 3,969 are different
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
    """Networks ``22212220``, the block of every layer: 0 identity, 1 MBConv k3 e3, 2 MBConv k5 e6.

    The layers form stages of two, three and three. The first of a stage halves the resolution and
    doubles the channels; "identity" there is a 1x1 convolution of stride 2 with batch
    normalisation. Elsewhere it passes its input on, so that tuples are the same network if the
    other blocks of every stage follow each other in the same order; ``canonical`` moves identities
    to the end of their stage. The published file says the same: 3,969 different records, one a
    class.

    All tuples are legal and ``sample`` is uniform over them: 2,592 tuples repeat a network, so that
    classes with several spellings are drawn more often.
    """

    name = "nbmacro"
    decisions = tuple(Decision(f"layer {i}", BLOCKS) for i in range(1, _LAYERS + 1))

    def to_text(self, arch: Arch) -> str:
        return "".join([_DIGITS[option] for option in arch])

    def from_text(self, text: str) -> Arch:
        digits = text.strip()
        if len(digits) != _LAYERS or not set(digits) <= set(_DIGITS):
            raise IllegalArchError(
                f"{text!r:.200} is no network of 'nbmacro': eight digits of 0 (identity), "
                f"1 (MBConv k3 e3), 2 (MBConv k5 e6) are needed, as in {_EXAMPLE!r}"
            )
        return tuple([int(digit) for digit in digits])

    def canonical(self, arch: Arch) -> Arch:
        """The member of the class that has the identities of every stage last, after its first."""
        moved: list[int] = []
        for first, layers in zip(_FIRST, STAGES, strict=True):
            moved.append(arch[first])
            moved += sorted(arch[first + 1 : first + layers], key=_is_identity)
        return tuple(moved)

    def graph(self, arch: Arch) -> Graph:
        """The layers in a row; an identity that opens a stage is labelled ``projection``."""
        labels = [
            PROJECTION if option == IDENTITY and i in _FIRST else BLOCKS[option]
            for i, option in enumerate(arch)
        ]
        row = np.eye(_LAYERS + 2, k=1, dtype=np.bool_)
        return Graph(row, ("input", *labels, "output"))


def _is_identity(option: int) -> bool:
    return option == IDENTITY
