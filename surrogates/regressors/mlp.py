"""Multilayer perceptrons."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from nasbench.regressor import Prediction, Regressor, read_numbers, write_arrays
from nasbench.space import SearchSpace
from surrogates.regressors.parts.features import features, n_columns
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

_LOSSES = ("mae", "mse", "gaussian")
_MIN_VARIANCE = 1e-6
_FILE = "network.npz"


class MLP(Regressor):
    """Multilayer perceptron with ReLU layers of equal width.

    Features and targets are standardised on the examples. With loss ``"gaussian"`` the network
    predicts a mean and a variance, like a member of a deep ensemble (Lakshminarayanan et al., 2017,
    https://arxiv.org/abs/1612.01474); ``std`` is then the scatter of the targets, not a lack of
    knowledge. With the other losses ``std`` is 0.

    Preset ``bananas`` has the settings of a member of the BANANAS ensemble (White et al., 2021,
    https://arxiv.org/abs/1910.11858), except that it sees all paths and that Adam averages squares
    with 0.999 instead of 0.99. Preset ``nb301_path`` has the settings that NAS-Bench-301 (Zela et
    al., 2022, https://arxiv.org/abs/2008.09777) found for 37,225 architectures; it learns little
    from 1,000. There the loss was relative, on logarithms of errors, and training stopped early.

    Args:
        space: The search space.
        seed: Seed of the initial weights and of the order of examples.
        encodings: Encodings that are the features, names from :data:`nasbench.encodings.ENCODINGS`;
            None for :func:`~surrogates.regressors.parts.features.default_encodings`.
        layers: Number of hidden layers.
        width: Units per hidden layer.
        loss: ``"mae"``: mean absolute error; ``"mse"``: mean squared error; ``"gaussian"``:
            negative log-likelihood.
        epochs: Passes over the examples.
        batch: Examples per step.
        learning_rate: Initial learning rate of Adam.
        schedule: ``"cosine"`` decay of the learning rate to 0, or ``"constant"``.
        weight_decay: Decoupled weight decay of Adam.

    Raises:
        InvalidArgumentError: A hyperparameter has an impossible value.
    """

    family = "neural network"
    takes_columns = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "bananas": {
            "encodings": ["path"],
            "layers": 10,
            "width": 20,
            "loss": "mae",
            "epochs": 150,
            "batch": 32,
            "learning_rate": 0.01,
            "schedule": "constant",
            "weight_decay": 0.0,
        },
        "nb301_path": {
            "encodings": ["path"],
            "layers": 17,
            "width": 31,
            "loss": "mae",
            "epochs": 64,
            "batch": 122,
            "learning_rate": 0.00211,
            "schedule": "cosine",
            "weight_decay": 0.0,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        encodings: Sequence[str] | None = None,
        layers: int = 3,
        width: int = 128,
        loss: str = "mae",
        epochs: int = 100,
        batch: int = 32,
        learning_rate: float = 0.01,
        schedule: str = "cosine",
        weight_decay: float = 0.3,
    ) -> None:
        super().__init__(space, seed=seed)
        self.encodings = encodings
        self.layers = layers
        self.width = width
        self.loss = loss
        self.epochs = epochs
        self.batch = batch
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        check_choice("loss", loss, _LOSSES)
        check_least(1, MAX_LAYERS, layers=layers)
        check_least(1, MAX_WIDTH, width=width)
        self._trainer = Trainer(epochs, batch, learning_rate, schedule, weight_decay)

    def _fit(self, archs: NDArray[np.integer], targets: NDArray[np.float64]) -> None:
        rows = features(self.space, archs, self.encodings, self.columns)
        self._inputs, self._target = Scale.of(rows), Scale.of(targets)
        x = torch.from_numpy(self._inputs.standardise(rows))
        y = torch.from_numpy(self._target.standardise(targets))
        generator = torch.Generator().manual_seed(self.seed)
        layers = [torch.zeros(s, dtype=torch.float64) for s in self._shapes(rows.shape[1])]
        for layer in layers:
            bound = sqrt(6 / (len(layer) - 1))  # preserves the variance through ReLU layers
            nn.init.uniform_(layer[:-1], -bound, bound, generator)
            layer.requires_grad_()

        def loss(chosen: Tensor) -> Tensor:
            return self._loss(forward(layers, x[chosen]), y[chosen])

        with one_thread():
            self._trainer.run(layers, loss, len(y), generator)
        self._layers = [layer.detach().numpy() for layer in layers]

    def _shapes(self, columns: int) -> list[tuple[int, int]]:
        """Shapes of the layers: one row of weights per input, and one of biases."""
        sizes = [columns, *[self.width] * self.layers, 2 if self.loss == "gaussian" else 1]
        return [(before + 1, after) for before, after in pairwise(sizes)]

    def _loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        errors = outputs[:, 0] - targets
        if self.loss == "mae":
            return errors.abs().mean()
        if self.loss == "mse":
            return errors.square().mean()
        variances = softplus(outputs[:, 1]) + _MIN_VARIANCE
        return (variances.log() + errors.square() / variances).mean() / 2

    @classmethod
    def predict_members(
        cls, members: Sequence[Self], archs: NDArray[np.integer]
    ) -> list[Prediction]:
        first = members[0]
        rows = features(first.space, archs, first.encodings, first.columns)
        return [member._answer(rows) for member in members]

    def _predict(self, archs: NDArray[np.integer]) -> Prediction:
        return self._answer(features(self.space, archs, self.encodings, self.columns))

    def _answer(self, rows: NDArray[np.float32]) -> Prediction:
        states = self._inputs.standardise(rows)
        for layer in self._layers[:-1]:
            states = np.maximum(states @ layer[:-1] + layer[-1], 0.0)
        outputs = states @ self._layers[-1][:-1] + self._layers[-1][-1]
        std = np.zeros(len(rows))
        if self.loss == "gaussian":
            std = np.sqrt(np.logaddexp(0.0, outputs[:, 1]) + _MIN_VARIANCE) * self._target.std
        mean = outputs[:, 0] * self._target.std + self._target.mean
        return Prediction(single_precision(mean), single_precision(std))

    def save(self, folder: Path) -> None:
        scales = {"inputs": np.stack(self._inputs), "target": np.stack(self._target)}
        layers = {f"layer_{i}": layer for i, layer in enumerate(self._layers)}
        write_arrays(folder / _FILE, scales | layers)

    def restore(self, folder: Path) -> Self:
        columns = n_columns(self.space, self.encodings)
        layers = {f"layer_{i}": shape for i, shape in enumerate(self._shapes(columns))}
        shapes = {"inputs": (2, columns), "target": (2,), **layers}
        arrays = read_numbers(folder / _FILE, shapes)
        self._inputs, self._target = Scale(*arrays["inputs"]), Scale(*arrays["target"])
        self._layers = [arrays[name] for name in layers]
        return self


def forward(layers: Sequence[Tensor], x: Tensor) -> Tensor:
    """Outputs of the network.

    Args:
        layers: Weights and biases of each layer, as in ``MLP._shapes``.
        x: Inputs of shape ``(n, n_columns)``.

    Returns:
        Shape ``(n, n_outputs)``.
    """
    for layer in layers[:-1]:
        x = torch.addmm(layer[-1], x, layer[:-1]).relu()
    return torch.addmm(layers[-1][-1], x, layers[-1][:-1])
