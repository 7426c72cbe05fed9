"""Small graph networks in PyTorch, and their training.

Inputs are :class:`~algorithms.models.graph_inputs.Graphs`. What does not depend on weights is
computed once by ``prepare``: normalised adjacency matrices, and what the first layer receives.
Weights and computations are in double precision. Initial weights, the order of examples and dropout
come from a generator that is passed in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, inf, pi, sqrt
from typing import Literal, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.models.graph_inputs import Graphs
from nasbench.errors import InvalidArgumentError

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


class Adam:
    """Adam (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980) on one vector of all weights.

    ``torch.optim`` does the same, but first loads PyTorch's compiler, which takes seconds, and
    takes longer for many small tensors.

    Args:
        network: Its parameters become views of the vector.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        weight_decay: Penalty on weights.
        decoupled: Whether weights shrink by the penalty times the learning rate (Loshchilov and
            Hutter, 2019, https://arxiv.org/abs/1711.05101), instead of adding to the gradient.
        bias_factor: Factor of the learning rate of biases; they have no penalty unless it is 1.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        beta1: float,
        beta2: float,
        weight_decay: float,
        decoupled: bool,
        bias_factor: float,
    ) -> None:
        self._parameters = list(network.parameters())
        self._beta1, self._beta2 = beta1, beta2
        self._weight_decay: float | Tensor = weight_decay
        self._decoupled = decoupled
        self._values = nn.utils.parameters_to_vector(self._parameters).detach()
        nn.utils.vector_to_parameters(self._values, self._parameters)  # parameters become views
        self._first, self._second = torch.zeros_like(self._values), torch.zeros_like(self._values)
        self._factors: Tensor | None = None
        if bias_factor != 1:
            names = [name for name, _ in network.named_parameters()]
            biases = torch.cat(
                [
                    torch.full((tensor.numel(),), float(name.endswith("bias")), dtype=torch.float64)
                    for name, tensor in zip(names, self._parameters, strict=True)
                ]
            )
            self._factors = 1 + (bias_factor - 1) * biases
            self._weight_decay = weight_decay * (1 - biases)
        self._steps = 0

    def step(self, loss: Tensor, learning_rate: float) -> None:
        """Take one step that lowers ``loss``."""
        parts = torch.autograd.grad(loss, self._parameters)
        gradient = torch.cat([part.reshape(-1) for part in parts])
        if self._decoupled:
            self._values *= 1 - learning_rate * self._weight_decay
        else:
            gradient += self._weight_decay * self._values
        self._steps += 1
        self._first.lerp_(gradient, 1 - self._beta1)
        self._second.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
        root = self._second.sqrt().div_(sqrt(1 - self._beta2**self._steps)).add_(1e-8)
        rate = learning_rate / (1 - self._beta1**self._steps)
        first = self._first if self._factors is None else self._first * self._factors
        self._values.addcdiv_(first, root, value=-rate)


@dataclass(frozen=True, slots=True)
class Training:
    """Training with Adam on batches, the learning rate falling to 0 as a half cosine by epochs.

    Attributes:
        epochs: Passes over the examples.
        batch_size: Largest number of examples per step; batches have nearly equal sizes of at
            least 2.
        learning_rate: Initial learning rate.
        weight_decay: See :class:`Adam`, as are the others.
        decoupled: See there.
        beta1: See there.
        beta2: See there.
        bias_factor: See there.

    Raises:
        InvalidArgumentError: A value is impossible.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    decoupled: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    bias_factor: float = 1.0

    def __post_init__(self) -> None:
        check_counts(epochs=self.epochs, batch_size=self.batch_size)
        if not 0 < self.learning_rate < inf:
            raise InvalidArgumentError(
                f"learning_rate = {self.learning_rate} must be positive and finite"
            )
        if not 0 <= self.weight_decay < inf:
            raise InvalidArgumentError(
                f"weight_decay = {self.weight_decay} must be finite and not negative"
            )

    def run(
        self,
        network: nn.Module,
        n: int,
        loss: Callable[[Tensor], Tensor],
        generator: Generator,
        stop: Callable[[int], bool] | None = None,
    ) -> None:
        """Train the weights of a network.

        Args:
            network: Trained in place.
            n: Number of examples.
            loss: Maps numbers of examples to the loss of the network on them.
            generator: Shuffles the examples.
            stop: Asked after each epoch, by its number, whether to stop.
        """
        adam = Adam(
            network,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            decoupled=self.decoupled,
            bias_factor=self.bias_factor,
        )
        n_batches = max(min(-(-n // self.batch_size), n // 2), 1)
        for epoch in range(self.epochs):
            rate = self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2
            for rows in torch.randperm(n, generator=generator).tensor_split(n_batches):
                adam.step(loss(rows), rate)
            if stop is not None and stop(epoch):
                break


def check_counts(**counts: int) -> None:
    """Raise InvalidArgumentError unless all numbers, given by name, are at least 1."""
    for name, count in counts.items():
        if count < 1:
            raise InvalidArgumentError(f"{name} = {count} must be at least 1")


def check_dropout(dropout: float) -> None:
    """Raise InvalidArgumentError unless a probability of dropout is in [0, 1)."""
    if not 0 <= dropout < 1:
        raise InvalidArgumentError(f"dropout = {dropout} must be in [0, 1)")


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
