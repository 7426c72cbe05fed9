import numpy as np
import pytest

from leaderboard.curves import RANDOM, drawn
from leaderboard.scores import rank
from leaderboard.site.plots import MEAN, ONCE, linear_below, plots, style, ticks

pytestmark = pytest.mark.usefixtures("believed")


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


def test_looks_of_rows_do_not_repeat():
    looks = [tuple(style(place).values()) for place in range(192)]
    assert len(set(looks)) == 192
    assert len({hue for hue, _, _ in looks[:8]}) == 8
    assert {(dash, marker) for _, dash, marker in looks[:8]} == {("solid", "")}
    assert {marker for _, _, marker in looks[:32]} == {""}


def board_of(home, metadata, runs):
    (board,) = rank([home.record(home.manifest(metadata), runs)])
    return plots(board, drawn(board), {"random_search": style(3)})


def test_plots_hold_the_curves_with_units(home, small_table, run, cells):
    runs = [run([(cells[i], 40.0 - 10 * i, 0.0, 10.0)], seed) for seed, i in enumerate((0, 1))]
    seconds, evaluations, epochs = board_of(home, small_table, runs)
    assert epochs["x"]["title"] == "epochs"
    assert seconds["x"]["title"] == "simulated time (seconds)"
    assert evaluations["x"]["title"] == "evaluations"
    assert seconds["y"]["title"] == "test regret (pp)"
    assert seconds["y"]["linear_below"] is None
    (series,) = seconds["series"]
    assert (series["name"], series["style"], series["y"]) == ("random_search", style(3), [27.0])
    assert len(series["low"]) == len(series["high"]) == len(series["x"])
    reference = evaluations["series"][-1]
    assert (reference["name"], reference["style"], reference["low"]) == (RANDOM, None, [])


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
