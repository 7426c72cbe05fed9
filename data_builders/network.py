"""The contract of a trainable network: an architecture in, a ``torch.nn.Module`` out."""

from collections.abc import Mapping
from typing import Protocol

from nasbench.space import Arch


class Network(Protocol):
    """What the builder needs from the class of a trainable network.

    Only this class knows its space, which architectures can be trained, and what they cost. Called
    with an architecture and its sizes, it makes the untrained ``torch.nn.Module``; its method
    ``arch_numbers`` gives the values of :attr:`arch_columns` for the same arguments, trainable or
    not. Sizes are those of images or of sequences: the course of a recipe knows them
    (:mod:`data_builders.training.course`).

    Attributes:
        space: Registered name of its search space.
        description: The network in words from which it can be built again, with the names of its
            parameters; tables carry it.
        arch_columns: Descriptions, by name, of the numbers that need no training.
    """

    space: str
    description: str
    arch_columns: Mapping[str, str]

    def trains(self, arch: Arch) -> bool:
        """Return whether training has an effect; if not, the network ignores its input."""

    def cost_terms(self, arch: Arch) -> dict[str, float]:
        """Return the quantities that the seconds of a step are linear in; same names for all."""
