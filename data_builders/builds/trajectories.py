"""Sampling a space by searching it: the classes that searches propose, trained, as one table.

``nasbench study trajectories PLAN --search random_search=4x50 --search
regularized_evolution@naszilla=4x50 --out FILE`` runs registered algorithms against the live
benchmark of a plan, which trains what they propose. It can be stopped at any moment: the same
command goes on. The table holds every class once, with the first algorithm that proposed it.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from joblib import delayed

from data_builders.builds.live import LiveBenchmark, OutOfTimeError
from data_builders.plan import Plan, load_plan
from nasbench.algorithm import Algorithm, hyperparameters, make
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError
from nasbench.parallel import parallel
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.runs.setup import load_algorithm
from nasbench.space import Arch
from nasbench.storage.files import writable_folder
from nasbench.tables.places import check_name, check_place
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

_SEARCH = re.compile(r"([^=@]+)(?:@([^=@]+))?=(?:([0-9]{1,6})x)?([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Search:
    """Some searches with one algorithm.

    Attributes:
        algorithm: Registered name, or ``"module:Class"``.
        preset: Name of its settings; None for the defaults.
        runs: Number of searches.
        trials: Trials of each.
    """

    algorithm: str
    preset: str | None
    runs: int
    trials: int

    @classmethod
    def parse(cls, text: str) -> "Search":
        """Of ``"random_search=50"`` or ``"regularized_evolution@naszilla=4x50"``.

        Raises:
            InvalidArgumentError: Anything else.
        """
        found = _SEARCH.fullmatch(text)
        runs, trials = (int(found[3] or 1), int(found[4])) if found else (0, 0)
        if not found or not runs or not trials:
            raise InvalidArgumentError(
                f"search {text!r} is not of the form ALGORITHM[@PRESET]=[RUNSx]TRIALS, as "
                "'regularized_evolution@naszilla=4x50'"
            )
        return cls(found[1], found[2], runs, trials)

    def __str__(self) -> str:
        preset = "" if self.preset is None else f"@{self.preset}"
        return f"{self.algorithm}{preset}={self.runs}x{self.trials}"

    def algorithm_for(self, live: LiveBenchmark, seed: int) -> Algorithm:
        """The fresh algorithm of one search.

        Raises:
            NasbenchError: No such algorithm or preset, or one that the benchmark does not suit.
        """
        kind = load_algorithm(self.algorithm)
        values = hyperparameters(kind, {}, self.preset)
        return make(kind, live.space, fidelities=live.fidelities, seed=seed, hyperparameters=values)


@dataclass(frozen=True, slots=True)
class Sample:
    """The classes that searches propose.

    The searches are numbered through, and the number of a search is its seed: no two begin with the
    same architectures. All are answered by trainings with the first seed of the plan.

    Attributes:
        plan: How to train.
        work: Folder for the builds.
        searches: What proposes the classes; the first that proposes one counts.
        repeat: How many classes, the first that are proposed, are trained with all seeds.
    """

    plan: Plan
    work: Path
    searches: tuple[Search, ...]
    repeat: int = 0


def train(
    sample: Sample,
    *,
    processes: int = 1,
    until: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[Arch, str] | None:
    """Search, and train what is proposed and not trained yet.

    Args:
        sample: What to train.
        processes: Searches at a time, each on one thread.
        until: When no training is begun any more, in seconds since 1970.
        progress: Told of every search that is done.

    Returns:
        The representatives of all classes, in the order in which they are proposed, with the
        algorithm that proposes them first; None if the time was not enough.

    Raises:
        NasbenchError: Whatever is wrong with a search, before anything is trained.
    """
    live = LiveBenchmark(sample.plan, sample.work)
    for search in sample.searches:
        search.algorithm_for(live, 0)
    if until is None or time.time() < until:
        live.calibration  # noqa: B018 (measured before several processes would)
    crew = parallel(processes, return_as="generator", batch_size=1)
    runs = [search for search in sample.searches for _ in range(search.runs)]
    results = crew(delayed(proposed)(sample, s, i, until) for i, s in enumerate(runs))
    found: dict[Arch, str] = {}
    complete = True
    for seed, (search, archs) in enumerate(zip(runs, results, strict=True)):
        complete &= archs is not None
        for arch in archs or ():
            found.setdefault(arch, search.algorithm)
        if archs is not None:
            progress(f"{search.algorithm}, seed {seed}: {len(archs)} classes, {len(found)} in all")
    if complete:
        again = list(found)[: sample.repeat]
        jobs = crew(delayed(repeated)(sample, arch, until) for arch in again)
        complete = all(list(jobs))  # the list: all that have begun come to their end
    return found if complete else None


def proposed(sample: Sample, search: Search, seed: int, until: float | None) -> list[Arch] | None:
    """Representatives of what one search proposes, in this order; None if the time ended."""
    live = LiveBenchmark(sample.plan, sample.work, until=until)
    try:
        run = replay(
            search.algorithm_for(live, seed),
            live,
            budget=Budget(trials=search.trials),
            seed=seed,
            replicate=sample.plan.seeds[0],
        )
    except OutOfTimeError:
        return None
    return list(dict.fromkeys(live.space.canonical(trial.proposal.arch) for trial in run.trials))


def repeated(sample: Sample, arch: Arch, until: float | None) -> bool:
    """Train a class with all seeds of the plan; whether the time was enough."""
    live = LiveBenchmark(sample.plan, sample.work, until=until)
    try:
        for seed in sample.plan.seeds:
            live.training(arch, seed)
    except OutOfTimeError:
        return False
    return True


def write(
    sample: Sample, found: Mapping[Arch, str], path: Path, *, replace: bool = False
) -> Metadata:
    """Write the table of a trained sample.

    Args:
        sample: What was trained.
        found: From :func:`train`.
        path: Of the table.
        replace: Whether another table at the path is replaced.

    Raises:
        BuildError: A training is damaged.
        InvalidArgumentError: The table cannot be written, or another one is there.
    """
    live = LiveBenchmark(sample.plan, sample.work)
    for number, arch in enumerate(found):
        for seed in sample.plan.seeds if number < sample.repeat else sample.plan.seeds[:1]:
            live.training(arch, seed)
    draft = live.draft()
    archs: pa.Table = draft.archs
    origins = [found[tuple(arch)] for arch in archs.column("arch").to_pylist()]
    optimizer = Column("optimizer", description="algorithm that proposed the architecture first")
    searches = {"searches": list(map(str, sample.searches)), "repeat": sample.repeat}
    metadata = dataclasses.replace(
        draft.metadata,
        elsewhere="other architectures can be trained: nasbench study trajectories",
        recipe=draft.metadata.recipe | searches,
    )
    archs = archs.append_column(optimizer.name, pa.array(origins))
    columns = [*draft.columns, optimizer]
    draft = dataclasses.replace(draft, metadata=metadata, archs=archs, columns=columns)
    return write_table(path, draft, replace=replace)


def write_trajectories(
    plan: str,
    searches: Sequence[str],
    path: Path,
    *,
    changes: Mapping[str, Any] = MappingProxyType({}),
    repeat: int = 0,
    work: Path = Path("work"),
    processes: int = 1,
    seconds: float | None = None,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Metadata | None:
    """Search, train what is proposed, and write the table when everything is there.

    Args:
        plan: Id of a shipped plan, or path of a TOML file.
        searches: As :meth:`Search.parse` reads them.
        path: File of the table.
        changes: Hyperparameters of the recipe that differ from the plan's.
        repeat: How many classes, the first that are proposed, are trained with all seeds.
        work: Folder for the trainings, from which a stopped command goes on.
        processes: Searches at a time, each on one thread.
        seconds: After how long no training is begun any more.
        replace: Whether another table at the path is replaced.
        progress: Told of every search that is done.

    Returns:
        What the table says of itself; None if the time was not enough.

    Raises:
        NasbenchError: Whatever is wrong with an argument, before anything is trained; also that
            another table is there, unless all is trained already.
    """
    for name, value, least in (("repeat", repeat, 0), ("processes", processes, 1)):
        if value < least:
            raise InvalidArgumentError(f"{name} = {value} must be at least {least}")
    until = None if seconds is None else time.time() + seconds
    planned = load_plan(plan)
    planned = dataclasses.replace(planned, recipe=planned.recipe.changed(dict(changes)))
    sample = Sample(planned, work, tuple(map(Search.parse, searches)), repeat)
    check_name(path, planned.id, planned.version)
    writable_folder(path.parent)
    check_place(path, f"the table of {planned.id}", replace=True)
    is_taken = path.exists() and not replace
    found = train(sample, processes=processes, until=0.0 if is_taken else until, progress=progress)
    if found is None and is_taken:
        check_place(path, f"the table of {planned.id}", replace=False)
    return None if found is None else write(sample, found, path, replace=replace)
