import math
from dataclasses import replace

import numpy as np
import pytest

from leaderboard import COLUMNS
from leaderboard.boards import Score
from leaderboard.papers.selection import Selection
from leaderboard.papers.tables import tables
from leaderboard.scores import rank
from leaderboard.site.formatting import columns
from nasbench.errors import MissingExtraError
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records

pytestmark = pytest.mark.usefixtures("believed")


def trials(*cells, seconds=10.0):
    """A sequential run; the loss of a cell is that of the table of four cells."""
    return [
        (cell, 40.0 - 10 * cell[0], seconds * i, seconds * (i + 1)) for i, cell in enumerate(cells)
    ]


@pytest.fixture
def board(home, small_table, run, cells):
    a, b, c, d = cells
    quick = home.manifest(small_table, hyperparameters={"replacement": False})
    home.record(quick, [run(trials(c, b, a, b), 0), run(trials(a, c, b, b), 1)])
    slow = home.manifest(small_table, algorithm="local_search", hyperparameters={})
    home.record(slow, [run(trials(a, b, b, d), 0), run(trials(a, a, a, b), 1)])
    (made,) = rank(find_records(home.runs))
    return made


def test_every_registered_column_is_a_score_with_a_description():
    for name in COLUMNS:
        column = COLUMNS.load(name)
        assert isinstance(column, Score)
        assert column.description.endswith(".")


def test_rows_are_ranked_by_mean_regret(board):
    assert [(row.rank, row.label) for row in board.rows] == [
        (1, "random_search"),
        (2, "local_search"),
    ]
    assert [row.regret.mean for row in board.rows] == [0, (8 + 16) / 2]
    assert [row.seeds for row in board.rows] == [(0, 1), (0, 1)]


def test_columns_are_the_closed_forms(board):
    slow = board.rows[1].scores
    assert board.window == (10, 40)
    assert slow["final_value"].mean == (80 + 72) / 2
    assert slow["validation_regret"].mean == (0 + 20) / 2
    assert slow["normalised_regret"].mean == pytest.approx(12 / 15.5)
    assert slow["evaluations"].mean == 4
    assert slow["simulated_seconds"].mean == 40
    first = (38 * math.log(2) + 16 * math.log(2)) / math.log(4)
    second = 38.0
    assert slow["anytime_area"].mean == pytest.approx((first + second) / 2 / 15.5)


def test_rates_and_targets_are_shares_of_searches_and_of_targets(board):
    first, second = (row.scores for row in board.rows)
    assert (first["optimum_found"].mean, second["optimum_found"].mean) == (1, 0)
    assert first["optimum_found"].low == pytest.approx(2 / (2 + 1.959964**2), rel=1e-5)  # Wilson
    targets = board.landscape.targets
    assert (targets[0], targets[-1]) == (15.5, 8)
    assert first["targets_reached"].mean == 1
    assert second["targets_reached"].mean == pytest.approx((1 + 0) / 2)


def test_summary_is_of_the_regret(board):
    summary = board.rows[1].summary
    assert summary.mean == board.rows[1].regret
    assert summary.median.mean == summary.iqm.mean == 12


def test_titles_say_what_is_measured(board):
    assert board.title_of("regret") == "Test regret"
    assert board.title_of("final_value") == "Final test accuracy"


def test_random_search_is_expected_after_the_budget(board):
    assert board.random_evaluations == 4
    best = [(4 - i) ** 4 - (3 - i) ** 4 for i in range(4)]
    regrets = [8, 0, 16, 38]  # of the cells from the highest to the lowest validation accuracy
    assert board.random_regret == pytest.approx(np.dot(best, regrets) / 4**4)


def test_gap_is_compared_seed_by_seed(board):
    best, slow = board.rows
    assert (best.gap.mean, best.gap.low, best.gap.high, best.tied) == (0, 0, 0, False)
    assert (slow.gap.mean, slow.common_seeds) == (12, 2)
    assert slow.gap.low == pytest.approx(8)
    assert not slow.tied


def test_row_that_cannot_be_separated_is_tied(home, small_table, run, cells):
    _, b, c, d = cells
    outcomes = {"random_search": [c, d, b, c], "local_search": [d, c, c, b]}
    for algorithm, finals in outcomes.items():
        manifest = home.manifest(small_table, algorithm=algorithm)
        home.record(manifest, [run(trials(cell), seed) for seed, cell in enumerate(finals)])
    single = home.manifest(small_table, algorithm="regularized_evolution")
    home.record(single, [run(trials(b), 0)])
    (board,) = rank(find_records(home.runs))
    assert [row.tied for row in board.rows] == [False, True, True]
    assert math.isnan(board.rows[2].regret.low)


