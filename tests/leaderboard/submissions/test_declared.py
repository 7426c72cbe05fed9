"""Boards read what a sender declares: who sent a row, and which rows stand apart."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import nasbench
from leaderboard.entries import ENTRY
from leaderboard.entries.entry import About, Declared, entry_of
from leaderboard.scores import rank
from leaderboard.site.build import build
from leaderboard.submissions.submit import submit
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records

WHO = {"name": "Warm (v2)", "authors": ["Ann Lee", "José Núñez"], "paper": "https://x.org/p"}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for algorithm in ("random_search", "local_search"):
        nasbench.search(
            algorithm,
            "nb201-cifar10",
            seeds=range(3),
            budget=Budget(trials=8),
            out=tmp_path / "runs",
        )
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (Declared(warm_start="ten best cells of CIFAR-100"), "warm-started as declared"),
        (Declared(selected_on="test"), "selected on test as declared"),
        (Declared(trained_on=("nb201-cifar100",)), "learned from other data as declared"),
        (Declared(tuning_budget="40 runs"), None),
    ],
)
def test_what_is_declared_sets_rows_apart(
    runs: Path, tmp_path: Path, declared: Declared, kind: str | None
) -> None:
    submit(runs, tmp_path / "sent", **WHO, **asdict(declared), algorithms=["local_search"])
    (mine,) = find_records(tmp_path / "sent")
    (plain,) = (r for r in find_records(runs) if r.manifest.algorithm == "random_search")
    boards = list(rank([mine, plain]))
    assert len(boards) == (1 if kind is None else 2)
    (row,) = (row for board in boards for row in board.rows if row.algorithm == "local_search")
    (board,) = (board for board in boards if row in board.rows)
    assert board.question.kinds == (() if kind is None else (kind,))
    assert row.sender == About(**WHO | {"authors": tuple(WHO["authors"])}, declared=declared)
    assert all(r.sender is None for b in boards for r in b.rows if r.algorithm == "random_search")


def test_pages_name_the_sender(runs: Path, tmp_path: Path) -> None:
    start = "ten best cells of CIFAR-100"
    submit(runs, tmp_path / "sent", **WHO, warm_start=start, algorithms=["local_search"])
    page = build(tmp_path / "sent", tmp_path / "site")
    (board,) = (page.parent / "boards").glob("*.html")
    text = board.read_text(encoding="utf-8")
    assert "<bdi>Warm (v2)</bdi>, by <bdi>Ann Lee</bdi>, <bdi>José Núñez</bdi>" in text
    assert "<dt>Starts from, as declared</dt><dd><bdi>ten best cells of CIFAR-100</bdi>" in text
    feed = json.loads((page.parent / "leaderboard.json").read_text(encoding="utf-8"))
    assert feed["boards"][0]["rows"][0]["sender"]["declared"]["warm_start"] == start


def test_an_entry_that_cannot_be_read_is_told(runs: Path, tmp_path: Path) -> None:
    submit(runs, tmp_path / "sent", **WHO, algorithms=["local_search"])
    (record,) = find_records(tmp_path / "sent")
    assert entry_of(record.folder) is not None
    (tmp_path / "sent" / ENTRY).write_text("{}")
    with pytest.raises(RecordError, match="the entry lacks"):
        entry_of(record.folder)
    ranking = rank([record])
    assert not ranking.boards
    (told,) = ranking.not_shown
    assert "the entry of its submission cannot be read: the entry lacks" in told.reason
    assert entry_of(runs / "nb201-cifar10" / "x") is None
