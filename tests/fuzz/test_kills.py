"""A kill of every command; ``python tests/fuzz/kills.py`` kills more.

Builds are killed in ``tests/data_builders/builds/test_faults.py``.
"""

from pathlib import Path

import pytest
from fuzz.commands import COMMANDS
from fuzz.kills import campaign

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "build"])
def test_a_killed_command_loses_nothing_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    assert campaign([name], 1, 0, tmp_path, print) == []
