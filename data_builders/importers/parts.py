"""Blocks of a long import, kept on disk until its tables are written.

They are in a folder of their own in the folder for unfinished work (``--work``), ``nb101-blocks``
for the importer ``nb101``. The folder holds nothing else: one that does is somebody else's.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from nasbench.errors import InvalidArgumentError
from nasbench.storage.files import atomic, writable_folder
from nasbench.storage.folders import Kind
from nasbench.storage.locks import locked
from nasbench.storage.temporary import delete_abandoned

_LABEL = "source.json"
_NAME = re.compile(rf"[0-9]{{6}}\.arrow|\.([0-9]{{6}}\.arrow|{_LABEL})\.\w+\.nasbench-tmp")
_DIGEST = hashlib.sha256().digest_size
FOLDER = Kind("a folder of blocks", _LABEL, lambda folder: lambda name: bool(_NAME.fullmatch(name)))
"""A folder of blocks, told by what the blocks are read from and the names of their files."""


def blocks_folder(work: Path, name: str) -> Path:
    """Return the folder for the blocks of an import; it need not exist.

    Args:
        work: Folder for unfinished work.
        name: Name of the importer and, if it can import several archives at a time, of the archive.

    Raises:
        InvalidArgumentError: Something else is there.
    """
    folder = work / f"{name}-blocks"
    _is_ours(folder)
    return folder


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
        folder: Folder of the blocks, from :func:`blocks_folder`; made when the first is stored.
        source: What the blocks are read from (path, size, modification time, …), as JSON values.
            Blocks of another source are deleted.

    Raises:
        InvalidArgumentError: The folder is no folder of blocks, or blocks cannot be deleted.
    """

    def __init__(self, folder: Path, source: Mapping[str, Any]) -> None:
        self._folder = folder
        self._source = json.dumps(source, sort_keys=True)
        self._label = folder / _LABEL
        if _is_ours(folder) and not self._belongs():
            FOLDER.clear(folder)

    def get(self, number: int, make: Callable[[], pa.Table]) -> pa.Table:
        """Return block ``number``: as stored, or made and stored if it is missing or damaged."""
        stored = self._stored(number)
        if stored is not None:
            return stored
        table = make()
        if not self._label.exists():
            with atomic(self._label) as temporary:
                temporary.write_text(self._source, encoding="utf-8")
        with atomic(self._path(number)) as temporary:
            temporary.write_bytes(self._packed(number, table))
        return table

    def remove(self) -> None:
        """Delete all blocks, once the tables made of them are written.

        A folder in which something else is by now is left as it is.
        """
        with suppress(InvalidArgumentError):
            FOLDER.clear(self._folder)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrow"

    def _belongs(self) -> bool:
        try:
            return self._label.read_text(encoding="utf-8") == self._source
        except (OSError, UnicodeDecodeError):
            return False

    def _packed(self, number: int, table: pa.Table) -> bytes:
        """Return the content of a file: a digest, and what it is of."""
        buffer = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(buffer, table.schema, options=options) as stream:
            stream.write_table(table)
        content = buffer.getvalue()
        return b"".join([self._digest(number, content), content])

    def _stored(self, number: int) -> pa.Table | None:
        """Return a block from its file; None if there is none that is to be trusted."""
        try:
            content = memoryview(self._path(number).read_bytes())
        except OSError:
            return None
        if content[:_DIGEST] != self._digest(number, content[_DIGEST:]):
            return None
        try:
            return pa.ipc.open_stream(pa.py_buffer(content[_DIGEST:])).read_all()
        except pa.ArrowException:  # of another release of Arrow
            return None

    def _digest(self, number: int, content: object) -> bytes:
        digest = hashlib.sha256(f"{self._source}\n{number}\n".encode())
        digest.update(content)  # type: ignore[arg-type]
        return digest.digest()


def _is_ours(folder: Path) -> bool:
    """Return whether blocks are there; an empty folder, or what a kill left of one, has none.

    Raises:
        InvalidArgumentError: Something else is there.
    """
    if folder.is_dir() and not folder.is_symlink():
        delete_abandoned(folder / _LABEL)
        if not any(folder.iterdir()):
            return False
    FOLDER.check(folder)
    return folder.exists()
