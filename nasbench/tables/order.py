"""The order of rows, which look-ups rely on."""

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import SchemaError, ValueRangeError


def check_order(
    ranks: NDArray[np.int64],
    schedules: NDArray[np.int32],
    seeds: NDArray[np.int32],
    where: str,
) -> None:
    """Check that trainings ascend by rank, schedule and seed; each array has shape ``(n_runs,)``.

    Raises:
        SchemaError: They do not, or one is repeated.
        ValueRangeError: A seed is negative.
    """
    if not _ascend(ranks, schedules, seeds):
        raise SchemaError(
            f"{where}: rows are not sorted by (arch, schedule, seed), or are repeated"
        )
    if seeds.min(initial=0) < 0:
        raise ValueRangeError(f"{where}: seed {seeds.min()} is negative")


def check_arch_order(ranks: NDArray[np.int64], where: str) -> None:
    """Check that ranks of architectures ascend, shape ``(n_archs,)``.

    Raises:
        SchemaError: They do not, or one is repeated.
    """
    if not _ascend(ranks):
        raise SchemaError(f"{where}: architectures are not sorted by rank, or are repeated")


def _ascend(*keys: NDArray[np.integer]) -> bool:
    """Return whether rows ascend strictly; the first key counts most."""
    ascending = np.zeros(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    equal = ~ascending
    for key in keys:
        before, after = key[:-1], key[1:]
        ascending |= equal & (before < after)
        equal &= before == after
    return bool(ascending.all())
