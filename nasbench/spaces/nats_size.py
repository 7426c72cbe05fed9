"""The size search space of NATS-Bench (Dong et al., 2021, https://arxiv.org/abs/2009.00437).

One cell and five numbers of channels with eight choices each: 32,768 networks.
"""

import re

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, SearchSpace

CHANNELS = (8, 16, 24, 32, 40, 48, 56, 64)
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
_LABELS = tuple(map(str, CHANNELS))
_VALUES = tuple(map(float, CHANNELS))
_LAYERS = ("stage 1", "reduction 1", "stage 2", "reduction 2", "stage 3")
_EXAMPLE = "8:16:24:32:40"


class NATSSize(SearchSpace):
    """Networks of the size space of NATS-Bench: ``8:16:24:32:40``, the channels of five parts.

    All networks use the cell :data:`CELL`. The parts are the first convolution with the cell after
    it, a residual block of stride 2, a cell, another such block, and a cell. All tuples are legal
    and are different networks, ``sample`` is uniform over them, and ranks are the positions in the
    published index.
    """

    name = "nats_size"
    decisions = tuple(
        Decision(f"channels of {layer}", _LABELS, "numeric", _VALUES) for layer in _LAYERS
    )

    @property
    def official_order(self) -> range:
        """Rank of the network of every index of NATS-Bench: the index itself."""
        return range(len(CHANNELS) ** len(_LAYERS))

    def to_text(self, arch: Arch) -> str:
        return ":".join([_LABELS[option] for option in arch])

    def from_text(self, text: str) -> Arch:
        numbers = text.strip().split(":")
        if len(numbers) != len(self.decisions):
            raise IllegalArchError(
                f"{text!r:.200} is not a network of 'nats_size': five numbers of channels are "
                f"needed, as in {_EXAMPLE!r}"
            )
        for number, layer in zip(numbers, _LAYERS, strict=True):
            if number not in _LABELS:
                guess = number[:80]
                if re.fullmatch("[0-9]{1,9}", number):
                    guess = str(min(CHANNELS, key=lambda channels: abs(channels - int(number))))
                raise IllegalArchError(
                    f"{text!r:.200} gives {layer} {number!r:.80} channels{one_of(guess, _LABELS)}"
                )
        return tuple([_LABELS.index(number) for number in numbers])
