"""A disk without room ends every command in a line, and leaves what was there."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fuzz.commands import Fit, Import, Killed, Merge, Run, draft, save

import nasbench as api

Command = Callable[..., tuple[int, str, str]]


@contextmanager
def room(size: int) -> Iterator[None]:
    """No file can grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Boosted(Fit):
    """Its library writes files itself, unless it is kept from it."""

    words = (
        *("fit", "one", "--id", "model", "--regressor", "xgb", "--train", "200"),
        *("--searches", "0", "--set", "rounds=20", "--replace"),
    )


class Alone(Run):
    """In one process."""

    words = tuple("1" if word == "2" else word for word in Run.words)


class Board(Killed):
    """A page of a record."""

    name = "leaderboard"
    words = ("leaderboard", "build", "runs", "--out", "site")

    def prepare(self, folder: Path) -> None:
        save(folder, draft("one"))
        for algorithm in ("random_search", "local_search"):
            api.search(
                algorithm, folder / "home/one.parquet", seeds=range(2),
                budget=api.Budget(trials=5), out=folder / "runs",
            )  # fmt: skip

    def read(self, folder: Path) -> None:
        """Nothing."""


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [700, 4000])
@pytest.mark.parametrize("kind", [Alone, Import, Merge, Fit, Boosted, Board])
def test_a_full_disk_is_said_in_a_line(
    nasbench: Command, tmp_path: Path, kind: type[Killed], size: int
) -> None:
    command = kind()
    command.prepare(tmp_path)
    before = files(tmp_path)
    with room(size):
        code, out, error = nasbench(*command.words)
    assert (code, out) == (2, "")
    assert "error: cannot write " in error
    assert "File too large" in error
    assert "Traceback" not in error
    assert files(tmp_path) == before


def test_a_quickstart_on_a_full_disk_keeps_whole_files(nasbench: Command, tmp_path: Path) -> None:
    words = ("quickstart", "--seeds", "1", "--trials", "3", "--processes", "1")
    with room(4000):
        code, _, error = nasbench(*words)
    assert (code, "File too large" in error) == (2, True)
    assert not list(tmp_path.rglob("*.html"))
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
