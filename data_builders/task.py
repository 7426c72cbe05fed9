"""The contract of a task: sequences with answers that are generated, never stored."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_builders.values import has_type, refuse_unless
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError

MOST = 2**16
"""Largest value of a parameter of a task."""
NOT_ASKED = -100
"""Target of a token at which no answer is asked: what PyTorch's cross-entropy ignores."""
LEAST_BITS = 32.0
"""Of the number of different sequences: of 100,000 that are trained on and 10,000 held out, less
than one is the same on average."""

Tokens: TypeAlias = NDArray[np.int64]


class Sequences(NamedTuple):
    """Sequences with their answers.

    Attributes:
        tokens: Shape ``(n, length)``.
        targets: The answer at every token, or :data:`NOT_ASKED`; likewise.
    """

    tokens: Tokens
    targets: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(ABC):
    """Sequences of tokens with answers to some of them; the same on every machine.

    A subclass is a frozen dataclass with a field for every parameter, all of them integers, and
    says how a sequence comes from random numbers. Training sequences are a function of (seed,
    step): fresh ones in every step, the same for all networks. Those held out are functions of the
    task alone, in key domains of their own.

    Attributes:
        length: Tokens of a sequence.

    Raises:
        InvalidArgumentError: A parameter is no integer or out of range, parameters do not go
            together, or there are so few different sequences that held-out ones would be trained
            on.
    """

    name: ClassVar[str]

    length: int

    @property
    @abstractmethod
    def description(self) -> str:
        """The task in words from which its sequences can be made again."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            possible = has_type(value, int) and 1 <= value <= MOST
            refuse_unless(possible, field.name, value, f"an integer from 1 to {MOST}")
        if conflict := self.conflict():
            raise InvalidArgumentError(f"the task {self.name!r} is not possible: {conflict}")
        if self.bits < LEAST_BITS:
            raise InvalidArgumentError(
                f"the task {self.name!r} has about 2**{self.bits:.1f} different sequences with "
                f"{self.parameters()}: at least 2**{LEAST_BITS:.0f} are needed, or sequences of "
                "the training are met again in validation and test"
            )

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of different tokens, those of answers included."""

    @property
    @abstractmethod
    def bits(self) -> float:
        """Binary logarithm of the number of different sequences, all equally likely."""

    @property
    @abstractmethod
    def draws(self) -> int:
        """Random numbers a sequence is made of."""

    @abstractmethod
    def sequences(self, u: NDArray[np.float64]) -> Sequences:
        """Sequences made of random numbers.

        Args:
            u: In [0, 1), shape ``(n, draws)``; sequence i depends on row i alone.
        """

    def conflict(self) -> str | None:
        """Why the parameters, each possible, do not go together; None if they do."""
        return None

    def guess(self, sequences: Sequences) -> float:
        """Accuracy, in percent, of the best guess that solves nothing of the task.

        Here: at every question of a sequence, the most frequent of its answers.

        Args:
            sequences: At least one, all with the same number of questions.
        """
        asked = sequences.targets != NOT_ASKED
        answers = sequences.targets[asked].reshape(len(asked), -1)
        most = [np.unique(row, return_counts=True)[1].max() for row in answers]
        return float(100 * np.mean(most) / answers.shape[1])

    def parameters(self) -> dict[str, int]:
        """All parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def batch(self, seed: int, step: int, n: int) -> Sequences:
        """Training sequences of a step; fewer are the first of more.

        Args:
            seed: Of the training.
            step: Number of the optimiser step.
            n: Number of sequences.
        """
        return self._drawn(splitmix.key("task", self.name, "train", seed, step), n)

    def held_out(self, valid: int, test: int) -> tuple[Sequences, Sequences]:
        """Validation and test sequences, all of them different.

        Args:
            valid: Number of validation sequences.
            test: Number of test sequences.

        Raises:
            InvalidArgumentError: Two of the sequences are equal.
        """
        parts = (
            self._drawn(splitmix.key("task", self.name, "valid"), valid),
            self._drawn(splitmix.key("task", self.name, "test"), test),
        )
        tokens = np.concatenate([part.tokens for part in parts])
        if len(np.unique(tokens, axis=0)) < len(tokens):
            raise InvalidArgumentError(
                f"valid = {valid} and test = {test} sequences of the task {self.name!r} with "
                f"{self.parameters()} are not all different: take fewer, or a larger task"
            )
        return parts

    def _drawn(self, key: int, n: int) -> Sequences:
        return self.sequences(splitmix.uniform(key, n * self.draws).reshape(n, self.draws))


def integers(u: NDArray[np.float64], n: int) -> Tokens:
    """Integers below ``n`` from numbers in [0, 1)."""
    return (u * n).astype(np.int64)


def distinct(u: NDArray[np.float64], n: int) -> Tokens:
    """``n`` different places a row of numbers in [0, 1), in random order; shape ``(rows, n)``."""
    return np.argsort(u, axis=1, kind="stable")[:, :n].astype(np.int64)


def log2_sets(n: int, k: int) -> float:
    """Binary logarithm of the number of sets of ``k`` out of ``n``."""
    return math.log2(math.comb(n, k))
