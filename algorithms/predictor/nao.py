"""NAO, neural architecture optimization (Luo et al., 2018, https://arxiv.org/abs/1808.07233)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import torch
from scipy.stats import rankdata
from torch import Generator, Tensor

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import unseen
from algorithms.models.networks.training import check_counts, check_dropout
from algorithms.parts.architecture_autoencoder import ArchitectureAutoencoder
from algorithms.parts.lstm_policy import Adam, one_thread
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

TARGETS = ("ranks", "losses")
"""What the predictor may learn."""


class NAO(BatchSearch):
    """NAO: moves architectures in a learned continuous space, where the predicted loss falls.

    An encoder turns an architecture into vectors, a predictor turns these into a loss, and a
    decoder turns them back into an architecture; all three are trained together on all results,
    with new weights each time. Then the ``parents`` best architectures are encoded, eta times
    the gradient of the predicted loss is taken from their vectors, and the result is
    decoded to the most probable options, one after the other, that can still become legal. Eta is
    1, 2, 3, … until ``batch`` architectures are found that are new. If eta = 50 has not sufficed,
    random architectures fill the batch, and ``fallbacks`` counts them; where nothing was found, one
    random architecture is trained before the next network.

    The predictor learns losses, or their ranks, scaled to [0, 1]; a diverged training counts as the
    largest finite loss. Preset ``paper`` has the published numbers, for large budgets, and predicts
    losses. The default suits about 150 trainings; it predicts ranks, since in a space where some
    networks fail, losses scaled to [0, 1] hardly differ between good ones.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first model.
        batch: Number of architectures decoded from a model.
        parents: Number of best architectures that are moved.
        targets: ``"ranks"`` or ``"losses"``, what the predictor learns.
        embedding: Size of the embedding of an option.
        hidden: Units of the encoder and of the decoder.
        layers: Hidden layers of the predictor.
        width: Units of each of them.
        dropout: Probability of dropout after each of them.
        trade_off: Weight of the squared error of the predictor; the cross-entropy of the decoder
            has the rest of 1.
        epochs: Passes over the examples.
        batch_size: Examples per step.
        learning_rate: Of Adam.
        weight_decay: L2 penalty.
        clip_norm: Largest norm of a gradient; longer ones are scaled down to it.
    """

    families = ("neural network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "initial": 600,
            "batch": 300,
            "parents": 100,
            "targets": "losses",
            "embedding": 48,
            "hidden": 96,
            "layers": 3,
            "width": 200,
            "epochs": 1000,
            "learning_rate": 0.001,
            "batch_size": 100,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 50,
        batch: int = 25,
        parents: int = 30,
        targets: str = "ranks",
        embedding: int = 32,
        hidden: int = 48,
        layers: int = 3,
        width: int = 100,
        dropout: float = 0.1,
        trade_off: float = 0.8,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.003,
        weight_decay: float = 1e-4,
        clip_norm: float = 5.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_counts(
            parents=parents,
            embedding=embedding,
            hidden=hidden,
            layers=layers,
            width=width,
            epochs=epochs,
            batch_size=batch_size,
        )
        check_dropout(dropout)
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets = {targets!r}{one_of(targets, TARGETS)}")
        if not 0 < trade_off < 1:
            raise InvalidArgumentError(f"trade_off = {trade_off} must be between 0 and 1")
        for name, value in (("learning_rate", learning_rate), ("clip_norm", clip_norm)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        if not 0 <= weight_decay < inf:
            raise InvalidArgumentError(
                f"weight_decay = {weight_decay} must be finite and not negative"
            )
        self.parents = parents
        self.targets = targets
        self.embedding = embedding
        self.hidden = hidden
        self.layers = layers
        self.width = width
        self.dropout = dropout
        self.trade_off = trade_off
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm

    def choose(self, n: int) -> Sequence[Arch]:
        with one_thread():
            network = self.trained()
            found = self.moved(network, self.examples.best(self.parents), n)
        if found and len(found) < n:
            rest = unseen(self.space, n - len(found), self.rng, {*self.seen, *found})
            self.unguided.update(rest)
            found += rest
        return found

    def trained(self) -> ArchitectureAutoencoder:
        """Return a network trained on all results; two finite losses must differ."""
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        network = ArchitectureAutoencoder(
            self.space,
            embedding=self.embedding,
            hidden=self.hidden,
            layers=self.layers,
            width=self.width,
            dropout=self.dropout,
            generator=generator,
        )
        losses = self.examples.finite_losses()
        values = torch.from_numpy(rankdata(losses) if self.targets == "ranks" else losses)
        adam = Adam(
            list(network.parameters()),
            self.learning_rate,
            clip_norm=self.clip_norm,
            weight_decay=self.weight_decay,
        )
        network.fit(
            self.examples.archs,
            values,
            trade_off=self.trade_off,
            epochs=self.epochs,
            batch_size=self.batch_size,
            adam=adam,
            generator=generator,
        )
        return network

    def loss(
        self,
        network: ArchitectureAutoencoder,
        tokens: Tensor,
        targets: Tensor,
        generator: Generator | None,
    ) -> Tensor:
        """Return the joint loss of predictor and decoder; dropout needs the generator."""
        return network.loss(tokens, targets, self.trade_off, generator)

    def moved(
        self, network: ArchitectureAutoencoder, parents: Sequence[Arch], n: int
    ) -> list[Arch]:
        """Return up to ``n`` new architectures decoded near ``parents``, small steps first."""
        return network.moved(parents, n, self.seen)
