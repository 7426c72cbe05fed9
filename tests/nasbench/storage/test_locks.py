import copy
import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nasbench.errors import InvalidArgumentError
from nasbench.storage import locks
from nasbench.storage.locks import MemberLock, locked, locked_if_free, wait_for_holder

HOLD = """
import sys, time
from pathlib import Path
from nasbench.storage.locks import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
COUNT = """
import sys
from pathlib import Path
from nasbench.storage.locks import locked

folder = Path(sys.argv[1])
for _ in range(20):
    with locked(folder / ".lock"):
        number = int((folder / "count").read_text())
        (folder / "count").write_text(str(number + 1))
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_processes_and_threads_take_turns(tmp_path):
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    run = compile(COUNT, "count", "exec")
    before, sys.argv = sys.argv, ["", str(tmp_path)]
    threads = [threading.Thread(target=exec, args=(run, {})) for _ in range(3)]
    for thread in threads:
        thread.start()
    for each in threads:
        each.join()
    sys.argv = before
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "120"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_killed_holder_lets_go(tmp_path, holder):
    asked = []

    def waiting():
        asked.append(holder.poll())
        os.kill(holder.pid, signal.SIGKILL)

    with locked(tmp_path / ".lock", waiting):
        assert asked == [None]
    assert not list(tmp_path.iterdir())


def test_a_lock_is_held_if_free(tmp_path, holder):
    with locked_if_free(tmp_path / ".lock") as free:
        assert not free
    assert holder.poll() is None
    holder.kill()
    wait_for_holder(tmp_path / ".lock")
    with locked_if_free(tmp_path / ".lock") as free:
        assert free
        with locked_if_free(tmp_path / ".lock") as again:
            assert not again
    assert not list(tmp_path.iterdir())


def test_without_locks_every_lock_is_free(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(locks, "_try_lock", refuse)
    with locked_if_free(tmp_path / ".lock") as free:
        assert free


def test_who_would_wait_may_give_up(tmp_path, holder):
    def refuse():
        raise InvalidArgumentError("in use")

    with pytest.raises(InvalidArgumentError, match="in use"), locked(tmp_path / ".lock", refuse):
        pass
    assert (tmp_path / ".lock").exists()


def test_an_error_lets_go(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / ".lock"):
        raise KeyError
    with locked(tmp_path / ".lock", pytest.fail):
        pass


def test_a_file_that_cannot_be_locked(tmp_path):
    for path in (tmp_path / "none" / ".lock", Path(os.devnull) / ".lock", tmp_path):
        with pytest.raises(InvalidArgumentError, match="cannot lock"), locked(path):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_no_lock_leads_elsewhere(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidArgumentError, match="cannot lock"), locked(tmp_path / ".lock"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_file_of_others_in_place_of_a_lock_is_never_deleted(tmp_path):
    (tmp_path / ".lock").write_text("my notes")
    with pytest.raises(InvalidArgumentError, match="not a lock"), locked(tmp_path / ".lock"):
        pass
    assert (tmp_path / ".lock").read_text() == "my notes"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda lock: pickle.loads(pickle.dumps(lock))])
def test_a_copied_lock_is_free(copied):
    lock = MemberLock()
    with lock, copied(lock):
        pass
