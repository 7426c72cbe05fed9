"""Base of searches that grow architectures level by level, guided by a predictor."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import inf

import numpy as np
import torch
from numpy.typing import NDArray

from algorithms.models.batch_search import BatchSearch
from algorithms.models.candidates import pool, unseen
from algorithms.models.examples import Examples
from algorithms.models.networks.lstm_ensemble import LSTMEnsemble
from algorithms.parts.lstm_policy import one_thread
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

Numbers = NDArray[np.float64]

TARGETS = ("standardized", "accuracy")
NEUTRAL = ("skip_connect", "skip", "identity", "none", "absent")
"""Labels of options that leave an architecture simple, the most preferred first."""

_CACHE_SIZE = 65_536
_POOL = 1_000
_BIAS = 1.8


def neutral(space: SearchSpace) -> Arch:
    """Return the tuple of neutral options, which may be illegal.

    The neutral option of a decision is the first of :data:`NEUTRAL` that it has, else its first
    option.
    """
    return tuple(
        next((d.labels.index(label) for label in NEUTRAL if label in d.labels), 0)
        for d in space.decisions
    )


class Growth:
    """Steps by which architectures grow from the neutral one.

    A step sets one decision that is still neutral to another option; or two decisions, if neither
    alone gives a legal architecture that is another network. In NAS-Bench-101, say, an edge into a
    vertex does nothing without an edge out of it.

    Args:
        space: The search space.

    Attributes:
        neutral: The neutral tuple, where growth begins.
        canonical: ``space.canonical`` with a cache.
        steps: Maps an architecture to those that are one step larger, by position and option,
            single decisions first. Several of them may be the same network.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.neutral = neutral(space)
        self.canonical = lru_cache(_CACHE_SIZE)(space.canonical)
        self.steps = lru_cache(_CACHE_SIZE)(self._find_steps)

    def _find_steps(self, arch: Arch) -> tuple[Arch, ...]:
        own = self.canonical(arch) if self._space.is_legal(arch) else None
        found: list[Arch] = []

        def add(*changes: tuple[int, int]) -> bool:
            """Whether changes give a legal architecture that is another network."""
            step = list(arch)
            for place, option in changes:
                step[place] = option
            changed = tuple(step)
            if not self._space.is_legal(changed):
                return False
            if self.canonical(changed) == own:
                return False
            found.append(changed)
            return True

        useless = [
            (place, new)
            for place, (option, n) in enumerate(zip(arch, self._space.options, strict=True))
            if option == self.neutral[place]
            for new in range(n)
            if new != option and not add((place, new))
        ]
        for one, other in combinations(useless, 2):
            if one[0] != other[0]:
                add(one, other)
        return tuple(found)


