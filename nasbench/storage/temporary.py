"""Temporary files and folders that are held while a process writes them.

A killed process leaves them, but no longer holds them: the next writer deletes them.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

from nasbench.storage.locks import is_at

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
            yield is_at(path, handle)
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


@contextmanager
def _temporary(
    path: Path, make: Callable[[Path], object], delete: Callable[[Path], object]
) -> Iterator[Path]:
    while True:
        own = path.with_name(f"{_prefix(path)}{os.urandom(8).hex()}{_SUFFIX}")
        make(own)
        try:
            with _held(own) as is_ours:
                if is_ours:
                    yield own
                    return
        finally:
            delete(own)


def temporary_file(path: Path) -> AbstractContextManager[Path]:
    """Give an empty file beside ``path``, deleted afterwards if it is still there.

    Whoever the user's mask says can read it.

    Raises:
        OSError: It cannot be made.
    """
    make, delete = partial(Path.touch, exist_ok=False), partial(Path.unlink, missing_ok=True)
    return _temporary(path, make, delete)


def temporary_folder(path: Path) -> AbstractContextManager[Path]:
    """Give an empty folder beside ``path``, deleted afterwards if it is still there.

    Raises:
        OSError: It cannot be made.
    """
    make, delete = partial(Path.mkdir, mode=0o700), partial(shutil.rmtree, ignore_errors=True)
    return _temporary(path, make, delete)


def lock_beside(path: Path) -> Path:
    """Return the place of a lock for ``path``; :func:`sweep` deletes one that no process holds."""
    return path.with_name(f"{_prefix(path)}lock{_SUFFIX}")


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
