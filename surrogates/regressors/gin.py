"""Regression with a graph isomorphism network (GIN)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Prediction, Regressor, read_numbers, write_arrays
from nasbench.space import SearchSpace
from surrogates.regressors.parts.graph_network import Graphs, Network, graphs, vocabulary
from surrogates.regressors.parts.network_training import (
    MAX_LAYERS,
    MAX_WIDTH,
    Scale,
    Trainer,
    check_choice,
    check_least,
    one_thread,
    single_precision,
)

_LOSSES = ("mae", "mse")
_MESSAGES = ("both", "forward")
_READOUTS = ("sum", "mean")
_BLOCK = 1_024
_FILE = "network.npz"


class GIN(Regressor):
    """Graph isomorphism network on the graph of an architecture; ``std`` is 0.

    Every node starts as an embedding of its label. Each layer adds, to the weighted vector of a
    node, the vectors of its predecessors and, separately, those of its successors; two linear
    layers with batch normalisation turn both sums into the next vector. The prediction is a linear
    function of the sum over all nodes, so the numbering of the nodes does not matter.

    Preset ``nb301`` has the settings that NAS-Bench-301 (Zela et al., 2022,
    https://arxiv.org/abs/2008.09777) found for the accuracies of 37,225 architectures. There the
    network learned logarithms of errors, saw the degrees of nodes and stopped early; here targets
    may have any unit and sign and are only standardised.

    Args:
        space: A search space with graphs.
        seed: Seed of the initial weights, of the order of examples and of dropout.
        hidden: Size of the node vectors.
        layers: Number of layers.
        messages: Where a node receives from: ``"both"``: predecessors and successors;
            ``"forward"``: predecessors only.
        virtual_node: Whether to add a node that exchanges messages with all others.
        readout: ``"sum"`` or ``"mean"`` over all nodes.
        dropout: Dropout probability behind each layer, in [0, 1).
        loss: ``"mae"``: mean absolute error; ``"mse"``: mean squared error.
        ranking_margin: Margin of a pairwise ranking loss, in standard deviations of the targets; it
            adds the mean, over all pairs in a batch, of the amount by which the better prediction
            falls short of the other plus the margin. None for no ranking loss.
        epochs: Passes over the examples.
        batch: Examples per step, at least 2.
        learning_rate: Initial learning rate of Adam.
        schedule: ``"cosine"`` decay of the learning rate to 0, or ``"constant"``.
        weight_decay: Decoupled weight decay of Adam.

    Raises:
        InvalidArgumentError: The space has no graphs, or a hyperparameter has an impossible value.
    """

    family = "graph network"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb301": {
            "hidden": 24,
            "layers": 8,
            "messages": "forward",
            "virtual_node": True,
            "readout": "mean",
            "dropout": 0.035,
            "loss": "mae",
            "ranking_margin": 0.1,
            "epochs": 128,
            "batch": 51,
            "learning_rate": 0.0777,
            "schedule": "cosine",
            "weight_decay": 0.0,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        hidden: int = 32,
        layers: int = 4,
        messages: str = "both",
        virtual_node: bool = False,
        readout: str = "sum",
        dropout: float = 0.0,
        loss: str = "mae",
        ranking_margin: float | None = None,
        epochs: int = 100,
        batch: int = 32,
        learning_rate: float = 0.01,
        schedule: str = "cosine",
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__(space, seed=seed)
        self.hidden = hidden
        self.layers = layers
        self.messages = messages
        self.virtual_node = virtual_node
        self.readout = readout
        self.dropout = dropout
        self.loss = loss
        self.ranking_margin = ranking_margin
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        check_choice("messages", messages, _MESSAGES)
        check_choice("readout", readout, _READOUTS)
        check_choice("loss", loss, _LOSSES)
        check_least(1, MAX_LAYERS, layers=layers)
        check_least(1, MAX_WIDTH, hidden=hidden)
        check_least(2, batch=batch)
        if not 0 <= dropout < 1:
            raise InvalidArgumentError(f"dropout = {dropout} must be in [0, 1)")
        self._trainer = Trainer(epochs, batch, learning_rate, schedule, weight_decay)
        self._network = Network(
            len(vocabulary(space)),
            hidden=hidden,
            layers=layers,
            both=messages == "both",
            virtual_node=virtual_node,
            mean=readout == "mean",
            dropout=dropout,
        )

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        self._target = Scale.of(targets)
        examples = graphs(self.space, archs)
        y = torch.from_numpy(self._target.standardise(targets))
        generator = torch.Generator().manual_seed(self.seed)
        self._network.reset(generator)
        self._network.train()

        def loss(chosen: Tensor) -> Tensor:
            batch = Graphs(*(part[chosen] for part in examples))
            return self._loss(self._network(batch, generator), y[chosen])

        with one_thread():
            self._trainer.run(self._network.parameters(), loss, len(y), generator)
        self._network.eval()

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        errors = outputs - targets
        loss = errors.abs().mean() if self.loss == "mae" else errors.square().mean()
        if self.ranking_margin is None:
            return loss
        better = targets[:, None] > targets
        lacking = (self.ranking_margin - outputs[:, None] + outputs).relu() * better
        return loss + lacking.sum() / better.sum().clamp(min=1)

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        outputs = np.empty(len(archs))
        with torch.inference_mode(), one_thread():
            for first in range(0, len(archs), _BLOCK):
                block = slice(first, first + _BLOCK)
                outputs[block] = self._network(graphs(self.space, archs[block])).numpy()
        mean = outputs * self._target.std + self._target.mean
        return Prediction(single_precision(mean), np.zeros(len(archs)))

    def save(self, folder: Path) -> None:
        state = {name: tensor.numpy() for name, tensor in self._network.state().items()}
        write_arrays(folder / _FILE, {"target": np.stack(self._target), **state})

    def restore(self, folder: Path) -> Self:
        state = self._network.state()
        shapes = {"target": (2,), **{name: tuple(t.shape) for name, t in state.items()}}
        arrays = read_numbers(folder / _FILE, shapes)
        self._target = Scale(*arrays["target"])
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(arrays[name]))
        self._network.eval()
        return self
