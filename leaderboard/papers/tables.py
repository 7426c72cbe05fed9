"""Boards as tables for papers: methods down, benchmarks and scores across."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leaderboard import statistics
from leaderboard.boards import Board, Row, Score
from leaderboard.curves import RANDOM
from leaderboard.papers.outputs import check_place, write
from leaderboard.papers.references import bibliography
from leaderboard.papers.selection import (
    Selection,
    footnotes,
    in_common,
    select,
    short_titles,
)
from leaderboard.papers.writers import BIB_HEAD, WRITERS, Cell, Heading, Line, Table
from leaderboard.site.formatting import TextColumn
from leaderboard.site.formatting import columns as text_columns
from leaderboard.verdict.tasks import comparable
from nasbench.errors import UnknownNameError, one_of

ENDINGS = {".tex": "latex", ".md": "markdown", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class _Column:
    """A score on a board, with its text."""

    board: Board
    score: Score
    text: TextColumn


def table(
    runs: str | Path,
    *,
    form: str = "latex",
    columns: Sequence[str] = ("regret",),
    benchmarks: Sequence[str] = (),
    methods: Sequence[str] = (),
    split: bool = False,
    out: str | Path | None = None,
    bib: str | Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """Write recorded searches as tables.

    Boards that ask the same of different benchmarks share a table.

    Args:
        runs: Folder of records.
        form: ``"latex"`` for the package booktabs, ``"markdown"`` or ``"csv"``.
        columns: Columns of the board.
        benchmarks: Ids of the benchmarks wanted; default: all.
        methods: Labels or algorithms of the methods wanted; default: all.
        split: Whether every board has a table of its own.
        out: File to write, too.
        bib: File for the BibTeX entries of the papers of the algorithms.
        progress: Called with the number of newly scored records.
        tell: Called with a line for each record that is not shown.

    Returns:
        The tables.

    Raises:
        InvalidArgumentError: The form or an ending is unknown, or a file is not ours or cannot be
            written.
        RecordError: There are no records, or none can be shown.
        UnknownNameError: There is no such benchmark, method or column.
    """
    if form not in WRITERS:
        raise UnknownNameError(f"form {form!r} is unknown{one_of(form, WRITERS)}")
    if out is not None:
        check_place(Path(out), tuple(end for end, name in ENDINGS.items() if name == form))
    if bib is not None:
        check_place(Path(bib), (".bib",))
    selection = select(runs, benchmarks=benchmarks, methods=methods, progress=progress)
    text = WRITERS[form](tables(selection, columns, split=split))
    if out is not None:
        write(Path(out), text.encode())
    if bib is not None:
        write(Path(bib), f"{BIB_HEAD}\n{bibliography(selection.algorithms)}\n".encode())
    for left in selection.not_shown:
        tell(f"Not shown: {left.folder}: {left.reason}. {left.remedy}")
    return text


def tables(
    selection: Selection, columns: Sequence[str] = ("regret",), *, split: bool = False
) -> list[Table]:
    """The tables of a selection; see :func:`table` for the arguments.

    Raises:
        UnknownNameError: No board of a table has a column of this name.
    """
    groups = (
        [[b] for b in selection.boards] if split else [g for _, g in comparable(selection.boards)]
    )
    return [_table(group, columns) for group in groups]


def _table(boards: Sequence[Board], names: Sequence[str]) -> Table:
    known = dict.fromkeys(name for board in boards for name in board.columns)
    for name in names:
        if name not in known:
            raise UnknownNameError(f"no column is called {name!r} here{one_of(name, known)}")
    shown: list[_Column] = []
    headings: list[Heading] = []
    for board, title in zip(boards, short_titles(boards), strict=True):
        by_name = {column.name: column for column in text_columns(board)}
        for name in names:
            if name in by_name:
                text = by_name[name]
                shown.append(_Column(board, board.columns[name], text))
                headings.append(Heading(board=title, score=text.title, unit=text.unit))
    cells = [_cells(column) for column in shown]
    labels = _order(boards)
    algorithms = {row.label: row.algorithm for board in boards for row in board.rows}
    lines = [
        Line(label, algorithms[label], tuple(column.get(label) for column in cells))
        for label in labels
    ]
    if any(board.random_regret is not None for board in boards) and "regret" in names:
        lines.append(Line(RANDOM, "", tuple(map(_expected, shown))))
    return Table(caption=_caption(boards, shown), headings=tuple(headings), lines=tuple(lines),
                 notes=tuple(footnotes(boards)))  # fmt: skip


def _order(boards: Sequence[Board]) -> list[str]:
    """Labels by mean rank over the boards that they are on; more boards first."""
    ranks: dict[str, list[int]] = {}
    for board in boards:
        for row in board.rows:
            ranks.setdefault(row.label, []).append(row.rank)
    return sorted(ranks, key=lambda label: (-len(ranks[label]), np.mean(ranks[label]), label))


def _cells(column: _Column) -> dict[str, Cell]:
    """Cells of a column by label of the row."""
    name, rows = column.text.name, column.board.rows
    texts = zip(rows, column.text.texts, column.text.intervals, strict=True)
    scored = [(row, text, interval) for row, text, interval in texts if name in row.scores]
    levels = [""] * len(scored)
    if not column.board.unranked:
        levels = _levels([row for row, *_ in scored], column.score)
    return {
        row.label: Cell(
            text=text,
            interval=interval,
            mean=row.scores[name].mean,
            low=row.scores[name].low,
            high=row.scores[name].high,
            best=level == "best",
            level=level == "level",
            mark=row.mark,
        )
        for (row, text, interval), level in zip(scored, levels, strict=True)
    }


def _levels(rows: Sequence[Row], score: Score) -> list[str]:
    """For each row whether it is best, not separated from the best, or neither.

    A column in which neither end is better follows the regret if it is a function of it.
    """
    if score.goal:
        sign = 1.0 if score.goal == "min" else -1.0
        values = [_by_seed(row, score, sign) for row in rows]
    elif score.kind == "value":
        values = [
            {seed: s.regret for seed, s in zip(r.seeds, r.searches, strict=True)} for r in rows
        ]
    else:
        return [""] * len(rows)
    means = [float(np.mean(list(by_seed.values()))) for by_seed in values]
    first = int(np.argmin(means))
    found = []
    for mean, by_seed in zip(means, values, strict=True):
        gap, _ = statistics.difference(by_seed, values[first])
        found.append("best" if mean == means[first] else "" if gap.low > 0 else "level")
    return found


def _by_seed(row: Row, score: Score, sign: float) -> dict[int, float]:
    return {seed: sign * score(s) for seed, s in zip(row.seeds, row.searches, strict=True)}


def _expected(column: _Column) -> Cell | None:
    """What random search is expected to reach; None where that is not known."""
    regret = column.board.random_regret
    if regret is None:
        return None
    if column.text.name == "final_value":
        regret = column.board.landscape.reported.value(regret)
    elif column.text.name != "regret":
        return None
    return Cell(text=column.text.digits.text(regret), interval="", mean=regret)


def _caption(boards: Sequence[Board], shown: Sequence[_Column]) -> str:
    seeds = sorted({len(row.seeds) for board in boards for row in board.rows})
    n = f"{seeds[0]:,}" if len(seeds) == 1 else f"{seeds[0]:,} to {seeds[-1]:,}"
    said = in_common(boards)
    lead = f"{said[:1].upper()}{said[1:]}. " if said else ""
    level = f"{100 * statistics.LEVEL:g} %"
    text = f"{lead}Means over {n} seed{'s' * (n != '1')} per method"
    rates = dict.fromkeys(column.text.title for column in shown if column.score.kind == "rate")
    intervals = []
    if seeds[-1] > 1 and any(column.score.kind != "rate" for column in shown):
        intervals.append("bootstrap intervals")
    if rates:
        intervals.append(f"Wilson intervals ({', '.join(rates)})")
    if intervals:
        text += f" with {level} {' and '.join(intervals)}"
    if boards[0].unranked:
        return f"{text}. {boards[0].unranked}"
    return (
        f"{text}. Bold: the best of a column; =: not separated from it, as the {level} interval of "
        "the difference, taken seed by seed, includes 0 or one seed gives none."
    )
