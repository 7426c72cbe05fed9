"""Texts of the command line as values."""

import os

import pytest

from nasbench.cli.parsing import (
    count_processes,
    parse_arch,
    parse_deadline,
    parse_part,
    parse_replicate,
    parse_seeds,
    parse_settings,
)
from nasbench.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "seeds"), [("0:3", [0, 1, 2]), ("7", [7]), ("0:2,9", [0, 1, 9]), (" 1 , 2 ", [1, 2])]
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ":", "1:", ":3", "-1", "3:1", "1.5", "a", "²"])
def test_bad_seeds(text):
    with pytest.raises(InvalidArgumentError):
        parse_seeds(text)


def test_more_seeds_than_anybody_wants():
    assert len(parse_seeds("0:1000000")) == 1_000_000
    with pytest.raises(InvalidArgumentError, match="more than 1,000,000"):
        parse_seeds("0:1000000,7")


def test_settings():
    assert parse_settings(["a=3", "b=0.5", "c=true", "d=each", 'e="3"', " f = x=y "]) == {
        "a": 3, "b": 0.5, "c": True, "d": "each", "e": "3", "f": "x=y",
    }  # fmt: skip
    for text in ("", "a", "=3"):
        with pytest.raises(InvalidArgumentError, match="NAME=VALUE"):
            parse_settings([text])


def test_deadlines_have_a_unit():
    given = {"90s": 90, "9m": 540, "1.5h": 5400, "0s": 0}
    assert {text: parse_deadline(text) for text in given} == given
    wrong = ("", "s", "9", "-1s", "9 m", "1e3s", "٣s", ".5h", "1.h", "9d", "9min", "1" * 10 + "s")
    for text in wrong:
        with pytest.raises(InvalidArgumentError, match="deadline"):
            parse_deadline(text)


def test_parts_count_from_one():
    assert [parse_part(text) for text in ("1/1", "2/8", "8/8")] == [(1, 1), (2, 8), (8, 8)]
    for text in ("", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "1 /2", "a/b", "²/3", "/", "1/"):
        with pytest.raises(InvalidArgumentError, match="shard"):
            parse_part(text)


def test_replicates():
    assert [parse_replicate(text) for text in ("draw", "777", "-1")] == ["draw", 777, "-1"]


def test_architectures_are_numbers_or_left_to_the_space():
    assert parse_arch("3, 3,3,1,3,2") == [3, 3, 3, 1, 3, 2]
    assert parse_arch(' {"width": 16, "rung 1": "conv"}') == {"width": 16, "rung 1": "conv"}
    for text in ("333132", "|none~0|", "a,b,c,d,e,f", "1,1,1,1,1," + "9" * 5000):
        assert parse_arch(text) == text
    with pytest.raises(InvalidArgumentError, match="is no JSON"):
        parse_arch("{3, 3}")


def test_processes():
    assert count_processes(3) == 3
    assert count_processes(None) == len(os.sched_getaffinity(0))
    for wanted in (0, -1):
        with pytest.raises(InvalidArgumentError, match=f"processes = {wanted}"):
            count_processes(wanted)
