"""What the commands print: results on standard output, progress on standard error."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_LEAST = 30
"""Columns that a text beside others needs; in fewer it goes beneath them."""


def say(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Print a line that is not part of the result."""
    sys.stderr.write(text + "\n")


def say_made(about: Any, path: Path) -> None:
    """Print which benchmark was written, and where; ``about`` has an id and a version."""
    say(f"{about.id}@{about.version}: {path}")


def plain(text: str) -> "Text":
    """A text in which rich finds no markup."""
    from rich.text import Text

    return Text(text)


def show(renderable: Any) -> None:
    """Print something of rich."""
    from rich.console import Console

    Console().print(renderable)


def print_list(rows: Iterable[Sequence[str]], titles: Sequence[str] = ()) -> None:
    """Print named things, each with short facts and a text.

    The text stands beside the facts where the terminal is wide enough, else beneath them. Where not
    even the facts fit beside each other, they follow the text. Into a file or pipe every thing is
    one line.

    Args:
        rows: For each thing its name, its facts and, last, its text.
        titles: Of these columns; none to print none.
    """
    from rich.console import Console

    rows = list(rows)
    console = Console(highlight=False)
    is_bounded = console.is_terminal or "COLUMNS" in os.environ
    width = console.width if is_bounded else None
    for line in lay_out(rows, titles, width, console):
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def lay_out(
    rows: Sequence[Sequence[str]], titles: Sequence[str], width: int | None, console: "Console"
) -> Iterator["Text"]:
    """The lines of :func:`print_list`, for a terminal of ``width`` columns, None for any number."""
    from rich.cells import cell_len
    from rich.text import Text

    if not (rows or titles):
        return
    widths = [max(map(cell_len, column)) for column in zip(titles or rows[0], *rows, strict=True)]
    facts = sum(widths[:-1]) + 2 * (len(widths) - 2)
    beside = width is None or width - facts - 2 >= min(_LEAST, widths[-1])
    beneath = not beside and width is not None and facts <= width

    def columns(row: Sequence[str], style: str, rest: str) -> Text:
        cells = [Text(cell, rest if i else style) for i, cell in enumerate(row[:-1])]
        for cell, n in zip(cells, widths, strict=False):
            cell.pad_right(n - cell.cell_len)
        return Text("  ").join(cells)

    def wrapped(text: Text, indent: int) -> list[Text]:
        return [text] if width is None else list(text.wrap(console, max(1, width - indent)))

    if titles and (beside or beneath):
        head = columns(titles, "dim", "dim")
        yield head.append(f"  {titles[-1]}", "dim") if beside else head
    for row in rows:
        texts = [Text(row[-1])] if row[-1] else []
        if beside:
            first, *more = wrapped(texts[0], facts + 2) if texts else [Text()]
            yield columns(row, "bold", "").append("  ").append_text(first)
            yield from (Text(" " * (facts + 2)).append_text(line) for line in more)
            continue
        yield columns(row, "bold", "") if beneath else Text(row[0], "bold")
        if not beneath:
            named = zip(titles[1:-1], row[1:-1], strict=True) if titles else ()
            told = ", ".join(f"{title} {fact}" for title, fact in named if fact)
            texts += [Text(told)] if told else []
        yield from (Text("  ").append_text(line) for text in texts for line in wrapped(text, 2))


def print_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of texts, the first column a name, and an empty line."""
    from rich.table import Table

    table = Table(box=None)
    for number, title in enumerate(header):
        text = fill(title, 12) if number else title
        table.add_column(plain(text), justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(plain, row))
    show(table)
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
    task = bar.add_task(title, total=None)

    def tell(done: int, total: int) -> None:
        bar.start()  # now that the arguments were found to be right
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def status(title: str) -> Iterator[Callable[[str], None]]:
    """Something that moves; gives the function that is told what is done now."""
    from rich.console import Console

    with Console(stderr=True).status(plain(title)) as spinner:
        yield lambda text: spinner.update(plain(text))
