import hashlib
import math

import numpy as np
import pytest

from data_builders.task import Sequences
from data_builders.tasks.recall import Recall
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError

TASK = Recall(length=32, pairs=8, queries=5, keys=20, values=12)


def lowest(draws, n):
    """Places of the ``n`` lowest, from the lowest on."""
    return sorted(range(len(draws)), key=draws.__getitem__)[:n]


def solve(tokens, pairs):
    """The answers, by going through the tokens."""
    value_of, answers = {}, []
    for place, token in enumerate(tokens):
        if place < 2 * pairs:
            if place % 2:
                value_of[tokens[place - 1]] = token
            answers.append(-100)
        else:
            answers.append(value_of[token] if token else -100)
    return answers


TASKS = [
    TASK,
    Recall(length=24, pairs=8, queries=8, keys=8, values=64),
    Recall(length=40, pairs=12, queries=1, keys=64, values=1),
]


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_those_of_a_solver(task):
    parts = [task.batch(seed, 1, 50) for seed in (0, 1)] + [*task.held_out(60, 40)]
    for tokens, targets in parts:
        assert tokens.dtype == targets.dtype == np.int64
        assert [solve(row, task.pairs) for row in tokens.tolist()] == targets.tolist()


@pytest.mark.parametrize("task", TASKS)
def test_sequences_follow_from_their_draws_as_described(task):
    slots = task.length - 2 * task.pairs
    n = task.keys + 2 * task.pairs + slots
    draws = splitmix.uniform(splitmix.key("task/recall/train/3/7"), 5 * n).reshape(5, n).tolist()
    for row, tokens in zip(draws, task.batch(3, 7, 5).tokens.tolist(), strict=True):
        u = iter(row)
        for_keys, for_values, for_pairs, for_places = (
            [next(u) for _ in range(m)] for m in (task.keys, task.pairs, task.pairs, slots)
        )
        keys = [1 + key for key in lowest(for_keys, task.pairs)]
        values = [1 + task.keys + int(draw * task.values) for draw in for_values]
        rest = [0] * slots
        asked, places = lowest(for_pairs, task.queries), lowest(for_places, task.queries)
        for pair, place in zip(asked, places, strict=True):
            rest[place] = keys[pair]
        pairs = [token for pair in zip(keys, values, strict=True) for token in pair]
        assert tokens == pairs + rest


def test_a_guess_names_the_most_frequent_answer():
    assert TASK.guess(Sequences(*2 * (np.array([[1, 3, 3, 2], [5, 5, 5, 5]]),))) == 75.0
    chosen = Recall(length=40, pairs=12, queries=1, keys=64, values=1)
    assert chosen.guess(chosen.batch(0, 0, 10)) == 100.0


@pytest.mark.parametrize("task", TASKS)
def test_a_sequence_is_pairs_and_then_keys_among_blanks(task):
    tokens, targets = task.batch(0, 0, 300)
    assert tokens.shape == (300, task.length)
    first, last = tokens[:, : 2 * task.pairs], tokens[:, 2 * task.pairs :]
    keys, values = first[:, ::2], first[:, 1::2]
    assert keys.min() >= 1
    assert keys.max() <= task.keys < values.min()
    assert values.max() < task.vocabulary == 1 + task.keys + task.values
    assert all(len(set(row)) == task.pairs for row in keys.tolist())
    asked = [[token for token in row if token] for row in last.tolist()]
    assert all(len(set(row)) == len(row) == task.queries for row in asked)
    assert ((targets >= 0).sum(axis=1) == task.queries).all()


def test_keys_values_and_places_are_uniform():
    tokens, targets = TASK.batch(0, 0, 8_000)
    keys = np.bincount(tokens[:, 0:16:2].ravel(), minlength=21)[1:]
    values = np.bincount(tokens[:, 1:16:2].ravel())[21:]
    places = (targets >= 0).sum(axis=0)[16:]
    for counts, n in ((keys, 20), (values, 12), (places, 16)):
        assert len(counts) == n
        mean = counts.sum() / n
        assert abs(counts - mean).max() < 4 * math.sqrt(mean)


def test_every_pair_is_asked_for_equally_often_at_every_place():
    tokens, _ = TASK.batch(1, 0, 8_000)
    equal = tokens[:, 16:, None] == tokens[:, None, 0:16:2]
    counts = equal.sum(axis=0)
    mean = 8_000 * 5 / 16 / 8
    assert counts.shape == (16, 8)
    assert abs(counts - mean).max() < 4.5 * math.sqrt(mean)


def test_bits_count_the_sequences():
    keys, asked = math.perm(20, 8), math.perm(8, 5)
    assert TASK.bits == pytest.approx(math.log2(keys * 12**8 * asked * math.comb(16, 5)))


def test_sequences_are_the_same_everywhere_and_for_ever():
    tokens, targets = TASK.batch(0, 0, 2)
    first = "2 29 20 28 8 31 4 22 11 31 17 21 10 32 12 26 0 4 2 0 0 20 0 0 0 0 17 0 12 0 0 0"
    assert " ".join(map(str, tokens[0])) == first
    digest = hashlib.sha256(tokens.astype("<i8").tobytes() + targets.astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "8a22cc9836798004"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keys": 7}, "'recall' is not possible: pairs = 8 need as many keys, not 7"),
        ({"queries": 9}, "queries = 9 are different keys, more than pairs = 8"),
        ({"length": 20}, "pairs = 8 and queries = 5 need length = 21 or more, not 20"),
        (
            {"pairs": 3, "queries": 1, "keys": 3, "length": 8, "values": 2},
            r"'recall' has about 2\*\*8\.2 different sequences",
        ),
        ({"pairs": 0}, "pairs = 0 is not possible"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Recall(**TASK.parameters() | changes)
