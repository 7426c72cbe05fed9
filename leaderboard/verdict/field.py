"""The methods that are compared over benchmarks, and their regrets by task and seed."""

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from leaderboard.boards import FAMILY, REMARK, Board, Row
from leaderboard.labels import labels
from leaderboard.searches import Axis, Search, step_values
from leaderboard.verdict.tasks import fullest, kind, name_of, same_benchmark
from nasbench.errors import InvalidArgumentError, one_of

SHARES = (0.1, 0.3, 1.0)
"""Shares of the budget after which the methods are compared."""

LEAST_SEEDS = 2


@dataclass(frozen=True, slots=True)
class Method:
    """What is compared: an algorithm with its settings.

    Attributes:
        label: Name of the algorithm, and what tells it apart from others of the field.
        algorithm: Name of the algorithm.
        fits_family: Whether it fits the same family of models as the surrogate of a task.
        failed: Runs without a finished training; each counts as a random architecture.
        remark: Why its rows on some tasks say nothing of the algorithm, and on how many; empty for
            most methods.
    """

    label: str
    algorithm: str = ""
    fits_family: bool = False
    failed: int = 0
    remark: str = ""

    @property
    def mark(self) -> str:
        """Marks behind the label, as on the boards; empty for most methods."""
        return FAMILY * self.fits_family + REMARK * bool(self.remark)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A method that is on some task, or a board, that is not in the field.

    Attributes:
        label: Its name.
        reason: Why it cannot be compared.
    """

    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Methods that ran on every task with the same seeds.

    Attributes:
        name: What the verdict is about, such as ``"300 trials"``.
        methods: The methods.
        tasks: Titles of the tasks.
        seeds: The seeds that all methods have on all tasks.
        values: Normalised regret after each of the shares of the budget, shape ``(n_shares,
            n_methods, n_tasks, n_seeds)``: 0 is the best architecture, 1 a random one.
        left_out: The other methods and boards.
        shares: Shares of the budget, ascending; the last is 1.

    Raises:
        InvalidArgumentError: The shape of ``values`` is another, or a value is not finite.
    """

    name: str
    methods: tuple[Method, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    left_out: tuple[LeftOut, ...] = ()
    shares: tuple[float, ...] = SHARES

    def __post_init__(self) -> None:
        shape = (len(self.shares), len(self.methods), len(self.tasks), len(self.seeds))
        if self.values.shape != shape:
            raise InvalidArgumentError(
                f"values have shape {self.values.shape}, expected {shape} for shares, methods, "
                "tasks and seeds"
            )
        if not np.isfinite(self.values).all():
            raise InvalidArgumentError("values must be finite: a failed run has a regret too")

    @property
    def final(self) -> NDArray[np.float64]:
        """Normalised regrets at the end, shape ``(n_methods, n_tasks, n_seeds)``."""
        return np.asarray(self.values[-1])

    @property
    def footnotes(self) -> list[str]:
        """Meanings of the marks of the methods."""
        found = [f"{REMARK} {one.label}: {one.remark}." for one in self.methods if one.remark]
        if any(one.fits_family for one in self.methods):
            found.append(f"{FAMILY} fits the same kind of model as the surrogate of a benchmark.")
        return found


def field(
    boards: Sequence[Board],
    *,
    name: str = "",
    methods: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    shares: tuple[float, ...] = SHARES,
    every_task: bool = True,
) -> Field:
    """The methods of some boards that can be compared over all of them.

    Args:
        boards: The tasks, of one kind, see :func:`~leaderboard.verdict.tasks.comparable`.
        name: Name of the field; default: what the boards have in common.
        methods: Algorithms or labels of the methods wanted; default: all.
        seeds: Seeds to compare; a method without one of them on a task is left out. Default: those
            that all methods on all tasks share.
        shares: Shares of the budget after which the methods are compared; the last must be 1.
        every_task: Whether all boards are tasks. If not, boards with few of the methods are left
            out: of those that remain, the number of tasks times that of methods is the largest,
            if possible of :data:`~leaderboard.verdict.pairs.LEAST_TASKS` tasks.

    Raises:
        InvalidArgumentError: There are no boards, they ask different things, their rows have no
            ranks, two are of one benchmark, fewer than two methods are on all of them, or these
            share fewer than two seeds.
    """
    if not boards:
        raise InvalidArgumentError("a verdict needs at least one board")
    if len({kind(board) for board in boards}) > 1:
        raise InvalidArgumentError(
            f"{boards[0].title!r} and another board do not ask the same: a verdict needs boards "
            "with the same limits, workers, replicate policy, objectives and constraints"
        )
    if boards[0].unranked:
        raise InvalidArgumentError(
            f"{boards[0].title!r} has no ranks. {boards[0].unranked} Run them with --epochs or "
            "--seconds in place of --trials"
        )
    if twins := [pair for pair in combinations(boards, 2) if same_benchmark(*pair)]:
        raise InvalidArgumentError(
            f"{twins[0][0].title!r} and {twins[0][1].title!r} are of one benchmark, which is one "
            "task: choose one of them"
        )
    by_task = [by_identity(board) for board in boards]
    left_out = []
    if not every_task:
        kept = fullest(by_task)
        shared = set.intersection(*(set(by_task[i]) for i in kept))
        left_out = [
            LeftOut(board.title, f"has {len(shared & set(rows))} of the {len(shared)} methods")
            for i, (board, rows) in enumerate(zip(boards, by_task, strict=True))
            if i not in kept
        ]
        boards, by_task = [boards[i] for i in kept], [by_task[i] for i in kept]
    everywhere = [key for key in by_task[0] if all(key in rows for rows in by_task)]
    manifests = [by_task[0][key].records.manifest for key in everywhere]
    names = dict(zip(everywhere, labels(manifests), strict=True))
    if methods is not None:
        everywhere = _wanted(everywhere, names, by_task[0], methods)
    left_out += _absent(by_task, names, methods)
    if seeds is None:
        every = [set(rows[key].seeds) for rows in by_task for key in everywhere]
        common = sorted(set.intersection(*every)) if every else []
    else:
        common = sorted(set(seeds))
        for key in list(everywhere):
            lacking = next(
                (
                    b
                    for b, rows in zip(boards, by_task, strict=True)
                    if not set(common) <= set(rows[key].seeds)
                ),
                None,
            )
            if lacking is not None:
                everywhere.remove(key)
                left_out.append(LeftOut(names[key], f"lacks seeds on {lacking.title}"))
    _check_size(len(everywhere), len(common), boards, left_out)
    chosen = [[_at(rows[key], common) for rows in by_task] for key in everywhere]
    return Field(
        name=name or name_of(boards),
        methods=tuple(
            Method(
                label=names[key],
                algorithm=by_task[0][key].algorithm,
                fits_family=any(rows[key].fits_family for rows in by_task),
                failed=sum(not len(search.times) for runs in searches for search in runs),
                remark=_remark([rows[key] for rows in by_task]),
            )
            for key, searches in zip(everywhere, chosen, strict=True)
        ),
        tasks=tuple(board.title for board in boards),
        seeds=tuple(common),
        values=np.moveaxis(
            np.array(
                [
                    [
                        [_normalised(search, board, shares) for search in runs]
                        for board, runs in zip(boards, searches, strict=True)
                    ]
                    for searches in chosen
                ]
            ),
            -1,
            0,
        ),
        left_out=tuple(left_out),
        shares=shares,
    )


def by_identity(board: Board) -> dict[Hashable, Row]:
    """Rows of a board by what is the same method on every benchmark."""
    found: dict[Hashable, Row] = {}
    for row in board.rows:
        manifest = row.records.manifest
        offered = tuple(board.landscape.benchmark.fidelities)
        fidelities = "all" if manifest.fidelities == offered else manifest.fidelities
        settings = json.dumps(manifest.hyperparameters, sort_keys=True, default=str)
        key = (manifest.algorithm, manifest.preset, settings, manifest.known, manifest.code)
        found.setdefault((*key, fidelities), row)
    return found


def _wanted(
    keys: Sequence[Hashable],
    names: dict[Hashable, str],
    rows: dict[Hashable, Row],
    methods: Sequence[str],
) -> list[Hashable]:
    """The methods asked for, by algorithm or label."""
    known = {names[key] for key in keys} | {rows[key].algorithm for key in keys}
    for method in methods:
        if method not in known:
            raise InvalidArgumentError(
                f"no method {method!r} is on all tasks{one_of(method, known)}"
            )
    return [key for key in keys if {names[key], rows[key].algorithm} & set(methods)]


def _absent(
    by_task: Sequence[dict[Hashable, Row]],
    names: dict[Hashable, str],
    methods: Sequence[str] | None,
) -> list[LeftOut]:
    """The methods that are on some tasks only."""
    counts: Counter[Hashable] = Counter(key for rows in by_task for key in rows)
    rows = {key: row for task in by_task for key, row in task.items()}
    return [
        LeftOut(rows[key].label, f"on {n} of {len(by_task)} tasks")
        for key, n in counts.items()
        if key not in names
        and (methods is None or {rows[key].label, rows[key].algorithm} & set(methods))
    ]


def _check_size(
    n_methods: int, n_seeds: int, boards: Sequence[Board], left_out: Sequence[LeftOut]
) -> None:
    if n_methods < 2:
        reasons = "; ".join(f"{left.label}: {left.reason}" for left in left_out[:5])
        raise InvalidArgumentError(
            f"a verdict needs at least 2 methods on all of {len(boards)} tasks, not {n_methods}"
            + (f" ({reasons})" if reasons else "")
        )
    if n_seeds < LEAST_SEEDS:
        raise InvalidArgumentError(
            f"the methods share {n_seeds} seeds on all tasks; a verdict needs at least "
            f"{LEAST_SEEDS}: run all methods with the same seeds"
        )


def _remark(rows: Sequence[Row]) -> str:
    """What the boards say against the rows of a method, and on how many."""
    counts = Counter(row.remark for row in rows if row.remark)
    return "; ".join(f"{text} (on {n} of {len(rows)} tasks)" for text, n in counts.items())


def _at(row: Row, seeds: Sequence[int]) -> list[Search]:
    by_seed = dict(zip(row.seeds, row.searches, strict=True))
    return [by_seed[seed] for seed in seeds]


def _normalised(search: Search, board: Board, shares: Sequence[float]) -> list[float]:
    """Normalised regret of a run after each of some shares of the budget."""
    question = board.question
    limits: dict[Axis, float | None] = {
        "evaluations": question.trials,
        "epochs": question.epochs,
        "seconds": question.seconds,
    }
    used = np.max(
        [search.steps(axis) / limit for axis, limit in limits.items() if limit is not None], axis=0
    )
    levels = np.append(search.before, search.regrets) / (search.before or 1.0)
    found: list[float] = step_values(used, levels, np.array(shares)).tolist()
    return found
