import re
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from leaderboard import statistics
from leaderboard.papers.figures import draw
from leaderboard.papers.protocol import paragraphs, protocol
from leaderboard.papers.selection import Selection
from nasbench.errors import InvalidArgumentError


def test_every_fact_is_that_of_the_records(shared):
    (text,) = paragraphs(shared.chosen)
    (board,) = shared.chosen.boards
    question = board.question
    for fact in (
        "We compare 3 methods:",
        "a budget of 25 trials",
        "with 1 worker",
        "one recorded training, drawn at random",
        f"toy-whole, version {question.version} (space nb201, dataset dots, content hash "
        f"{question.content_hash[:12]})",
        "searches see valid_accuracy; their choice is judged by test_accuracy",
        "all 15,625 architectures",
        "8 searches per method and benchmark, with the same seeds for all (0 to 7)",
        f"{statistics.DRAWS:,} resamples, and shares of searches with Wilson's interval;",
        "The expectation of random search is exact.",
        "regularized_evolution: ",
        "population 5, ",
        "sample 2",
        f"run by nasbench {version('nasbench')} and scored by nasbench {version('nasbench')}",
    ):
        assert fact in text, fact
    assert "Friedman" not in text
    assert "Friedman" in paragraphs(shared.over)[0]
    assert "hypervolume of test_accuracy and seconds" in paragraphs(shared.fronts)[0]


def test_what_differs_is_said(shared):
    board, *_ = shared.over.boards
    first, *others = board.rows
    fewer = replace(first, seeds=first.seeds[:2], searches=first.searches[:2])
    (text,) = paragraphs(Selection((replace(board, rows=(fewer, *others)),), ()))
    assert f"2 (0, 1): {first.label} on toy-whole" in text or "2 (0 to 1)" in text
    question = replace(board.question, workers=4, replicate="mean", trials=9)
    (text,) = paragraphs(Selection((replace(board, question=question),), ()))
    assert "with 4 workers and a budget of 9 trials or 250 simulated seconds" in text
    assert "answered by the mean of the recorded trainings" in text


def knowing(row, known):
    """A row whose searches knew some columns before any training."""
    manifest = replace(row.records.manifest, known=known)
    records = SimpleNamespace(manifest=manifest, suite_versions=row.records.suite_versions)
    return replace(row, records=records)


def test_each_method_knew_what_it_knew(shared):
    (board,) = shared.chosen.boards
    for second, expected in (
        (("macs",), "Before any training the searches knew macs."),
        (("parameters", "synflow"), "{0} knew macs; {1} and {2} knew parameters and synflow."),
    ):
        rows = [knowing(row, second if i else ("macs",)) for i, row in enumerate(board.rows)]
        (text,) = paragraphs(Selection((replace(board, rows=tuple(rows)),), ()))
        assert expected.format(*(row.label for row in rows)) in text


def with_methods(boards, names):
    """Boards, each with the rows of some algorithms only, named by their first letters."""
    return Selection(
        tuple(
            replace(board, rows=tuple(row for row in board.rows if row.algorithm[0] in kept))
            for board, kept in zip(boards, names, strict=True)
        ),
        (),
    )


def test_tests_over_benchmarks_are_stated_where_they_are_made(shared):
    """No two methods are on five benchmarks, but each benchmark has two."""
    few = with_methods(shared.over.boards[:5], ["rcs", "rcs", "rc", "rc", "rs"])
    with pytest.raises(InvalidArgumentError, match="at least 5 benchmarks, not 4"):
        draw(few, kind="cd")
    (text,) = paragraphs(few)
    assert "We compare 3 methods" in text
    assert "Friedman" not in text


def test_what_tests_compare_is_told(shared):
    part = with_methods(shared.over.boards, ["rcs"] * 5 + ["r"])
    told = (
        "3 methods with 4 common seeds on toy-0@1, toy-1@1, toy-2@1, toy-3@1, toy-4@1; left out: "
        "toy-5@1, 550 simulated seconds (has 1 of the 3 methods)."
    )
    (text,) = paragraphs(part)
    assert "Over 5 benchmarks, average ranks of means" in text
    assert f"at the level 0.05: {told}" in text
    for kind in ("rank", "cd"):
        assert f"Simulated seconds of each benchmark: {told}" in draw(part, kind=kind).caption


def test_latex_has_citations_and_no_bare_special_letters(shared, tmp_path):
    out = tmp_path / "protocol.tex"
    text = protocol(shared.one, latex=True, out=out)
    assert out.read_text().endswith(text)
    assert r"random\_search~\cite{li2019random}" in text
    assert not re.search(r"(?<!\\)[%_#&]", re.sub(r"\\cite\{[^}]*\}", "", text))
