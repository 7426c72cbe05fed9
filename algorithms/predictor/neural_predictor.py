"""Neural Predictor (Wen et al., 2020, https://arxiv.org/abs/1912.00848)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import lowest, pool
from algorithms.models.networks.graph_inputs import graph_inputs
from algorithms.models.networks.graph_network import DirectedGCN
from algorithms.models.networks.training import Training, check_counts, check_dropout
from algorithms.parts.lstm_policy import one_thread
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class NeuralPredictor(BatchSearch):
    """Neural Predictor: one network, trained on random architectures, ranks a large pool.

    Of ``trials`` trainings, the first ``trials - selected`` are random. A graph convolutional
    network learns their losses, predicts those of a random pool of ``pool * trials`` architectures
    (all of a smaller space), and the ``selected`` best predictions are trained. A search that goes
    on after ``trials`` fits the network anew to all results and selects as many again.

    Spaces without graphs are read as chains of decisions, see
    :class:`~algorithms.models.networks.graph_inputs.GraphInputs`.

    Presets ``naszilla`` and ``ultmaster`` have the network and the training of naszilla/naszilla
    (whose search then trains members of the pool at random; here it is the best) and of
    ultmaster/neuralpredictor.pytorch, with the 172 and 20 trainings of the paper.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        trials: Trainings of a search, at least 2.
        selected: How many of them the network selects; None for the paper's share, 20 of 172.
        pool: Candidates for every one of ``trials``.
        layers: Graph convolutions.
        hidden: Size of the node vectors.
        head: Size of the layer before the output.
        dropout: Probability of dropout.
        epochs: Passes over the examples.
        batch_size: Examples per step.
        learning_rate: Initial learning rate of Adam, which falls to 0 as a half cosine.
        weight_decay: L2 penalty of Adam.
    """

    families = ("graph network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naszilla": {
            "layers": 4,
            "batch_size": 7,
            "learning_rate": 1e-4,
            "weight_decay": 3e-4,
        },
        "ultmaster": {
            "trials": 192,
            "selected": 20,
            "layers": 3,
            "batch_size": 10,
            "learning_rate": 1e-4,
            "weight_decay": 1e-3,
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        trials: int = 150,
        selected: int | None = None,
        pool: int = 50,
        layers: int = 4,
        hidden: int = 144,
        head: int = 128,
        dropout: float = 0.1,
        epochs: int = 300,
        batch_size: int = 7,
        learning_rate: float = 1e-4,
        weight_decay: float = 3e-4,
    ) -> None:
        if trials < 2:
            raise InvalidArgumentError(f"trials = {trials} must be at least 2")
        share = max(20 * trials // 172, 1) if selected is None else selected
        if not 1 <= share < trials:
            raise InvalidArgumentError(f"selected = {selected} must be in 1..{trials - 1}, or None")
        super().__init__(
            space, fidelities=fidelities, seed=seed, initial=trials - share, batch=share
        )
        check_counts(pool=pool, layers=layers, hidden=hidden, head=head)
        check_dropout(dropout)
        self._training = Training(epochs, batch_size, learning_rate, weight_decay)
        self.trials = trials
        self.selected = selected
        self.pool = pool
        self.layers = layers
        self.hidden = hidden
        self.head = head
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self._inputs = graph_inputs(space)

    def choose(self, n: int) -> Sequence[Arch]:
        candidates = pool(self.space, self.pool * self.trials, self.rng, self.seen)
        if not candidates:
            return []
        return lowest(candidates, self.scores(candidates).tolist(), n)

    def scores(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return predictions of a network trained on all results, shape ``(n,)``; low is good."""
        targets = torch.from_numpy(cast("NDArray[np.float64]", self.examples.targets()))
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        with one_thread():
            network = DirectedGCN(
                self._inputs.n_labels,
                hidden=self.hidden,
                layers=self.layers,
                head=self.head,
                dropout=self.dropout,
                generator=generator,
            )
            inputs = network.prepare(self._inputs.graphs(self.examples.archs))

            def loss(rows: torch.Tensor) -> torch.Tensor:
                errors: torch.Tensor = network(inputs.rows(rows), generator) - targets[rows]
                return errors.square().mean()

            self._training.run(network, len(targets), loss, generator)
            candidates = network.prepare(self._inputs.graphs(archs))
            found: NDArray[np.float64] = network.outputs(candidates).numpy()
        return found
