"""Files that are written completely or not at all, and digests of files and documents."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.errors import InvalidArgumentError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``path`` if the block succeeds and is deleted if not.

    Raises:
        InvalidArgumentError: The folder or the file cannot be created or written.
    """
    folder = writable_folder(path.parent)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def expanded(path: str | Path) -> Path:
    """Return a path in which ``~`` is the home folder of the user, as a shell would write it.

    Raises:
        InvalidArgumentError: There is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InvalidArgumentError(f"{path}: {error}") from error


def named_folder(argument: str, folder: str | Path) -> Path:
    """Return a folder as a path; the empty text is none, which Python reads as the current folder.

    Raises:
        InvalidArgumentError: It is empty.
    """
    if not str(folder):
        raise InvalidArgumentError(f"{argument} is empty; the current folder is '.'")
    return Path(folder)


def writable_folder(folder: Path) -> Path:
    """Create a folder if it does not exist, and check that it is writable.

    Raises:
        InvalidArgumentError: The folder cannot be created or written.
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


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(document: object) -> str:
    """Return the SHA-256 of a JSON document, whatever the order of its keys, as 64 hex digits."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
