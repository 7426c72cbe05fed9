"""A graph isomorphism network (Xu et al., 2019, https://arxiv.org/abs/1810.00826) in PyTorch."""

from functools import cache, lru_cache
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.encodings import labels as labels_of
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_CACHE_SIZE = 65_536


class Graphs(NamedTuple):
    """Graphs as tensors, padded to the size ``m`` of the largest.

    Attributes:
        edges: 1 for an edge from node i to node j, else 0; float64 of shape ``(n, m, m)``.
        labels: Label numbers, -1 for padding; shape ``(n, m)``.
    """

    edges: Tensor
    labels: Tensor


class Network(nn.Module):
    """Maps each graph of a batch to one number.

    Args:
        n_labels: Number of labels.
        hidden: Size of the node vectors.
        layers: Number of layers.
        both: Whether nodes also receive messages from their successors.
        virtual_node: Whether to add a node that exchanges messages with all others.
        mean: Whether to read out the mean over nodes instead of the sum.
        dropout: Dropout probability behind each layer.
    """

    def __init__(
        self,
        n_labels: int,
        *,
        hidden: int,
        layers: int,
        both: bool,
        virtual_node: bool,
        mean: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self._both = both
        self._mean = mean
        self._dropout = dropout
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            self.embedding = nn.Embedding(n_labels, hidden)
            self.epsilons = nn.Parameter(torch.empty(layers))
            self.layers = nn.ModuleList(
                _layer((2 if both else 1) * hidden, hidden, last=i == layers - 1)
                for i in range(layers)
            )
            self.virtual = nn.Parameter(torch.empty(int(virtual_node), hidden))
            self.virtual_layers = nn.ModuleList(
                _layer(hidden, hidden, last=False) for _ in range(layers - 1) if virtual_node
            )
            self.head = nn.Linear(hidden, 1)
        self.to_empty(device="cpu").double()

    @torch.no_grad()
    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial weights."""
        self.epsilons.zero_()
        self.virtual.zero_()
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(generator=generator)
            elif isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
                module.bias.zero_()
            elif isinstance(module, nn.BatchNorm1d):
                module.reset_parameters()

    def state(self) -> dict[str, Tensor]:
        """Tensors that training changes and predictions depend on; not copies."""
        return {name: t for name, t in self.state_dict().items() if t.is_floating_point()}

    def forward(self, graphs: Graphs, generator: torch.Generator | None = None) -> Tensor:
        """Outputs for ``n`` graphs, shape ``(n,)``; only training needs the generator."""
        n, m = graphs.labels.shape
        labels = graphs.labels.flatten()
        nodes = (labels >= 0).nonzero()[:, 0]
        blank = graphs.edges.new_zeros(n * m, self.embedding.embedding_dim)

        def padded(states: Tensor) -> Tensor:
            filled: Tensor = blank.index_copy(0, nodes, states).view(n, m, -1)
            return filled

        directions = (graphs.edges.mT, graphs.edges) if self._both else (graphs.edges.mT,)
        states = self.embedding(labels[nodes])
        virtual = self.virtual.expand(n, -1) if len(self.virtual) else None
        for i, layer in enumerate(self.layers):
            if virtual is not None:
                states = states + virtual.index_select(0, nodes // m)
            own, sources = (1 + self.epsilons[i]) * states, padded(states)
            sums = [(edges @ sources).flatten(0, 1).index_select(0, nodes) for edges in directions]
            states = self._drop(
                layer(torch.cat([own + received for received in sums], 1)), generator
            )
            if virtual is not None and i < len(self.virtual_layers):
                received = sources.sum(1) + virtual
                virtual = self._drop(self.virtual_layers[i](received), generator)
        read = padded(states).sum(1)
        if self._mean:
            read = read / (graphs.labels >= 0).sum(1, keepdim=True)
        outputs: Tensor = self.head(read)[:, 0]
        return outputs

    def _drop(self, states: Tensor, generator: torch.Generator | None) -> Tensor:
        if generator is None or not self._dropout:
            return states
        kept = torch.rand(states.shape, generator=generator) >= self._dropout
        return states * kept / (1 - self._dropout)


def _layer(inputs: int, hidden: int, *, last: bool) -> nn.Sequential:
    """Two linear layers with batch normalisation, and a final ReLU unless it is the last."""
    return nn.Sequential(
        nn.Linear(inputs, 2 * hidden),
        nn.BatchNorm1d(2 * hidden),
        nn.ReLU(),
        nn.Linear(2 * hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.Identity() if last else nn.ReLU(),
    )


@cache
def vocabulary(space: SearchSpace) -> dict[str, int]:
    """Number of each label that a node can have.

    Raises:
        InvalidArgumentError: The space has no graphs.
    """
    if space.graph(space.sample(Random(0))) is None:
        raise InvalidArgumentError(
            f"{space.name!r} has no graph form, which a graph network needs; use another regressor"
        )
    return {label: i for i, label in enumerate(labels_of(space))}


def graphs(space: SearchSpace, archs: NDArray[np.integer]) -> Graphs:
    """Graphs of legal architectures, given in an array of shape ``(n, d)``.

    Raises:
        InvalidArgumentError: A graph has a label that is not in :func:`vocabulary`.
    """
    found = [_graph(space, tuple(arch)) for arch in archs.tolist()]
    m = max(len(labels) for _, labels in found)
    edges, labels = np.zeros((len(found), m, m)), np.full((len(found), m), -1)
    for i, (adjacency, numbers) in enumerate(found):
        k = len(numbers)
        edges[i, :k, :k], labels[i, :k] = adjacency, numbers
    return Graphs(torch.from_numpy(edges), torch.from_numpy(labels))


@lru_cache(_CACHE_SIZE)
def _graph(space: SearchSpace, arch: Arch) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """Adjacency matrix and label numbers of a graph."""
    graph, numbers = space.graph(arch), vocabulary(space)
    if graph is None or not numbers.keys() >= set(graph.labels):
        raise InvalidArgumentError(
            f"the graph of {arch} has a label that is not in the vocabulary of {space.name!r}"
        )
    return graph.adjacency, tuple(numbers[label] for label in graph.labels)
