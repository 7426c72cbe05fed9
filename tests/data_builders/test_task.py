"""The contract of a task, by one that is small enough to count."""

import math
from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import numpy as np
import pytest

from data_builders import TASKS
from data_builders.task import LEAST_BITS, NOT_ASKED, Sequences, Task, distinct, integers, log2_sets
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError, UnknownNameError


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Task):
    """Every token asks for itself; the first one for nothing."""

    name: ClassVar[str] = "echo"

    tokens: int
    told_bits: int = 32

    @property
    def description(self):
        return "each token is its answer"

    @property
    def vocabulary(self):
        return self.tokens

    @property
    def bits(self):
        return float(self.told_bits)

    @property
    def draws(self):
        return self.length

    def conflict(self):
        return "13 tokens bring bad luck" if self.tokens == 13 else None

    def sequences(self, u):
        tokens = integers(u, self.tokens)
        return Sequences(tokens, np.where(np.arange(self.length) > 0, tokens, NOT_ASKED))


ECHO = Echo(length=12, tokens=7)


def test_training_sequences_are_made_of_a_stream_for_every_seed_and_step():
    tokens, targets = ECHO.batch(3, 5, 4)
    u = splitmix.uniform(splitmix.key("task", "echo", "train", 3, 5), 48)
    assert (tokens == np.floor(7 * u).reshape(4, 12)).all()
    assert (targets[:, 0] == -100).all()
    assert (targets[:, 1:] == tokens[:, 1:]).all()


def test_fewer_sequences_are_the_first_of_more():
    assert (ECHO.batch(0, 0, 9).tokens[:4] == ECHO.batch(0, 0, 4).tokens).all()
    few, many = ECHO.held_out(3, 5), ECHO.held_out(30, 50)
    for a, b in zip(few, many, strict=True):
        assert (b.tokens[: len(a.tokens)] == a.tokens).all()


def test_seeds_steps_and_parts_have_sequences_of_their_own():
    valid, test = ECHO.held_out(16, 16)
    batches = [ECHO.batch(seed, step, 16) for seed in (0, 1) for step in (0, 1, 2)]
    rows = np.concatenate([part.tokens for part in (valid, test, *batches)])
    assert len(np.unique(rows, axis=0)) == len(rows) == 8 * 16


def test_held_out_sequences_are_all_different_or_refused():
    valid, test = Echo(length=12, tokens=7).held_out(300, 200)
    assert valid.tokens.shape == valid.targets.shape == (300, 12)
    assert test.tokens.shape == test.targets.shape == (200, 12)
    with pytest.raises(InvalidArgumentError, match=r"valid = 3 and test = 2 .*'echo'.*'tokens': 2"):
        Echo(length=2, tokens=2).held_out(3, 2)


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None])
def test_parameters_are_positive_integers(value):
    for name in ("length", "tokens"):
        with pytest.raises(InvalidArgumentError, match=f"{name} = {value!r} is not possible: it"):
            Echo(**{"length": 12, "tokens": 7} | {name: value})


def test_parameters_that_do_not_go_together_are_refused():
    with pytest.raises(InvalidArgumentError, match="'echo' is not possible: 13 tokens bring bad l"):
        Echo(length=12, tokens=13)


def test_too_few_different_sequences_are_refused():
    assert LEAST_BITS == 32
    with pytest.raises(InvalidArgumentError, match=r"'echo' has about 2\*\*31\.0 different sequ"):
        Echo(length=12, tokens=7, told_bits=31)


def test_a_task_is_a_value():
    assert Echo(length=12, tokens=7) == ECHO != Echo(length=12, tokens=8)
    assert hash(Echo(length=12, tokens=7)) == hash(ECHO)
    assert ECHO.parameters() == {"length": 12, "tokens": 7, "told_bits": 32}
    with pytest.raises(FrozenInstanceError):
        ECHO.length = 13


def test_integers_and_places_are_uniform():
    u = splitmix.uniform(0, 60_000).reshape(-1, 6)
    counts = np.bincount(integers(u, 5).ravel(), minlength=5)
    assert len(counts) == 5
    assert abs(counts - 12_000).max() < 4 * math.sqrt(12_000)
    places = distinct(u, 2)
    assert (places[:, 0] != places[:, 1]).all()
    pairs = np.bincount(6 * places[:, 0] + places[:, 1], minlength=36).reshape(6, 6)
    off = ~np.eye(6, dtype=bool)
    assert (pairs[~off] == 0).all()
    assert abs(pairs[off] - 10_000 / 30).max() < 4 * math.sqrt(10_000 / 30)


def test_sets_are_counted():
    assert log2_sets(6, 2) == pytest.approx(math.log2(15))
    assert log2_sets(6, 6) == 0


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_called_as_it_is_registered(name):
    kind = TASKS.load(name)
    assert issubclass(kind, Task)
    assert kind.name == name


def test_an_unknown_task_is_guessed():
    with pytest.raises(UnknownNameError, match="no task is called 'recal'; did you mean 'recall'"):
        TASKS.load("recal")
