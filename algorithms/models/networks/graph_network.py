"""Small graph networks in PyTorch, and their training.

Inputs are :class:`~algorithms.models.networks.graph_inputs.Graphs`. What does not depend on weights
is computed once by ``prepare``: normalised adjacency matrices, and what the first layer receives.
Weights and computations are in double precision. Initial weights, the order of examples and dropout
come from a generator that is passed in.
"""

from math import sqrt
from typing import Literal, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.models.networks.graph_inputs import Graphs

_BLOCK = 1_024


class Prepared(NamedTuple):
    """Inputs of a network for ``n`` graphs; the first axis of every tensor is the graph.

    Attributes:
        first: What the first layer receives.
        adjacency: Matrix by which nodes receive, one or two per graph.
        present: 1 for a node, 0 for padding, shape ``(n, m)``; None if no graph is padded.
        sizes: Number of nodes, shape ``(n, 1)``.
    """

    first: Tensor
    adjacency: Tensor
    present: Tensor | None
    sizes: Tensor

    def rows(self, chosen: Tensor) -> "Prepared":
        """Return the inputs of some graphs."""
        return Prepared(
            self.first.index_select(0, chosen),
            self.adjacency.index_select(0, chosen),
            None if self.present is None else self.present.index_select(0, chosen),
            self.sizes.index_select(0, chosen),
        )


class GraphNetwork(nn.Module):
    """Base of graph networks."""

    def prepare(self, graphs: Graphs) -> Prepared:
        """Compute what does not depend on weights."""
        raise NotImplementedError

    def outputs(self, inputs: Prepared) -> Tensor:
        """Return the outputs for ``n`` graphs as they are after training."""
        self.eval()
        blocks = torch.split(torch.arange(len(inputs.first)), _BLOCK)
        with torch.no_grad():
            found = torch.cat([self(inputs.rows(block), None) for block in blocks])
        self.train()
        return found


