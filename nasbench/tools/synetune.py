"""A table as a blackbox of Syne Tune, for its simulator backend and schedulers.

Salinas et al. (2022), https://proceedings.mlr.press/v188/salinas22a.html.

>>> import nasbench
>>> made = blackbox(nasbench.load("lite201-digits"))
>>> made.objectives_names, made.fidelity_values.tolist()
(['valid_accuracy_loss', 'seconds'], [1, 2, 3, 4, 5, 6, 7, 8])
>>> configuration = nasbench.load("lite201-digits").space.to_configuration((3, 3, 3, 1, 3, 2))
>>> answer = made(configuration, fidelity={"epoch": 4}, seed=0)
>>> {name: round(float(value), 2) for name, value in answer.items()}
{'valid_accuracy_loss': 9.35, 'seconds': 0.34}
"""

from itertools import product
from math import lcm, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmark import check_benchmark
from nasbench.benchmarks.lookup import Lookup
from nasbench.benchmarks.numbers import diverged_somewhere
from nasbench.benchmarks.objectives import as_loss
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import InvalidArgumentError, NotRecordedError
from nasbench.registry import require
from nasbench.space import Decision, SearchSpace

EPOCH, SECONDS = "epoch", "seconds"
"""Names of the fidelity and of the elapsed time in a blackbox."""

_MOST_BYTES = 2**32
_MOST_TUPLES = 1_000_000


def blackbox(benchmark: TableBenchmark, *, schedule: int | None = None) -> Any:
    """Return the trainings of a table as a ``BlackboxTabular``.

    Its configurations are those of ``space.to_configuration``. Its objectives are
    ``<objective>_loss`` for every objective of the benchmark, lower is better, and ``seconds``,
    those of the training up to the epoch and of one validation. A diverged training has the loss
    ``inf``. Seed ``k`` stands for the k-th recorded training of an architecture; where one has
    fewer, they repeat, so that a seed drawn uniformly draws each with the same chance.

    ``syne_tune.blackbox_repository.blackbox_tabular.serialize({name: blackbox}, folder)`` writes it
    in the layout of Syne Tune's repository, which needs fastparquet.

    Args:
        benchmark: A table whose space can be enumerated. Of more than a million tuples only the
            legal ones are there: schedulers then need ``blackbox.all_configurations()``.
        schedule: Planned length of the trainings; default: the longest.

    Returns:
        A ``syne_tune.blackbox_repository.blackbox_tabular.BlackboxTabular`` with values of shape
        ``(n_archs, n_seeds, n_epochs, n_objectives + 1)``.

    Raises:
        MissingExtraError: Syne Tune is not installed.
        InvalidArgumentError: The benchmark is no table, or too large.
        NotRecordedError: The table has no objective, lacks one of an architecture, records no
            seconds, or lacks the schedule.
    """
    tabular = require("syne_tune.blackbox_repository.blackbox_tabular", "a blackbox of Syne Tune")
    domains = require("syne_tune.config_space", "a blackbox of Syne Tune")
    pandas = require("pandas", "a blackbox of Syne Tune")
    if not isinstance(benchmark, TableBenchmark):
        raise InvalidArgumentError(f"{benchmark!r} is no table; only tables become blackboxes")
    check_benchmark(benchmark)
    benchmark.require_objectives()
    if SECONDS not in benchmark.columns:
        raise NotRecordedError(
            f"{benchmark.name!r} records no seconds, which the simulator of Syne Tune needs"
        )
    schedule, space = _schedule(benchmark, schedule), benchmark.space
    asked, archs = _archs(space)
    values, epochs = _values(benchmark, archs, schedule)
    rows = [space.to_configuration(tuple(arch)) for arch in asked.tolist()]
    return tabular.BlackboxTabular(
        hyperparameters=pandas.DataFrame(rows),
        configuration_space={d.name: _domain(domains, d, space) for d in space.decisions},
        fidelity_space={EPOCH: domains.randint(lower=epochs[0], upper=epochs[-1])},
        objectives_evaluations=values,
        fidelity_values=np.array(epochs),
        objectives_names=[f"{name}_loss" for name in benchmark.objectives] + [SECONDS],
    )


