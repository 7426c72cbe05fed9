"""Loops of users have boards of their own, which say what they are."""

import random

import numpy as np
import pytest

import nasbench
from leaderboard.papers.protocol import protocol
from leaderboard.scores import rank
from leaderboard.site import notes
from leaderboard.site.feed import feed
from leaderboard.site.shown import shown
from leaderboard.verdict.tasks import comparable

TABLE = "nb201-cifar10"
BUDGET = nasbench.Budget(trials=20)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Random search of the suite, and twice by hand: to the end, and for 5 of 20 trials."""
    out = tmp_path_factory.mktemp("outside") / "runs"
    nasbench.search("random_search", TABLE, seeds=range(3), budget=BUDGET, out=out)
    for name, most in (("whole", 99), ("early", 5)):
        for seed in range(3):
            with nasbench.record(TABLE, name=name, budget=BUDGET, seed=seed, out=out) as evaluate:
                rng = random.Random(seed)
                for _ in range(most):
                    evaluate(evaluate.space.sample(rng))
    return out


@pytest.fixture(scope="module")
def boards(runs):
    ranking = rank(nasbench.find_records(runs))
    assert not ranking.not_shown
    return {board.title: board for board in ranking}


def test_they_share_no_board_and_no_verdict_with_searches_of_the_suite(boards):
    inside, outside = f"{TABLE}@1, 20 trials", f"{TABLE}@1, 20 trials, recorded from outside"
    assert {title: {row.label for row in board.rows} for title, board in boards.items()} == {
        inside: {"random_search"},
        outside: {"whole", "early"},
    }
    assert [name for name, _ in comparable([*boards.values()])] == [
        "20 trials",
        "20 trials, recorded from outside",
    ]
    assert not any("authors' own" in text for text in notes.warnings(boards[inside]))
    assert any("loops of their authors' own" in text for text in notes.warnings(boards[outside]))


def test_a_run_that_ended_early_is_judged_by_what_it_had_chosen(boards, runs):
    (row,) = (row for board in boards.values() for row in board.rows if row.label == "early")
    benchmark = nasbench.load(TABLE)
    chosen = [run.incumbents()[-1].proposal.arch for run in row.records.runs()]
    values = [benchmark.query(arch)["valid_accuracy"] for arch in chosen]
    everything = benchmark.query_many(np.array(list(benchmark.space.archs())), "valid_accuracy")
    assert row.regret.mean == pytest.approx(everything.max() - np.mean(values))
    assert row.scores["evaluations"].mean == 5


def test_the_loop_by_hand_is_scored_like_the_same_search_of_the_suite(boards):
    one, other = (row for board in boards.values() for row in board.rows if row.label != "early")
    assert one.scores == other.scores
    assert one.content_hash == other.content_hash


def test_pages_and_papers_say_what_is_not_known(boards, runs):
    (row,) = (
        row
        for board in feed(shown([*boards.values()], {}), (), (), [runs])["boards"]
        for row in board["rows"]
        if row["label"] == "early"
    )
    assert row["command"] is None
    assert row["manifest"]["outside"]
    inside, outside = protocol(runs).strip().split("\n\n")
    assert "programs outside of the suite, whose code is not recorded" in outside
    assert "outside" not in inside
