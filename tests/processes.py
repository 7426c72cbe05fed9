"""Processes of this machine, as Linux lists them."""

import time
from pathlib import Path

import pytest

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc of Linux")


def descendants(ancestor: int, command: str = "") -> list[int]:
    """Processes below one whose command line holds a text."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            line = (folder / "cmdline").read_text()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
        if command in line:
            found.append(int(folder.name))

    def is_below(process: int) -> bool:
        return process in parents and (parents[process] == ancestor or is_below(parents[process]))

    return [process for process in found if is_below(process)]


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_ended(processes: list[int], seconds: float = 60) -> list[int]:
    """Those that still run after a while."""
    until = time.monotonic() + seconds
    while (left := [*filter(is_alive, processes)]) and time.monotonic() < until:
        time.sleep(0.05)
    return left