def _archs(space: SearchSpace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tuples that can be asked for, and the architecture that answers; both of shape ``(n, d)``."""
    if prod(space.options) <= _MOST_TUPLES:
        asked = np.array(list(product(*map(range, space.options))), dtype=np.int64)
        if not space.has_rules:
            return asked, asked
        legal = [t if space.is_legal(t) else space.repair(t) for t in map(tuple, asked.tolist())]
        return asked, np.array(legal, dtype=np.int64)
    if space.size is None:
        raise InvalidArgumentError(f"{space!r} has too many architectures for a blackbox")
    archs = np.array(list(space.archs()), dtype=np.int64)
    return archs, archs


def _schedule(benchmark: TableBenchmark, schedule: int | None) -> int:
    schedule = benchmark.schedules[-1] if schedule is None else schedule
    if schedule not in benchmark.schedules:
        raise NotRecordedError(
            f"{benchmark.name!r} has no schedule {schedule!r}. Recorded: {benchmark.schedules}"
        )
    return schedule


def _values(
    benchmark: TableBenchmark, archs: NDArray[np.int64], schedule: int
) -> tuple[NDArray[np.float32], list[int]]:
    """Losses and seconds, shape ``(n_archs, n_seeds, n_epochs, n_objectives + 1)``, and epochs."""
    table, names = benchmark.table, benchmark.objectives
    curves = [n for n in (*names, SECONDS) if n in table.columns and table.is_curve(n)]
    epochs = [
        epoch
        for epoch in table.metadata.epochs[schedule]
        if all(epoch in table.epochs(name, schedule) for name in curves)
    ]
    end = schedule if len(benchmark.schedules) > 1 else None
    recorded = [benchmark.trainings(tuple(arch), end).seeds for arch in archs.tolist()]
    n_seeds = lcm(*{len(seeds) for seeds in recorded})
    shape = (len(archs), n_seeds, len(epochs), len(names) + 1)
    if 4 * prod(shape) > _MOST_BYTES:
        raise InvalidArgumentError(
            f"a blackbox of {benchmark.name!r} has {' x '.join(map(str, shape))} numbers, more "
            f"than {_MOST_BYTES // 2**30} GiB"
        )
    values = np.empty(shape, dtype=np.float32)
    lookup = Lookup(table)
    positions = lookup.positions(archs, table.space.rank_many(archs))
    for seed in benchmark.seeds:
        rows = np.array([i for i, seeds in enumerate(recorded) if seed in seeds], dtype=np.int64)
        if not len(rows):
            continue
        failed = diverged_somewhere(lookup.runs(schedule), seed)[positions[rows]]
        at = {"schedule": schedule, "seed": seed}
        found = _of_seed(benchmark, archs[rows], failed, epochs, at)
        places = np.array([recorded[i].index(seed) for i in rows])
        counts = np.array([len(recorded[i]) for i in rows])
        for column in range(n_seeds):
            here = column % counts == places
            values[rows[here], column] = found[here]
    return values, epochs


def _of_seed(
    benchmark: TableBenchmark,
    archs: NDArray[np.int64],
    failed: NDArray[np.bool_],
    epochs: list[int],
    at: dict[str, int],
) -> NDArray[np.float32]:
    """Values of one training each, shape ``(n_archs, n_epochs, n_objectives + 1)``.

    Raises:
        NotRecordedError: The loss of an architecture, or of a training that has not diverged, is
            missing.
    """
    ask, columns = benchmark.query_many, []
    for name in benchmark.objectives:
        rows = [as_loss(benchmark.column(name), ask(archs, name, epoch=e, **at)) for e in epochs]
        losses = np.array(rows)
        is_trained = name in benchmark.columns
        missing = np.isnan(losses) & ~(failed & is_trained)
        if missing.any():
            epoch = epochs[int(missing.any(axis=1).argmax())]
            where = f"at epoch {epoch} of some trainings" if is_trained else "of some architectures"
            raise NotRecordedError(f"{benchmark.name!r} lacks {name!r} {where}")
        columns.append(np.where(np.isnan(losses), np.inf, losses))
    seconds = np.array([ask(archs, SECONDS, epoch=e, **at) for e in epochs])
    if "validation_seconds" in benchmark.columns:
        seconds = seconds + ask(archs, "validation_seconds", epoch=epochs[-1], **at)
    return np.stack([*columns, seconds], axis=-1).transpose(1, 0, 2).astype(np.float32)


def _domain(domains: Any, decision: Decision, space: SearchSpace) -> Any:
    """A decision as a domain of Syne Tune."""
    first = (0,) * len(space.options)
    place = space.decisions.index(decision)
    options = [
        space.to_configuration((*first[:place], option, *first[place + 1 :]))[decision.name]
        for option in range(len(decision.labels))
    ]
    is_ordered = decision.kind != "categorical" and len(options) > 1
    return domains.ordinal(options, kind="equal") if is_ordered else domains.choice(options)
