import hashlib
import math

import numpy as np
import pytest

from data_builders.tasks.state import State
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError

TASK = State(length=24, modulus=3)


def solve(tokens, modulus):
    """The answers, by going through the tokens."""
    answers, total = [], 0
    for token in tokens:
        total = (total + token) % modulus
        answers.append(total)
    return answers


@pytest.mark.parametrize("task", [TASK, State(length=33, modulus=2), State(length=16, modulus=7)])
def test_answers_are_those_of_a_solver(task):
    parts = [task.batch(seed, 1, 50) for seed in (0, 1)] + [*task.held_out(60, 40)]
    for tokens, targets in parts:
        assert tokens.dtype == targets.dtype == np.int64
        assert [solve(row, task.modulus) for row in tokens.tolist()] == targets.tolist()


def test_sequences_follow_from_their_draws_as_described():
    draws = splitmix.uniform(splitmix.key("task/state/test"), 5 * 24).reshape(5, 24).tolist()
    expected = [[int(draw * 3) for draw in row] for row in draws]
    assert TASK.held_out(5, 5)[1].tokens.tolist() == expected


def test_a_guess_is_the_token_itself():
    tokens, targets = sequences = TASK.batch(0, 0, 200)
    assert TASK.guess(sequences) == 100 * np.mean(tokens == targets)
    assert (tokens == targets)[:, 0].all()


def test_tokens_and_answers_are_uniform_everywhere():
    tokens, targets = TASK.batch(0, 0, 6_000)
    assert tokens.shape == targets.shape == (6_000, 24)
    for values in (tokens, targets):
        counts = np.stack([(values == value).sum(axis=0) for value in range(TASK.vocabulary)])
        assert (counts.sum(axis=0) == 6_000).all()
        assert abs(counts - 2_000).max() < 4 * math.sqrt(2_000)


def test_bits_count_the_sequences():
    assert TASK.bits == pytest.approx(math.log2(3**24))


def test_sequences_are_the_same_everywhere_and_for_ever():
    tokens, targets = TASK.batch(0, 0, 2)
    first = "1 0 2 1 2 1 0 1 1 2 0 1 0 1 1 1 0 1 1 0 1 2 1 1"
    assert " ".join(map(str, tokens[0])) == first
    digest = hashlib.sha256(tokens.astype("<i8").tobytes() + targets.astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "de4b51d0142709a1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modulus": 1}, r"'state' has about 2\*\*0\.0 different sequences with"),
        ({"length": 20}, r"'state' has about 2\*\*31\.7 different sequences with"),
        ({"modulus": 0}, "modulus = 0 is not possible"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        State(**TASK.parameters() | changes)
