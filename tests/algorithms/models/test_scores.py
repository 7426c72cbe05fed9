import math
import random

import numpy as np
import pytest

from algorithms.models.scores import Scores, ranks
from nasbench.errors import InvalidArgumentError

NAN = math.nan


def test_ranks_are_written_out():
    scores = np.array([[5.0, 1.0], [7.0, NAN], [NAN, 1.0], [5.0, NAN], [-math.inf, 2.0]])
    expected = np.array([[1.5, 1.5], [0, 3.5], [4, 1.5], [1.5, 3.5], [3, 0]]) / 4
    np.testing.assert_array_equal(ranks(scores), expected)


def test_one_row_has_rank_zero_and_a_column_of_nan_does_not_decide():
    assert ranks(np.array([[3.0, NAN]])).tolist() == [[0.0, 0.0]]
    assert len(set(ranks(np.full((5, 1), NAN)).ravel())) == 1


TABLE = {(0,): (1.0, 9.0), (1,): (3.0, NAN), (2,): (2.0, 8.0), (3,): (NAN, 10.0)}


@pytest.mark.parametrize(
    ("options", "best_first"),
    [
        ({"rank": "first"}, [1, 2, 0, 3]),
        ({"rank": "first", "lower_is_better": [0]}, [0, 2, 1, 3]),
        ({"rank": "vote", "lower_is_better": [0]}, [0, 2, 3, 1]),
    ],
)
def test_the_order_by_scores(options, best_first):
    scores = Scores(TABLE.get, **({"lower_is_better": None} | options))
    found = scores.ordered(list(TABLE), random.Random(1))
    if options["rank"] == "vote":  # mean ranks of 0..3: 0.5, 2.5, 1.5, 1.5
        assert (found[0], found[-1]) == ((0,), (1,))
    else:
        assert found == [(place,) for place in best_first]


def test_equally_good_ones_come_in_a_random_order():
    scores = Scores(lambda arch: (1.0,), None, "first")
    archs = [(i,) for i in range(6)]
    orders = {tuple(scores.ordered(archs, random.Random(seed))) for seed in range(20)}
    assert len(orders) > 10
    assert scores.ordered([], random.Random(0)) == []


@pytest.mark.parametrize(
    ("known", "options", "message"),
    [
        (None, {}, "--known synflow"),
        (TABLE.get, {"rank": "frist"}, "did you mean 'first'"),
        (TABLE.get, {"lower_is_better": ["macs"]}, "places of known numbers"),
        (TABLE.get, {"lower_is_better": [-1]}, "places of known numbers"),
    ],
)
def test_impossible_arguments_are_refused_in_one_line(known, options, message):
    with pytest.raises(InvalidArgumentError, match=message) as error:
        Scores(known, **({"lower_is_better": None, "rank": "first"} | options))
    assert "\n" not in str(error.value)


def test_a_place_that_no_number_has_is_refused():
    with pytest.raises(InvalidArgumentError, match="place 2, but known are 2 numbers"):
        Scores(TABLE.get, [2], "first")(list(TABLE))
