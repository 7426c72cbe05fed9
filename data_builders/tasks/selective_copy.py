"""Selective copying (Gu and Dao, 2023, https://arxiv.org/abs/2312.00752)."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data_builders.task import NOT_ASKED, Sequences, Task, distinct, integers, log2_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectiveCopy(Task):
    """Symbols among noise, then as many marks: which was the first symbol, the second, …?

    ``0 5 0 0 3 0 4 1 1 1`` asks for 5, 3 and 4 at the three marks. Noise is token 0, the mark is 1,
    then come the symbols.

    Attributes:
        copied: Symbols to copy.
        symbols: Different symbols that there are.
    """

    name: ClassVar[str] = "copy"

    copied: int
    symbols: int

    @property
    def description(self) -> str:
        return (
            f"{self.copied} of {self.symbols} symbols, with repetition, at random places among "
            f"{self._context} tokens, noise elsewhere; then {self.copied} marks, at which the "
            "answers are the symbols in their order. Noise is token 0, the mark is 1, then come "
            f"the symbols. Of the uniform numbers, the lowest of the first {self._context} are the "
            f"places, the last {self.copied} times {self.symbols}, rounded down, the symbols"
        )

    def conflict(self) -> str | None:
        if (least := 2 * self.copied) > self.length:
            return f"copied = {self.copied} needs length = {least} or more, not {self.length}"
        return None

    @property
    def vocabulary(self) -> int:
        return 2 + self.symbols

    @property
    def bits(self) -> float:
        return log2_sets(self._context, self.copied) + self.copied * math.log2(self.symbols)

    @property
    def draws(self) -> int:
        return self.length

    def sequences(self, u: NDArray[np.float64]) -> Sequences:
        for_places, for_symbols = np.split(u, [self._context], axis=1)
        places = np.sort(distinct(for_places, self.copied), axis=1)
        symbols = 2 + integers(for_symbols, self.symbols)
        tokens = np.zeros((len(u), self.length), dtype=np.int64)
        targets = np.full_like(tokens, NOT_ASKED)
        np.put_along_axis(tokens, places, symbols, axis=1)
        tokens[:, self._context :] = 1
        targets[:, self._context :] = symbols
        return Sequences(tokens, targets)

    @property
    def _context(self) -> int:
        """Tokens before the marks."""
        return self.length - self.copied
