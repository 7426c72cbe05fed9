import numpy as np
import pytest

from leaderboard.scores import rank
from leaderboard.verdict.seeds import LEAST_SEEDS, MOST_ROWS, judge_seeds

pytestmark = pytest.mark.usefixtures("believed")


def board(home, metadata, run, cells, choices):
    """A board whose rows chose, by seed, the cells with these numbers; regret 38, 16, 0 and 8."""
    records = [
        home.record(
            home.manifest(metadata, algorithm=name),
            [run([(cells[c], 40.0 - 10 * c, 0.0, 10.0)], seed) for seed, c in enumerate(chosen)],
        )
        for name, chosen in choices.items()
    ]
    (made,) = rank(records)
    return made


def test_rows_that_differ_on_every_seed_are_separated(home, small_table, run, cells):
    n = 20
    same = [0, 3] * (n // 2)
    made = board(
        home, small_table, run, cells, {"best": [2] * n, "worse": same, "also": same[::-1]}
    )
    found = judge_seeds(made)
    assert found.labels[0] == "best"
    assert found.ranks == (1.0, 2.5, 2.5)
    assert found.groups == (("also", "worse"),) or found.groups == (("worse", "also"),)
    assert found.n_seeds == n
    assert found.p < 1e-4


def test_rows_of_chance_form_one_group(home, small_table, run, cells):
    rng = np.random.default_rng(4)
    chosen = {name: rng.integers(0, 4, 40).tolist() for name in ("a", "b", "c", "d")}
    found = judge_seeds(board(home, small_table, run, cells, chosen))
    assert found.p > 0.05
    assert [len(group) for group in found.groups] == [4]


def test_few_rows_or_seeds_are_not_judged(home, small_table, run, cells):
    few = {name: [0] * (LEAST_SEEDS - 1) for name in ("a", "b", "c")}
    assert judge_seeds(board(home, small_table, run, cells, few)) is None


def test_only_the_first_rows_have_part(home, small_table, run, cells):
    many = {f"r{i:02d}": [i % 4] * LEAST_SEEDS for i in range(MOST_ROWS + 3)}
    found = judge_seeds(board(home, small_table, run, cells, many))
    assert (len(found.labels), found.left_out) == (MOST_ROWS, 3)
