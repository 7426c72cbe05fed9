"""ESNAC, search in a learned embedding space (Cao et al., 2019, https://arxiv.org/abs/1902.00383)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.linalg import LinAlgError
from torch import Tensor

from algorithms.models.acquisition import acquisition
from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import mutants, unseen
from algorithms.models.networks.embedding_kernels import EmbeddingKernels
from algorithms.models.networks.training import check_counts
from algorithms.models.processes.process_search import TARGETS, scaled
from algorithms.parts.lstm_policy import one_thread
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace


class ESNAC(BatchSearch):
    """ESNAC: Gaussian processes on embeddings that LSTMs learn, each from a part of the results.

    In every round, ``batch`` kernels are trained from scratch, each on a random part of the
    results: a bidirectional LSTM embeds an architecture, and its weights maximise the predictive
    density of each result given the others. Each kernel then chooses the candidate with its highest
    expected improvement on the best result of its part, among those not chosen before. Candidates
    are mutants of the best architectures and random ones.

    The original compresses a teacher network and maximises a reward of accuracy and size; here the
    loss is minimised, and its targets are standardised. Preset ``cao`` has the settings of
    Friedrich1006/ESNAC, with LSTMs of four layers; the default has smaller ones, and predicts
    ranks.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures before the first kernels.
        batch: Number of kernels, of which each chooses one architecture.
        share: Probability with which a kernel learns from a result; from two at least.
        targets: What is predicted: ``"losses"``, their ``"logarithms"``, or normal scores of their
            ``"ranks"``; always standardised.
        layers: Layers of the LSTMs.
        hidden: Units of an LSTM in each direction.
        alpha: Squared length of the kernel on embeddings, which have length 1.
        beta: Variance of the noise, of standardised targets.
        steps: Largest number of steps of Adam, each on all results of a kernel.
        tolerance: Change of the mean log-density in a step below which training stops.
        learning_rate: Of Adam.
        weight_decay: L2 penalty.
        candidates: Number of candidates.
        mutated_share: Share of them that are mutants.
        parents: Number of best architectures that are mutated.
    """

    families = ("Gaussian process", "neural network")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cao": {
            "initial": 8,
            "batch": 8,
            "share": 0.5,
            "targets": "losses",
            "layers": 4,
            "hidden": 64,
            "alpha": 0.01,
            "beta": 0.05,
            "steps": 100,
            "tolerance": 1e-3,
            "learning_rate": 1e-3,
            "weight_decay": 5e-4,
            "candidates": 1000,
            "mutated_share": 0.0,
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 8,
        share: float = 0.5,
        targets: str = "ranks",
        layers: int = 1,
        hidden: int = 16,
        alpha: float = 0.01,
        beta: float = 0.05,
        steps: int = 50,
        tolerance: float = 1e-3,
        learning_rate: float = 0.01,
        weight_decay: float = 5e-4,
        candidates: int = 200,
        mutated_share: float = 0.5,
        parents: int = 10,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        check_counts(
            layers=layers, hidden=hidden, steps=steps, candidates=candidates, parents=parents
        )
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets = {targets!r}{one_of(targets, TARGETS)}")
        for name, value in (("share", share), ("mutated_share", mutated_share)):
            if not 0 <= value <= 1:
                raise InvalidArgumentError(f"{name} = {value} must be in [0, 1]")
        for name, value in (("alpha", alpha), ("beta", beta), ("learning_rate", learning_rate)):
            if not 0 < value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be positive and finite")
        for name, value in (("tolerance", tolerance), ("weight_decay", weight_decay)):
            if not 0 <= value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be finite and not negative")
        self.share = share
        self.targets = targets
        self.layers = layers
        self.hidden = hidden
        self.alpha = alpha
        self.beta = beta
        self.steps = steps
        self.tolerance = tolerance
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.candidates = candidates
        self.mutated_share = mutated_share
        self.parents = parents

    def choose(self, n: int) -> Sequence[Arch]:
        pool = self._pool()
        try:
            gains = self.gains(pool) if pool else np.zeros((0, 0))
        except LinAlgError:
            return []
        if not np.isfinite(gains).all():
            return []
        chosen: list[int] = []
        for gain in gains[: min(n, len(pool))]:
            gain[chosen] = -inf
            chosen.append(int(gain.argmax()))
        return [pool[i] for i in chosen]

    def gains(self, archs: Sequence[Arch]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Train all kernels and return the expected improvement of each, ``(batch, n)``.

        Args:
            archs: ``n`` candidates.

        Raises:
            LinAlgError: The weights of a kernel are no numbers any more.
        """
        generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
        with one_thread():
            kernels = EmbeddingKernels(
                self.space.options,
                members=self.batch,
                layers=self.layers,
                hidden=self.hidden,
                alpha=self.alpha,
                beta=self.beta,
                generator=generator,
            )
            targets = torch.from_numpy(scaled(self.examples, self.targets))
            rows, kept = self._parts()
            examples = kernels.tokens(self.examples.archs)[rows], targets[rows], kept
            kernels.fit(
                *examples,
                steps=self.steps,
                tolerance=self.tolerance,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
            )
            means, deviations = kernels.predict(*examples, archs)
        best = targets[rows].masked_fill(~kept, inf).amin(1).tolist()
        rng = self.array_rng
        return np.array(
            [
                acquisition("ei", mean, std, least, 0.0, rng)
                for mean, std, least in zip(means, deviations, best, strict=True)
            ]
        )

    def _parts(self) -> tuple[Tensor, Tensor]:
        """Rows of the results of each kernel, filled up with others, and which of them count."""
        drawn = self.array_rng.random((self.batch, len(self.examples)))
        order = np.argsort(drawn, axis=1)
        sizes = np.maximum((drawn < self.share).sum(axis=1), 2)
        largest = int(sizes.max())
        kept = np.arange(largest) < sizes[:, None]
        return torch.from_numpy(order[:, :largest].copy()), torch.from_numpy(kept)

    def _pool(self) -> list[Arch]:
        n = round(self.mutated_share * self.candidates)
        parents = self.examples.best(self.parents)
        near = mutants(parents, n, self.seen, self._mutate, at_once=len(parents))
        rest = unseen(self.space, self.candidates - len(near), self.rng, {*self.seen, *near})
        return [*near, *rest]

    def _mutate(self, arch: Arch) -> Arch:
        return self.space.mutate(arch, self.rng)
