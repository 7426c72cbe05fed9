"""Processes that work for this one, and end when it ends, however it ends."""

import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread, current_thread, main_thread
from threading import enumerate as running_threads
from typing import Any

_SECONDS = 0.5


def parallel(processes: int, **options: Any) -> Any:
    """Return a ``joblib.Parallel`` whose processes never outlive this one.

    Args:
        processes: How many.
        options: Of ``joblib.Parallel``.
    """
    import joblib

    return joblib.Parallel(processes, initializer=end_with, initargs=(os.getpid(),), **options)


def wait_for_feeders() -> None:
    """Wait a moment for the threads that fed processes which an interruption has ended.

    One that the end of Python cuts off may leave a semaphore to joblib's tracker, which warns of it
    after the last words of a command.
    """
    for thread in running_threads():
        if thread.name == "QueueFeederThread":
            thread.join(_SECONDS)


def end_with(parent: int) -> None:
    """Let this process end when its parent has ended; called in its main thread.

    A parent that is killed cannot tell, so a thread looks after it. An interruption of the terminal
    is left to the parent.

    Args:
        parent: Number of the parent process.
    """
    if current_thread() is main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after, args=(parent,), name="end-with-parent", daemon=True).start()


if sys.platform == "win32":
    import _winapi

    def _end_after(parent: int) -> None:
        synchronize = 0x00100000
        try:
            handle = _winapi.OpenProcess(synchronize, False, parent)
        except OSError:
            os._exit(1)  # it has ended
        _winapi.WaitForSingleObject(handle, _winapi.INFINITE)
        os._exit(1)

else:

    def _end_after(parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        os._exit(1)


def import_path() -> str:
    """Return a ``PYTHONPATH`` by which a process in another folder imports this very suite."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([str(Path(__file__).resolve().parents[1]), *filter(None, given)])
