"""Python programs that need not wait for imports.

Each runs in a process of its own, forked from one that has imported what is slow to import:
packages of others, so that a program still has to import of the suite what it uses.
"""

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn

IMPORTED = (
    *("jinja2", "matplotlib.pyplot", "pandas", "pyarrow.parquet", "rich.progress"),
    *("scipy.stats", "sklearn.ensemble", "torch._dynamo", "typer"),
)


class Order(NamedTuple):
    """A program to run."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    streams: list[str]


class Programs:
    """Runs Python programs."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def run(
        self, words: list[str], folder: Path, environment: Mapping[str, str] = os.environ
    ) -> "subprocess.CompletedProcess[str]":
        """Run a file, or a module after ``-m``, in a folder."""
        assert self._server.stdin
        assert self._server.stdout
        with TemporaryDirectory() as said:
            streams = [Path(said) / name for name in ("stdout", "stderr")]
            order = Order(words, str(folder), dict(environment), [*map(str, streams)])
            print(json.dumps(order), file=self._server.stdin, flush=True)
            code = int(self._server.stdout.readline())
            stdout, stderr = (stream.read_text(encoding="utf-8") for stream in streams)
        return subprocess.CompletedProcess(words, code, stdout, stderr)


@contextmanager
def programs() -> Iterator[Programs]:
    """Start the process from which programs are forked, and end it."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield Programs(server)


def _next() -> Order:
    """Fork for each order on standard input; returns the order in the new process."""
    for line in sys.stdin:
        if process := os.fork():
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            print(code, flush=True)
        else:
            return Order(*json.loads(line))
    sys.exit()


def _run(order: Order) -> None:
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environment)
    for number, path in enumerate([os.devnull, *order.streams]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    program, *_ = order.words
    if program == "-m":
        sys.argv, sys.path[0] = order.words[1:], order.folder
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = order.words, str(Path(program).parent)
        runpy.run_path(program, run_name="__main__")


def _exit_code(order: Order) -> int:
    try:
        _run(order)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End without taking the imported modules apart, which takes longer than most programs."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for name in IMPORTED:
        with suppress(ImportError):
            import_module(name)
    gc.freeze()
    _end(_exit_code(_next()))