class ProgressiveSearch(BatchSearch):
    """Base of searches that grow architectures level by level (Liu et al., 2018).

    https://arxiv.org/abs/1712.00559. Level 1 holds what is one step larger than the neutral
    architecture, see :class:`Growth`; all of it is trained, or ``first`` random ones. Candidates of
    level b are what is one step larger than an architecture chosen at level b - 1, and not the same
    network as one chosen before or as another candidate; ``beam`` of them are chosen by what LSTMs
    that learned from all results predict. After the last level, the next pass begins at level 2,
    where candidates that were not chosen remain. A pass that finds none chooses from 1,000 random
    architectures, as does one of a space where nothing grows.

    A subclass documents the hyperparameters; this class checks and keeps them.
    """

    families = ("neural network",)

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        first: int,
        beam: int,
        levels: int | None,
        members: int,
        hidden: int,
        embedding: int,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        later_rate: float,
        targets: str,
    ) -> None:
        for name, count in (
            ("first", first),
            ("beam", beam),
            ("members", members),
            ("hidden", hidden),
            ("embedding", embedding),
            ("epochs", epochs),
            ("batch_size", batch_size),
        ):
            if count < 1:
                raise InvalidArgumentError(f"{name} = {count} must be at least 1")
        if levels is not None and (type(levels) is not int or levels < 1):
            raise InvalidArgumentError(f"levels = {levels!r} must be at least 1, or None")
        for name, rate in (("learning_rate", learning_rate), ("later_rate", later_rate)):
            if not 0 < rate < inf:
                raise InvalidArgumentError(f"{name} = {rate} must be positive and finite")
        if targets not in TARGETS:
            raise InvalidArgumentError(f"targets = {targets!r}{one_of(targets, TARGETS)}")
        super().__init__(space, fidelities=fidelities, seed=seed, initial=1, batch=beam)
        self.random_trials = 0
        self.first = first
        self.beam = beam
        self.levels = levels
        self.members = members
        self.hidden = hidden
        self.embedding = embedding
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.later_rate = later_rate
        self.targets = targets
        self.loss_unit = "%" if targets == "accuracy" else None
        self.growth = Growth(space)
        self._chosen: list[list[Arch]] = []  # at each level
        self._level = 0  # number of the level chosen last, from 0
        self._ensemble: LSTMEnsemble | None = None

    @abstractmethod
    def select(self, candidates: Sequence[Arch], n: int) -> list[Arch]:
        """Return up to ``n`` candidates to train, the most promising first; none if that fails."""

    def choose(self, n: int) -> Sequence[Arch]:
        level, candidates = self.candidates()
        if not candidates:
            return []
        chosen = self.select(candidates, n)
        if chosen:
            self._chosen[level] += chosen
            self._level = level
        return chosen

    def candidates(self) -> tuple[int, list[Arch]]:
        """Return the number of the next level with candidates, from 0, and these.

        Random candidates have the level at which the next pass begins.
        """
        depth = len(self._chosen)
        seen = {self.growth.canonical(arch) for arch in self.seen}
        level = self._level
        for _ in range(depth - 1):
            level = level % (depth - 1) + 1
            found: dict[Arch, Arch] = {}
            for parent in self._chosen[level - 1]:
                for arch in self.growth.steps(parent):
                    representative = self.growth.canonical(arch)
                    if representative not in seen:
                        found.setdefault(representative, arch)
            if found:
                return level, list(found.values())
        return 0, pool(self.space, _POOL, self.rng, self.seen)

    def predict(self, archs: Sequence[Arch], objectives: Sequence[Examples]) -> Numbers:
        """Train the ensemble on all results and predict; low is good.

        Args:
            archs: ``n`` architectures.
            objectives: Examples of each of ``k`` objectives, with the same architectures. One that
                cannot be learned, since no two finite losses differ, is predicted as 0.

        Returns:
            Means over the members of an objective, shape ``(k, n)``.
        """
        learned = [self._targets(examples) for examples in objectives]
        n = len(learned[0])
        share = max(n - n // self.members, 1) if self.members > 1 else n
        rows = np.concatenate([self._parts(n, share) for _ in learned])
        accuracy = self.targets == "accuracy"
        with one_thread():
            rate = self.later_rate
            if self._ensemble is None or self._ensemble.members != len(rows):
                rate = self.learning_rate
                generator = torch.Generator().manual_seed(int(self.rng.random() * 2**53))
                self._ensemble = LSTMEnsemble(
                    self.space.options,
                    members=len(rows),
                    hidden=self.hidden,
                    embedding=self.embedding,
                    sigmoid=accuracy,
                    bias=_BIAS if accuracy else 0.0,
                    generator=generator,
                )
            self._ensemble.fit(
                objectives[0].archs,
                np.repeat(np.array(learned), self.members, axis=0),
                rows,
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=rate,
            )
            predicted = self._ensemble.predict(archs)
        means: Numbers = predicted.reshape(len(learned), self.members, -1).mean(axis=1)
        return 1 - means if accuracy else means

    def _parts(self, n: int, share: int) -> NDArray[np.int64]:
        """Rows of ``share`` of ``n`` examples; every example is left out as often, if possible."""
        order = self.array_rng.permutation(n)
        left_out = n - share
        return np.array(
            [np.sort(np.roll(order, i * left_out)[left_out:]) for i in range(self.members)]
        )

    def _targets(self, examples: Examples) -> Numbers:
        if self.targets == "accuracy":
            accuracies: Numbers = np.clip(1 - examples.finite_losses() / 100, 0.0, 1.0)
            return accuracies
        targets = examples.targets()
        return np.zeros(len(examples)) if targets is None else targets

    def _next(self) -> Sequence[Arch]:
        if self._chosen:
            return super()._next()
        found = list(self.growth.steps(self.growth.neutral))
        if not found:
            found = unseen(self.space, self.first, self.rng, self.seen)
            self.unguided.update(found)
        elif len(found) > self.first:
            kept = np.sort(self.array_rng.permutation(len(found))[: self.first])
            found = [found[i] for i in kept.tolist()]
        depth = self.levels or max(1, sum(1 for n in self.space.options if n > 1))
        self._chosen = [found, *([] for _ in range(depth - 1))]
        return found
