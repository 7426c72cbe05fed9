"""WeakNAS (Wu et al., 2021, https://arxiv.org/abs/2102.10490)."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import unseen
from algorithms.models.features import Features
from algorithms.models.networks.mlp_ensemble import MLPEnsemble, Training
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace

_LISTED = 100_000


class WeakNAS(BatchSearch):
    """WeakNAS: samples from the predicted top of the space, which it narrows round by round.

    After ``initial`` random architectures, each round fits a network to all results, predicts every
    architecture of the space, and trains ``batch`` random ones of the ``top`` predicted. Those of
    the top that were trained before are not drawn again; if fewer than ``batch`` are left, the next
    best predictions follow.

    Presets ``nb201`` and ``nb101`` have the settings of VITA-Group/WeakNAS (``WeakNAS.py`` as its
    README calls it; scikit-learn's networks there, which also stop early and penalise squared
    weights by 1e-4). They take seconds a round. The defaults are a smaller network. Of a space of
    more than 100,000 tuples only those trained before and ``pool`` random others are predicted.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        batch: Number of architectures that are chosen before the next fit.
        top: Number of best predictions that are drawn from.
        layers: Hidden layers of the network.
        width: Units of a hidden layer.
        epochs: Passes over the examples.
        minibatch: Examples of a step.
        learning_rate: Of Adam.
        encoding: Features, one of :data:`nasbench.encodings.ENCODINGS`; in spaces that have no such
            features, ``"one_hot"``.
        pool: Random architectures that are predicted in a round, in a large space.

    Raises:
        InvalidArgumentError: A hyperparameter has an impossible value.
    """

    families = ("neural network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {"width": 1000},
        "nb101": {"initial": 100, "width": 1000, "encoding": "adjacency"},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 10,
        top: int = 100,
        layers: int = 4,
        width: int = 100,
        epochs: int = 100,
        minibatch: int = 200,
        learning_rate: float = 0.001,
        encoding: str = "one_hot",
        pool: int = 10_000,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, initial=initial, batch=batch)
        for name, value in (("top", top), ("pool", pool)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        self.top = top
        self.layers = layers
        self.width = width
        self.epochs = epochs
        self.minibatch = minibatch
        self.learning_rate = learning_rate
        self.encoding = encoding
        self.pool = pool
        self._features = Features(space, encoding)
        few = prod(space.options) <= _LISTED or (space.size or _LISTED + 1) <= _LISTED
        self._listed = list(space.archs()) if few else []
        self._network = MLPEnsemble(
            [(layers, width)],
            Training(
                loss="mse",
                epochs=epochs,
                minibatch=minibatch,
                learning_rate=learning_rate,
                beta_2=0.999,
            ),
        )

    def choose(self, n: int) -> Sequence[Arch]:
        targets = self.examples.targets()
        if targets is None:
            return []
        pool = self._listed or [
            *dict.fromkeys(self.examples.archs),
            *unseen(self.space, self.pool, self.rng, self.seen),
        ]
        with np.errstate(over="ignore", invalid="ignore"):
            self._network.fit(self._features(self.examples.archs), targets, self.array_rng)
            predicted = self._network.predict(self._features(pool))[0]
        if not np.isfinite(predicted).all():
            return []
        order = np.argsort(predicted, kind="stable").tolist()
        new = [pool[i] for i in order[: self.top] if pool[i] not in self.seen]
        if len(new) < n:
            rest = (pool[i] for i in order[self.top :] if pool[i] not in self.seen)
            return [*new, *(arch for arch, _ in zip(rest, range(n - len(new)), strict=False))]
        return [new[i] for i in self.array_rng.permutation(len(new))[:n].tolist()]
