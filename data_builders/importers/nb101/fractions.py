"""Accuracies in double precision, of which a percentage does not give back the last digit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_builders.importers.nb101.records import lists
from nasbench.column import Column

_BLOCK = 1 << 18
FRACTIONS = tuple(
    Column(
        f"published_{split}_accuracy",
        split=split,
        description="the fraction of the file in double precision, kept since the percentage does "
        "not give it back to the last digit",
    )
    for split in ("train", "valid", "test")
)


def kept_fractions(name: str, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return a column of fractions; none if 100 times the fractions, divided by 100, are they.

    Those of single precision, as in the published files, are.

    Args:
        name: Column of the accuracy.
        values: The fractions, shape ``(n_trainings, n_epochs)``.
    """
    blocks = np.array_split(values, len(values) // _BLOCK + 1)
    if all(np.array_equal(b * 100 / 100, b, equal_nan=True) for b in blocks):
        return {}
    return {f"published_{name}": lists(values.copy())}
