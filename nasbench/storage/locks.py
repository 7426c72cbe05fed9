"""Locks: of a file between processes, and of an object between its threads."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from nasbench.errors import InvalidArgumentError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _wait_for_lock(file: BinaryIO) -> None:
        while not _try_lock(file):
            time.sleep(0.1)

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait_for_lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def locked(path: Path, waiting: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold a lock that one thread of one process can hold at a time; others wait for it.

    The operating system releases the lock when its holder ends, however it ends.

    Args:
        path: The file to lock, in an existing folder. It is made, and deleted afterwards.
        waiting: Called once if the lock is held by another. It may raise an error to give up.

    Raises:
        InvalidArgumentError: The file cannot be made or locked, or is one of others: a link, or not
            empty.
    """
    file = _acquire(path, waiting)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes no open file: there it stays, empty
            path.unlink()
        file.close()


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock as :func:`locked` does, unless another holds it.

    Gives whether nobody else holds it. On a file system without locks that is taken for granted.

    Args:
        path: See :func:`locked`.
    """
    free = True
    with ExitStack() as held:
        try:
            with suppress(InvalidArgumentError):
                held.enter_context(locked(path, _give_up))
        except _HeldByAnotherError:
            free = False
        yield free


def wait_for_holder(path: Path) -> None:
    """Wait until nobody holds a lock.

    Args:
        path: See :func:`locked`.

    Raises:
        InvalidArgumentError: See :func:`locked`.
    """
    with locked(path):
        pass


class _HeldByAnotherError(Exception):
    pass


def _give_up() -> None:
    raise _HeldByAnotherError


def _acquire(path: Path, waiting: Callable[[], object] | None) -> BinaryIO:
    while True:
        with _lockable(path):
            file = open(path, "ab", opener=_open)  # noqa: SIM115
        try:
            if os.fstat(file.fileno()).st_size:
                raise InvalidArgumentError(
                    f"{path} is not a lock of this suite, and is never deleted: move it away"
                )
            with _lockable(path):
                is_free = _try_lock(file)
            if not is_free:
                if waiting is not None:
                    waiting()
                    waiting = None
                with _lockable(path):
                    _wait_for_lock(file)
            if is_at(path, file.fileno()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # the last holder has deleted it


def _open(path: str, flags: int) -> int:
    """Open a file, but none that a link leads to."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


@contextmanager
def _lockable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidArgumentError(f"cannot lock {path}: {error.strerror or error}") from error


def is_at(path: Path, handle: int) -> bool:
    """Return whether an open file or folder is the one that has this path now."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


class MemberLock:
    """A lock of an object between its threads; a copy or pickle of the object gets its own."""

    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()
