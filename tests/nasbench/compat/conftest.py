import os
import subprocess
import sys

import pytest

START = """
import sys, time
from pathlib import Path

archive, go = sys.argv[1:]
print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.001)
"""


@pytest.fixture
def at_once(tmp_path):
    """Returns ``at_once(code, archives)``: lines that processes print that start in one moment.

    Each executes the code with another ``archive``, on one empty home.
    """

    def run(code, archives):
        go = tmp_path / "go"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", START + code, str(archive), str(go)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"NASBENCH_HOME": str(tmp_path / "home")},
            )
            for archive in archives
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        go.touch()
        printed = [process.communicate() for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes), printed
        return [out.splitlines() for out, _ in printed]

    return run
