import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from leaderboard.papers.selection import Selection, select
from leaderboard.papers.tables import table, tables
from leaderboard.papers.writers import WRITERS, latex
from leaderboard.site.formatting import columns
from nasbench.errors import InvalidArgumentError, RecordError, UnknownNameError

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


def records(selection, **options):
    text = WRITERS["csv"](tables(selection, **options))
    return list(csv.DictReader(io.StringIO(text)))


def test_numbers_are_those_of_the_board(shared):
    (board,) = shared.chosen.boards
    names = ["regret", "final_value", "anytime_area", "evaluations"]
    found = records(shared.chosen, columns=names)
    by_name = {column.name: column for column in columns(board)}
    cells = {(row["method"], row["column"]): row for row in found}
    for place, row in enumerate(board.rows):
        for name in names:
            cell, score = cells[row.label, board.title_of(name)], row.scores[name]
            assert float(cell["mean"]) == score.mean
            assert (float(cell["low"]), float(cell["high"])) == (score.low, score.high)
            assert cell["text"] == by_name[name].texts[place]
    expected = cells["random search, expectation", board.title_of("regret")]
    assert float(expected["mean"]) == board.random_regret


def test_best_and_tied_are_those_of_the_board(shared):
    for row in (row for board in shared.over.boards for row in board.rows):
        assert row.tied == (row.rank > 1 and not row.gap.low > 0)
    for board in shared.over.boards:
        (made,) = tables(Selection((board,), ()))
        by_label = {line.label: line.cells[0] for line in made.lines}
        for row in board.rows:
            assert by_label[row.label].best == (row.regret.mean == board.rows[0].regret.mean)
            if not by_label[row.label].best:
                assert by_label[row.label].level == row.tied


def test_where_more_is_better_the_best_has_most(shared):
    (made,) = tables(shared.chosen, ["targets_reached", "evaluations"])
    reached = [line.cells[0] for line in made.lines]
    assert [cell.best for cell in reached] == [
        cell.mean == max(other.mean for other in reached) for cell in reached
    ]
    assert not any(line.cells[1].best or line.cells[1].level for line in made.lines)


@pytest.mark.parametrize(
    ("columns", "intervals"),
    [
        (["regret"], "with 95 % bootstrap intervals."),
        (["optimum_found"], "with 95 % Wilson intervals (Optimum found)."),
        (
            ["optimum_found", "regret"],
            "with 95 % bootstrap intervals and Wilson intervals (Optimum found).",
        ),
    ],
)
def test_the_caption_names_the_intervals_that_are_shown(shared, columns, intervals):
    (made,) = tables(shared.chosen, columns)
    assert f"Means over 8 seeds per method {intervals}" in made.caption


def test_like_boards_share_a_table_and_split_gives_each_its_own(shared):
    assert [len(made.headings) for made in tables(shared.over)] == [6]
    assert [len(made.headings) for made in tables(shared.over, split=True)] == [1] * 6
    first = shared.over.boards[0]
    part = replace(first, rows=first.rows[:1])
    (made,) = tables(Selection((part, *shared.over.boards[1:]), ()))
    assert sum(line.cells[0] is None for line in made.lines) == 2
    assert r"\multicolumn{2}{c}{--}" in WRITERS["latex"]([made])


def test_chosen_methods_are_compared_among_themselves(shared):
    every, (board,) = shared.chosen.boards[0], select(
        shared.one, methods=["random_search", "local_search"]
    ).boards  # fmt: skip
    kept = [row for row in every.rows if row.algorithm in ("random_search", "local_search")]
    assert [row.label for row in board.rows] == [row.label for row in kept]
    assert [row.rank for row in board.rows] == [1, 2]
    assert board.rows[0].gap.mean == 0
    gap = kept[1].regret.mean - kept[0].regret.mean
    assert board.rows[1].gap.mean == pytest.approx(gap)
    assert board.rows[1].scores == kept[1].scores


def unescaped(text):
    """LaTeX without escapes."""
    return re.sub(r"\\[{}%&#_$]", "", text)


@pytest.mark.parametrize("name", ["chosen", "over", "fronts"])
def test_latex_is_balanced_and_escaped(shared, name):
    text = WRITERS["latex"](tables(getattr(shared, name)))
    bare = unescaped(text)
    assert bare.count("{") == bare.count("}")
    assert re.findall(r"\\(?:begin|end)\{(\w+)\}", text) == ["table", "tabular", "tabular", "table"]
    assert "_" not in re.sub(r"\\(cite|label)\{[^}]*\}", "", bare)
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    n_columns = 1 + 2 * len(tables(getattr(shared, name))[0].headings)
    for line in body.splitlines():
        if line.endswith(r"\\"):
            wide = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d)\}", line))
            assert unescaped(line).count("&") + 1 + wide == n_columns, line
    assert r"\cite{li2019random}" in text
    assert text.count(r"\textbf{") >= 1


def test_no_two_tables_have_the_same_label(shared):
    same = Selection((shared.over.boards[0],) * 3, ())
    text = latex(tables(same, split=True))
    labels = re.findall(r"\\label\{([^}]*)\}", text)
    assert labels == ["tab:toy-0-1", "tab:toy-0-1-2", "tab:toy-0-1-3"]


def test_latex_compiles(shared, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    text = WRITERS["latex"]([*tables(shared.chosen), *tables(shared.fronts)])
    (tmp_path / "paper.tex").write_text(PREAMBLE % text)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_markdown_has_a_cell_for_each_column(shared):
    text = WRITERS["markdown"](tables(shared.over))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}
    assert "simulated\\_annealing" in text


def test_files_are_written_and_those_of_others_kept(shared, tmp_path):
    out, bib = tmp_path / "new" / "table.tex", tmp_path / "papers.bib"
    text = table(shared.one, out=out, bib=bib)
    assert out.read_text() == text
    keys = set(re.findall(r"\\cite\{([\w,]+)\}", text))
    assert keys == set(re.findall(r"@\w+\{(\w+),", bib.read_text()))
    assert table(shared.one, out=out, bib=bib) == text
    bib.write_text("@book{theirs}")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        table(shared.one, out=tmp_path / "other.tex", bib=bib)
    assert not (tmp_path / "other.tex").exists()
    paper = tmp_path / "paper.tex"
    paper.write_text(f"My thesis\n{text}")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        table(shared.one, out=paper)
    assert paper.read_text().startswith("My thesis")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"form": "latx"}, "did you mean 'latex'"),
        ({"columns": ["regrets"]}, "did you mean 'regret'"),
        ({"methods": ["random"]}, "no method is called 'random'"),
        ({"benchmarks": ["toy"]}, "did you mean 'toy-whole'"),
        ({"out": "table.md"}, "Possible: '.tex'"),
        ({"bib": "papers.tex"}, "Possible: '.bib'"),
    ],
)
def test_wrong_arguments_are_refused(shared, given, expected, tmp_path):
    paths = {k: tmp_path / v for k, v in given.items() if k in ("out", "bib")}
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=re.escape(expected)):
        table(shared.one, **(given | paths))
    assert not list(tmp_path.iterdir())


def test_no_records_and_none_that_can_be_shown_are_told_apart(shared, home, tmp_path):
    with pytest.raises(RecordError, match="there are no run records"):
        table(tmp_path / "nothing")
    with pytest.raises(RecordError, match=r"no record in .* can be shown; .*toy-whole"):
        table(shared.one)  # the table is not in this home
