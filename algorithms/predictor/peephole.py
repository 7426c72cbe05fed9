"""Peephole, a predictor of whole learning curves (Deng et al., 2017, https://arxiv.org/abs/1712.03351)."""

from collections.abc import Sequence
from itertools import accumulate
from math import inf, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import lowest, mutants, unseen
from algorithms.models.networks.training import Training, check_counts
from algorithms.parts.lstm_policy import one_thread
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]
Points = dict[int, float]
"""Losses of one training by epoch."""

TARGETS = ("ranks", "losses")
"""What the network may learn."""


class Peephole(BatchSearch):
    """Peephole: an LSTM reads an architecture, and a network predicts its loss at any epoch.

    Every decision is a pair of learned vectors, one for its position and one for its option; an
    LSTM reads them in order. Its last state and a vector of the epoch enter a fully connected
    network, which predicts the loss after that epoch. Examples are the epochs of all learning
    curves so far; where only the last loss of a training is recorded, that one is. After
    ``initial`` random architectures, the ``batch`` candidates with the lowest predictions for the
    last epoch are trained, and the network is fitted again. Candidates are mutants of the best
    architectures and random ones.

    The paper predicts and does not search; the rounds are ours, as are all sizes. A diverged
    training counts as the largest finite loss from the epoch on from which it is not finite.

    Args:
        space: The search space.
        fidelities: Epochs on offer; architectures are trained to the last.
        seed: Seed of the search.
        initial: Number of random architectures before the first network.
        batch: Number of architectures between two fits.
        points: Largest number of epochs of a curve that are examples: evenly spaced among those
            recorded, the last one always; 1 for the last one only.
        targets: What the network learns: normal scores of the ``"ranks"`` of all losses of all
            epochs together, or the ``"losses"``; always standardised.
        embedding: Size of the vectors of positions, of options and of epochs.
        hidden: Units of the LSTM.
        width: Units of each of the two hidden layers of the fully connected network.
        epochs: Passes over the examples.
        batch_size: Architectures in a step, each with all its examples.
        learning_rate: Initial learning rate of Adam, which falls to 0 as a half cosine.
        weight_decay: L2 penalty of Adam.
        candidates: Number of candidates.
        mutated_share: Share of them that are mutants.
        parents: Number of best architectures that are mutated.
    """

    families = ("neural network",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 20,
        batch: int = 10,
        points: int = 10,
        targets: str = "ranks",
        embedding: int = 16,
        hidden: int = 32,
        width: int = 32,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        weight_decay: float = 1e-4,
        candidates: int = 200,
        mutated_share: float = 0.5,
        parents: int = 10,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_counts(
            points=points,
            embedding=embedding,
            hidden=hidden,
            width=width,
            candidates=candidates,
            parents=parents,
        )
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets = {targets!r}{one_of(targets, TARGETS)}")
        if not 0 <= mutated_share <= 1:
            raise InvalidArgumentError(f"mutated_share = {mutated_share} must be in [0, 1]")
        self._training = Training(epochs, batch_size, learning_rate, weight_decay)
        self.points = points
        self.targets = targets
        self.embedding = embedding
        self.hidden = hidden
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.candidates = candidates
        self.mutated_share = mutated_share
        self.parents = parents
        self.curves: list[Points] = []  # of the examples, in their order

    def tell(self, observation: Observation) -> None:
        super().tell(observation)
        last = self.fidelities[-1]
        recorded = observation.curve if self.points > 1 else np.array([observation.loss])
        found = {
            last - len(recorded) + place + 1: loss
            for place, loss in enumerate(recorded.tolist())
            if not np.isnan(loss)
        }
        self.curves.append(spaced(found, self.points))

    def choose(self, n: int) -> Sequence[Arch]:
        k = round(self.mutated_share * self.candidates)
        best = self.examples.best(self.parents)
        near = mutants(best, k, self.seen, self._mutate, at_once=len(best))
        rest = unseen(self.space, self.candidates - len(near), self.rng, {*self.seen, *near})
        found = [*near, *rest]
        return lowest(found, self.predictions(found).tolist(), n) if found else []

    def predictions(self, archs: Sequence[Arch]) -> Numbers:
        """Return predictions for the last epoch of a network trained on all curves; low is good.

        Args:
            archs: ``n`` architectures.

        Returns:
            Numbers of shape ``(n,)``; not finite where training diverged.
        """
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        epochs, values = padded(self.curves)
        kept = torch.from_numpy(epochs > 0)
        targets = torch.from_numpy(standardized(values, epochs > 0, self.targets))
        with one_thread():
            network = CurveNetwork(
                self.space.options,
                last_epoch=self.fidelities[-1],
                embedding=self.embedding,
                hidden=self.hidden,
                width=self.width,
                generator=generator,
            )
            tokens, at = network.tokens(self.examples.archs), torch.from_numpy(epochs)

            def loss(rows: Tensor) -> Tensor:
                own = kept[rows]
                predicted: Tensor = network(tokens[rows], at[rows])
                return F.smooth_l1_loss(predicted[own], targets[rows][own])

            self._training.run(network, len(tokens), loss, generator)
            last = torch.full((len(archs), 1), self.fidelities[-1])
            with torch.no_grad():
                found: Numbers = network(network.tokens(archs), last)[:, 0].numpy()
        return found

    def _mutate(self, arch: Arch) -> Arch:
        return self.space.mutate(arch, self.rng)


class CurveNetwork(nn.Module):
    """The network of Peephole: predicts the loss of an architecture after an epoch.

    Args:
        options: Number of options of each decision.
        last_epoch: The largest epoch.
        embedding: Size of the vectors of positions, of options and of epochs.
        hidden: Units of the LSTM.
        width: Units of each of the two hidden layers after it.
        generator: Draws the initial weights.
    """

    def __init__(
        self,
        options: Sequence[int],
        *,
        last_epoch: int,
        embedding: int,
        hidden: int,
        width: int,
        generator: Generator,
    ) -> None:
        super().__init__()
        self._offsets = np.array([0, *accumulate(options[:-1])])
        with torch.device("meta"):  # where constructors draw nothing from the global generator
            self.positions = nn.Embedding(len(options), embedding)
            self.options = nn.Embedding(sum(options), embedding)
            self.epochs = nn.Embedding(last_epoch, embedding)
            self.lstm = nn.LSTM(2 * embedding, hidden, batch_first=True)
            self.first = nn.Linear(hidden + embedding, width)
            self.second = nn.Linear(width, width)
            self.last = nn.Linear(width, 1)
        self.to_empty(device="cpu").double()
        for module in self.modules():
            bound = 1 / sqrt(hidden)
            if isinstance(module, nn.Linear):
                bound = 1 / sqrt(module.in_features)
            elif isinstance(module, nn.Embedding):
                bound = 1.0
            with torch.no_grad():
                for weights in module.parameters(recurse=False):
                    weights.uniform_(-bound, bound, generator=generator)

    def tokens(self, archs: Sequence[Arch]) -> Tensor:
        """Return the number of each option among those of all decisions, shape ``(n, d)``."""
        return torch.from_numpy(np.array(archs) + self._offsets)

    def forward(self, tokens: Tensor, epochs: Tensor) -> Tensor:
        """Return predictions, shape ``(n, m)``.

        Args:
            tokens: Of ``n`` architectures, shape ``(n, d)``.
            epochs: ``m`` epochs of each, shape ``(n, m)``; 0 for none.
        """
        places = self.positions.weight.expand(len(tokens), -1, -1)
        states, _ = self.lstm(torch.cat([places, self.options(tokens)], 2))
        read = states[:, -1:].expand(-1, epochs.shape[1], -1)
        both = torch.cat([read, self.epochs((epochs - 1).clamp(min=0))], 2)
        found: Tensor = self.last(self.second(self.first(both).relu()).relu())
        return found[:, :, 0]


def spaced(curve: Points, n: int) -> Points:
    """Return up to ``n`` points of a curve, evenly spaced by their number, always the last one."""
    epochs = sorted(curve)
    places = np.linspace(len(epochs) - 1, 0, min(n, len(epochs))).round().astype(int)
    return {epochs[place]: curve[epochs[place]] for place in places[::-1].tolist()}


def padded(curves: Sequence[Points]) -> tuple[NDArray[np.int64], Numbers]:
    """Return epochs and losses of ``n`` curves, shape ``(n, m)``; epoch 0 and loss 0 for none."""
    m = max(map(len, curves))
    epochs, losses = np.zeros((len(curves), m), dtype=np.int64), np.zeros((len(curves), m))
    for i, curve in enumerate(curves):
        epochs[i, : len(curve)] = list(curve)
        losses[i, : len(curve)] = list(curve.values())
    return epochs, losses


def standardized(losses: Numbers, kept: NDArray[np.bool_], how: str) -> Numbers:
    """Return targets of mean 0 and standard deviation 1 among those kept, else 0.

    Args:
        losses: Losses; two finite ones of those kept must differ.
        kept: Which of them count.
        how: One of :data:`TARGETS`.
    """
    values = losses[kept]
    finite = np.isfinite(values)
    values = np.where(finite, values, values[finite].max(initial=-inf))
    if how == "ranks":
        values = ndtri((rankdata(values) - 0.5) / len(values))
    else:  # range first: squares of the smallest and largest differences are not representable
        values = (values - values.min()) / (values.max() - values.min())
    found = np.zeros(losses.shape)
    found[kept] = (values - values.mean()) / values.std()
    return found
