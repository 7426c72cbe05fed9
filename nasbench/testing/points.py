"""Where a benchmark is asked: some architectures, epochs and training seeds."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nasbench.benchmark import Benchmark
from nasbench.errors import NotRecordedError
from nasbench.space import Arch
from nasbench.testing.requirements import require_missing

_ANY_SEEDS = (0, 2**63 - 1)


class Point(NamedTuple):
    """One training of an architecture, or all of them, and what is recorded of it.

    Attributes:
        arch: The architecture.
        schedule: Planned length of the training.
        epoch: What a search asks for: a point of the only schedule, or the end of one of several.
        seed: The training seed; None for the mean over all.
        answer: What :meth:`Benchmark.query` gives.
    """

    arch: Arch
    schedule: int
    epoch: int
    seed: int | None
    answer: dict[str, float]

    @property
    def asked(self) -> dict[str, int | None]:
        """Keywords of the question, besides the architecture."""
        return {"epoch": self.epoch, "seed": self.seed}

    def __str__(self) -> str:
        return f"{self.arch} at epoch {self.epoch} with seed {self.seed}"


def sampled(benchmark: Benchmark, seed: int, n: int) -> list[Arch]:
    """``n`` architectures and the representatives of their classes, each once."""
    space, rng = benchmark.space, random.Random(seed)
    drawn = [space.sample(rng) for _ in range(n)]
    archs = dict.fromkeys([*drawn, *map(space.canonical, drawn)])
    return [arch for arch in archs if arch in space]


def recorded(benchmark: Benchmark, archs: Sequence[Arch]) -> Iterator[Point]:
    """All trainings of some architectures at some epochs, in the order of the epochs."""
    for epoch in some(benchmark.fidelities):
        schedule = benchmark.schedules[0] if len(benchmark.schedules) == 1 else epoch
        for arch in archs:
            try:
                seeds = benchmark.trainings(arch, epoch).seeds
            except NotRecordedError:
                require_missing(benchmark, "query", arch, epoch=epoch)
                require_missing(benchmark, "evaluate", arch, epoch=epoch)
                continue
            for seed in (None, *(seeds or _ANY_SEEDS)):
                answer = dict(benchmark.query(arch, epoch=epoch, seed=seed))
                yield Point(arch, schedule, epoch, seed, answer)


def grouped(points: Sequence[Point]) -> list[list[Point]]:
    """Points of one epoch and seed together."""
    found: dict[tuple[int, int | None], list[Point]] = {}
    for point in points:
        found.setdefault((point.epoch, point.seed), []).append(point)
    return list(found.values())


def some(values: Sequence[int]) -> list[int]:
    """The first, one in the middle, and the last."""
    return sorted({values[0], values[len(values) // 2], values[-1]})
