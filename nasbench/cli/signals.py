"""Signals that ask a command to end: it ends as after Ctrl-C, with what is finished kept."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")


@contextmanager
def heard() -> Iterator[list[signal.Signals]]:
    """Give the list of those that came; each interrupts the block as Ctrl-C does.

    One that is ignored, as ``nohup`` does, or that has a handler stays as it is.
    """
    came: list[signal.Signals] = []

    def stop(number: int, _: FrameType | None) -> None:
        came.append(signal.Signals(number))
        raise KeyboardInterrupt

    known = [signal.Signals[name] for name in _NAMES if hasattr(signal, name)]
    ours = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
    if current_thread() is not main_thread():
        ours = []
    for number in ours:
        signal.signal(number, stop)
    try:
        yield came
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