class DirectedGCN(GraphNetwork):
    """Graph convolutions along the edges and against them (Wen et al., 2020).

    https://arxiv.org/abs/1912.00848, section 3. With the adjacency matrix A and the unit matrix,
    A' = A + 1 with rows scaled to sum 1, and A'' = the transpose of A', its rows scaled again, a
    layer maps node vectors V to (relu(A' V W1) + relu(A'' V W2)) / 2. Then come the mean over all
    nodes and two linear layers. Nothing has a bias. Dropout follows each convolution and the first
    linear layer. Weights are initialised as in ultmaster/neuralpredictor.pytorch.

    Args:
        n_labels: Number of labels.
        hidden: Size of the node vectors.
        layers: Number of convolutions.
        head: Size of the first linear layer.
        dropout: Probability of dropout.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        n_labels: int,
        *,
        hidden: int,
        layers: int,
        head: int,
        dropout: float,
        generator: Generator,
    ) -> None:
        super().__init__()
        self._dropout = dropout
        sizes = [n_labels] + [hidden] * (layers - 1)
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            self.convolutions = nn.ParameterList(torch.empty(size, 2 * hidden) for size in sizes)
            self.fc1 = nn.Linear(hidden, head, bias=False)
            self.fc2 = nn.Linear(head, 1, bias=False)
        self.to_empty(device="cpu").double()
        for weight in self.convolutions:
            _uniform(weight, sqrt(6 / (weight.shape[0] + hidden)), generator)
        _reset_linear(self.fc1, generator)
        _reset_linear(self.fc2, generator)

    def prepare(self, graphs: Graphs) -> Prepared:
        along = _by_rows(graphs.edges + torch.eye(graphs.edges.shape[1]))
        both = torch.stack([along, _by_rows(along.mT)], 1)
        return Prepared(graphs.nodes, both, *_sizes(graphs))

    def forward(self, inputs: Prepared, generator: Generator | None) -> Tensor:
        """Outputs for ``n`` graphs, shape ``(n,)``; only training needs the generator."""
        states = inputs.first
        for weight in self.convolutions:  # both directions side by side
            sent = (states @ weight).unflatten(2, (2, -1)).transpose(1, 2)
            states = (inputs.adjacency @ sent).relu().mean(1)
            states = _drop(states, self._dropout, generator)
        pooled = states.sum(1) / inputs.sizes
        outputs: Tensor = self.fc2(_drop(self.fc1(pooled), self._dropout, generator))
        return outputs[:, 0]


class GIN(GraphNetwork):
    """Graph isomorphism network (Xu et al., 2019), as in NPENAS (Wei et al., 2020).

    https://arxiv.org/abs/1810.00826, https://arxiv.org/abs/2003.12857. In a layer, two linear
    layers map the sum of a node's vector and those of its predecessors; an activation and batch
    normalisation follow. Then come the mean over all nodes and one or two outputs, each with a
    hidden layer of its own. Dropout of 0.1 follows the hidden layer of the first output. Weights
    are initialised as in auroua/NPENASv1.

    Args:
        n_labels: Number of labels.
        hidden: Size of the node vectors.
        layers: Number of layers.
        head: Size of the hidden layer of each output.
        outputs: Number of outputs.
        activation: ``"relu"`` or ``"celu"``; inside a layer it is always a ReLU.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        n_labels: int,
        *,
        hidden: int,
        layers: int,
        head: int,
        outputs: int,
        activation: Literal["relu", "celu"],
        generator: Generator,
    ) -> None:
        super().__init__()
        self._activation = F.relu if activation == "relu" else F.celu
        sizes = [n_labels] + [hidden] * (layers - 1)
        with torch.device("meta"):
            self.inner = nn.ModuleList(nn.Linear(size, hidden) for size in sizes)
            self.outer = nn.ModuleList(nn.Linear(hidden, hidden) for _ in sizes)
            self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in sizes)
            self.before = nn.ModuleList(nn.Linear(hidden, head) for _ in range(outputs))
            self.last = nn.ModuleList(nn.Linear(head, 1) for _ in range(outputs))
        self.to_empty(device="cpu").double()
        for linear in (*self.inner, *self.outer):
            _reset_linear(cast("nn.Linear", linear), generator)
        for norm in self.norms:
            cast("nn.BatchNorm1d", norm).reset_parameters()
        for linear in (*self.before, *self.last):
            weight = cast("nn.Linear", linear).weight
            _uniform(weight, sqrt(3 / weight.shape[1]), generator)
            nn.init.zeros_(cast("nn.Linear", linear).bias)

    def prepare(self, graphs: Graphs) -> Prepared:
        received = graphs.edges.mT + torch.eye(graphs.edges.shape[1])
        return Prepared(received @ graphs.nodes, received, *_sizes(graphs))

    def forward(self, inputs: Prepared, generator: Generator | None) -> Tensor:
        """Outputs for ``n`` graphs, shape ``(n, outputs)``; only training needs the generator."""
        states = inputs.first
        where = None if inputs.present is None else inputs.present.flatten().nonzero()[:, 0]
        for i, (inner, outer) in enumerate(zip(self.inner, self.outer, strict=True)):
            if i:
                states = inputs.adjacency @ states
            states = self._activation(outer(inner(states).relu()))
            states = _normalised(cast("nn.BatchNorm1d", self.norms[i]), states, where)
        pooled = states.sum(1) / inputs.sizes
        found = []
        for i, (before, last) in enumerate(zip(self.before, self.last, strict=True)):
            embedded = self._activation(before(pooled))
            found.append(last(embedded if i else _drop(embedded, 0.1, generator)))
        return torch.cat(found, 1)


