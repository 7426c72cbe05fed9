"""Files of a supernet in a folder of records: where to go on, and what happened."""

import logging
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from nasbench.storage.files import atomic

_LOG = logging.getLogger(__name__)


class Checkpoint:
    """The checkpoint and the history of one search.

    Args:
        folder: Folder of the record.
        seed: Seed of the search.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._state = folder / f"supernet-{seed:06d}.pt"
        self._history = folder / f"supernet-{seed:06d}.parquet"

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a state of tensors, numbers, texts, and lists and dictionaries of them."""
        with atomic(self._state) as temporary:
            torch.save(dict(state), temporary)

    def load(self) -> dict[str, Any] | None:
        """Return the last state; None if there is none, or if it is damaged, which is logged."""
        if not self._state.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self._state, weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError) as error:
            _LOG.warning("%s is damaged (%s): the supernet is trained again", self._state, error)
            return None
        return state

    def finish(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the history, one row an epoch, and delete the state."""
        if history:
            columns = {
                name: [np.asarray(row[name]).ravel().tolist() for row in history]
                if np.ndim(history[0][name])
                else [row[name] for row in history]
                for name in history[0]
            }
            with atomic(self._history) as temporary:
                pq.write_table(pa.table(columns), temporary, compression="zstd")
        self._state.unlink(missing_ok=True)
