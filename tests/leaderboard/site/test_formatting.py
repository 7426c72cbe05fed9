import pytest

from leaderboard.scores import rank
from leaderboard.site.build import build
from leaderboard.site.formatting import (
    Digits,
    columns,
    decimals,
    duration,
    number,
    settings_text,
    time_unit,
)
from leaderboard.statistics import Estimate

pytestmark = pytest.mark.usefixtures("believed")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([12.0], 1),
        ([1.5], 1),
        ([0.32], 2),
        ([5.0, 0.041], 3),
        ([5.0, 1e-9], 4),
        ([2e-5, 4e-4], 6),
        ([4314.0, 0.5], 1),
        ([0.0], 1),
        ([], 1),
    ],
)
def test_decimals_show_two_digits_of_the_smallest_and_five_of_the_largest(values, expected):
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


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 2, "0"),
        (12.0, 2, "12.0"),
        (0.034, 2, "0.034"),
        (91.614, 4, "91.61"),
        (4314.03, 4, "4,314.0"),
        (4.13e-5, 2, "4.1\N{MULTIPLICATION SIGN}10⁻⁵"),
        (-4.13e-12, 2, "-4.1\N{MULTIPLICATION SIGN}10⁻¹²"),
        (1.916e-4, 4, "1.916\N{MULTIPLICATION SIGN}10⁻⁴"),
        (9.96e-5, 2, "1.0\N{MULTIPLICATION SIGN}10⁻⁴"),
    ],
)
def test_numbers_have_significant_digits(value, digits, text):
    assert number(value, digits) == text


def test_small_numbers_have_a_power_of_ten_in_the_unit(home, cells, run):
    losses = [3.2e-5, 4.4e-5, 2.0e-4, 1.0e-3]
    rows = [{"arch": c, "seed": 0, "valid_loss": v} for c, v in zip(cells, losses, strict=True)]
    metadata = home.table(rows, default_objective="valid_loss")
    records = [
        home.record(home.manifest(metadata, algorithm=name), [run([(cells[i], losses[i], 0, 1)])])
        for i, name in ((1, "near"), (2, "far"))
    ]
    (board,) = rank(records)
    by_name = {column.name: column for column in columns(board)}
    assert (by_name["regret"].unit, by_name["regret"].texts) == ("10⁻⁴ nat", ("0.12", "1.68"))
    assert (by_name["final_value"].unit, by_name["final_value"].texts) == (
        "10⁻⁴ nat",
        ("0.44", "2.00"),
    )
    (page,) = build(home.runs, home.runs.parent / "site").parent.glob("boards/*.html")
    text = page.read_text(encoding="utf-8")
    assert "1.2\N{MULTIPLICATION SIGN}10⁻⁵" in text  # the verdict
    assert "3.200\N{MULTIPLICATION SIGN}10⁻⁵" in text  # the optimum
    assert "0.0000" not in text


def test_number_that_is_not_zero_never_looks_like_zero():
    digits = Digits(divisor=1.0, unit="", places=1)
    assert [digits.text(value) for value in (0.0, 4314.0, 0.0004, -0.02)] == [
        "0.0",
        "4,314.0",
        "4.0\N{MULTIPLICATION SIGN}10⁻⁴",
        "-0.020",
    ]


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


def test_small_errors_keep_their_digits(home, run, cells):
    """As the errors of FCNet, some 1e-5."""
    errors = dict(zip(cells, (2.9e-5, 3.3e-5, 8e-5, 3.1e-4), strict=True))
    rows = [{"arch": c, "seed": 0, "valid_loss": value} for c, value in errors.items()]
    metadata = home.table(rows, default_objective="valid_loss")
    runs = [run([(cells[i], errors[cells[i]], 0.0, 0.0)], s) for s, i in enumerate((0, 1, 1, 1))]
    (board,) = rank([home.record(home.manifest(metadata), runs)])
    found = {column.name: column for column in columns(board)}
    assert found["regret"].texts == ("3.0",)
    assert found["regret"].unit == "10⁻⁶ nat"
    assert found["regret"].intervals == ("[1.0, 4.0]",)
    assert (found["final_value"].texts, found["final_value"].unit) == (("3.20",), "10⁻⁵ nat")
    for column in found.values():
        shown = [*column.texts, *column.intervals]
        assert not any(text.strip("[]").startswith("0.0000") for text in shown)


def test_interval_end_that_is_not_zero_never_looks_like_it():
    digits = Digits(1.0, "", 2)
    assert digits.interval(Estimate(0.1, 0.0003, 0.2)) == "[3.0\N{MULTIPLICATION SIGN}10⁻⁴, 0.20]"
    assert digits.interval(Estimate(0.1, 0.0, 0.2)) == "[0.00, 0.20]"


def test_rates_are_percentages(home, small_table, run, cells):
    runs = [run([(cells[i], 40.0 - 10 * i, 0.0, 10.0)], s) for s, i in enumerate((2, 1, 1))]
    (board,) = rank([home.record(home.manifest(small_table), runs)])
    (found,) = (column for column in columns(board) if column.name == "optimum_found")
    assert (found.texts, found.unit, found.intervals) == (("33.3",), "%", ("[6.1, 79.2]",))
