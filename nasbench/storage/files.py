"""Files that are written completely or not at all, and digests of files and documents."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.errors import InvalidArgumentError, first_line, shown
from nasbench.storage.temporary import delete_abandoned, temporary_file


@contextmanager
def atomic(path: Path, *, first: bool = False) -> Iterator[Path]:
    """Yield a temporary file that becomes ``path`` if the block succeeds and is deleted if not.

    Temporary files that killed processes left there are deleted.

    Args:
        path: The file to write.
        first: Whether a file that is there by then is kept, and not replaced.

    Raises:
        InvalidArgumentError: The folder or the file cannot be created or written.
    """
    writable_folder(path.parent)
    with _told_of(path):
        delete_abandoned(path)
        with temporary_file(path) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            if first:
                _link(temporary, path)
            else:
                temporary.replace(path)
        _sync_names(path.parent)


def _sync_names(folder: Path) -> None:
    """Let the names of files outlast a loss of power, where a folder can be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        if not path.exists():
            temporary.replace(path)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error


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
        InvalidArgumentError: It is empty, or no file system could have it.
    """
    if not isinstance(folder, str | os.PathLike):
        raise InvalidArgumentError(f"{argument} = {shown(folder)} must be the path of a folder")
    if not str(folder):
        raise InvalidArgumentError(f"{argument} is empty; the current folder is '.'")
    path = Path(folder)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:  # too long, a null character, not in Unicode
        raise InvalidArgumentError(f"{argument} = {shown(folder)}: {first_line(error)}") from error
    return path


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


def check_writable(folder: Path) -> None:
    """Check that a folder is writable or could be created; nothing is created.

    Raises:
        InvalidArgumentError: It is not.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise InvalidArgumentError(f"cannot write to {folder}: {there} is not a folder")
    if not os.access(there, os.W_OK):
        raise InvalidArgumentError(f"cannot write to {folder}: permission denied")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(document: object) -> str:
    """Return the SHA-256 of a JSON document, whatever the order of its keys, as 64 hex digits."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
