"""Processes that work for another end with it, whatever ends it and whatever they do."""

import os
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest
from joblib import delayed
from processes import descendants, linux, wait_until_ended

from nasbench.parallel import parallel, wait_for_feeders

PROGRAM = """
import signal
import sys
import time

from joblib import delayed

from nasbench.parallel import parallel

if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may ignore it
    seconds = [float(text) for text in sys.argv[1:]]
    crew = parallel(3, return_as="generator_unordered", batch_size=1)
    for _ in crew(delayed(time.sleep)(s) for s in seconds):
        print("done", flush=True)
    time.sleep(600)
"""


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("seconds", [(0, 0.1, 600, 600), (0,)], ids=["busy", "idle"])
def test_no_process_outlives_the_one_it_works_for(number, seconds, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, program, *map(str, seconds)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout.readline() == b"done\n"
        workers = descendants(parent.pid, "popen_loky")
        assert len(workers) == 3
        parent.send_signal(number)
    assert parent.returncode == -number
    assert wait_until_ended(workers) == []


def interrupted():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return os.getpid()


def test_an_interruption_of_the_terminal_is_left_to_the_parent():
    assert os.getpid() not in parallel(2)(delayed(interrupted)() for _ in range(4))


def test_threads_that_feed_processes_are_waited_for():
    feeder = Thread(target=time.sleep, args=(0.2,), name="QueueFeederThread", daemon=True)
    stuck = Thread(target=time.sleep, args=(20,), name="another", daemon=True)
    feeder.start()
    stuck.start()
    wait_for_feeders()
    assert not feeder.is_alive()
    assert stuck.is_alive()
