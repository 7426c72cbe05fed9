"""What a scored program must leave alone: tables, files, processes, the network, the call stack.

The checks find a program that looks up what it should search for, or leaves notes for the next
scoring, and say where. They are no wall against one that means harm: it runs in the process that
knows the answers.
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
_OPENERS = ("pyarrow.parquet", "pyarrow.dataset", "pyarrow.fs", "duckdb", "polars")
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_IMPORTING = "<frozen importlib"
_OPENS = {"open": "opened", "os.listdir": "listed", "os.scandir": "listed"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
_CHANGES = {
    "os.chflags",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.removexattr",
    "os.rename",
    "os.rmdir",
    "os.setxattr",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "sqlite3.connect",
}
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
_FILES = frozenset({*_OPENS, *_CHANGES})
_OUTSIDE = {
    **dict.fromkeys(_STARTS, "started a process"),
    **dict.fromkeys(_NETWORK, "used the network"),
    **dict.fromkeys(_SIGNALS, "sent a signal to another process"),
}
_WATCHED = frozenset({*_FILES, *_OUTSIDE, *_LOOKS, "object.__getattr__"})


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

    def line_behind(self, frame: FrameType | None) -> int | None:
        """Return the line of the program that led to a frame, through whatever libraries.

        Returns:
            The innermost line; None if there is none, or if a library is being imported: what it
            does then is not what the program asks for.
        """
        while frame is not None:
            file = frame.f_code.co_filename
            if self.holds(file):
                return frame.f_lineno
            if file.startswith(_IMPORTING):
                return None
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


Found = Callable[[str, str, int | None], NoReturn]


def watch(own: Own, found: Found) -> None:
    """Watch this process until it ends.

    Args:
        own: The program.
        found: Called with the kind of the error, what the program did and the line; ends the
            process.
    """
    frame_of = sys._getframe
    home, shipped = (os.path.join(os.path.realpath(folder), "") for folder in folders())
    _watch_imports(own, found, frame_of)
    _close_package(own, found, frame_of)
    busy = False

    def hook(event: str, arguments: Sequence[Any]) -> None:
        nonlocal busy
        if busy or event not in _WATCHED:
            return
        busy = True
        try:
            frame = frame_of(1)
            if event in _FILES:
                if (line := own.line_behind(frame)) is None:
                    return
                path = _named(arguments[0])
                if event in _OPENS and _is_result(arguments[0], home, shipped):
                    found("peek", f"{_OPENS[event]} {path}", line)
                if _is_change(event, arguments):
                    did = "wrote a file" if event == "open" else f"changed files ({event})"
                    found("writes", f"{did}: {path}", line)
            elif event == "object.__getattr__":
                if arguments[1] in ("tb_frame", "gi_frame", "cr_frame") and own.looks(frame):
                    did = f"read {arguments[1]}, which leads to its callers"
                    found("peek", did, own.line(frame))
            elif event in _LOOKS:
                if own.looks(frame):
                    found("peek", f"called {event}, which leads to its callers", own.line(frame))
            elif event == "os.kill" and arguments[0] == os.getpid():
                return
            elif own.asks(frame):
                found("outside", f"{_OUTSIDE[event]} ({event})", own.line(frame))
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


def _is_change(event: str, arguments: Sequence[Any]) -> bool:
    """Return whether an event leaves something behind; what is open already may be written to."""
    path = arguments[0]
    if event == "open":
        is_new = not isinstance(path, int) and _named(path) != os.devnull
        return is_new and bool(arguments[2] & _WRITING)
    if event == "sqlite3.connect":
        return path not in ("", ":memory:")
    return event in _CHANGES


def _named(path: object) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else repr(path)


def _watch_imports(own: Own, found: Found, frame_of: Callable[[int], FrameType]) -> None:
    ordinary, by_name = builtins.__import__, importlib.import_module

    def through_library(module: str, frame: FrameType) -> None:
        opens = any(module == each or module.startswith(f"{each}.") for each in _OPENERS)
        if opens and (line := own.line_behind(frame)) is not None:
            found("peek", f"led a library to import {module}", line)

    def guarded(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and globals:
            is_own = own.holds(str(globals.get("__file__", "")))
            if is_own or name.startswith(_READERS):
                for module in (name, *(f"{name}.{each}" for each in fromlist or ())):
                    if not is_own:
                        through_library(module, frame_of(1))
                    elif not _is_open(module, is_member=module != name):
                        found("peek", f"imported {module}", own.line(frame_of(1)))
        return ordinary(name, globals, locals, fromlist, level)

    def guarded_by_name(name: str, package: str | None = None) -> Any:
        frame = frame_of(1)
        if own.asks(frame) and not _is_open(name, is_member=False):
            found("peek", f"imported {name}", own.line(frame))
        through_library(name, frame)
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


def _close_package(own: Own, found: Found, frame_of: Callable[[int], FrameType]) -> None:
    """Take from the package ``nasbench`` what leads to tables: the suite imports by full names."""
    kept = {*_harmless(), *(name.partition(".")[2] for name in ALLOWED)}

    def refuse(name: str) -> Any:
        frame = frame_of(1)
        if not name.startswith("__") and own.asks(frame):
            found("peek", f"used nasbench.{name}", own.line(frame))
        raise AttributeError(f"module 'nasbench' has no attribute {name!r}")

    for name in [*vars(nasbench)]:
        if not name.startswith("__") and name not in kept:
            delattr(nasbench, name)
    nasbench.__getattr__ = refuse
