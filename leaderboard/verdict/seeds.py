"""Critical differences within one benchmark: the seeds of a board as blocks.

Rows of a board that share their seeds are ranked seed by seed, and told apart by Wilcoxon's test
over seeds with Holm's correction, after Friedman's test. That says which rows differ on this
benchmark, not which methods differ elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from leaderboard.boards import Board
from leaderboard.statistics import Estimate
from leaderboard.verdict.pairs import ALPHA, Pair, groups, holm, wilcoxon
from leaderboard.verdict.ranks import friedman

LEAST_ROWS, LEAST_SEEDS, MOST_ROWS = 3, 20, 20
"""Rows and common seeds from which on the tests are made; and rows, the first ones, that have part.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedVerdict:
    """Rows of a board, ranked seed by seed.

    Attributes:
        labels: The rows by average rank.
        ranks: Average rank of each.
        groups: Longest stretches of rows that the tests do not separate, see
            :func:`leaderboard.verdict.pairs.groups`.
        n_seeds: Number of common seeds.
        p: P-value of Friedman's test with the correction of Iman and Davenport.
        left_out: Number of rows further down, which have no part.
    """

    labels: tuple[str, ...]
    ranks: tuple[float, ...]
    groups: tuple[tuple[str, ...], ...]
    n_seeds: int
    p: float
    left_out: int


def judge_seeds(board: Board) -> SeedVerdict | None:
    """Tell the first rows of a board apart; None without ranks, or with too few rows or seeds."""
    if board.unranked:
        return None
    rows = board.rows[:MOST_ROWS]
    common = sorted(set.intersection(*(set(row.seeds) for row in rows)))
    if len(rows) < LEAST_ROWS or len(common) < LEAST_SEEDS:
        return None
    values = np.empty((len(rows), len(common)))
    for i, row in enumerate(rows):
        by_seed = dict(zip(row.seeds, row.searches, strict=True))
        values[i] = [by_seed[seed].regret for seed in common]
    ranks = stats.rankdata(values, axis=0).mean(axis=1)
    order = np.argsort(ranks, kind="stable")
    labels = [rows[i].label for i in order.tolist()]
    p = friedman(values).f_p
    one, two = np.triu_indices(len(rows), 1)
    ordered = values[order]
    adjusted = holm(wilcoxon(ordered[two] - ordered[one]))
    unknown = Estimate(np.nan, np.nan, np.nan)
    pairs = [
        Pair(
            first=labels[i],
            second=labels[j],
            wins=0,
            ties=0,
            losses=0,
            effect=np.nan,
            improvement=unknown,
            separated=p <= ALPHA and share <= ALPHA,
        )
        for i, j, share in zip(one.tolist(), two.tolist(), adjusted.tolist(), strict=True)
    ]
    return SeedVerdict(
        labels=tuple(labels),
        ranks=tuple(ranks[order].tolist()),
        groups=tuple(groups(labels, pairs)),
        n_seeds=len(common),
        p=p,
        left_out=len(board.rows) - len(rows),
    )