class GlobalGCN(GraphNetwork):
    """Graph convolutions (Kipf and Welling, 2017) with a node that all others send to.

    https://arxiv.org/abs/1609.02907. The vector of that node after the last layer is the output, as
    in BRP-NAS (Dudziak et al., 2020, https://arxiv.org/abs/2007.08668) and BONAS (Shi et al., 2020,
    https://arxiv.org/abs/1911.09336). A layer adds up the vectors of a node and of those that send
    to it, without scaling; a linear map, normalisation, ReLU and dropout follow.

    Args:
        n_labels: Number of labels of the other nodes.
        hidden: Size of the node vectors.
        layers: Number of layers.
        norm: ``"layer"``: layer normalisation; nodes receive from their successors, and weights
            are initialised as in SamsungLabs/eagle. ``"batch"``: batch normalisation; nodes receive
            from their predecessors, and weights are initialised as in automl/NASLib.
        dropout: Probability of dropout.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        n_labels: int,
        *,
        hidden: int,
        layers: int,
        norm: Literal["layer", "batch"],
        dropout: float,
        generator: Generator,
    ) -> None:
        super().__init__()
        self._dropout = dropout
        self._norm = norm
        sizes = [n_labels + 1] + [hidden] * (layers - 1)
        with torch.device("meta"):
            self.linears = nn.ModuleList(nn.Linear(size, hidden) for size in sizes)
            kind = nn.LayerNorm if norm == "layer" else nn.BatchNorm1d
            self.norms = nn.ModuleList(kind(hidden) for _ in sizes)
        self.to_empty(device="cpu").double()
        for linear, normalisation in zip(self.linears, self.norms, strict=True):
            bound = 1 / sqrt(hidden)
            weight = 0.05 if norm == "batch" else bound
            _uniform(cast("nn.Linear", linear).weight, weight, generator)
            _uniform(cast("nn.Linear", linear).bias, bound, generator)
            cast("nn.LayerNorm", normalisation).reset_parameters()

    def prepare(self, graphs: Graphs) -> Prepared:
        edges = graphs.edges if self._norm == "layer" else graphs.edges.mT
        n, m = edges.shape[:2]
        received = edges.new_zeros(n, m + 1, m + 1)  # the node that receives from all comes first
        received[:, 1:, 1:] = edges
        received[:, 0, 1:] = graphs.present
        received.diagonal(dim1=1, dim2=2).fill_(1.0)
        nodes = edges.new_zeros(n, m + 1, graphs.nodes.shape[2] + 1)
        nodes[:, 1:, :-1] = graphs.nodes
        nodes[:, 0, -1] = 1.0
        present, sizes = _sizes(graphs)
        if present is not None:
            present = F.pad(present, (1, 0), value=1.0)
        return Prepared(received @ nodes, received, present, sizes)

    def forward(self, inputs: Prepared, generator: Generator | None) -> Tensor:
        """Vectors of ``n`` graphs, shape ``(n, hidden)``; only training needs the generator."""
        states = inputs.first
        where = None
        if self._norm == "batch" and inputs.present is not None:
            where = inputs.present.flatten().nonzero()[:, 0]
        last = len(self.linears) - 1
        for i, (linear, norm) in enumerate(zip(self.linears, self.norms, strict=True)):
            alone = i == last and self._norm == "layer"  # then nothing else needs other nodes
            if i:
                adjacency = inputs.adjacency[:, :1] if alone else inputs.adjacency
                states = adjacency @ states
            states = linear(states[:, :1] if alone else states)
            if self._norm == "layer":
                states = norm(states).relu()
            else:
                states = _normalised(cast("nn.BatchNorm1d", norm), states, where).relu()
            states = _drop(states, self._dropout, generator)
        return states[:, 0]


def _uniform(tensor: Tensor, bound: float, generator: Generator) -> None:
    with torch.no_grad():
        tensor.uniform_(-bound, bound, generator=generator)


def _reset_linear(linear: nn.Linear, generator: Generator) -> None:
    """Draw the weights as ``nn.Linear`` does."""
    bound = 1 / sqrt(linear.in_features)
    _uniform(linear.weight, bound, generator)
    if linear.bias is not None:
        _uniform(linear.bias, bound, generator)


def _by_rows(matrices: Tensor) -> Tensor:
    """Scale each row to sum 1."""
    return matrices / matrices.sum(-1, keepdim=True)


def _sizes(graphs: Graphs) -> tuple[Tensor | None, Tensor]:
    full = bool(graphs.present.all())
    return None if full else graphs.present, graphs.present.sum(1, keepdim=True)


def _normalised(norm: nn.BatchNorm1d, states: Tensor, where: Tensor | None) -> Tensor:
    """Batch normalisation over nodes; padding, all but the places in ``where``, becomes 0."""
    flat = states.flatten(0, 1)
    if where is None:
        found: Tensor = norm(flat)
    else:
        found = torch.zeros_like(flat).index_copy(0, where, norm(flat.index_select(0, where)))
    return found.view_as(states)


def _drop(states: Tensor, probability: float, generator: Generator | None) -> Tensor:
    if generator is None or not probability:
        return states
    kept = torch.rand(states.shape, generator=generator) >= probability
    return states * (kept / (1 - probability))
