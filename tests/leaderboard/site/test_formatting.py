import pytest

from leaderboard.scores import rank
from leaderboard.site.formatting import columns, decimals, duration, settings_text, time_unit


@pytest.mark.parametrize(
    ("values", "expected"),
    [([12.0], 1), ([1.5], 1), ([0.32], 2), ([5.0, 0.041], 3), ([1e-9], 4), ([0.0], 1), ([], 1)],
)
def test_decimals_show_two_digits_of_the_smallest(values, expected):
    assert decimals(values) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.50 seconds"),
        (90, "90 seconds"),
        (1828, "30 minutes"),
        (10_800, "3.0 hours"),
        (913_993, "11 days"),
        (86_400 * 1234, "1,234 days"),
    ],
)
def test_durations_are_handy(seconds, text):
    assert duration(seconds) == text


def test_time_unit_is_the_largest_that_fits_twice():
    assert time_unit(7199)[1] == "minutes"
    assert time_unit(7200) == (3600, "hours")


@pytest.fixture
def board(home, small_table, run, cells):
    runs = [run([(cells[i], 40.0 - 10 * i, 0.0, 10.0)], seed) for seed, i in enumerate((0, 1, 2))]
    single = home.manifest(
        small_table, algorithm="local_search", preset="fast", hyperparameters={"a": 1, "b": True}
    )
    records = [home.record(home.manifest(small_table), runs), home.record(single, runs[:1])]
    (made,) = rank(records)
    return made


def test_columns_are_texts_with_units_and_intervals(board):
    by_name = {column.name: column for column in columns(board)}
    regret = by_name["regret"]
    assert (regret.title, regret.unit, regret.goal) == ("Test regret", "pp", "min")
    assert regret.texts == ("18.0", "38.0")
    assert regret.intervals[0].startswith("[0.0, ")
    assert regret.intervals[1] == ""
    assert by_name["final_value"].unit == "%"
    assert by_name["final_value"].texts == ("70.00", "50.00")
    assert by_name["evaluations"].texts == ("1", "1")
    assert (by_name["simulated_seconds"].unit, by_name["simulated_seconds"].texts[0]) == (
        "seconds",
        "10.0",
    )


def test_settings_are_in_one_line(board):
    assert [settings_text(row) for row in board.rows] == [
        "replacement yes",
        "preset fast, a 1, b yes",
    ]
