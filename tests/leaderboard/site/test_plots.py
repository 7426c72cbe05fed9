import numpy as np
import pytest

from leaderboard.curves import RANDOM, drawn
from leaderboard.scores import rank
from leaderboard.site.looks import looks
from leaderboard.site.plots import FRONT, MEAN, ONCE, fronts, linear_below, plots, ticks
from leaderboard.site.shown import shown
from nasbench.runs.run import NONE, Run

pytestmark = pytest.mark.usefixtures("believed")

LOOKS = looks([("random_search", "random_search")])


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        ([3.0, 0.2], None),
        ([3.0, 0.2, 0.0], 0.1),
        ([0.0, 0.034], 0.01),
        ([0.0, 1.0], 1.0),
        ([0.0, 0.0], 1.0),
        ([np.nan, 5.0], None),
        ([np.nan], None),
    ],
)
def test_axis_becomes_linear_where_a_zero_must_be_shown(values, threshold):
    assert linear_below(np.array(values)) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 100, [1, 2, 5, 10, 20, 50, 100]),
        (0.03, 8, [0.05, 0.1, 0.2, 0.5, 1, 2, 5]),
        (1, 50_000, [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000]),
        (1e-14, 1e-13, [1e-14, 2e-14, 5e-14, 1e-13]),
        (0.001, 1e6, [0.001, 0.01, 0.1, 1, 10, 100, 1000, 1e4, 1e5, 1e6]),
    ],
)
def test_ticks_are_round_and_few(low, high, expected):
    found = ticks(low, high)
    assert set(found) <= set(expected)
    assert len(found) >= len(expected) / 2
    assert found == sorted(found)


def board_of(home, metadata, runs):
    (board,) = rank([home.record(home.manifest(metadata), runs)])
    return plots(board, drawn(board), LOOKS)


def test_plots_hold_the_curves_with_units(home, small_table, run, cells):
    runs = [run([(cells[i], 40.0 - 10 * i, 0.0, 10.0)], seed) for seed, i in enumerate((0, 1))]
    seconds, evaluations, epochs = board_of(home, small_table, runs)
    assert epochs["x"]["title"] == "epochs"
    assert seconds["x"]["title"] == "simulated time (seconds)"
    assert evaluations["x"]["title"] == "evaluations"
    assert seconds["y"]["title"] == "test regret (pp)"
    assert seconds["y"]["linear_below"] is None
    (series,) = seconds["series"]
    assert (series["name"], series["y"], series["lead"]) == ("random_search", [27.0], True)
    assert series["look"] == LOOKS["random_search"]
    assert len(series["low"]) == len(series["high"]) == len(seconds["grids"][series["x"]])
    reference = evaluations["series"][-1]
    assert (reference["name"], reference["look"], "low" in reference) == (RANDOM, None, False)


def test_zero_regret_is_inside_the_axis(home, small_table, run, cells):
    trials = [(cells[0], 40.0, 0.0, 10.0), (cells[2], 20.0, 10.0, 20.0)]
    for plot in board_of(home, small_table, [run(trials)]):
        assert plot["series"][0]["y"][-1] == 0
        assert plot["y"]["range"][0] == 0
        assert plot["y"]["linear_below"] > 0
        assert plot["y"]["ticks"][0] == 0


def test_reference_lines_are_drawn_where_they_are_in_sight(home, small_table, run, cells):
    trials = [(cells[0], 40.0, 0.0, 10.0), (cells[2], 20.0, 10.0, 20.0)]
    plot = board_of(home, small_table, [run(trials)])[0]
    lines = {line["name"]: line["y"] for line in plot["lines"]}
    assert lines == {ONCE: 8.0, MEAN: 8.0}


def test_all_runs_at_the_optimum_can_be_drawn(home, small_table, run, cells):
    for plot in board_of(home, small_table, [run([(cells[2], 20.0, 0.0, 10.0)])]):
        assert plot["y"]["range"][0] == 0
        assert plot["y"]["linear_below"]


def test_only_the_first_rows_of_a_large_board_stand_out(home, small_table, run, cells):
    records = [
        home.record(home.manifest(small_table, algorithm=f"a{i}"), [run([(cells[0], 40.0, 0, 10)])])
        for i in range(9)
    ]
    (made,) = shown(list(rank(records)), {})
    series = plots(made.board, made.curves, made.looks)[1]["series"]
    assert [one["lead"] for one in series] == [True] * 5 + [False] * 4 + [True]


def test_fronts_are_those_of_the_run_with_the_middle_regret(home, small_table, run, cells):
    """By hand: validation 60, 70, 80, 90 and seconds 10 for all, so one cell dominates."""
    both = ["valid_accuracy", "seconds"]
    manifest = home.manifest(small_table, objectives=both)

    def pair(cell, loss, seed):
        rows = [(cell, 2, NONE, 0, (loss, 10.0), 0.0, 10.0, 0.0)]
        return Run.from_rows(rows, [0.0], seed=seed, n_decisions=6, n_objectives=2)

    worst, middle, best = (pair(cells[i], 40.0 - 10 * i, s) for s, i in enumerate((0, 1, 3)))
    (made,) = rank([home.record(manifest, [worst, middle, best])])
    (plot,) = fronts(made, {"random_search": LOOKS["random_search"]})
    row, whole = plot["series"]
    assert (whole["name"], whole["look"]) == (FRONT, None)
    assert len(row["y"]) == 1
    assert made.landscape.reported.scaled(np.array([cells[1]]))[0] == pytest.approx(
        [row["at"][0], row["y"][0]]
    )
    single = home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    assert fronts(next(iter(rank([single]))), {}) == []
