"""BONAS, Bayesian optimisation on embeddings of graphs (Shi et al., 2020, https://arxiv.org/abs/1911.09336)."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from algorithms.models.acquisition import expected_improvement
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import lowest, mutants_or_unseen
from algorithms.models.networks.bayesian_linear import BayesianLinear
from algorithms.models.networks.graph_inputs import GraphInputs, Graphs, graph_inputs
from algorithms.models.networks.graph_network import GlobalGCN, GraphNetwork, Prepared
from algorithms.models.networks.training import Training, check_counts
from algorithms.parts.lstm_policy import one_thread
from nasbench.space import Arch, SearchSpace

_PATIENCE = 5


class BONAS(BatchSearch):
    """BONAS: expected improvement by Bayesian linear regression on vectors of a graph network.

    A graph convolutional network learns the standardised losses of all results. Then a Bayesian
    linear regression replaces its last layer and gives a mean and an uncertainty. Mutants of the
    best architecture, then of the next ones (5 at most), are candidates until there are
    ``candidates`` of them; those with the largest expected improvements are trained. Random
    architectures join where there are fewer than ``batch`` mutants.

    Only the search part of BONAS is here: the paper trains each batch as one network with shared
    weights, while here every architecture is trained on its own. Candidates are those of naszilla
    and NASLib instead of an evolution inside the model.

    Spaces without graphs are read as chains of decisions, see
    :class:`~algorithms.models.networks.graph_inputs.GraphInputs`.

    Preset ``naslib`` has the network and the training of automl/NASLib (``bonas.py``), which does
    not clear gradients between steps; here they are cleared.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first network.
        batch: Number of architectures that a network selects.
        candidates: Number of mutants that it selects from.
        layers: Graph convolutions.
        hidden: Size of the node vectors.
        epochs: Passes over the examples.
        batch_size: Examples per step.
        learning_rate: Initial learning rate of Adam, which falls to 0 as a half cosine.
        weight_decay: L2 penalty of Adam.
        alpha: Precision of the prior of a weight of the regression.
        beta: Precision of the noise of standardised losses.
    """

    families = ("graph network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naslib": {"batch_size": 128, "learning_rate": 1e-4}
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 10,
        candidates: int = 100,
        layers: int = 4,
        hidden: int = 64,
        epochs: int = 100,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        alpha: float = 1.0,
        beta: float = 1000.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_counts(candidates=candidates, layers=layers, hidden=hidden)
        self._training = Training(epochs, batch_size, learning_rate, weight_decay)
        BayesianLinear(alpha, beta)
        self.candidates = candidates
        self.layers = layers
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.alpha = alpha
        self.beta = beta
        self._inputs = graph_inputs(space)

    def choose(self, n: int) -> Sequence[Arch]:
        parents = self.examples.best(_PATIENCE)
        candidates = mutants_or_unseen(
            self.space, parents, self.candidates, n, self.rng, self.seen, patience=_PATIENCE
        )
        if not candidates:
            return []
        try:
            mean, std = self.predict(candidates)
        except np.linalg.LinAlgError:
            return []
        gain = expected_improvement(mean, std, float(self._targets().min()))
        return lowest(candidates, (-gain).tolist(), n)

    def scores(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return predictions of a model fitted to all results, shape ``(n,)``; low is good."""
        return self.predict(archs)[0]

    def predict(self, archs: Sequence[Arch]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit the model to all results and predict standardised losses.

        Returns:
            Their means and standard deviations, each of shape ``(n,)``.

        Raises:
            numpy.linalg.LinAlgError: The training of the network diverged.
        """
        targets = self._targets()
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        with one_thread():
            network = _Regressor(self._inputs, self.layers, self.hidden, generator)
            inputs = network.prepare(self._inputs.graphs(self.examples.archs))
            y = torch.from_numpy(targets)

            def loss(rows: Tensor) -> Tensor:
                outputs: Tensor = network.head(network(inputs.rows(rows), generator))
                return (outputs[:, 0] - y[rows]).square().mean()

            self._training.run(network, len(y), loss, generator)
            features = network.outputs(inputs)
            candidates = network.outputs(network.prepare(self._inputs.graphs(archs)))
        regression = BayesianLinear(self.alpha, self.beta).fit(_with_ones(features), targets)
        return regression.predict(_with_ones(candidates))

    def _targets(self) -> NDArray[np.float64]:
        return cast("NDArray[np.float64]", self.examples.targets())


class _Regressor(GraphNetwork):
    """Vectors of architectures, and a linear layer that predicts from them.

    Args:
        inputs: Inputs of the space.
        layers: Graph convolutions.
        hidden: Size of the vectors.
        generator: Draws the initial weights.
    """

    def __init__(self, inputs: GraphInputs, layers: int, hidden: int, generator: Generator) -> None:
        super().__init__()
        self.vectors = GlobalGCN(
            inputs.n_labels,
            hidden=hidden,
            layers=layers,
            norm="batch",
            dropout=0.0,
            generator=generator,
        )
        self.head = nn.Linear(hidden, 1, dtype=torch.float64, device="meta").to_empty(device="cpu")
        bound = 1 / sqrt(hidden)
        with torch.no_grad():
            for tensor in self.head.parameters():
                tensor.uniform_(-bound, bound, generator=generator)

    def prepare(self, graphs: Graphs) -> Prepared:
        return self.vectors.prepare(graphs)

    def forward(self, inputs: Prepared, generator: Generator | None) -> Tensor:
        """Vectors of ``n`` graphs, shape ``(n, hidden)``."""
        vectors: Tensor = self.vectors(inputs, generator)
        return vectors


def _with_ones(features: Tensor) -> NDArray[np.float64]:
    """Features and a column of ones, for an intercept."""
    return np.column_stack((features.numpy(), np.ones(len(features))))
