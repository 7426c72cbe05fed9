"""Spaces, benchmarks and drivers for tests of searches; small enough to be followed by hand."""

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from statistics import mean
from string import ascii_lowercase
from typing import Any

import nasbench
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.benchmark import Evaluation, Trainings
from nasbench.column import Column
from nasbench.errors import IllegalArchError
from nasbench.space import Arch, Decision, SearchSpace
from nasbench.splitmix import key, mix

# Spaces


class Numbers(SearchSpace):
    """Base of spaces with decisions a, b, c, … and options 0, 1, 2, …

    ``class Mine(Numbers, options=(2, 3))`` has decisions of two and three options.
    """

    name = "numbers"

    def __init_subclass__(cls, options: Sequence[int] = ()) -> None:
        super().__init_subclass__()
        cls.name = cls.__dict__.get("name", cls.__name__.lower())
        if options:
            cls.decisions = tuple(
                Decision(name, tuple(map(str, range(n))))
                for name, n in zip(ascii_lowercase, options, strict=False)
            )

    def to_text(self, arch: Arch) -> str:
        return "-".join(map(str, arch))

    def from_text(self, text: str) -> Arch:
        try:
            return self.check([int(part) for part in text.split("-")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}") from error


class Tiny(Numbers, options=(3, 1, 4)):
    """Twelve architectures; the second decision has no choice."""


class Ruled(Tiny):
    """What is legal at the end depends on the beginning, and after a = 2 only one option is."""

    def is_legal(self, arch: Arch) -> bool:
        return arch[2] == 3 if arch[0] == 2 else arch[0] != arch[2]


class Unlike(Tiny):
    """The first and the last option differ."""

    def is_legal(self, arch: Arch) -> bool:
        return arch[0] != arch[2]


class Switched(Numbers, options=(2, 2, 3)):
    """The first two differ, and the last is 2 after a 1 and only then."""

    def is_legal(self, arch: Arch) -> bool:
        return arch[0] != arch[1] and (arch[2] == 2) == (arch[1] == 1)


class Layers(Numbers, options=(2, 4, 4)):
    """A depth and two layers; the layer beyond the depth is 0, and both are never equal."""

    def is_legal(self, arch: Arch) -> bool:
        return arch[1] != arch[2] and (arch[0] == 1 or arch[2] == 0)


class OneDecision(Numbers, options=(3,)):
    """Three architectures."""


class Square(Numbers, options=(3, 3, 3)):
    """Three decisions of three options each."""


class OneOption(Numbers, options=(1, 1)):
    """One architecture."""


class Unequal(Numbers):
    """Decisions of all kinds, with 2, 1, 7 and 4 options."""

    decisions = (
        Decision("a", ("0", "1")),
        Decision("b", ("0",)),
        Decision("c", tuple("0123456"), "ordinal"),
        Decision("d", ("0", "1", "2", "3"), "numeric", (1.0, 2.0, 4.0, 8.0)),
    )


# Losses


def rugged(arch: Arch, n: int = 50) -> float:
    """One of ``n`` losses by a hash: a landscape with many local minima and ties."""
    return float(mix(key(arch)) % n)


class Hashed:
    """A benchmark that computes its losses; their order is random, but fixed.

    Losses fall with the epoch; every ninth training diverges.

    Args:
        space: The search space.
        n_objectives: 1 to 3: by a hash, a cost from 1, and another number.
        fidelities: What a search may ask for.
        schedules: Lengths of trainings; several mean that the fidelities are separate trainings.
        known: Columns that are known before training: numbers by a hash, some not defined.
    """

    version = 1
    content_hash = family = ""
    constraints = ()
    seeds = complete_seeds = (0, 1)
    default_objective = "loss"
    is_clocked = True

    def __init__(
        self,
        space: SearchSpace,
        n_objectives: int = 1,
        *,
        fidelities: Sequence[int] = (1, 3, 9),
        schedules: Sequence[int] = (9,),
        known: Sequence[str] = (),
    ) -> None:
        self.space = space
        self.name = f"toy-{space.name}"
        self.objectives = ("loss", "cost", "other")[:n_objectives]
        self.fidelities = tuple(fidelities)
        self.schedules = tuple(schedules)
        self.known = tuple(known)
        self.columns = {name: Column.of(name) for name in self.objectives}

    def column(self, name: str) -> Column:
        return self.columns[name]

    def require_objectives(self) -> None:
        """There always is one."""

    def trainings(self, arch: Arch, epoch: int | None = None) -> Trainings:
        return Trainings(self.space.rank(self.space.check(arch)), self.seeds)

    def known_numbers(self, arch: Arch) -> tuple[tuple[float, ...], float]:
        numbers = [mix(key(arch, name)) % 50 for name in self.known]
        return tuple([math.nan if n < 3 else float(n) for n in numbers]), 0.5 * len(numbers)

    def evaluate(
        self, arch: Arch, *, epoch: int | None = None, seed: int | None = None
    ) -> Evaluation:
        assert arch in self.space
        epoch = self.fidelities[-1] if epoch is None else epoch
        assert epoch in self.fidelities
        losses = self.losses(arch, epoch, mix(key(arch, seed)))
        return Evaluation(losses[: len(self.objectives)], 3.0 * epoch + 1, 1.0)

    def losses(self, arch: Arch, epoch: int, number: int) -> tuple[float, ...]:
        """All losses; ``number`` is the hash of architecture and seed."""
        loss = math.inf if number % 9 == 0 else number % 800 / 10 + 10 / epoch
        return loss, 1.0 + sum(arch), float(sum(arch) ** 2 % 7)


# Searches


def drive(
    search: Algorithm, loss: Callable[[Arch], Any] | Sequence[float], n: int = 0, first: int = 0
) -> list[Arch]:
    """Ask and tell in turn until nothing is proposed; the architectures.

    Args:
        search: The algorithm.
        loss: Of an architecture: a number, or one for each objective. Or the losses in a row.
        n: Number of trials; with losses in a row, there are as many.
        first: Number of the first trial.
    """
    if not callable(loss):
        losses, n = iter(loss), len(loss)
        return drive(search, lambda _: next(losses), n, first)
    proposals = drive_proposals(search, lambda proposal: loss(proposal.arch), n, first)
    return [proposal.arch for proposal in proposals]


def drive_proposals(
    search: Algorithm, loss: Callable[[Proposal], Any], n: int, first: int = 0
) -> list[Proposal]:
    """Ask and tell in turn until nothing is proposed; the proposals. The loss is of a proposal."""
    proposals = []
    for trial in range(first, first + n):
        proposal = search.ask()
        if proposal is None:
            break
        proposals.append(proposal)
        losses = loss(proposal)
        losses = losses if isinstance(losses, tuple) else (losses,)
        search.tell(Observation(trial, proposal, losses, 1.0))
    return proposals


def tell(
    search: Algorithm, arch: Arch, loss: float, trial: int = 0, epoch: int | None = None
) -> None:
    """Tell the loss of an architecture, asked for or not."""
    search.tell(Observation(trial, Proposal(arch, epoch), (loss,), 1.0))


def mean_best(algorithm: str, n_seeds: int, trials: int = 300, **settings: Any) -> float:
    """The best loss of a search on the published table, in the mean over some seeds."""
    runs = nasbench.search(
        algorithm,
        "nb201-cifar10",
        seeds=range(n_seeds),
        budget=nasbench.Budget(trials=trials),
        hyperparameters=settings,
        replicate="mean",
    )
    return mean(float(run.losses[:, 0].min()) for run in runs)


def scored(policy: Any, archs: Sequence[Arch]) -> list[Any]:
    """Log-probabilities and entropies that an LSTM policy gives architectures, as arrays."""
    with import_module("torch").no_grad():
        return [part.numpy() for part in policy.score(policy.encode(archs))]
