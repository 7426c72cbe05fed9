"""State tracking in a cyclic group (Liu et al., 2023, https://arxiv.org/abs/2210.10749)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data_builders.task import Sequences, Task, integers


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Task):
    """Numbers: what is the sum so far, modulo ``modulus``?

    With modulus 3, ``2 2 0 1`` asks for 2, 1, 1 and 2, an answer at every token.

    Attributes:
        modulus: Tokens are the numbers below it.
    """

    name: ClassVar[str] = "state"

    modulus: int

    @property
    def description(self) -> str:
        return (
            f"{self.length} random numbers below {self.modulus}, uniform numbers times "
            f"{self.modulus}, rounded down; the answer at each is the sum so far modulo "
            f"{self.modulus}"
        )

    @property
    def vocabulary(self) -> int:
        return self.modulus

    @property
    def bits(self) -> float:
        return self.length * math.log2(self.modulus)

    @property
    def draws(self) -> int:
        return self.length

    def sequences(self, u: NDArray[np.float64]) -> Sequences:
        tokens = integers(u, self.modulus)
        return Sequences(tokens, np.cumsum(tokens, axis=1) % self.modulus)

    def guess(self, sequences: Sequences) -> float:
        """Accuracy, in percent, of answering with the token itself: the first answer is right."""
        return float(100 * (sequences.tokens == sequences.targets).mean())
