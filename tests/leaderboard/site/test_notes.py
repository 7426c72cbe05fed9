import pytest

from leaderboard.scores import rank
from leaderboard.site import notes

pytestmark = pytest.mark.usefixtures("believed")

NAN = float("nan")


def board_of(home, metadata, *records, **changes):
    made = [
        home.record(home.manifest(metadata, algorithm=f"a{i}", **changes), runs)
        for i, runs in enumerate(records)
    ]
    (board,) = rank(made)
    return board


def said(board):
    return " ".join(notes.warnings(board))


@pytest.fixture
def chose(run, cells):
    """``chose(cell, seed)`` is a run that trains one of the four cells."""
    return lambda cell, seed=0: run([(cells[cell], 40.0 - 10 * cell, 0.0, 10.0)], seed)


def test_test_board_says_that_validation_chose(home, small_table, chose):
    board = board_of(home, small_table, [chose(0)])
    assert "saw only validation accuracy" in notes.method(board)


def test_board_without_test_says_so(home, cells, chose):
    metadata = home.table([{"arch": c, "seed": 0, "valid_accuracy": 60 + c[0]} for c in cells])
    assert "no test column" in notes.method(board_of(home, metadata, [chose(0)]))


def test_board_that_was_selected_on_test_says_so(home, small_table, chose):
    board = board_of(home, small_table, [chose(0)], objectives=["test_accuracy"])
    assert notes.method(board).startswith("Selected on test")


def test_rows_below_exhaustive_search_are_counted(home, small_table, chose):
    # One training of every cell shows the same as the mean: both end at 88 - 80 = 8 points.
    board = board_of(home, small_table, [chose(2)], [chose(1)], [chose(3)])
    assert [row.regret.mean for row in board.rows] == [0, 8, 16]
    assert "trains every architecture once would end at 8.0 pp" in said(board)
    assert "a reference, not a limit" in said(board)
    assert said(board).count("1 of 3 rows is below it.") == 2


def test_no_row_is_below_exhaustive_search(home, small_table, chose):
    board = board_of(home, small_table, [chose(1)], [chose(0)])
    assert "Exhaustive search that trains every architecture once" in said(board)
    assert "below it" not in said(board)


def test_no_noise_where_trials_see_the_mean(home, small_table, chose):
    board = board_of(home, small_table, [chose(1)], replicate="mean")
    assert "trains every architecture once" not in said(board)
    assert notes.replicate(board) == "mean of the recorded trainings"


def test_few_and_unequal_seeds_are_warned_of(home, small_table, chose):
    one = board_of(home, small_table, [chose(1)])
    assert "no interval" in said(one)
    few = board_of(home, small_table, [chose(1, s) for s in range(3)], budget={"trials": 9})
    assert "only 3 seeds" in said(few)
    unequal = board_of(
        home,
        small_table,
        [chose(1, s) for s in range(20)],
        [chose(1, s) for s in range(5, 30)],
        budget={"trials": 8},
    )
    assert "different seeds" in said(unequal)
    assert "only" not in said(unequal)
    assert notes.seeds(unequal) == "20 to 25 per row"


def test_runs_that_could_have_gone_on_are_counted(home, small_table, chose):
    early = board_of(home, small_table, [chose(1, 0), chose(2, 1)], budget={"trials": 2})
    assert "another full training fits their budget: 2 of 2 of a0." in said(early)
    for budget in ({"trials": 1}, {"epochs": 1}, {"seconds": 99.0}):
        whole = board_of(home, small_table, [chose(1)], budget=budget)
        assert "another full training fits" not in said(whole)
    epochs = board_of(home, small_table, [chose(1)], budget={"epochs": 99})
    assert "1 of 1 of a0" in said(epochs)
    shared = board_of(home, small_table, [chose(1)], budget={"trials": 3}, weight_sharing=True)
    assert "another full training fits" not in said(shared)


def test_what_counts_as_something_else_is_counted(home, cells, run, chose):
    rows = [{"arch": c, "seed": s, "valid_accuracy": 60 + c[0]} for c in cells[:3] for s in (0, 1)]
    rows[1] |= {"valid_accuracy": NAN, "status": "diverged"}
    board = board_of(home, home.table(rows), [chose(1), run([], 1)])
    assert "1 of the runs ended without a finished training" in said(board)
    assert "1 of the architectures have a recorded training that diverged" in said(board)
    assert "holds 3 architectures, not the whole space" in said(board)
    assert "no training times" in said(board)


def test_points_have_a_unit(home, small_table, chose):
    board = board_of(home, small_table, [chose(1)])
    assert [notes.points(board, value) for value in (0.0, 0.034, 12.0)] == [
        "0 pp",
        "0.034 pp",
        "12.0 pp",
    ]
