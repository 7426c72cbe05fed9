"""An interruption of the command line while it is still being imported: one line, no traceback.

Importing this module is enough; :func:`end` ends its effect.
"""

import os
import signal
import sys
from contextlib import suppress

MESSAGE = "error: interrupted; the same command resumes what can be resumed"
CODE = 130


def _begin() -> None:
    """End at once when interrupted, if this process runs the command line."""
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGINT, _stop)


def end() -> None:
    """Let an interruption raise ``KeyboardInterrupt`` again."""
    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_command() -> bool:
    """Whether Python was started as ``nasbench`` or ``python -m nasbench``."""
    started = sys.argv[0] if sys.argv else ""
    if started == "-m":  # until the module is found
        return "nasbench" in sys.orig_argv
    return os.path.splitext(os.path.basename(started))[0] == "nasbench"


def _stop(number: int, frame: object) -> None:
    """End without raising, which the modules that are being imported might not expect."""
    with suppress(OSError):
        os.write(2, f"{MESSAGE}\n".encode())
    os._exit(CODE)


_begin()
