"""The contract of a benchmark: every answer is a function of its arguments alone."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.space import Arch, SearchSpace


class Evaluation(NamedTuple):
    """What a search is told of one training.

    Attributes:
        losses: One loss for each objective, lower is better; ``inf`` if the training diverged.
        seconds: Cost of the training from scratch and of one validation.
        validation_seconds: The part of ``seconds`` that is the validation.
    """

    losses: tuple[float, ...]
    seconds: float
    validation_seconds: float = 0.0


class Trainings(NamedTuple):
    """Which trainings answer for an architecture.

    Attributes:
        key: Equal for architectures that share their trainings: the rank of the owner.
        seeds: Recorded training seeds, ascending; empty where any integer is one.
    """

    key: int
    seeds: tuple[int, ...]


class Benchmark(Protocol):
    """A search space with the results of its trainings; stateless.

    Attributes:
        name: Id of the table or surrogate.
        version: Its version.
        content_hash: Hash of its numbers.
        space: The search space.
        schedules: Planned lengths of the recorded trainings, in epochs, ascending.
        fidelities: What a search may ask for as ``epoch``, ascending.
        seeds: Recorded training seeds, ascending; empty where any integer is one.
        complete_seeds: Those recorded for every architecture.
        objectives: Columns that a search minimises (those to be maximised are converted once).
        known: Columns that a search may see before it trains.
        family: Kind of model that answers, if it is a surrogate; else empty.
        default_objective: What a search optimises if nothing is asked for; None if it must ask.
        is_clocked: Whether seconds are recorded wherever a search may ask; else none are charged.
    """

    name: str
    version: int
    content_hash: str
    schedules: tuple[int, ...]
    fidelities: tuple[int, ...]
    objectives: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def family(self) -> str: ...

    @property
    def default_objective(self) -> str | None: ...

    @property
    def is_clocked(self) -> bool: ...

    @property
    def space(self) -> SearchSpace: ...

    @property
    def seeds(self) -> tuple[int, ...]: ...

    @property
    def complete_seeds(self) -> tuple[int, ...]: ...

    def query(
        self,
        arch: Arch | str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> dict[str, float]:
        """All that is recorded of an architecture at an epoch; the mean if no seed is given."""
        ...

    def curve(
        self, arch: Arch | str, metric: str, *, schedule: int | None = None, seed: int | None = None
    ) -> NDArray[np.floating]:
        """Values of a metric after epochs 1, 2, … (NaN: not recorded), shape ``(schedule,)``."""
        ...

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        """Losses and cost of one training."""
        ...

    def query_many(
        self,
        archs: NDArray[Any],
        metric: str,
        *,
        epoch: int | None = None,
        schedule: int | None = None,
        seed: int | None = None,
    ) -> NDArray[np.float64]:
        """One metric of an ``(n, d)`` array of architectures, shape ``(n,)``."""
        ...

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        """Which trainings of an architecture are recorded."""
        ...

    def require_objectives(self) -> None:
        """Refuse to be searched without an objective, by a :class:`NotRecordedError`."""
        ...

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        """Values of the ``known`` columns, and the seconds that computing them took."""
        ...
