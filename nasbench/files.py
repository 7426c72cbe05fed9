"""Files that are either there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.errors import InvalidArgumentError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` that replaces it when the block ends well and vanishes when it does not.

    Raises:
        InvalidArgumentError: The folder cannot be made or written.
    """
    folder = writable_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be.

    Raises:
        InvalidArgumentError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(
            f"cannot write to {folder}: {error.strerror or error}"
        ) from error
    if not os.access(folder, os.W_OK):
        raise InvalidArgumentError(f"cannot write to {folder}: permission denied")
    return folder
