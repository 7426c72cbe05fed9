"""The contract of a trainable network: an architecture in, a ``torch.nn.Module`` out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from nasbench.space import Arch

if TYPE_CHECKING:
    from torch import nn


class Network(Protocol):
    """What the builder needs from the class of a trainable network.

    Only this class knows its space, which architectures can be trained, and what they cost.

    Attributes:
        space: Registered name of its search space.
        description: The network in words from which it can be built again, with the names of its
            parameters; tables carry it.
        arch_columns: Descriptions, by name, of the numbers that need no training.
    """

    space: str
    description: str
    arch_columns: Mapping[str, str]

    def __call__(
        self, arch: Arch, *, channels: int, cells: int, image_channels: int, n_classes: int
    ) -> "nn.Module":
        """Return the untrained network of a trainable architecture."""

    def trains(self, arch: Arch) -> bool:
        """Return whether training has an effect; if not, the network ignores its images."""

    def cost_terms(self, arch: Arch) -> dict[str, float]:
        """Return the quantities that the seconds of a step are linear in; same names for all."""

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
        """Return the values of :attr:`arch_columns` for any architecture, trainable or not."""
