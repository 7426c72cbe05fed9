"""Blocks of a long import, kept on disk until its tables are written."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather

from nasbench.errors import InvalidArgumentError
from nasbench.storage.files import atomic, writable_folder
from nasbench.storage.locks import locked


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other imports from a folder of blocks.

    Raises:
        InvalidArgumentError: Another import uses it, or the folder around it cannot be written.
    """

    def refuse() -> None:
        raise InvalidArgumentError(
            f"another import uses the blocks in {folder}: wait until it ends, or give another "
            "folder for blocks (--work)"
        )

    with locked(writable_folder(folder.parent) / f".{folder.name}.lock", refuse):
        yield


class Parts:
    """Blocks that an interrupted import has already read, so that the same command can resume.

    Args:
        folder: Folder of the blocks; made when the first block is stored.
        source: What the blocks are read from (path, size, modification time, …), as JSON values.
            Blocks of another source are deleted.
    """

    def __init__(self, folder: Path, source: Mapping[str, Any]) -> None:
        self._folder = folder
        self._source = json.dumps(source, sort_keys=True)
        self._label = folder / "source.json"
        if folder.exists() and not self._belongs():
            shutil.rmtree(folder)

    def get(self, number: int, make: Callable[[], pa.Table]) -> pa.Table:
        """Return block ``number``: as stored, or made and stored if it is missing or damaged."""
        path = self._folder / f"{number:06d}.arrow"
        try:
            return feather.read_table(path, memory_map=False)
        except (OSError, pa.ArrowException):
            table = make()
        if not self._label.exists():
            with atomic(self._label) as temporary:
                temporary.write_text(self._source, encoding="utf-8")
        with atomic(path) as temporary:
            feather.write_feather(table, str(temporary), compression="zstd")
        return table

    def remove(self) -> None:
        """Delete all blocks, once the tables made of them are written."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _belongs(self) -> bool:
        try:
            return self._label.read_text(encoding="utf-8") == self._source
        except (OSError, UnicodeDecodeError):
            return False
