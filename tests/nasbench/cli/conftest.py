"""The command line, run in an empty folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from nasbench.cli import main

Command: TypeAlias = Callable[..., tuple[int, str, str]]
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
)


def files(folder):
    """All files below a folder but compiled modules."""
    found = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {path for path in found if path.is_file()}


@pytest.fixture
def cell() -> str:
    """A cell of NAS-Bench-201."""
    return CELL


@pytest.fixture
def nasbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Run the command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nasbench", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def refused(nasbench: Command, tmp_path: Path) -> Callable[..., str]:
    """Run a command line that is refused: in one line, which it gives, and before any writing."""

    def run(*arguments: str) -> str:
        before = files(tmp_path)
        code, out, error = nasbench(*arguments)
        assert (code, out) == (2, ""), error
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert files(tmp_path) == before
        return error

    return run
