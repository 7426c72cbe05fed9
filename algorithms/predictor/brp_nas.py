"""BRP-NAS, search by a binary relation predictor (Dudziak et al., 2020, https://arxiv.org/abs/2007.08668)."""

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from math import inf, isfinite, sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import pool
from algorithms.models.networks.graph_inputs import GraphInputs, Graphs, graph_inputs
from algorithms.models.networks.graph_network import GlobalGCN, GraphNetwork, Prepared
from algorithms.models.networks.training import Training, check_counts, check_dropout
from algorithms.parts.lstm_policy import one_thread
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_PAIRS = ("all", "sampled")
_TARGETS = ("order", "softmax")
_RANKINGS = ("mean_logit", "sort")
_GRACE = 20


class BRPNAS(BatchSearch):
    """BRP-NAS: a network learns which of two architectures is better, and ranks all candidates.

    A graph convolutional network turns both architectures into vectors, and a linear layer on both
    gives the log-odds that the first is better. Training takes ``iterations``, with equal shares of
    ``training`` architectures: the first are random; after iteration i, one half are the best
    unseen candidates, the other random ones from the best 1 / 2**i of the candidates. Each
    iteration trains the same network further, with i / ``iterations`` of ``epochs`` and of
    ``batch_size``. After the last, candidates are trained in the order of their ranks, and the
    network is not trained again.

    The log-odds that i is better than j have the form a(i) + b(j) + c. So ``ranking="mean_logit"``,
    which ranks by the mean over all j of the log-odds for i minus those against (a Borda count
    with log-odds, and the score of the Bradley-Terry model nearest to the network), needs one pass
    over the candidates and no comparison. ``"sort"`` sorts by the comparisons themselves; since
    they need not be transitive, the order depends on that of the candidates.

    Spaces without graphs are read as chains of decisions, see
    :class:`~algorithms.models.networks.graph_inputs.GraphInputs`.

    The defaults are small enough for a processor. Preset ``eagle`` has the settings of
    SamsungLabs/eagle on NAS-Bench-201, for losses in percent: vectors of 600 numbers, and each step
    on 64 pairs. They are made for a GPU.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        training: Architectures that the network learns from.
        iterations: Parts in which they are chosen.
        pool: Number of candidates: all architectures of a space of this size, else random ones.
        layers: Graph convolutions.
        hidden: Size of the node vectors.
        dropout: Probability of dropout.
        pairs: ``"all"``: each step takes ``batch_size`` architectures and all pairs of them;
            ``"sampled"``: ``batch_size`` ordered pairs.
        targets: Chance that the first of two is better: ``"order"``: 1, 0, or 1/2 for equal losses;
            ``"softmax"``: the logistic function of the difference of their losses.
        ranking: ``"mean_logit"`` or ``"sort"``.
        epochs: Passes over the examples in the last iteration.
        patience: Epochs after the first 20 without a lower training loss that end an iteration;
            None for no such rule.
        batch_size: Examples per step in the last iteration.
        learning_rate: Initial learning rate of Adam, which falls to 0 as a half cosine.
        weight_decay: Decoupled weight decay of Adam.
    """

    families = ("graph network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "eagle": {
            "hidden": 600,
            "pairs": "sampled",
            "targets": "softmax",
            "ranking": "sort",
            "patience": 35,
            "batch_size": 64,
            "learning_rate": 3.5e-4,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        training: int = 100,
        iterations: int = 5,
        pool: int = 20_000,
        layers: int = 4,
        hidden: int = 64,
        dropout: float = 0.2,
        pairs: str = "all",
        targets: str = "order",
        ranking: str = "mean_logit",
        epochs: int = 250,
        patience: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 5e-4,
    ) -> None:
        check_counts(
            training=training, iterations=iterations, pool=pool, layers=layers, hidden=hidden
        )
        if training < 2 * iterations:
            raise InvalidArgumentError(
                f"training = {training} must be at least 2 in each of {iterations} iterations"
            )
        share = training // iterations
        super().__init__(space, fidelities=fidelities, seed=seed, initial=share, batch=share)
        check_dropout(dropout)
        for name, given, possible in (
            ("pairs", pairs, _PAIRS),
            ("targets", targets, _TARGETS),
            ("ranking", ranking, _RANKINGS),
        ):
            if given not in possible:
                raise InvalidArgumentError(f"{name} = {given!r}{one_of(given, possible)}")
        if patience is not None:
            check_counts(patience=patience)
        Training(epochs, batch_size, learning_rate, weight_decay)
        self.training = training
        self.iterations = iterations
        self.pool = pool
        self.layers = layers
        self.hidden = hidden
        self.dropout = dropout
        self.pairs = pairs
        self.targets = targets
        self.ranking = ranking
        self.epochs = epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.loss_unit = "%" if targets == "softmax" else None
        self._inputs = graph_inputs(space)
        self._iteration = 1
        self._network: _Relation | None = None
        self._candidates: list[Arch] = []
        self._prepared: Prepared | None = None
        self._ranks: list[Arch] = []

    def choose(self, n: int) -> Sequence[Arch]:
        if self._iteration <= self.iterations:
            if not self._candidates:
                self._candidates = pool(self.space, self.pool, self.rng, ())
            order = self.order(self._iteration)
            if not order:
                return []
            self._ranks = [self._candidates[i] for i in order]
            self._iteration += 1
            if self._iteration <= self.iterations:
                return self.added(self._ranks, n, self._iteration - 1)
        return [arch for arch in self._ranks if arch not in self.seen][:n]

    def added(self, ranks: Sequence[Arch], n: int, iteration: int) -> list[Arch]:
        """Return ``n`` architectures to learn from after an iteration, given all, best first."""
        best = [arch for arch in ranks if arch not in self.seen][: n - n // 2]
        taken = {*self.seen, *best}
        upper = [arch for arch in ranks[: len(ranks) // 2**iteration] if arch not in taken]
        drawn = sorted((self.rng.random(), i) for i in range(len(upper)))[: n // 2]
        return best + [upper[i] for _, i in drawn]

    def order(self, iteration: int) -> list[int]:
        """Train the network on all results and return the numbers of all candidates, best first.

        Returns:
            Nothing if the training diverged.
        """
        with one_thread():
            network = self._trained(iteration)
            if self._prepared is None:
                self._prepared = network.prepare(self._inputs.graphs(self._candidates))
            first, second, offset = network.log_odds(network.outputs(self._prepared))
        if not (bool((first + second).isfinite().all()) and isfinite(offset)):
            return []
        if self.ranking == "mean_logit":
            order: list[int] = np.argsort((second - first).numpy(), kind="stable").tolist()
            return order
        return _sorted_by_comparison(first.tolist(), second.tolist(), offset)

    def _trained(self, iteration: int) -> "_Relation":
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        network = self._network
        if network is None:
            network = self._network = _Relation(
                self._inputs, self.layers, self.hidden, self.dropout, generator
            )
        inputs = network.prepare(self._inputs.graphs(self.examples.archs))
        chances = torch.from_numpy(self._chances())
        training = Training(
            max(self.epochs // self.iterations * iteration, 1),
            max(self.batch_size // self.iterations * iteration, 1),
            self.learning_rate,
            self.weight_decay,
            decoupled=True,
        )
        n = len(chances)
        i, j = torch.tensor([(i, j) for i in range(n) for j in range(n) if i != j]).T

        def loss_of_all(rows: Tensor, noise: Generator | None = generator) -> Tensor:
            first, second, offset = network.log_odds_of(network(inputs.rows(rows), noise))
            odds = first[:, None] + second + offset
            losses = F.binary_cross_entropy_with_logits(
                odds, chances[rows[:, None], rows], reduction="none"
            )
            k = len(rows)
            return (losses.sum() - losses.diagonal().sum()) / max(k * (k - 1), 1)

        def loss_of_pairs(pairs: Tensor) -> Tensor:
            graphs, places = torch.unique(torch.cat([i[pairs], j[pairs]]), return_inverse=True)
            first, second, offset = network.log_odds_of(network(inputs.rows(graphs), generator))
            better, worse = places.view(2, -1)
            return F.binary_cross_entropy_with_logits(
                first[better] + second[worse] + offset, chances[i[pairs], j[pairs]]
            )

        lowest, waited = inf, 0

        def stop(epoch: int) -> bool:
            nonlocal lowest, waited
            if self.patience is None or epoch <= _GRACE:
                return False
            with torch.no_grad():
                now = float(loss_of_all(torch.arange(n), None))
            lowest, waited = (now, 0) if now < lowest else (lowest, waited + 1)
            return waited >= self.patience

        if self.pairs == "all":
            training.run(network, n, loss_of_all, generator, stop)
        else:
            training.run(network, len(i), loss_of_pairs, generator, stop)
        return network

    def _chances(self) -> NDArray[np.float64]:
        """Chance that architecture i is better than j, shape ``(n, n)``."""
        losses = self.examples.finite_losses()
        gain = losses - losses[:, None]
        if self.targets == "order":
            return (np.sign(gain) + 1) / 2
        return np.exp(-np.logaddexp(0.0, -gain))


class _Relation(GraphNetwork):
    """Vectors of architectures, and a linear layer that compares two of them.

    Args:
        inputs: Inputs of the space.
        layers: Graph convolutions.
        hidden: Size of the vectors.
        dropout: Probability of dropout.
        generator: Draws the initial weights.
    """

    def __init__(
        self, inputs: GraphInputs, layers: int, hidden: int, dropout: float, generator: Generator
    ) -> None:
        super().__init__()
        self.vectors = GlobalGCN(
            inputs.n_labels,
            hidden=hidden,
            layers=layers,
            norm="layer",
            dropout=dropout,
            generator=generator,
        )
        bound = 1 / sqrt(2 * hidden)
        with torch.no_grad():
            weight, bias = torch.empty(2, 2 * hidden).double(), torch.empty(2).double()
            self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))
            self.bias = nn.Parameter(bias.uniform_(-bound, bound, generator=generator))

    def prepare(self, graphs: Graphs) -> Prepared:
        return self.vectors.prepare(graphs)

    def forward(self, inputs: Prepared, generator: Generator | None) -> Tensor:
        """Vectors of ``n`` graphs, shape ``(n, hidden)``; only training needs the generator."""
        vectors: Tensor = self.vectors(inputs, generator)
        return vectors

    def log_odds_of(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return parts of the log-odds that the first of two is better: they are their sum.

        Returns:
            Parts of each as the first and as the second, shape ``(n,)``, and the rest.
        """
        weight = self.weight[0] - self.weight[1]
        first, second = weight.view(2, -1) @ vectors.mT
        return first, second, self.bias[0] - self.bias[1]

    @torch.no_grad()
    def log_odds(self, vectors: Tensor) -> tuple[Tensor, Tensor, float]:
        """Return the same as :meth:`log_odds_of`, but numbers."""
        first, second, offset = self.log_odds_of(vectors)
        return first, second, float(offset)


def _sorted_by_comparison(
    first: Sequence[float], second: Sequence[float], offset: float
) -> list[int]:
    """Sort by comparisons, worst first, then turn around, as SamsungLabs/eagle does."""

    def compare(i: int, j: int) -> int:
        odds = first[i] + second[j] + offset
        return (odds > 0) - (odds < 0)

    return sorted(range(len(first)), key=cmp_to_key(compare))[::-1]
