"""NPENAS, evolution guided by a neural predictor (Wei et al., 2020, https://arxiv.org/abs/2003.12857)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorithms.models.acquisition import independent_thompson
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import lowest, mutants_or_unseen
from algorithms.models.networks.graph_inputs import graph_inputs
from algorithms.models.networks.graph_network import GIN
from algorithms.models.networks.training import Training, check_counts
from algorithms.parts.lstm_policy import one_thread
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_PREDICTORS = ("linear", "sigmoid", "gaussian")
_PARENTS = 50


class NPENAS(BatchSearch):
    """NPENAS: mutants of the best architectures, selected by a graph isomorphism network.

    A network learns all results. Mutants of the best architecture, then of the next ones (50 at
    most), are candidates until there are ``candidates`` of them; the ``batch`` best predictions are
    trained. Random architectures join where there are fewer mutants than that. A diverged training
    counts as the worst finite loss so far.

    Spaces without graphs are read as chains of decisions, see
    :class:`~algorithms.models.networks.graph_inputs.GraphInputs`.

    Presets ``np`` and ``bo`` have the settings of auroua/NPENASv1 on NAS-Bench-201, for losses in
    percent: a point predictor, and one with an uncertainty from whose predictions one draw each
    decides (Thompson sampling).

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first network.
        batch: Number of architectures that a network selects.
        candidates: Number of mutants that it selects from.
        predictor: ``"linear"``: predicts standardised losses; ``"sigmoid"``: losses between 0 and
            ``rate``; ``"gaussian"``: mean and standard deviation of losses, by their likelihood,
            with CELU activations.
        rate: Largest loss that ``"sigmoid"`` can predict.
        layers: Layers of the network.
        hidden: Size of the node vectors.
        head: Size of the layer before the output.
        epochs: Passes over the examples.
        batch_size: Examples per step.
        learning_rate: Initial learning rate of Adam (betas 0 and 0.9), twice that for biases, which
            falls to 0 as a half cosine.
        weight_decay: L2 penalty of Adam, not for biases.
    """

    families = ("graph network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "np": {"predictor": "sigmoid", "rate": 100.0, "epochs": 300, "batch_size": 10},
        "bo": {"predictor": "gaussian", "epochs": 1000, "batch_size": 10},
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
        predictor: str = "linear",
        rate: float = 100.0,
        layers: int = 3,
        hidden: int = 32,
        head: int = 16,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.005,
        weight_decay: float = 1e-4,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_counts(candidates=candidates, layers=layers, hidden=hidden, head=head)
        if predictor not in _PREDICTORS:
            raise InvalidArgumentError(f"predictor = {predictor!r}{one_of(predictor, _PREDICTORS)}")
        if not 0 < rate < np.inf:
            raise InvalidArgumentError(f"rate = {rate} must be positive and finite")
        self._training = Training(
            epochs, batch_size, learning_rate, weight_decay, beta1=0.0, beta2=0.9, bias_factor=2.0
        )
        self.candidates = candidates
        self.predictor = predictor
        self.rate = rate
        self.layers = layers
        self.hidden = hidden
        self.head = head
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.loss_unit = None if predictor == "linear" else "%"
        self._inputs = graph_inputs(space)

    def choose(self, n: int) -> Sequence[Arch]:
        parents = self.examples.best(_PARENTS)
        candidates = mutants_or_unseen(
            self.space, parents, self.candidates, n, self.rng, self.seen, patience=_PARENTS
        )
        if not candidates:
            return []
        scores = self.scores(candidates)
        if self.predictor == "gaussian":
            scores = -independent_thompson(scores, self._std, self.array_rng)
        return lowest(candidates, scores.tolist(), n)

    def scores(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return predictions of a network trained on all results, shape ``(n,)``; low is good."""
        losses = self.examples.targets() if self.predictor == "linear" else None
        targets = torch.from_numpy(self.examples.finite_losses() if losses is None else losses)
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        gaussian = self.predictor == "gaussian"
        with one_thread():
            network = GIN(
                self._inputs.n_labels,
                hidden=self.hidden,
                layers=self.layers,
                head=self.head,
                outputs=2 if gaussian else 1,
                activation="celu" if gaussian else "relu",
                generator=generator,
            )
            inputs = network.prepare(self._inputs.graphs(self.examples.archs))

            def loss(rows: Tensor) -> Tensor:
                mean, std = self._read(network(inputs.rows(rows), generator))
                errors = mean - targets[rows]
                if gaussian:
                    return (std.log() + 0.5 * (errors / std).square()).mean()
                return errors.square().mean()

            self._training.run(network, len(targets), loss, generator)
            found = self._read(network.outputs(network.prepare(self._inputs.graphs(archs))))
        mean, self._std = (part.numpy() for part in found)
        return mean

    def _read(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation from the outputs of the network, both of shape ``(n,)``."""
        mean = outputs[:, 0]
        if self.predictor == "gaussian":
            return mean, torch.exp(torch.nn.functional.celu(outputs[:, 1]) / 2)
        if self.predictor == "sigmoid":
            mean = self.rate * torch.sigmoid(mean)
        return mean, torch.zeros_like(mean)
