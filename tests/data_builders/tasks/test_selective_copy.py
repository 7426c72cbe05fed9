import hashlib
import math

import numpy as np
import pytest

from data_builders.tasks.selective_copy import SelectiveCopy
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError

TASK = SelectiveCopy(length=32, copied=8, symbols=6)


def lowest(draws, n):
    """Places of the ``n`` lowest, from the lowest on."""
    return sorted(range(len(draws)), key=draws.__getitem__)[:n]


def solve(tokens):
    """The answers, by going through the tokens."""
    symbols = [token for token in tokens if token >= 2]
    answers, given = [], 0
    for token in tokens:
        if token == 1:
            answers.append(symbols[given])
            given += 1
        else:
            answers.append(-100)
    return answers


@pytest.mark.parametrize("task", [TASK, SelectiveCopy(length=26, copied=13, symbols=9)])
def test_answers_are_those_of_a_solver(task):
    parts = [task.batch(seed, 1, 50) for seed in (0, 1)] + [*task.held_out(60, 40)]
    for tokens, targets in parts:
        assert tokens.dtype == targets.dtype == np.int64
        assert [solve(row) for row in tokens.tolist()] == targets.tolist()


def test_sequences_follow_from_their_draws_as_described():
    draws = splitmix.uniform(splitmix.key("task/copy/valid"), 5 * 32).reshape(5, 32).tolist()
    for row, tokens in zip(draws, TASK.held_out(5, 5)[0].tokens.tolist(), strict=True):
        places = sorted(lowest(row[:24], 8))
        symbols = [2 + int(draw * 6) for draw in row[24:]]
        context = [0] * 24
        for place, symbol in zip(places, symbols, strict=True):
            context[place] = symbol
        assert tokens == context + [1] * 8


def test_a_sequence_is_symbols_among_noise_and_then_marks():
    tokens, _ = TASK.batch(0, 0, 500)
    assert tokens.shape == (500, 32)
    assert (tokens[:, 24:] == 1).all()
    context = tokens[:, :24]
    assert ((context >= 2).sum(axis=1) == 8).all()
    assert ((context == 0).sum(axis=1) == 16).all()
    assert set(np.unique(tokens)) == set(range(8)) == set(range(TASK.vocabulary))


def test_places_and_symbols_are_uniform():
    context = TASK.batch(0, 0, 6_000).tokens[:, :24]
    at = (context >= 2).sum(axis=0)
    assert abs(at - 2_000).max() < 4 * math.sqrt(2_000 * 2 / 3)
    counts = np.bincount(context[context >= 2])[2:]
    assert abs(counts - 8_000).max() < 4 * math.sqrt(8_000)


def test_bits_count_the_sequences():
    assert TASK.bits == pytest.approx(math.log2(math.comb(24, 8) * 6**8))


def test_sequences_are_the_same_everywhere_and_for_ever():
    tokens, targets = TASK.batch(0, 0, 2)
    first = "0 0 3 0 4 0 0 7 0 0 0 0 0 3 0 0 0 0 6 0 3 4 0 2 1 1 1 1 1 1 1 1"
    assert " ".join(map(str, tokens[0])) == first
    digest = hashlib.sha256(tokens.astype("<i8").tobytes() + targets.astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "6403c30b045b41d5"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"copied": 17}, "'copy' is not possible: copied = 17 needs length = 34 or more, not 32"),
        ({"symbols": 1}, r"'copy' has about 2\*\*19\.5 different sequences"),
        ({"copied": 0}, "copied = 0 is not possible"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        SelectiveCopy(**TASK.parameters() | changes)
