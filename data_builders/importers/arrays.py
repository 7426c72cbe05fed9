"""NumPy arrays as columns of a table."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def arch_column(archs: NDArray[Any]) -> Any:
    """Return architectures as a column, from shape ``(n, n_decisions)`` and at most 256 options."""
    items = pa.array(np.ascontiguousarray(archs, np.uint8).ravel())
    return pa.FixedSizeListArray.from_arrays(items, archs.shape[1])


def curve_column(values: NDArray[Any]) -> Any:
    """Return a column with one list per run, from numbers of shape ``(n_runs, n_epochs)``."""
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))
