"""Architectures as features of a model that a search fits."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings import ENCODINGS, encode, one_hot, path_vocabulary, unit_cube
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_PATHS = ("path", "path_through_none")
_ONE_HOT = "one_hot"


class Features:
    """Encodes architectures; remembers what it has encoded.

    A path encoding is truncated to whole lengths: it has the paths of up to k operations, for the
    largest k with at most ``cutoff`` such paths (White et al., 2021, section 5.1,
    https://arxiv.org/abs/1910.11858). Where a space has no graphs, too many paths, or more than
    ``cutoff`` of the shortest ones, ``one_hot`` takes the place of the encoding.

    Args:
        space: The search space.
        encoding: One of :data:`nasbench.encodings.ENCODINGS`.
        cutoff: Largest number of columns of a path encoding; 0 for no limit.

    Attributes:
        encoding: What is used.
        columns: Number of columns; None for all.

    Raises:
        InvalidArgumentError: There is no such encoding, or ``cutoff`` is negative.
    """

    def __init__(self, space: SearchSpace, encoding: str, cutoff: int = 0) -> None:
        if encoding not in ENCODINGS:
            raise InvalidArgumentError(f"encoding = {encoding!r}{one_of(encoding, ENCODINGS)}")
        if cutoff < 0:
            raise InvalidArgumentError(f"cutoff = {cutoff} must not be negative")
        self.encoding = encoding
        self.columns: int | None = None
        self._space = space
        self._rows: dict[Arch, NDArray[np.float32]] = {}
        try:
            encode(space, [], [encoding])
            if encoding in _PATHS and cutoff:
                self.columns = _whole_lengths(space, cutoff, encoding == _PATHS[1])
        except InvalidArgumentError:
            self.encoding = _ONE_HOT
        if self.columns == 0:
            self.encoding, self.columns = _ONE_HOT, None

    def __call__(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return one row an architecture, shape ``(n, n_columns)``."""
        if self.encoding == _ONE_HOT:
            return encode(self._space, archs, [_ONE_HOT]).astype(np.float64)
        new = [arch for arch in dict.fromkeys(archs) if arch not in self._rows]
        rows = encode(self._space, new, [self.encoding])[:, : self.columns]
        self._rows.update(zip(new, rows, strict=True))
        return np.array([self._rows[arch] for arch in archs], dtype=np.float64)


def mixed(space: SearchSpace, archs: Sequence[Arch]) -> NDArray[np.float32]:
    """Encode categorical decisions with a column an option, the others as one number in [0, 1].

    Args:
        space: The search space.
        archs: ``n`` architectures.

    Returns:
        Numbers of shape ``(n, columns)``: the columns of :func:`nasbench.encodings.one_hot` of
        categorical decisions, then those of :func:`nasbench.encodings.unit_cube` of the others.
    """
    categorical = np.array([decision.kind == "categorical" for decision in space.decisions])
    options = one_hot(space, archs)[:, np.repeat(categorical, space.options)]
    return np.hstack((options, unit_cube(space, archs)[:, ~categorical]))


def _whole_lengths(space: SearchSpace, cutoff: int, through_none: bool) -> int:
    """Number of paths up to the largest length that ``cutoff`` columns can hold; 0 if none."""
    lengths = Counter(map(len, path_vocabulary(space, through_none)))
    columns = 0
    for length in sorted(lengths):
        if columns + lengths[length] > cutoff:
            break
        columns += lengths[length]
    return columns
