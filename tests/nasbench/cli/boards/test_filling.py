"""``nasbench leaderboard run``, ``compact`` and ``build``, as their users type them."""

import json
import re

import pytest

from leaderboard.site import notes

PLAN = """
[[part]]
name = "small"
benchmarks = ["nb201-cifar10"]
trials = 6
seeds = 3
algorithms = ["random_search", "local_search", "asha"]
"""
RUN = ("leaderboard", "run", "plan.toml", "--out", "board", "--processes", "1")


@pytest.fixture
def plan(nasbench, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return nasbench


def test_a_board_is_filled_once(plan, tmp_path):
    code, out, _ = plan(*RUN, "--dry-run")
    assert code == 0
    assert "random_search on nb201-cifar10 (small): missing, 3 seeds\n" in out
    assert out.endswith("2 missing, 1 left out: board\n")
    assert not (tmp_path / "board").exists()
    code, out, error = plan(*RUN)
    assert (code, out) == (0, "2 recorded, 1 left out: board\n")
    assert "asha on nb201-cifar10 (small): left out: it is random search here" in error
    assert len(list((tmp_path / "board").rglob("*.compact.parquet"))) == 2
    assert plan(*RUN)[1] == "2 there, 1 left out: board\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--part", "smal"), "the plan has no part 'smal'; did you mean 'small'"),
        (("--benchmark", "nb201-cifar11"), "the plan has no benchmark 'nb201-cifar11'"),
        (("--processes", "0"), "processes = 0 must be a positive integer"),
    ],
)
def test_a_mistake_is_one_line(plan, words, message):
    code, out, error = plan(*RUN, *words)
    assert (code, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1


def test_what_cannot_be_made_gives_exit_code_1(plan, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.replace("nb201-cifar10", "nb201-cifar11"))
    code, out, error = plan(*RUN)
    assert (code, out) == (1, "3 failed: board\n")
    assert "random_search on nb201-cifar11 (small): failed: " in error


def test_records_become_compact_and_stand_beside_others(plan, tmp_path):
    pytest.importorskip("jinja2", reason="pages need jinja2")
    run = ("run", "nb201-cifar10", "--trials", "6", "--processes", "1", "--seeds", "0:3")
    for algorithm in ("random_search", "local_search"):
        assert plan(run[0], algorithm, *run[1:])[0] == 0
    code, out, _ = plan("leaderboard", "compact", "runs", "--out", "board")
    assert code == 0
    assert out.startswith("2 compact records, ")
    plan("run", "hill_climb", *run[1:], "--out", "mine")
    code, out, error = plan("leaderboard", "build", "board", "mine", "--out", "site")
    assert (code, error.count("Not shown")) == (0, 0)
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    (board,) = document["boards"]
    names = {row["label"]: row["record"] for row in board["rows"]}
    assert names.keys() == {"random_search", "local_search", "hill_climb"}
    assert names["local_search"].endswith(".compact.parquet")


def test_the_board_that_ships_is_the_default(plan, tmp_path, monkeypatch):
    pytest.importorskip("jinja2", reason="pages need jinja2")
    assert plan(*RUN)[0] == 0
    monkeypatch.setattr("leaderboard.site.build.RECORDS", tmp_path / "board")
    assert plan("leaderboard", "build", "--out", "site")[0] == 0
    run = ("run", "random_search", "nb201-cifar10", "--trials", "6", "--processes", "1")
    assert plan(*run, "--seeds", "0:2")[0] == 0
    other = ("run", "hill_climb", "nb201-cifar10", "--trials", "5", "--processes", "1")
    assert plan(*other, "--seeds", "0:2")[0] == 0
    code, _, error = plan("leaderboard", "build", "runs", "--shipped", "--out", "both")
    assert code == 0
    assert "nb201-cifar10@1, 5 trials: nothing else that ships answers the same question\n" in error
    assert re.search(r"nb201-cifar10@1, 6 trials: of 2 rows, random_search [12]", error)
    rows = {}
    for name in ("site", "both"):
        document = json.loads((tmp_path / name / "leaderboard.json").read_text())
        assert document["not_shown"] == []
        (board,) = [b for b in document["boards"] if b["title"] == "nb201-cifar10@1, 6 trials"]
        rows[name] = {row["label"]: row["seeds"] for row in board["rows"]}
    assert rows["site"] == {"random_search": "0:3", "local_search": "0:3"}
    assert rows["both"] == {"random_search": "0:2", "local_search": "0:3"}


def test_a_board_that_cannot_be_drawn_leaves_the_others_and_is_told(plan, tmp_path, monkeypatch):
    pytest.importorskip("jinja2", reason="pages need jinja2")
    run = ("run", "random_search", "nb201-cifar10", "--processes", "1", "--seeds", "0:2")
    for trials in ("5", "6"):
        assert plan(*run, "--trials", trials)[0] == 0
    real = notes.warnings

    def failing(board):
        if board.question.trials == 6:
            raise ZeroDivisionError("nothing to divide by\nat all")
        return real(board)

    monkeypatch.setattr(notes, "warnings", failing)
    why = (
        "no page of its board 'nb201-cifar10@1, 6 trials' can be made: ZeroDivisionError: nothing "
        "to divide by"
    )
    code, out, error = plan("leaderboard", "build", "runs", "--out", "site")
    assert (code, out) == (2, "")
    left, last = error.splitlines()
    assert left.startswith("Not shown: nb201-cifar10/random_search-")
    assert left.endswith(f": {why}. Report this error.")
    assert last == f"error: site/index.html is written, but not whole: {why}"
    assert [path.stem for path in (tmp_path / "site/boards").glob("*.html")] == [
        "nb201-cifar10-1-5-trials"
    ]
    monkeypatch.setattr(notes, "warnings", lambda board: 1 / 0)
    code, _, error = plan("leaderboard", "build", "runs", "--out", "none")
    assert (code, error.count("Not shown: ")) == (2, 2)
    assert error.endswith("error: no record can be shown: nothing was written\n")


def test_compact_records_are_verified_and_get_no_mark(plan):
    assert plan(*RUN)[0] == 0
    code, out, _ = plan("leaderboard", "verify", "board")
    assert code == 0
    assert "board: incumbents consistent" in out
    assert "note: compact records keep incumbents and totals" in out
    code, _, error = plan("leaderboard", "verify", "board", "--out", "mark.json")
    assert code == 2
    assert "compact records get no mark" in error
