"""Temporary files and folders that are held while a process writes them.

A killed process leaves them, but no longer holds them: the next writer deletes them.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

if sys.platform == "win32":
    # An open file cannot be deleted there, and a folder cannot be held.

    @contextmanager
    def _held(path: Path) -> Iterator[bool]:
        yield True

    def _delete_unless_held(path: Path) -> None:
        if not path.is_dir():
            path.unlink()

else:
    import fcntl

    _OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

    @contextmanager
    def _held(path: Path) -> Iterator[bool]:
        """Hold a file or folder; False if another process took it for abandoned before."""
        try:
            handle = os.open(path, _OPEN)
        except FileNotFoundError:
            yield False
            return
        try:
            with suppress(OSError):  # a file system without locks, where nothing is abandoned
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield _is_at(path, handle)
        finally:
            os.close(handle)

    def _delete_unless_held(path: Path) -> None:
        handle = os.open(path, _OPEN)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside ``path``, deleted afterwards if it is still there.

    Raises:
        OSError: It cannot be made.
    """
    while True:
        own = path.with_name(f"{_prefix(path)}{token_hex(8)}{_SUFFIX}")
        own.touch(exist_ok=False)  # readable for whom the user's mask says, unlike mkstemp's
        try:
            with _held(own) as is_ours:
                if is_ours:
                    yield own
                    return
        finally:
            own.unlink(missing_ok=True)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``, deleted afterwards if it is still there.

    Raises:
        OSError: It cannot be made.
    """
    while True:
        own = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path), suffix=_SUFFIX))
        try:
            with _held(own) as is_ours:
                if is_ours:
                    yield own
                    return
        finally:
            shutil.rmtree(own, ignore_errors=True)


def delete_abandoned(path: Path) -> None:
    """Delete the temporary files and folders beside ``path`` that no process holds."""
    _sweep(path.parent, _prefix(path))


def sweep(folder: Path) -> None:
    """Delete all temporary files and folders in a folder that no process holds."""
    _sweep(folder, ".")


def _sweep(folder: Path, prefix: str) -> None:
    for left in folder.iterdir():
        if left.name.startswith(prefix) and left.name.endswith(_SUFFIX):
            with suppress(OSError):
                _delete_unless_held(left)


_SUFFIX = ".nasbench-tmp"


def _prefix(path: Path) -> str:
    return f".{path.name}."
