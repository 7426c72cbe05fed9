"""SMASH: a hypernetwork makes the weights of an architecture from its options."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from algorithms.oneshot.paths.hyper_search import HyperSearch


class SMASH(HyperSearch):
    """Trains a network from options to weights; random architectures are judged with theirs.

    Brock, Lim, Ritchie and Weston (2018), https://arxiv.org/abs/1708.05344. Here the network is
    fully connected and makes all weights, from the options one-hot; the authors' is convolutional,
    makes only some of the convolutions, and reads an encoding of the memory that a layer reads and
    writes, which suits their space. They also vary the best architectures a little at the end.

    Args:
        space: The space to search.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, space: Any, **shared: Any) -> None:
        super().__init__(space, **shared)

    def encoder(self) -> nn.Module:
        n_decisions, n_options = self.net.shape
        return nn.Sequential(
            nn.Flatten(0),
            nn.Linear(n_decisions * n_options, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.Tanh(),
        )
