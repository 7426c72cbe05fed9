"""What the commands print: results on standard output, progress on standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

from nasbench.errors import printable

if TYPE_CHECKING:
    from rich.text import Text

_WIDE = 10_000
"""Columns of a terminal into which every table fits."""


def say(text: str) -> None:
    """Print a line of the result; no letter of it, wherever it comes from, moves the terminal."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """Print a line that is not part of the result."""
    sys.stderr.write(printable(text) + "\n")


def say_made(about: Any, path: Path) -> None:
    """Print which benchmark was written, and where; ``about`` has an id and a version."""
    say(f"{about.id}@{about.version}: {path}")


def written(path: Path, write: Callable[[], Any]) -> str:
    """Write a table, and return the line that says which, where, and whether it was there."""
    from nasbench.tables.places import digest_at

    before = digest_at(path)
    about = write()
    there = " (already there)" if before and before == digest_at(path) else ""
    return f"{about.id}@{about.version}: {path}{there}"


def plain(text: str) -> "Text":
    """A text in which rich finds no markup, and the terminal no command."""
    from rich.text import Text

    return Text(printable(text))


def print_rows(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    notes: Iterable[str] = (),
    name: int = 0,
) -> None:
    """Print a table of texts and an empty line.

    A terminal too narrow for the table gets a block of lines for each row, so that no column is
    lost.

    Args:
        header: Titles of the columns; a title is broken into lines, a cell never.
        rows: Cells.
        title: Line above the table.
        notes: Lines below it.
        name: Column that names the row; it is aligned to the left.
    """
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    rows = [[*map(printable, row)] for row in rows]
    table = Table(box=None)
    for number, text in enumerate(header):
        head = fill(text, 12) if number > name else text
        justify: Literal["left", "right"] = "left" if number == name else "right"
        table.add_column(plain(head), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*map(plain, row))
    console = Console()
    if title:
        console.print(plain(title), style="bold")
    needed = Measurement.get(console, console.options.update(width=_WIDE), table).maximum
    if needed <= console.width:
        console.print(table)
    else:
        for row in rows:
            say(" ".join(row[: name + 1]))
            for text, cell in zip(header[name + 1 :], row[name + 1 :], strict=True):
                say(f"  {text}: {cell}")
    for line in notes:
        say(line)
    say("")


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar of known length; gives the function that advances it by some steps."""
    with meter(title) as tell:
        done = 0

        def advance(n: int) -> None:
            nonlocal done
            done += n
            tell(done, total)

        yield advance


@contextmanager
def meter(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; gives the function that is told how much of how much is done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(printable(title), total=None)

    def tell(done: int, total: int) -> None:
        bar.start()  # now that the arguments were found to be right
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    except BaseException:
        bar.live.transient = True  # so that an error is one line
        bar.live.stop()
        raise
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def status(title: str) -> Iterator[Callable[[str], None]]:
    """Something that moves; gives the function that is told what is done now."""
    from rich.console import Console

    with Console(stderr=True).status(plain(title)) as spinner:
        yield lambda text: spinner.update(plain(text))
