"""Lists of named things that fit the terminal, whatever its width."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from nasbench.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Row: TypeAlias = Sequence[str]
"""A name, short facts and, last, a text."""

_LEAST = 30
"""Width that a text beside facts needs; where there is less, it goes beneath them."""
_GAP = "  "
_NOTHING = "-"
"""Stands in a column where there is no fact."""


def print_list(rows: Iterable[Row], titles: Row = ()) -> None:
    """Print named things, each with short facts and a text.

    The text stands beside the facts where the terminal is wide enough, else beneath them. Where not
    even the facts fit beside each other, they follow the text. In a file or pipe every thing is one
    line.

    Args:
        rows: The things.
        titles: Of the columns; none to print none.
    """
    from rich.console import Console

    console = Console(highlight=False)
    is_bounded = console.is_terminal or "COLUMNS" in os.environ
    rows = [[printable(cell.replace("\n", " ")) for cell in row] for row in rows]
    for line in lay_out(rows, titles, console, console.width if is_bounded else None):
        line.rstrip()
        console.print(line, soft_wrap=True)


def lay_out(
    rows: Sequence[Row], titles: Row, console: "Console", width: int | None
) -> Iterator["Text"]:
    """The lines of :func:`print_list`, at most ``width`` wide; None for any width."""
    from rich.cells import cell_len

    if not (rows or titles):
        return
    columns = zip(titles or rows[0], *rows, strict=True)
    *facts, text = [max(map(cell_len, (_NOTHING, *column))) for column in columns]
    page = _Page(console, width, facts)
    if width is None or width - page.indent >= min(_LEAST, text):
        yield from _beside(page, rows, titles)
    elif page.indent - len(_GAP) <= width:
        yield from _beneath(page, rows, titles)
    else:
        yield from _after(page, rows, titles)


class _Page(NamedTuple):
    """Where lines are laid out.

    Attributes:
        console: Knows how letters are measured.
        width: Of a line; None for any.
        facts: Widths of the name and the facts.
    """

    console: "Console"
    width: int | None
    facts: list[int]

    @property
    def indent(self) -> int:
        """Where a text beside the facts begins."""
        return sum(self.facts) + len(_GAP) * len(self.facts)

    def columns(self, row: Row, *, name: str = "bold", fact: str = "") -> "Text":
        """The name and the facts of a row, in these styles."""
        from rich.text import Text

        cells = [Text(cell or _NOTHING, fact if i else name) for i, cell in enumerate(row[:-1])]
        for cell, width in zip(cells, self.facts, strict=True):
            cell.pad_right(width - cell.cell_len)
        return Text(_GAP).join(cells)

    def wrapped(self, text: str, indent: int) -> list["Text"]:
        """The lines of a text, without their indent."""
        from rich.text import Text

        if self.width is None:
            return [Text(text)]
        return list(Text(text).wrap(self.console, max(1, self.width - indent)))

    def indented(self, text: str) -> Iterator["Text"]:
        """A text in lines of its own."""
        from rich.text import Text

        for line in self.wrapped(text, len(_GAP)) if text else ():
            yield Text(_GAP).append_text(line)


def _beside(page: _Page, rows: Sequence[Row], titles: Row) -> Iterator["Text"]:
    from rich.text import Text

    if titles:
        yield page.columns(titles, name="dim", fact="dim").append(f"{_GAP}{titles[-1]}", "dim")
    for row in rows:
        first, *more = page.wrapped(row[-1], page.indent) or [Text()]
        yield page.columns(row).append(_GAP).append_text(first)
        yield from (Text(" " * page.indent).append_text(line) for line in more)


def _beneath(page: _Page, rows: Sequence[Row], titles: Row) -> Iterator["Text"]:
    if titles:
        yield page.columns(titles, name="dim", fact="dim")
    for row in rows:
        yield page.columns(row)
        yield from page.indented(row[-1])


def _after(page: _Page, rows: Sequence[Row], titles: Row) -> Iterator["Text"]:
    from rich.text import Text

    for name, *facts, text in rows:
        yield Text(name, "bold")
        yield from page.indented(text)
        named = zip(titles[1:-1] or [""] * len(facts), facts, strict=True)
        told = [f"{title} {fact}".strip() for title, fact in named if fact]
        yield from page.indented(", ".join(told))
