"""What is compared is cost: trials shorter than a full training never win by their number.

Where a record stands, and what it is worth there, follows from its own set-up.
"""

import json

import numpy as np
import pytest

from leaderboard.courses import trained_epochs
from leaderboard.curves import RANDOM, drawn
from leaderboard.scores import rank
from leaderboard.site.notes import warnings
from leaderboard.site.plots import plots
from leaderboard.targets import RUNS, Runtimes, attainments
from leaderboard.verdict.field import field
from nasbench.errors import InvalidArgumentError
from nasbench.runs.records import find_records
from nasbench.runs.run import NONE, Run

pytestmark = pytest.mark.usefixtures("believed")


def make_run(trials, seed=0):
    """A sequential run of trials (arch, epoch, loss, resumed trial)."""
    rows = [
        (arch, epoch, resumes, 0, (loss,), 10.0 * i, 10.0 * (i + 1), 0.0)
        for i, (arch, epoch, loss, resumes) in enumerate(trials)
    ]
    return Run.from_rows(rows, [0.0] * len(rows), seed=seed, n_decisions=6, n_objectives=1)


@pytest.fixture
def table(home, cells):
    """Four cells, whose accuracy after epoch 2 is 60, 70, 80, 90."""
    return home.table(
        [{"arch": c, "seed": 0, "valid_accuracy": [50, 60 + 10 * c[0]]} for c in cells],
        complete=False,
    )


@pytest.fixture
def ranked(home, table, cells):
    """Boards of a search of four full trainings, and of two searches of half the cost and less."""
    a, b, c, d = cells
    full = [(cell, 2, 40.0 - 10 * i, NONE) for i, cell in enumerate((a, b, c))]
    half = [(a, 1, 50.0, NONE), (b, 1, 49.0, NONE), (b, 2, 30.0, 1), (d, 1, 20.0, NONE)]
    short = [(a, 1, 50.0, NONE), (c, 1, 20.0, NONE), (d, 1, 10.0, NONE)]
    for name, trials in (("full", full), ("half", half), ("short", short)):
        home.record(home.manifest(table, algorithm=name, fidelities=[1, 2]), [make_run(trials)])
    return home


@pytest.fixture
def equal(home, table, cells):
    """Two searches that can train for one epoch only."""
    a, b, _, d = cells
    for name, chosen in (("good", d), ("bad", b)):
        trials = [(cell, 1, 40.0 - 10 * cell[0], NONE) for cell in (a, chosen)]
        home.record(home.manifest(table, algorithm=name, fidelities=[1]), [make_run(trials)])
    return home


def boards(home):
    return rank(find_records(home.runs)).boards


def test_resumed_trial_trains_what_it_adds(cells):
    run = make_run([(cells[0], 1, 50.0, NONE), (cells[0], 2, 40.0, 0), (cells[1], 2, 30.0, NONE)])
    assert trained_epochs(run).tolist() == [1, 1, 2]
    assert trained_epochs(make_run([])).tolist() == []


def test_trials_of_several_lengths_are_put_apart_and_not_ranked(ranked):
    full, partial = boards(ranked)
    assert [row.label for row in full.rows] == ["full"]
    assert (full.title, full.unranked) == ("toy@1, 4 trials", "")
    assert partial.title == "toy@1, 4 trials of any length, not ranked"
    # In the order of their names, each with all that it chose and paid.
    assert [(row.label, row.regret.mean) for row in partial.rows] == [("half", 0), ("short", 0)]
    assert [row.scores["epochs"].mean for row in partial.rows] == [4, 3]
    assert partial.first == ()
    assert all(np.isnan(row.gap.mean) and not row.tied for row in partial.rows)
    assert any("--epochs or --seconds" in text for text in warnings(partial))


def test_trials_of_several_lengths_give_no_verdict(ranked):
    _, partial = boards(ranked)
    with pytest.raises(InvalidArgumentError, match="has no ranks"):
        field([partial])


def test_pages_and_tables_show_no_ranks_where_there_are_none(ranked, tmp_path):
    pytest.importorskip("jinja2", reason="pages need jinja2")
    from leaderboard.papers.tables import table
    from leaderboard.site.build import build

    page = build(ranked.runs, tmp_path / "site")
    feed = json.loads((page.parent / "leaderboard.json").read_text())
    full, partial = feed["boards"]
    assert [[row["rank"] for row in board["rows"]] for board in (full, partial)] == [
        [1],
        [None] * 2,
    ]
    assert "has the lowest mean" in (page.parent / full["page"]).read_text()
    assert "has the lowest mean" not in (page.parent / partial["page"]).read_text()
    assert "not ranked</td>" in page.read_text()
    assert "not ranked" in (page.parent / "algorithms/half.html").read_text()
    first, second = table(ranked.runs, form="markdown", split=True).split("of any length")
    assert "Bold: the best" in first
    assert "Bold: the best" not in second
    assert "so these methods are not ranked" in second


