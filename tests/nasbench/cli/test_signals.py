"""A command that is asked to end says so in a line, keeps what is finished, ends its helpers."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from processes import descendants, linux, wait_until_ended

from nasbench.cli.signals import heard
from nasbench.runs.records import find_records

WORDS = (
    *("run", "regularized_evolution", "nb201-cifar10", "--trials", "3000", "--seeds", "0:99999"),
    *("--processes", "2", "--out", "runs"),
)


def started(folder: Path, number: int, handler: Any) -> subprocess.Popen[bytes]:
    """A search of many seeds that has recorded some, begun with a handler of a signal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nasbench", *WORDS],
        cwd=folder,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, number, handler),
    )
    while not list(folder.rglob("part-*.parquet")):
        assert process.poll() is None
        time.sleep(0.05)
    return process


@linux
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGTERM, 143, "interrupted by SIGTERM"),
        (signal.SIGHUP, 129, "interrupted by SIGHUP"),
        (signal.SIGINT, 130, "interrupted"),
    ],
)
def test_a_stopped_search_ends_with_its_processes(
    tmp_path: Path, number: int, code: int, words: str
) -> None:
    with started(tmp_path, number, signal.SIG_DFL) as process:
        helpers = descendants(process.pid)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == code
    last = said.decode().splitlines()[-1]
    assert last == f"error: {words}; the same command resumes what can be resumed"
    assert "Traceback" not in said.decode()
    assert len(helpers) >= 2
    assert wait_until_ended(helpers) == []
    (records,) = find_records(tmp_path / "runs")
    assert records.runs()
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


@linux
def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """As ``nohup`` asks for."""
    with started(tmp_path, signal.SIGHUP, signal.SIG_IGN) as process:
        process.send_signal(signal.SIGHUP)
        before = find_records(tmp_path / "runs")[0].seeds()
        while find_records(tmp_path / "runs")[0].seeds() == before:
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        process.communicate()
    assert process.returncode == 143


def test_handlers_of_others_are_kept_and_ours_end_with_the_block() -> None:
    def theirs(*_: object) -> None:
        """Of a program that calls the command line."""

    before = signal.signal(signal.SIGHUP, theirs)
    try:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with heard() as came:
            assert signal.getsignal(signal.SIGHUP) is theirs
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
