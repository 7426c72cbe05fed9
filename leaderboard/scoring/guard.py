"""What a scored program must leave alone: tables, other processes, the network, the call stack.

The checks find a program that looks up what it should search for, and say where. They are no wall
against one that means harm: it runs in the process that knows the answers.
"""

import builtins
import importlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import nasbench
from nasbench.benchmarks.catalogue import folders

ALLOWED = (
    "nasbench.algorithm",
    "nasbench.encodings",
    "nasbench.errors",
    "nasbench.regressor",
    "nasbench.space",
    "nasbench.spaces",
    "nasbench.supernet",
)
"""Modules of the core that a scored program may import, those that registered algorithms may."""

_HOME = str(Path(nasbench.__file__).parents[1])
_OURS = tuple(
    os.path.join(_HOME, name, "")
    for name in ("nasbench", "algorithms", "leaderboard", "surrogates", "data_builders")
)
_READERS = ("pyarrow", "duckdb", "polars")
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_IMPORTING = "<frozen importlib"
_OPENS = {"open": "opened", "os.listdir": "listed", "os.scandir": "listed"}
_STARTS = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
}
_NETWORK = {
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
}
_SIGNALS = {"os.kill", "os.killpg"}
_LOOKS = {
    "sys._getframe",
    "sys._current_frames",
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
}
_REST = frozenset({*_STARTS, *_NETWORK, *_SIGNALS, *_LOOKS, "object.__getattr__"})


class Own:
    """Which code is the program's.

    Args:
        folder: Folder of its file or package; None for a registered algorithm, of which nothing is
            checked.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else os.path.join(os.path.abspath(folder), "")

    def holds(self, file: str) -> bool:
        """Return whether a file is the program's, not the suite's or an installed package's."""
        return (
            self._folder is not None
            and file.startswith(self._folder)
            and not file.startswith((*_OURS, _STANDARD))
            and "site-packages" not in file[len(self._folder) :]
        )

    def line(self, frame: FrameType | None) -> int | None:
        """Return the line of the innermost frame of the program; None if there is none."""
        while frame is not None:
            if self.holds(frame.f_code.co_filename):
                return frame.f_lineno
            frame = frame.f_back
        return None

    def asks(self, frame: FrameType | None) -> bool:
        """Return whether a frame is the program's, or reached from it through Python's library."""
        while frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith((_STANDARD, "<")) or "site-packages" in file:
                return self.holds(file)
            frame = frame.f_back
        return False

    def looks(self, frame: FrameType | None) -> bool:
        """Return whether the program asks itself, or through ``inspect``."""
        while frame is not None and frame.f_code.co_filename == inspect.__file__:
            frame = frame.f_back
        return frame is not None and self.holds(frame.f_code.co_filename)


def watch(own: Own, found: Callable[[str, int | None], NoReturn]) -> None:
    """Watch this process until it ends.

    Args:
        own: The program.
        found: Called with what the program did and the line; ends the process.
    """
    frame_of = sys._getframe
    home, shipped = (os.path.join(os.path.realpath(folder), "") for folder in folders())
    _watch_imports(own, found, frame_of)
    _close_package(own, found, frame_of)
    busy = False

    def hook(event: str, arguments: Sequence[Any]) -> None:
        nonlocal busy
        if busy or (event not in _OPENS and event not in _REST):
            return
        busy = True
        try:
            frame = frame_of(1)
            if event in _OPENS:
                if frame.f_code.co_filename.startswith(_IMPORTING):
                    return
                if (
                    _is_result(arguments[0], home, shipped)
                    and (line := own.line(frame)) is not None
                ):
                    found(f"{_OPENS[event]} {os.fspath(arguments[0])}", line)
            elif event == "object.__getattr__":
                if arguments[1] in ("tb_frame", "gi_frame", "cr_frame") and own.looks(frame):
                    found(f"read {arguments[1]}, which leads to its callers", own.line(frame))
            elif event in _LOOKS:
                if own.looks(frame):
                    found(f"called {event}, which leads to its callers", own.line(frame))
            elif event == "os.kill" and arguments[0] == os.getpid():
                return
            elif own.asks(frame):
                what = "used the network" if event in _NETWORK else "started a process"
                what = "sent a signal to another process" if event in _SIGNALS else what
                found(f"{what} ({event})", own.line(frame))
        finally:
            busy = False

    sys.addaudithook(hook)


def _is_result(path: object, home: str, shipped: str) -> bool:
    """Return whether a path is a table, or among those that ship; arrays of classes are none."""
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    real = os.path.join(os.path.realpath(os.fsdecode(path)), "")
    if real.startswith(shipped):
        return not real.endswith(f".npy{os.sep}")
    return real.startswith(home) and real.endswith(f".parquet{os.sep}")


def _watch_imports(
    own: Own, found: Callable[[str, int | None], NoReturn], frame_of: Callable[[int], FrameType]
) -> None:
    ordinary, by_name = builtins.__import__, importlib.import_module

    def guarded(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and globals and own.holds(str(globals.get("__file__", ""))):
            for module in (name, *(f"{name}.{each}" for each in fromlist or ())):
                if not _is_open(module, is_member=module != name):
                    found(f"imported {module}", own.line(frame_of(1)))
        return ordinary(name, globals, locals, fromlist, level)

    def guarded_by_name(name: str, package: str | None = None) -> Any:
        frame = frame_of(1)
        if own.asks(frame) and not _is_open(name, is_member=False):
            found(f"imported {name}", own.line(frame))
        return by_name(name, package)

    builtins.__import__ = guarded
    importlib.import_module = guarded_by_name


def _is_open(name: str, *, is_member: bool) -> bool:
    """Return whether a program may import a module, or a member of one.

    Args:
        name: Name with dots.
        is_member: Whether the last part may be the name of an object.
    """
    package = name.partition(".")[0]
    if package in _READERS or package in ("leaderboard", "data_builders"):
        return False
    if package == "surrogates":
        return name.startswith("surrogates.regressors") or name == "surrogates"
    if package != "nasbench" or name == "nasbench":
        return True
    if is_member and name.count(".") == 1:
        member = name.partition(".")[2]
        return name in ALLOWED or member in _harmless()
    return any(name == each or name.startswith(f"{each}.") for each in ALLOWED)


def _harmless() -> set[str]:
    """Members of the package that answer nothing: ``Arch`` and the errors."""
    return {"Arch", "Evaluation", *(name for name in nasbench.__all__ if name.endswith("Error"))}


def _close_package(
    own: Own, found: Callable[[str, int | None], NoReturn], frame_of: Callable[[int], FrameType]
) -> None:
    """Take from the package ``nasbench`` what leads to tables: the suite imports by full names."""
    kept = {*_harmless(), *(name.partition(".")[2] for name in ALLOWED)}

    def refuse(name: str) -> Any:
        frame = frame_of(1)
        if not name.startswith("__") and own.asks(frame):
            found(f"used nasbench.{name}", own.line(frame))
        raise AttributeError(f"module 'nasbench' has no attribute {name!r}")

    for name in [*vars(nasbench)]:
        if not name.startswith("__") and name not in kept:
            delattr(nasbench, name)
    nasbench.__getattr__ = refuse
