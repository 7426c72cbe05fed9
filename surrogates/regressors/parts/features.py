"""Features for regressors: encodings side by side, cached per architecture."""

from collections.abc import Sequence
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings import encode
from nasbench.regressor import Columns
from nasbench.space import Arch, SearchSpace

_CACHE_SIZE = 2**16


@cache
def default_encodings(space: SearchSpace) -> tuple[str, ...]:
    """Encodings that regressors use by default."""
    graph = space.graph(space.sample(Random(0)))
    return ("one_hot",) if graph is None else ("one_hot", "path_statistics")


def features(
    space: SearchSpace,
    archs: NDArray[np.integer],
    encodings: Sequence[str] | None,
    columns: Columns | None = None,
) -> NDArray[np.float32]:
    """Architectures as rows of numbers.

    Up to 65,536 rows per space are cached, because searches, and the members of an ensemble, ask
    for the same architectures again.

    Args:
        space: The search space.
        archs: Legal architectures, shape ``(n, d)``.
        encodings: Names from :data:`nasbench.encodings.ENCODINGS`; None for
            :func:`default_encodings`.
        columns: Gives further features, which come last.

    Returns:
        Shape ``(n, n_columns)``, always a new array.

    Raises:
        UnknownNameError: No such encoding.
        InvalidArgumentError: No encoding is named, or the space lacks what an encoding needs.
        IllegalArchError: An architecture is not in the space.
    """
    names = default_encodings(space) if encodings is None else tuple(encodings)
    archs = np.asarray(archs)
    rows = _encoded(space, archs, names)
    return rows if columns is None else np.hstack((rows, columns(archs).astype(np.float32)))


def _encoded(
    space: SearchSpace, archs: NDArray[np.integer], names: tuple[str, ...]
) -> NDArray[np.float32]:
    if archs.ndim != 2 or not len(archs) or archs.dtype.kind not in "iu":
        return encode(space, archs, names)
    cached = _cache(space, names)
    keys = [tuple(row) for row in archs.tolist()]
    rows = {key: cached.get(key) for key in keys}
    if missing := [key for key, row in rows.items() if row is None]:
        new = dict(zip(missing, encode(space, missing, names), strict=True))
        rows.update(new)
        if len(cached) + len(new) > _CACHE_SIZE:
            cached.clear()
        if len(new) <= _CACHE_SIZE:
            cached.update(new)
    return np.concatenate([rows[key] for key in keys]).reshape(len(keys), -1)


def n_columns(space: SearchSpace, encodings: Sequence[str] | None) -> int:
    """Number of columns of :func:`features`."""
    sample = np.array([space.sample(Random(0))])
    return int(features(space, sample, encodings).shape[1])


@cache
def _cache(space: SearchSpace, names: tuple[str, ...]) -> dict[Arch, NDArray[np.float32]]:
    return {}
