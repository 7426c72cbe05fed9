"""Figures over benchmarks: average rank along the budget, and critical differences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.boards import Board
from leaderboard.papers.panels import MOST, Panel, Series
from leaderboard.papers.selection import check_count
from leaderboard.statistics import Estimate
from leaderboard.verdict.field import Field, field
from leaderboard.verdict.judge import Verdict, judge
from leaderboard.verdict.pairs import LEAST_TASKS
from leaderboard.verdict.ranks import average_ranks
from leaderboard.verdict.tasks import comparable
from nasbench.errors import InvalidArgumentError, NasbenchError

SHARES = tuple(float(f"{share:.4g}") for share in np.geomspace(0.01, 1.0, 33))
"""Shares of the budget after which ranks are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Average ranks on a line; bars join methods that the tests do not separate.

    Attributes:
        title: Name of the field.
        ranks: Average rank of each method, best first, by marked label, with its interval over
            seeds.
        algorithms: Algorithm of each method, by marked label.
        groups: Marked labels under one bar.
        sentence: The verdict, what it compares, and the meanings of the marks.
    """

    title: str
    ranks: dict[str, Estimate]
    algorithms: dict[str, str]
    groups: tuple[tuple[str, ...], ...]
    sentence: str


def rank_panels(boards: Sequence[Board]) -> tuple[list[Panel], list[str]]:
    """Average rank over benchmarks along the budget, one panel for each set of like boards.

    Returns:
        The panels, and sentences: what each compares, and the meanings of the marks.

    Raises:
        InvalidArgumentError: No set has two methods that share two seeds, or there are too many
            methods.
    """
    found, compared, notes, why = [], [], [], ""
    every: dict[str, None] = {}
    for name, together in comparable(boards):
        try:
            made = field(together, name=name, shares=SHARES, every_task=False)
        except InvalidArgumentError as error:
            why = why or f"{name}: {error}"
            continue
        every |= dict.fromkeys(method.label for method in made.methods)
        check_count(list(every), MOST, "a figure")
        compared.append(named_extent(made))
        notes += made.footnotes
        ranks = average_ranks(made.values)
        order = sorted(range(len(made.methods)), key=lambda i: (ranks[-1][i].mean, i))
        n = len(made.tasks)
        found.append(
            Panel(
                title=f"{n} benchmark{'s' * (n != 1)}, {name}",
                x_title="share of the budget (%)",
                y_title="average rank",
                x_log=True,
                y_log=False,
                best_up=True,
                series=tuple(
                    Series(
                        label=f"{made.methods[i].label}{made.methods[i].mark}",
                        algorithm=made.methods[i].algorithm,
                        x=100 * np.array(SHARES),
                        y=np.array([at[i].mean for at in ranks]),
                        low=np.array([at[i].low for at in ranks]),
                        high=np.array([at[i].high for at in ranks]),
                    )
                    for i in order
                ),
            )
        )
    if not found:
        raise InvalidArgumentError(f"no ranks: {why}")
    return found, list(dict.fromkeys([*compared, *notes]))


def diagrams(boards: Sequence[Board]) -> list[Diagram]:
    """Critical differences, one diagram for each set of like boards that is large enough.

    Raises:
        InvalidArgumentError: None is.
    """
    found, why = [], ""
    for name, together in comparable(boards):
        try:
            verdict = judge(field(together, name=name, every_task=False))
            n_tasks = len(verdict.field.tasks)
            if verdict.tests is None:
                raise InvalidArgumentError(
                    f"critical differences need at least {LEAST_TASKS} benchmarks, not "
                    f"{n_tasks}; the page of a board draws its own rows over their seeds"
                )
        except NasbenchError as error:
            why = why or f"{error} ({name})"
            continue
        found.append(_diagram(verdict, n_tasks))
    if not found:
        raise InvalidArgumentError(why)
    return found


def _diagram(verdict: Verdict, n_tasks: int) -> Diagram:
    about = verdict.field
    marked = {method.label: f"{method.label}{method.mark}" for method in about.methods}
    return Diagram(
        title=f"{n_tasks} benchmarks, {about.name}",
        ranks={marked[standing.label]: standing.rank for standing in verdict.standings},
        algorithms={marked[method.label]: method.algorithm for method in about.methods},
        groups=tuple(tuple(marked[label] for label in group) for group in verdict.groups),
        sentence=" ".join([verdict.sentence, named_extent(about), *about.footnotes]),
    )


def named_extent(compared: Field) -> str:
    """The name of a field and its :func:`extent`, as a sentence."""
    text = f"{compared.name}: {extent(compared)}."
    return text[:1].upper() + text[1:]


def extent(compared: Field) -> str:
    """What a field compares: numbers of methods and seeds, benchmarks, and what is left out."""
    benchmarks = ", ".join(task.partition(", ")[0] for task in compared.tasks)
    text = f"{len(compared.methods)} methods with {len(compared.seeds):,} common seeds on "
    text += benchmarks
    if compared.left_out:
        text += "; left out: "
        text += "; ".join(f"{one.label} ({one.reason})" for one in compared.left_out)
    return text
