"""Hidden instances: a benchmark that asks the same question in other words.

A search that learns from its observations alone does as well on such an instance as on the
benchmark itself; one that remembers which architectures are good does not.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import Benchmark, Evaluation, Trainings
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.column import Column
from nasbench.errors import IllegalArchError
from nasbench.space import AnyArch, Arch, SearchSpace
from nasbench.splitmix import key
from nasbench.storage.files import json_digest


class Relabelled:
    """A benchmark in whose space decisions and options have other places.

    Every architecture has the results of the one that it stands for, but a search with the same
    seed meets other trainings of it. See :class:`nasbench.benchmark.Benchmark` for the methods.

    Args:
        benchmark: A table or surrogate.
        seed: Seed of the orders and of the draws of training seeds.

    Attributes:
        benchmark: As given.
    """

    def __init__(self, benchmark: Benchmark, seed: int) -> None:
        self.benchmark = benchmark
        self.name = f"{benchmark.name[:80]}-relabelled"
        self.version = benchmark.version
        self.content_hash = json_digest([benchmark.content_hash, seed])
        self.schedules = benchmark.schedules
        self.fidelities = benchmark.fidelities
        self.objectives = benchmark.objectives
        self.known = benchmark.known
        self.constraints = benchmark.constraints
        self._salt = key("trainings", seed)
        space = benchmark.space
        recorded = space if isinstance(space, RecordedSpace) else None
        self._relabelled = RelabelledSpace(recorded.whole if recorded else space, seed)
        self._space: SearchSpace = self._relabelled
        if recorded:
            archs = map(self._relabelled.from_whole, recorded.archs())
            ranks = np.array(sorted(map(self._relabelled.rank, archs)), dtype=np.int64)
            self._space = RecordedSpace(self._relabelled, ranks)

    @property
    def space(self) -> SearchSpace:
        return self._space

    @property
    def family(self) -> str:
        return self.benchmark.family

    @property
    def default_objective(self) -> str | None:
        return self.benchmark.default_objective

    @property
    def columns(self) -> Mapping[str, Column]:
        return self.benchmark.columns

    @property
    def is_clocked(self) -> bool:
        return self.benchmark.is_clocked

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.benchmark.seeds

    @property
    def complete_seeds(self) -> tuple[int, ...]:
        return self.benchmark.complete_seeds

    def whole(self, arch: AnyArch) -> Arch:
        """Return the architecture of the benchmark that one of this space stands for.

        Raises:
            IllegalArchError: It is not in the space.
        """
        if arch.__class__ is not tuple:
            arch = self._space.read(arch)
        if len(arch) == len(self._relabelled.options):
            with suppress(TypeError, LookupError):
                return self._relabelled.to_whole(arch)
        self._space.check(arch)
        raise IllegalArchError(f"{arch!r} is no tuple")

    def query(
        self,
        arch: AnyArch,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> dict[str, float]:
        return self.benchmark.query(self.whole(arch), epoch=epoch, schedule=schedule, seed=seed)

    def curve(
        self, arch: AnyArch, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        return self.benchmark.curve(self.whole(arch), metric, schedule=schedule, seed=seed)

    def evaluate(
        self, arch: AnyArch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        return self.benchmark.evaluate(self.whole(arch), epoch=epoch, seed=seed)

    def query_many(
        self,
        archs: NDArray[Any],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        whole = self._relabelled.to_whole_many(self._space.check_many(archs))
        return self.benchmark.query_many(whole, metric, epoch=epoch, schedule=schedule, seed=seed)

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        found = self.benchmark.trainings(self.whole(arch), epoch)
        return Trainings(found.key ^ self._salt, found.seeds)

    def column(self, name: str) -> Column:
        return self.benchmark.column(name)

    def require_objectives(self) -> None:
        self.benchmark.require_objectives()

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        return self.benchmark.known_numbers(self.whole(arch))