def test_columns_that_do_not_apply_are_left_out(home, run, cells):
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0]} for c in cells]
    metadata = home.table(rows)
    record = home.record(home.manifest(metadata), [run([(cells[0], 50.0, 0.0, 0.0)])])
    (board,) = rank([record])
    assert list(board.columns) == [
        "regret",
        "final_value",
        "normalised_regret",
        "targets_reached",
        "optimum_found",
        "evaluations",
    ]
    assert board.title_of("regret") == "Validation regret"


def test_a_column_that_one_row_lacks_is_shown_for_the_others(board, monkeypatch):
    """A value that is not finite is a dash, and does not make the column go."""
    whole, lost = (row.records for row in board.rows)
    column = COLUMNS.load("validation_regret")

    def of(search):
        return column.of(search) if search.regret == 0 else math.inf

    monkeypatch.setattr("leaderboard.columns.validation_regret", replace(column, of=of))
    (made,) = rank([whole, lost])
    first, second = made.rows
    assert "validation_regret" in made.columns
    assert "validation_regret" not in second.scores
    (text,) = (text for text in columns(made) if text.name == "validation_regret")
    assert text.texts[1] == "\N{EN DASH}"
    assert text.keys == (first.scores["validation_regret"].mean, "")
    (table,) = tables(Selection((made,), ()), ["validation_regret"])
    cells = {line.label: line.cells[0] for line in table.lines}
    assert cells[second.label] is None
    assert cells[first.label].best


def test_rows_that_are_equal_to_the_last_digit_are_first_together(home, small_table, run, cells):
    orders = {"slow": (0, 1, 2, 3), "one": (1, 2, 3), "other": (1, 2, 3), "worse": (0, 1)}
    for name, order in orders.items():
        made = [run(trials(*(cells[i] for i in order)))]
        home.record(home.manifest(small_table, algorithm=name), made)
    (board,) = rank(find_records(home.runs))
    assert [row.algorithm for row in board.first] == ["one", "other"]
    assert board.rows[2].regret.mean == board.rows[0].regret.mean


@pytest.mark.parametrize(
    ("budget", "workers", "window", "evaluations"),
    [
        ({"trials": 40}, 4, (10, 100), 40),
        ({"trials": None, "epochs": 7}, 1, (10, 35), 3),
        ({"trials": None, "seconds": 90}, 3, (10, 90), None),
        ({"trials": 2, "epochs": 100, "seconds": None}, 1, (10, 20), 2),
        ({"trials": None, "epochs": 1}, 1, (10, 5), 0),
    ],
)
def test_budget_sets_the_window_and_the_evaluations(
    home, small_table, run, cells, budget, workers, window, evaluations
):
    manifest = home.manifest(small_table, budget=budget, workers=workers)
    (board,) = rank([home.record(manifest, [run(trials(cells[0]))])])
    assert board.window == window
    assert board.random_evaluations == evaluations
    assert (board.random_regret is None) == (not evaluations)
    assert ("anytime_area" in board.columns) == (window[0] < window[1])


def test_run_without_a_trial_is_scored(home, small_table, run, cells):
    manifest = home.manifest(small_table)
    (board,) = rank([home.record(manifest, [run([], 0), run(trials(cells[2]), 1)])])
    assert board.rows[0].seeds == (0, 1)
    assert board.rows[0].regret.mean == (15.5 + 0) / 2


def test_content_hash_is_that_of_the_trials(home, small_table, run, cells):
    records = [
        home.record(home.manifest(small_table, algorithm=name), [run(trials(*cells[:n]))])
        for name, n in (("random_search", 2), ("local_search", 2), ("other", 3))
    ]
    (board,) = rank(records)
    by_name = {row.algorithm: row.content_hash for row in board.rows}
    assert by_name["random_search"] == by_name["local_search"] != by_name["other"]


def test_progress_counts_records(home, small_table, run, cells):
    records = [
        home.record(home.manifest(small_table, algorithm=name), [run(trials(cells[0]))])
        for name in ("a", "b", "c")
    ]
    done = []
    rank(records, progress=done.append)
    assert sum(done) == 3


def test_ranking_needs_no_optional_dependency(home, small_table, run, cells, monkeypatch):
    def refuse(module, purpose):
        raise MissingExtraError(purpose)

    monkeypatch.setattr("nasbench.registry.require", refuse)
    rank([home.record(home.manifest(small_table), [run(trials(cells[0]))])])


def test_replayed_random_search_agrees_with_the_exact_expectation(home, whole):
    record = home.search("random_search", whole, 60, budget=Budget(trials=20))
    (board,) = rank([record])
    regrets = np.array([search.regret for search in board.rows[0].searches])
    error = regrets.std(ddof=1) / math.sqrt(len(regrets))
    assert abs(regrets.mean() - board.random_regret) < 4 * error
