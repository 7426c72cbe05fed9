"""Files of a supernet in a folder of records: where to go on, and what happened."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from nasbench.runs.records import checkpoint_name
from nasbench.storage.documents import parse_json
from nasbench.storage.files import atomic

_LOG = logging.getLogger(__name__)
_DOCUMENT = "document"


class Checkpoint:
    """The checkpoint and the history of one search.

    Args:
        folder: Folder of the record.
        seed: Seed of the search.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._state = folder / checkpoint_name(seed)
        self._history = self._state.with_suffix(".parquet")

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a state of tensors, numbers, texts, and lists and dictionaries of them."""
        tensors: list[NDArray[Any]] = []
        document = json.dumps(_packed(state, tensors)).encode()
        arrays: dict[str, Any] = {f"tensor-{i}": tensor for i, tensor in enumerate(tensors)}
        arrays[_DOCUMENT] = np.frombuffer(document, np.uint8)
        with atomic(self._state) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def load(self) -> dict[str, Any] | None:
        """Return the last state; None if there is none, or if it is damaged, which is logged."""
        if not self._state.is_file():
            return None
        try:
            with self._state.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                document = parse_json(arrays[_DOCUMENT].tobytes())
                state: dict[str, Any] = _unpacked(document, arrays)
        except (OSError, EOFError, BadZipFile, KeyError, TypeError, ValueError) as error:
            _LOG.warning("%s is damaged (%s): the supernet is trained again", self._state, error)
            return None
        return state

    def finish(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the history, one row an epoch, in place of an older one, and delete the state."""
        if history:
            columns = {
                name: [np.asarray(row[name]).ravel().tolist() for row in history]
                if np.ndim(history[0][name])
                else [row[name] for row in history]
                for name in history[0]
            }
            with atomic(self._history) as temporary:
                pq.write_table(pa.table(columns), temporary, compression="zstd")
        else:
            self._history.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)


def _packed(value: Any, tensors: list[NDArray[Any]]) -> Any:
    """A value as JSON, each tensor as ``{"tensor": i}``; keys of dictionaries keep their types."""
    if isinstance(value, torch.Tensor):
        tensors.append(value.detach().cpu().numpy())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, Mapping):
        return {"items": [[key, _packed(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        return [_packed(inner, tensors) for inner in value]
    return value


def _unpacked(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, list):
        return [_unpacked(inner, arrays) for inner in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return torch.from_numpy(arrays[f"tensor-{value['tensor']}"])
    return {key: _unpacked(inner, arrays) for key, inner in value["items"]}
