"""Sampling a space by searching it: the classes that searches propose, trained, as one table.

``python -m data_builders.builds.trajectories PLAN --search random_search=4x50 --search
regularized_evolution@naszilla=4x50 --out FILE`` runs registered algorithms against the live
benchmark of a plan, which trains what they propose. It can be stopped at any moment: the same
command goes on. The table holds every class once, with the first algorithm that proposed it.
"""

import argparse
import re
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import joblib
import pyarrow as pa

from data_builders.builds.live import LiveBenchmark, OutOfTimeError
from data_builders.plan import Plan, load_plan
from nasbench.algorithm import Algorithm, hyperparameters, make
from nasbench.cli import parse_deadline
from nasbench.errors import InvalidArgumentError, NasbenchError
from nasbench.files import writable_folder
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.runs.setup import load_algorithm
from nasbench.space import Arch
from nasbench.tables.schema import Column, Metadata
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
    live.calibration  # noqa: B018 (measured before several processes would)
    parallel = joblib.Parallel(processes, return_as="generator", batch_size=1)
    runs = [search for search in sample.searches for _ in range(search.runs)]
    results = parallel(joblib.delayed(proposed)(sample, s, i, until) for i, s in enumerate(runs))
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
        jobs = parallel(joblib.delayed(repeated)(sample, arch, until) for arch in again)
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


def write(sample: Sample, found: Mapping[Arch, str], path: Path) -> Metadata:
    """Write the table of a trained sample.

    Args:
        sample: What was trained.
        found: From :func:`train`.
        path: Of the table.

    Raises:
        BuildError: A training is damaged.
        InvalidArgumentError: The table cannot be written.
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
    metadata = replace(
        draft.metadata,
        elsewhere="other architectures can be trained: python -m data_builders.builds.trajectories",
        recipe=draft.metadata.recipe | searches,
    )
    archs = archs.append_column(optimizer.name, pa.array(origins))
    columns = [*draft.columns, optimizer]
    return write_table(path, replace(draft, metadata=metadata, archs=archs, columns=columns))


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, train, and write the table when everything is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", help="name of a plan, or path of its TOML file")
    parser.add_argument(
        "--search",
        action="append",
        required=True,
        metavar="ALGORITHM[@PRESET]=[RUNSx]TRIALS",
        help="searches that propose architectures; repeat",
    )
    parser.add_argument("--repeat", type=int, default=0, help="classes to train with all seeds")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a hyperparameter"
    )
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for the trainings")
    parser.add_argument("--processes", type=int, default=joblib.cpu_count())
    parser.add_argument("--deadline", help="begin no training later than in 90s, 9m or 2h")
    parser.add_argument("--out", type=Path, required=True, help="file of the table")
    options = parser.parse_args(arguments)
    try:
        for name, least in (("repeat", 0), ("processes", 1)):
            if (value := getattr(options, name)) < least:
                raise InvalidArgumentError(f"--{name} {value} must be at least {least}")
        until = None if options.deadline is None else time.time() + parse_deadline(options.deadline)
        plan = load_plan(options.plan)
        recipe = plan.recipe.changed(tomllib.loads("\n".join(options.set)))
        searches = tuple(map(Search.parse, options.search))
        sample = Sample(replace(plan, recipe=recipe), options.work, searches, options.repeat)
        writable_folder(options.out.parent)
        found = train(sample, processes=options.processes, until=until, progress=_say)
        if found is None:
            _say("the time was not enough: the same command goes on")
        else:
            metadata = write(sample, found, options.out)
            _say(f"{metadata.id}@{metadata.version}: {len(found)} classes, {options.out}")
    except tomllib.TOMLDecodeError as error:
        parser.error(f"--set {' '.join(options.set)}: {error}")
    except NasbenchError as error:
        parser.error(str(error))


_say = partial(print, flush=True)


if __name__ == "__main__":
    main()
