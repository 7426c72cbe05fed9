"""Writes tables as LaTeX, Markdown and CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby

from leaderboard.papers.latex import cite, escape, label, number
from leaderboard.papers.outputs import CSV_FIRST, MADE_BY
from nasbench.errors import printable

BIB_HEAD = f"% {MADE_BY}: papers of the algorithms\n"
EQUAL = "="


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A score of a method.

    Attributes:
        text: Its mean as text.
        interval: Its interval as text; empty for none.
        mean: The mean.
        low: Lower end of the interval; NaN for none.
        high: Upper end.
        best: Whether it is the best of its column.
        level: Whether it is another that is not separated from the best.
        mark: Marks of the row on the board, explained in the notes.
    """

    text: str
    interval: str
    mean: float
    low: float = float("nan")
    high: float = float("nan")
    best: bool = False
    level: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Head of a column.

    Attributes:
        board: Short title of the board.
        score: Title of the score.
        unit: Its unit; empty for none.
    """

    board: str
    score: str
    unit: str

    @property
    def measure(self) -> str:
        """Score and unit."""
        return f"{self.score} ({self.unit})" if self.unit else self.score


@dataclass(frozen=True, slots=True)
class Line:
    """A method.

    Attributes:
        label: Its label.
        algorithm: Name of its algorithm; empty for a reference.
        cells: A cell for each column; None where it did not run.
    """

    label: str
    algorithm: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        caption: What it shows.
        headings: Heads of the columns.
        lines: The methods, then the references.
        notes: Meanings of the marks.
    """

    caption: str
    headings: tuple[Heading, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def latex(tables: Sequence[Table]) -> str:
    r"""Tables for the package booktabs, with ``\cite`` where the paper of an algorithm is known."""
    head = f"% {MADE_BY}; needs \\usepackage{{booktabs}} and \\usepackage[T1]{{fontenc}}\n"
    return head + "\n".join(map(_latex, tables, _labels(tables)))


def _labels(tables: Sequence[Table]) -> list[str]:
    """Labels of tables, each another: by their boards, then also by a number."""
    found: list[str] = []
    for table in tables:
        name = label(list(dict.fromkeys(h.board for h in table.headings)))
        n = next(n for n in count(1) if (name if n == 1 else f"{name}-{n}") not in found)
        found.append(name if n == 1 else f"{name}-{n}")
    return found


def _latex(table: Table, name: str) -> str:
    boards = [(name, len(list(group))) for name, group in groupby(h.board for h in table.headings)]
    tops, rules, place = [""], [], 2
    for board, n in boards:
        tops.append(rf"\multicolumn{{{2 * n}}}{{c}}{{{escape(board)}}}")
        rules.append(rf"\cmidrule(lr){{{place}-{place + 2 * n - 1}}}")
        place += 2 * n
    second = [rf"\multicolumn{{2}}{{c}}{{{escape(h.measure)}}}" for h in table.headings]
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(table.caption)}}}",
        rf"  \label{{tab:{name}}}",
        rf"  \begin{{tabular}}{{l{'r@{~}l' * len(table.headings)}}}",
        r"    \toprule",
        f"    {' & '.join(tops)} \\\\",
        f"    {' '.join(rules)}",
        f"    {' & '.join(['Method', *second])} \\\\",
        r"    \midrule",
    ]
    for line in table.lines:
        if not line.algorithm:
            lines.append(r"    \midrule")
        cells = [escape(line.label) + cite(line.algorithm), *map(_latex_cell, line.cells)]
        lines.append(f"    {' & '.join(cells)} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    for note in table.notes:
        lines += ["", rf"  \footnotesize {escape(note)}"]
    return "\n".join([*lines, r"\end{table}", ""])


def _latex_cell(cell: Cell | None) -> str:
    if cell is None:
        return r"\multicolumn{2}{c}{--}"
    text = number(cell.text)
    if cell.best:
        text = rf"\textbf{{{text}}}"
    raised = EQUAL * cell.level + escape(cell.mark)
    if raised:
        text += rf"\rlap{{\textsuperscript{{{raised}}}}}"
    interval = rf"{{\scriptsize {number(cell.interval)}}}" if cell.interval else ""
    return f"{text} & {interval}".rstrip()


def markdown(tables: Sequence[Table]) -> str:
    """Tables in Markdown, each with its caption below."""
    head = f"<!-- {MADE_BY} -->\n\n"
    return head + "\n".join(map(_markdown, tables))


def _markdown(table: Table) -> str:
    titles = ["method", *(f"{h.board}: {h.measure}" for h in table.headings)]
    lines = [_row(titles), _row(["---", *("---:" for _ in table.headings)])]
    for line in table.lines:
        lines.append(_row([_plain(line.label), *map(_markdown_cell, line.cells)]))
    return "\n".join([*lines, "", *map(_plain, (table.caption, *table.notes)), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text}{EQUAL * cell.level}{cell.mark} {cell.interval}".rstrip()


def _plain(text: str) -> str:
    """A text in which Markdown finds neither HTML nor a new cell."""
    shown = printable(" ".join(text.split()))
    for letter in "\\`*_|<>[]":
        shown = shown.replace(letter, f"\\{letter}")
    return shown


def as_csv(tables: Sequence[Table]) -> str:
    """One line for each method and column, with all digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    more = ["board", "column", "mean", "low", "high", "unit_of_text", "text", "best", "tied"]
    writer.writerow([*CSV_FIRST[1].strip(",").split(","), *more])
    for place, table in enumerate(tables):
        for line in table.lines:
            for heading, cell in zip(table.headings, line.cells, strict=True):
                if cell is not None:
                    ends = [repr(n) if n == n else "" for n in (cell.mean, cell.low, cell.high)]
                    said = [heading.unit, cell.text, int(cell.best), int(cell.level)]
                    writer.writerow(
                        [place, printable(line.label), heading.board, heading.score, *ends, *said]
                    )
    return stream.getvalue()


WRITERS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "latex": latex,
    "markdown": markdown,
    "csv": as_csv,
}
"""What writes tables, by form."""
