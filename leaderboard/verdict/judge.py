"""The verdict itself, and the one sentence that states it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from scipy.stats import rankdata

from leaderboard.labels import some_of
from leaderboard.statistics import Estimate
from leaderboard.verdict.field import Field
from leaderboard.verdict.pairs import (
    ALPHA,
    LEAST_TASKS,
    Pair,
    compare,
    groups,
    separate,
    smallest_p,
)
from leaderboard.verdict.ranks import Friedman, average_ranks, friedman, inter_quartile_means


@dataclass(frozen=True, slots=True)
class Standing:
    """One method in the verdict.

    Attributes:
        label: Its label.
        place: Its place by average rank, from 1; methods with equal ones share the mean of theirs.
        rank: Average rank over tasks at the end of the budget, with its interval over seeds.
        iqm: Inter-quartile mean of the normalised regret of all runs, with its interval.
    """

    label: str
    place: float
    rank: Estimate
    iqm: Estimate


@dataclass(frozen=True, slots=True)
class Place:
    """Average rank of a method after a share of the budget.

    Attributes:
        label: Label of the method.
        share: Share of the budget, from 0 to 1.
        rank: Average rank over tasks, with its interval over seeds.
    """

    label: str
    share: float
    rank: Estimate


@dataclass(frozen=True, slots=True)
class Tests:
    """Tests over tasks.

    Attributes:
        friedman: Whether the methods differ at all.
        differ: Whether they do at the level :data:`leaderboard.verdict.pairs.ALPHA`.
        smallest_p: The smallest p-value that so many tasks can give a pair.
        can_separate: Whether that is small enough for any pair after Holm's correction.
        needed_tasks: Tasks that would be enough.
    """

    friedman: Friedman
    differ: bool
    smallest_p: float
    can_separate: bool
    needed_tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How the methods of a field compare over its tasks.

    Attributes:
        field: The field; the verdict holds for no other.
        standings: The methods by average rank at the end.
        profile: Average ranks after each share of the budget, by share, then as ``standings``.
        pairs: All pairs of methods, the better one first, as ``standings``.
        tests: Tests over tasks; None for fewer than 5 tasks.
        groups: Methods that are not separated, see :func:`leaderboard.verdict.pairs.groups`; empty
            without tests.
        sentence: The verdict in one sentence.
    """

    field: Field
    standings: tuple[Standing, ...]
    profile: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    tests: Tests | None
    groups: tuple[tuple[str, ...], ...]
    sentence: str


def judge(field: Field) -> Verdict:
    """Compare the methods of a field over its tasks."""
    values = field.final
    ranks = average_ranks(field.values)
    names = [method.label for method in field.methods]
    means = values.mean(axis=(1, 2)).tolist()
    order = sorted(range(len(names)), key=lambda i: (ranks[-1][i].mean, means[i], names[i]))
    labels = [names[i] for i in order]
    ordered = values[order]
    pairs = compare(labels, ordered)
    tests = None
    if len(field.tasks) >= LEAST_TASKS:
        tests = _tests(field)
        pairs = separate(pairs, ordered, differ=tests.differ)
    iqms = inter_quartile_means(ordered)
    places = rankdata([ranks[-1][i].mean for i in order]).tolist()
    standings = tuple(
        Standing(names[i], place, ranks[-1][i], iqm)
        for i, place, iqm in zip(order, places, iqms, strict=True)
    )
    return Verdict(
        field=field,
        standings=standings,
        profile=tuple(
            Place(names[i], share, at[i])
            for share, at in zip(field.shares, ranks, strict=True)
            for i in order
        ),
        pairs=tuple(pairs),
        tests=tests,
        groups=() if tests is None else tuple(groups(labels, pairs)),
        sentence=_sentence(field, standings, pairs, tests),
    )


def _tests(field: Field) -> Tests:
    n_tasks, k = len(field.tasks), len(field.methods)
    test = friedman(field.final.mean(axis=2))
    level = ALPHA / (k * (k - 1) / 2)
    return Tests(
        friedman=test,
        differ=bool(test.f_p <= ALPHA),
        smallest_p=smallest_p(n_tasks),
        can_separate=smallest_p(n_tasks) <= level,
        needed_tasks=max(LEAST_TASKS, ceil(1 - log2(level))),
    )


def _sentence(
    field: Field, standings: Sequence[Standing], pairs: Sequence[Pair], tests: Tests | None
) -> str:
    marked = {method.label: f"{method.label}{method.mark}" for method in field.methods}
    first = [one for one in standings if one.place == standings[0].place]
    names, rank = {one.label for one in first}, first[0].rank
    n, k = len(field.tasks), len(standings)
    several = len(first) > 1
    has, them, are = ("share", "them", "are") if several else ("has", "it", "is")
    interval = "" if several or np.isnan(rank.low) else f", {rank.low:.2f} to {rank.high:.2f}"
    lead = (
        f"Over {n} task{'' if n == 1 else 's'} with {len(field.seeds):,} seeds each "
        f"({field.name}), {some_of([marked[one.label] for one in first])} {has} the best average "
        f"rank of {k} methods ({rank.mean:.2f}{interval})"
    )
    if tests is None:
        return f"{lead}, but a test over benchmarks needs at least {LEAST_TASKS} tasks."
    if not tests.differ:
        return (
            f"{lead}, but the methods do not differ significantly (Friedman test with the "
            f"correction of Iman and Davenport, p = {tests.friedman.f_p:.2g})."
        )
    if not tests.can_separate:
        return (
            f"{lead}; the methods differ, but {n} tasks cannot separate any two of {k} methods: "
            f"that needs at least {tests.needed_tasks} tasks."
        )
    close = {
        pair.second
        for pair in pairs
        if pair.first in names and pair.second not in names and not pair.separated
    }
    level = [marked[one.label] for one in standings if one.label in close]
    if not level:
        return f"{lead} and {are} separated from every other method."
    if len(level) == k - len(first):
        return f"{lead}, but the tests separate {them} from no other method."
    return f"{lead}; the tests separate {them} from all but {some_of(level)}."
