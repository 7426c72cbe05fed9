"""Plans of boards, read from TOML: which algorithms run where, with which budgets and seeds.

A plan is a list of tables ``[[part]]``; their keys are the attributes of :class:`Part`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError, one_of
from nasbench.runs.budget import Budget, check_count
from nasbench.runs.setup import Setup
from nasbench.siblings import SIBLINGS
from nasbench.storage.documents import read_toml

_LISTS = (
    "benchmarks",
    "families",
    "algorithms",
    "without",
    "presets",
    "objectives",
    "known",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Algorithms with one budget on some benchmarks.

    Attributes:
        name: Name of the part.
        benchmarks: Ids of the benchmarks, in the order in which they are searched.
        seeds: Number of seeds, from 0 on.
        trials: Budget in trials, or None.
        seconds: Budget in simulated seconds, or None.
        epochs: Budget in trained epochs, or None.
        families: Folders of algorithms; all that are registered there take part.
        algorithms: Further algorithms, as ``"name"`` or ``"name/preset"``.
        without: Those that do not take part, likewise.
        presets: Benchmarks on which presets of the families take part that differ from the
            defaults.
        objectives: Columns to optimise; empty for the benchmark's own.
        known: Columns that the searches see before training.
    """

    name: str
    benchmarks: tuple[str, ...]
    seeds: int
    trials: int | None = None
    seconds: float | None = None
    epochs: int | None = None
    families: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidArgumentError(f"name = {self.name!r} must be a text")
        for name in _LISTS:
            values = getattr(self, name)
            if not isinstance(values, tuple) or not all(isinstance(v, str) for v in values):
                raise InvalidArgumentError(f"{name} = {values!r} must be a list of texts")
        check_count("seeds", self.seeds)
        self.budget  # noqa: B018 (raises for a budget that is none)
        for name in ("benchmarks", "families") if not self.algorithms else ("benchmarks",):
            if not getattr(self, name):
                raise InvalidArgumentError(f"{name} is empty")

    @property
    def budget(self) -> Budget:
        """When a run ends."""
        return Budget(trials=self.trials, seconds=self.seconds, epochs=self.epochs)


class Unit(NamedTuple):
    """One row of a board: an algorithm with its settings on a benchmark.

    Attributes:
        part: Name of its part.
        setup: How it is run.
        seeds: Number of its seeds.
    """

    part: str
    setup: Setup
    seeds: int

    @property
    def name(self) -> str:
        """The unit in words."""
        preset = f"/{self.setup.preset}" if self.setup.preset else ""
        return f"{self.setup.algorithm}{preset} on {self.setup.benchmark} ({self.part})"


def load_plan(path: Path) -> list[Part]:
    """Read a plan.

    Raises:
        InvalidArgumentError: The file cannot be read, or is no plan.
        UnknownNameError: It has a key or names a family or an algorithm that there is not.
    """
    try:
        document = read_toml(path)
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidArgumentError(f"{path} is not valid TOML: {error}") from error
    tables = document.get("part")
    if not isinstance(tables, list) or not tables or document.keys() != {"part"}:
        raise InvalidArgumentError(f"{path} is no plan of a board: it needs tables [[part]] alone")
    parts = [_part(values, f"{path}, part {i}") for i, values in enumerate(tables, 1)]
    names = [part.name for part in parts]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise InvalidArgumentError(f"{path} has two parts with the name {doubled!r}")
    return parts


def _part(values: Any, where: str) -> Part:
    known = [field.name for field in fields(Part)]
    if not isinstance(values, dict):
        raise InvalidArgumentError(f"{where} is no table")
    if unknown := next((name for name in values if name not in known), None):
        raise UnknownNameError(f"{where} has the key {unknown!r}{one_of(unknown, known)}")
    given: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    try:
        part = Part(**given)
        _check_names(part)
    except TypeError as error:
        needed = "name, benchmarks and seeds"
        raise InvalidArgumentError(f"{where} needs {needed}") from error
    except NasbenchError as error:
        raise type(error)(f"{where}: {error}") from error
    return part


def _check_names(part: Part) -> None:
    algorithms = SIBLINGS.load("algorithms")
    families = sorted({_family(place) for place in algorithms.values()})
    for family in part.families:
        if family not in families:
            raise UnknownNameError(f"no family is called {family!r}{one_of(family, families)}")
    for name in (*part.algorithms, *part.without):
        algorithms.check_registered(name.partition("/")[0])


def units(parts: Iterable[Part], benchmarks: Iterable[str] = ()) -> Iterator[Unit]:
    """Iterate over the rows of a plan, in its order: benchmark by benchmark within each part.

    Args:
        parts: Parts of a plan.
        benchmarks: Ids of the benchmarks wanted; none for all.
    """
    wanted = set(benchmarks)
    for part in parts:
        for benchmark in part.benchmarks:
            if wanted and benchmark not in wanted:
                continue
            for algorithm, preset in _chosen(part, with_presets=benchmark in part.presets):
                setup = Setup(
                    algorithm=algorithm,
                    benchmark=benchmark,
                    budget=part.budget,
                    preset=preset,
                    objectives=part.objectives or None,
                    known=part.known,
                )
                yield Unit(part.name, setup, part.seeds)


def _chosen(part: Part, *, with_presets: bool) -> list[tuple[str, str | None]]:
    """The algorithms of a part, each with a preset or None."""
    registry: Mapping[str, str] = SIBLINGS.load("algorithms")
    found: dict[tuple[str, str | None], None] = {}
    for name in (n for n, place in registry.items() if _family(place) in part.families):
        found[name, None] = None
        if with_presets:
            found |= dict.fromkeys((name, preset) for preset in _other_presets(name))
    for text in part.algorithms:
        name, _, preset = text.partition("/")
        found[name, preset or None] = None
    dropped = set(part.without)
    return [
        (name, preset)
        for name, preset in found
        if name not in dropped and f"{name}/{preset}" not in dropped
    ]


def _other_presets(name: str) -> list[str]:
    """Presets of an algorithm that differ from its defaults."""
    algorithm = SIBLINGS.load("algorithms").load(name)
    own = hyperparameters(algorithm, {}, None)
    return [p for p in algorithm.presets if hyperparameters(algorithm, {}, p) != own]


def _family(place: str) -> str:
    """Folder of an algorithm, or its module if it lies in none."""
    return place.partition(":")[0].split(".")[1]
