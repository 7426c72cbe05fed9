"""A short crowd at one table; ``python tests/fuzz/crowd.py`` makes a longer one."""

from pathlib import Path

import pytest
from fuzz.crowd import crowd, failures

pytestmark = pytest.mark.slow


def test_nobody_fails_where_many_write_and_read(tmp_path: Path) -> None:
    counted = crowd(tmp_path, 4, 3)
    assert failures(counted) == {}
    assert counted["read"]
    assert counted["write"]