def test_trials_of_one_shorter_length_are_ranked_beside_random_search_of_equal_cost(equal):
    (board,) = boards(equal)
    assert (board.title, board.fidelity) == ("toy@1, 4 trials of 1 epoch", 1)
    assert [(row.label, row.regret.mean) for row in board.rows] == [("good", 0), ("bad", 20)]
    assert board.random_evaluations == 2
    assert board.window[1] == 2 * board.window[0]


def test_random_search_stands_beside_rows_of_equal_cost(ranked):
    full, partial = boards(ranked)
    assert full.random_evaluations == 4
    assert partial.random_evaluations is None


def test_epochs_are_a_column_where_trials_differ_in_length(ranked):
    full, partial = boards(ranked)
    assert "epochs" not in full.columns
    assert "epochs" in partial.columns


def test_curves_are_drawn_over_epochs_where_trials_differ_in_length(ranked):
    full, partial = map(drawn, boards(ranked))
    assert list(full) == ["evaluations", "epochs"]
    assert list(partial) == ["epochs"]
    half = partial["epochs"]["half"]
    assert half.at.tolist() == [1, 2, 3, 4]
    assert half.mean.tolist() == [30, 20, 20, 0]
    plot = plots(boards(ranked)[1], partial, {})[-1]
    assert (plot["axis"], plot["x"]["title"]) == ("epochs", "epochs")
    reference = partial["epochs"][RANDOM]
    assert reference.mean == pytest.approx([15, 15, 15, np.dot([7, 5, 3, 1], [0, 10, 20, 30]) / 16])


@pytest.mark.parametrize("distribution", [Runtimes.ecdf, Runtimes.mean_ecdf])
def test_shares_of_targets_end_where_the_longest_run_does(ranked, distribution):
    _, partial = boards(ranked)
    found = distribution(Runtimes(partial), "epochs")
    assert {name: curve.at.tolist() for name, curve in found.items()} == {
        name: [1, 2, 3, 4] for name in ("half", "short", RANDOM)
    }
    for row in partial.rows:
        assert found[row.label].mean[-1] == row.scores["targets_reached"].mean
    twice = partial.landscape.random_times(partial.landscape.targets, RUNS) <= 2
    assert found[RANDOM].mean[-1] == pytest.approx(twice.mean())


@pytest.mark.parametrize("budget", [{"epochs": 8}, {"seconds": 40.0}])
def test_budget_of_cost_compares_all(home, table, cells, budget):
    a, _, _, d = cells
    budget = {"trials": None} | budget
    for name, trials in (("full", [(a, 2, 40.0, NONE)]), ("short", [(d, 1, 30.0, NONE)])):
        home.record(home.manifest(table, algorithm=name, budget=budget), [make_run(trials)])
    (board,) = boards(home)
    assert [row.label for row in board.rows] == ["short", "full"]
    assert board.unranked == ""
    assert "of any length" not in board.title
    assert "epochs" in board.columns


@pytest.mark.usefixtures("equal")
@pytest.mark.parametrize("epochs", [(1,), (2, 2, 2, 2), (1, 2)], ids=["cheap", "dear", "mixed"])
@pytest.mark.parametrize("fidelities", [[1, 2], [1]], ids=["several", "one"])
def test_a_newcomer_changes_no_number_of_anybody(ranked, table, cells, epochs, fidelities):
    def numbers():
        """All that is said of the rows that were there, without what compares them."""
        return {
            (board.title, row.label): (
                row.scores,
                row.summary,
                board.random_regret,
                board.window,
                board.landscape.targets.tolist(),
                [one for one in attainments(board) if one.label == row.label],
            )
            for board in boards(ranked)
            for row in board.rows
            if row.label != "new"
        }

    before = repr(numbers())
    epochs = [min(epoch, fidelities[-1]) for epoch in epochs]
    trials = [(cells[0], epoch, 20.0, NONE) for epoch in epochs]
    newcomer = ranked.manifest(table, algorithm="new", fidelities=fidelities)
    ranked.record(newcomer, [make_run(trials)])
    assert sum(len(board.rows) for board in boards(ranked)) == len(numbers()) + 1
    assert repr(numbers()) == before
