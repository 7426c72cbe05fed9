"""NSAS: what was trained before must not be forgotten."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import uniform_path
from algorithms.oneshot.paths.random_nas import RandomNAS
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

DRAWS = 10
"""Architectures of which the most novel joins an archive that is not full."""


class NSAS(RandomNAS):
    """Trains a random path a step, together with architectures that are unlike each other.

    Zhang, Li, Pan, Chang and Su (2020), https://doi.org/10.1109/CVPR42600.2020.00783
    (``MiaoZhang0525/NSAS_FOR_CVPR``), on
    :class:`~algorithms.oneshot.paths.random_nas.RandomNAS`. The loss is that of the path times
    ``1 - share`` plus the mean loss of an archive times ``share``. First, the archive is filled
    with the most novel of some random architectures. Then the one most similar to the path gives
    way to the most novel of the last paths, if that is more novel. Novelty is the mean share of
    decisions in which an architecture differs from the others of the archive.

    The authors' code computes the losses of the archive without a gradient, so that they change
    nothing; here they have one, as the paper says. Preset ``zhang`` has the weight decay and the
    clipping of that code.

    Args:
        space: The space to search.
        archive: Architectures that are not to be forgotten.
        recent: How many of the last paths may join them.
        share: Weight of their mean loss.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "zhang": {"decay": 3e-4, "clip": 5.0, "archive": 8, "recent": 50, "share": 0.5},
    }

    def __init__(
        self, space: Any, *, archive: int = 8, recent: int = 50, share: float = 0.5, **shared: Any
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, archive=archive, recent=recent)
        if not 0 <= share <= 1:
            raise InvalidArgumentError(f"share = {share} must be in [0, 1]")
        self.archive = archive
        self.recent = recent
        self.share = share

    def start(self) -> None:
        super().start()
        self.memory = Memory(self.archive, self.recent)
        self.keep(memory=self.memory)

    def learn(self, batch: Batch) -> Answer:
        arch = tuple(int(option) for option in uniform_path(self.net).tolist())
        self.memory.add(arch, [self.space.sample(self.rng) for _ in range(DRAWS)])
        own = self.net.path(batch, arch)
        others = [self.net.path(batch, other) for other in self.memory.archive]
        part = self.share / len(others)
        self.optimizer.step(
            own._replace(loss=(1 - self.share) * own.loss),
            *(other._replace(loss=part * other.loss) for other in others),
        )
        return own


class Memory:
    """Architectures unlike each other, and the last ones that were trained.

    Args:
        size: Number of the former.
        recent: Number of the latter.

    Attributes:
        archive: The former.
        last: The latter, oldest first.
    """

    def __init__(self, size: int, recent: int) -> None:
        self._size, self._recent = size, recent
        self.archive: list[Arch] = []
        self.last: list[Arch] = []

    def add(self, arch: Arch, draws: Sequence[Arch]) -> None:
        """Take note of a path that will be trained.

        Args:
            arch: The path.
            draws: Of these, the most novel joins an archive that is not full.
        """
        self.last = [*self.last, arch][-self._recent :]
        if len(self.archive) < self._size:
            self.archive.append(max(draws, key=lambda other: novelty(other, self.archive)))
            return
        place = min(range(self._size), key=lambda i: novelty(arch, self.archive[i : i + 1]))
        others = self.archive[:place] + self.archive[place + 1 :]
        # The first of equal ones stays, so it takes more novelty to replace one.
        self.archive[place] = max(
            [self.archive[place], *self.last], key=lambda other: novelty(other, others)
        )

    def state_dict(self) -> dict[str, list[list[int]]]:
        return {name: [list(a) for a in getattr(self, name)] for name in ("archive", "last")}

    def load_state_dict(self, state: Mapping[str, Sequence[Sequence[int]]]) -> None:
        self.archive, self.last = ([tuple(a) for a in state[k]] for k in ("archive", "last"))


def novelty(arch: Arch, others: Sequence[Arch]) -> float:
    """Mean share of decisions in which an architecture differs from others; 0 if there are none."""
    return float((np.array(others) != np.array(arch)).mean()) if others else 0.0
