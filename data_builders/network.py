"""The contract of a trainable network: an architecture in, a ``torch.nn.Module`` out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from nasbench.space import Arch

if TYPE_CHECKING:
    from torch import nn


class Network(Protocol):
    """What the builder asks of the class of a trainable network.

    It alone knows which space it belongs to, which architectures have something to train and what
    they cost.

    Attributes:
        space: Registered name of its search space.
        arch_columns: Names and descriptions of the numbers that no training gives.
    """

    space: str
    arch_columns: Mapping[str, str]

    def __call__(
        self, arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> "nn.Module":
        """The untrained network of an architecture that trains."""

    def trains(self, arch: Arch) -> bool:
        """Whether there is anything to train; if not, the network answers every image alike."""

    def cost_terms(self, arch: Arch) -> dict[str, float]:
        """Amounts that the seconds of a step are linear in, by name; the same names for all."""

    def arch_numbers(
        self,
        arch: Arch,
        *,
        channels: int,
        cells: int,
        image_channels: int,
        n_classes: int,
        size: int,
    ) -> Mapping[str, int | float | str]:
        """Values of :attr:`arch_columns` for an architecture as written, trainable or not."""
