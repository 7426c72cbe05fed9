"""Multi-query associative recall (Arora et al., 2023, https://arxiv.org/abs/2312.04927)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data_builders.task import NOT_ASKED, Sequences, Task, distinct, integers, log2_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(Task):
    """Pairs of a key and its value, then some of the keys again: what were their values?

    ``7 23 4 31 9 20 0 4 0 7`` asks for 31 at the second 4 and for 23 at the second 7. Keys of a
    sequence are different, values need not be; queries are different keys at random places behind
    the pairs, with blanks in between. Blank is token 0, then come the keys, then the values.

    Attributes:
        pairs: Pairs of a key and a value.
        queries: How many of the keys are asked for.
        keys: Different keys that there are.
        values: Different values that there are.
    """

    name: ClassVar[str] = "recall"

    pairs: int
    queries: int
    keys: int
    values: int

    @property
    def description(self) -> str:
        return (
            f"{self.pairs} pairs of a key and a value: different ones of {self.keys} keys in "
            f"random order, each followed by one of {self.values} values. Then, among the other "
            f"{self._slots} tokens, {self.queries} different ones of these keys in random order at "
            "random places, blanks elsewhere; the answer at such a key is its value. Blank is "
            f"token 0, then come the keys, then the values. Of the uniform numbers, the lowest of "
            f"the first {self.keys} are the keys in their order, the next {self.pairs} times "
            f"{self.values}, rounded down, the values, the lowest of the next {self.pairs} the "
            f"pairs that are asked for in their order, those of the last {self._slots} their places"
        )

    def conflict(self) -> str | None:
        if self.pairs > self.keys:
            return f"pairs = {self.pairs} need as many keys, not {self.keys}"
        if self.queries > self.pairs:
            return f"queries = {self.queries} are different keys, more than pairs = {self.pairs}"
        if (least := 2 * self.pairs + self.queries) > self.length:
            return (
                f"pairs = {self.pairs} and queries = {self.queries} need length = {least} or more, "
                f"not {self.length}"
            )
        return None

    @property
    def vocabulary(self) -> int:
        return 1 + self.keys + self.values

    @property
    def bits(self) -> float:
        keys = log2_sets(self.keys, self.pairs) + math.log2(math.factorial(self.pairs))
        asked = log2_sets(self.pairs, self.queries) + math.log2(math.factorial(self.queries))
        places = log2_sets(self._slots, self.queries)
        return keys + self.pairs * math.log2(self.values) + asked + places

    @property
    def draws(self) -> int:
        return self.keys + 2 * self.pairs + self._slots

    def sequences(self, u: NDArray[np.float64]) -> Sequences:
        rows = np.arange(len(u))[:, None]
        bounds = np.cumsum([self.keys, self.pairs, self.pairs])
        for_keys, for_values, for_queries, for_places = np.split(u, bounds, axis=1)
        keys = 1 + distinct(for_keys, self.pairs)
        values = 1 + self.keys + integers(for_values, self.values)
        asked = distinct(for_queries, self.queries)
        places = 2 * self.pairs + distinct(for_places, self.queries)
        tokens = np.zeros((len(u), self.length), dtype=np.int64)
        targets = np.full_like(tokens, NOT_ASKED)
        tokens[:, 0 : 2 * self.pairs : 2] = keys
        tokens[:, 1 : 2 * self.pairs : 2] = values
        tokens[rows, places] = keys[rows, asked]
        targets[rows, places] = values[rows, asked]
        return Sequences(tokens, targets)

    @property
    def _slots(self) -> int:
        """Tokens behind the pairs."""
        return self.length - 2 * self.pairs
