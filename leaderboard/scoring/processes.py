"""The processes of a score: started together, read until each has a result or is late."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from time import perf_counter
from typing import Any

from nasbench.parallel import import_path

_START = 30.0  # seconds until the program may begin
_REPORT = 5.0  # seconds for a process's own report of a hang
_SHOWN = 60_000  # bytes; with the line about the rest they fit into a pipe that nobody reads yet
_PIPE = 2**16

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Environment in which linear algebra takes one thread: two processes run at the same time, and
idle threads cost more than the searches of a fast program."""


def results_of(tasks: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """Run tasks at the same time, and end all processes with the first that has no scores.

    Args:
        tasks: As :mod:`leaderboard.scoring.child` describes them. What the program prints is shown
            for the first.
        seconds: The limit that they name.

    Returns:
        What the processes wrote, or why they wrote nothing, up to the first without scores.
    """
    found: list[dict[str, Any]] = []
    processes: list[_Process] = []
    with DefaultSelector() as pipes:
        try:
            for number, task in enumerate(tasks):
                processes.append(_Process(task, seconds, pipes, heard=not number))
            for process in processes:
                while process.is_awaited:
                    _read(pipes, max(process.due - perf_counter(), 0.0))
                found.append(process.result())
                if "scores" not in found[-1]:
                    break
        finally:
            for process in processes:
                process.stop()
            _read(pipes, 0.0)
            for process in processes:
                process.close()
    return found


def _read(pipes: DefaultSelector, seconds: float) -> None:
    """Pass on what comes within some seconds; at most what a pipe holds from each."""
    for key, _ in pipes.select(seconds):
        if data := os.read(key.fd, _PIPE):
            key.data(data)
        else:
            pipes.unregister(key.fileobj)


class _Process:
    """A process of :mod:`leaderboard.scoring.child`.

    Args:
        task: What it does.
        seconds: The limit of the task, which begins with the first byte of the result.
        pipes: Where its pipes are read.
        heard: Whether what the program prints is shown.

    Attributes:
        due: When it is late, on the clock of ``perf_counter``.
    """

    def __init__(self, task: str, seconds: float, pipes: DefaultSelector, *, heard: bool) -> None:
        self._seconds = seconds
        self.due = perf_counter() + _START
        self._written = bytearray()
        self._shown = self._dropped = 0
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "leaderboard.scoring.child", task],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if heard else subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": import_path(),
                "PYTHONHASHSEED": "0",
                **_ONE_THREAD,
            },
            start_new_session=True,
        )
        self._pipes = pipes
        for pipe, receive in ((self._popen.stdout, self._take), (self._popen.stderr, self._show)):
            if pipe is not None:
                pipes.register(pipe, EVENT_READ, receive)

    @property
    def is_awaited(self) -> bool:
        """Whether more of its result may come in time."""
        return self._popen.stdout in self._pipes.get_map() and perf_counter() < self.due

    def _take(self, data: bytes) -> None:
        if not self._written:
            self.due = perf_counter() + self._seconds + _REPORT
        self._written += data

    def _show(self, data: bytes) -> None:
        shown = data[: _SHOWN - self._shown]
        self._shown += len(shown)
        self._dropped += len(data) - len(shown)
        if shown:
            _say(shown)

    def result(self) -> dict[str, Any]:
        """Return what the process wrote, or why it wrote nothing."""
        try:
            code = self._popen.wait(max(self.due - perf_counter(), 0.0))
        except subprocess.TimeoutExpired:
            if not self._written:
                return {"refused": f"the process has not begun after {_START:g} seconds"}
            return _error(
                "hang", f"not finished after {self._seconds:g} seconds, and deaf to the alarm"
            )
        with suppress(ValueError):
            result = json.loads(self._written)
            if isinstance(result, dict):
                return result
        with suppress(ValueError):
            return _error("crash", f"the process died of {signal.Signals(-code).name}")
        return _error("crash", f"the process ended with exit code {code} and without a result")

    def stop(self) -> None:
        """End the process and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def close(self) -> None:
        """Close the pipes, and say how much was not shown."""
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()
        if self._dropped:
            _say(
                f"\n{self._dropped:,} more bytes that the program printed are not shown\n".encode()
            )


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message, "line": None}}


def _say(data: bytes) -> None:
    """Write to standard error, unless it is closed."""
    with suppress(OSError):
        os.write(2, data)
