"""Numbers that regressors learn from: encodings side by side, remembered for every architecture."""

from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings import encode
from nasbench.space import Arch, SearchSpace

_MOST_ROWS = 2**16


@cache
def default_encodings(space: SearchSpace) -> tuple[str, ...]:
    """What regressors see unless told otherwise."""
    graph = space.graph(space.sample(Random(0)))
    return ("one_hot",) if graph is None else ("one_hot", "path_statistics")


def features(
    space: SearchSpace, archs: NDArray[np.integer], encodings: Sequence[str] | None
) -> NDArray[np.float32]:
    """Architectures as rows of numbers.

    Up to 65,536 rows of a space are remembered: a search asks for an architecture again, and so
    does every member of an ensemble.

    Args:
        space: The space.
        archs: Legal architectures, shape ``(n, d)``.
        encodings: Names from :data:`nasbench.encodings.ENCODINGS`; None for
            :func:`default_encodings`.

    Returns:
        Shape ``(n, n_columns)``, always a new array.

    Raises:
        UnknownNameError: No encoding has such a name.
        InvalidArgumentError: None is named, or the space lacks what one of them needs.
        IllegalArchError: Something in ``archs`` is not in the space.
    """
    names = default_encodings(space) if encodings is None else tuple(encodings)
    archs = np.asarray(archs)
    if archs.ndim != 2 or not len(archs) or archs.dtype.kind not in "iu":
        return encode(space, archs, names)
    known = _known(space, names)
    keys = [tuple(row) for row in archs.tolist()]
    rows = {key: known.get(key) for key in keys}
    if missing := [key for key, row in rows.items() if row is None]:
        new = dict(zip(missing, encode(space, missing, names), strict=True))
        rows.update(new)
        if len(known) + len(new) > _MOST_ROWS:
            known.clear()
        if len(new) <= _MOST_ROWS:
            known.update(new)
    return np.concatenate([rows[key] for key in keys]).reshape(len(keys), -1)


def n_columns(space: SearchSpace, encodings: Sequence[str] | None) -> int:
    """How many columns :func:`features` has."""
    sample = np.array([space.sample(Random(0))])
    return int(features(space, sample, encodings).shape[1])


@cache
def _known(space: SearchSpace, names: tuple[str, ...]) -> dict[Arch, NDArray[np.float32]]:
    return {}
