"""What is compared is cost: trials shorter than a full training never win by their number."""

import numpy as np
import pytest

from leaderboard.courses import trained_epochs
from leaderboard.curves import RANDOM, drawn
from leaderboard.scores import rank
from leaderboard.site.plots import plots
from leaderboard.targets import RUNS, Runtimes
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


def boards(home):
    return rank(find_records(home.runs)).boards


def test_resumed_trial_trains_what_it_adds(cells):
    run = make_run([(cells[0], 1, 50.0, NONE), (cells[0], 2, 40.0, 0), (cells[1], 2, 30.0, NONE)])
    assert trained_epochs(run).tolist() == [1, 1, 2]
    assert trained_epochs(make_run([])).tolist() == []


def test_shorter_trials_are_put_apart_and_compared_after_equally_many_epochs(ranked):
    full, partial = boards(ranked)
    assert [row.label for row in full.rows] == ["full"]
    assert (full.title, full.epochs) == ("toy@1, 4 trials", None)
    assert partial.title == "toy@1, 4 trials of any length, compared after 3 epochs"
    # After three epochs one has trained a, b, b and the other a, c, d; the best is d.
    assert [(row.label, row.regret.mean) for row in partial.rows] == [("short", 0), ("half", 20)]
    scores = {row.label: row.scores for row in partial.rows}
    assert scores["half"]["epochs"].mean == scores["short"]["epochs"].mean == 3
    assert scores["half"]["evaluations"].mean == 3


def test_random_search_has_the_same_epochs(ranked):
    full, partial = boards(ranked)
    assert full.random_evaluations == 4
    assert partial.random_evaluations == 1


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
def test_shares_of_targets_end_where_rows_are_compared(ranked, distribution):
    """Methods stand still after the limit; random search would run on."""
    full, partial = boards(ranked)
    found = distribution(Runtimes(partial), "epochs")
    assert {name: curve.at.tolist() for name, curve in found.items()} == {
        name: [1, 2, 3] for name in ("half", "short", RANDOM)
    }
    for row in partial.rows:
        assert found[row.label].mean[-1] == row.scores["targets_reached"].mean
    once = partial.landscape.random_times(partial.landscape.targets, RUNS) <= 1
    assert found[RANDOM].mean[-1] == pytest.approx(once.mean())
    assert distribution(Runtimes(full), "epochs")["full"].at[-1] == 6


@pytest.mark.parametrize("budget", [{"epochs": 8}, {"seconds": 40.0}])
def test_budget_of_cost_compares_all(home, table, cells, budget):
    a, _, _, d = cells
    budget = {"trials": None} | budget
    for name, trials in (("full", [(a, 2, 40.0, NONE)]), ("short", [(d, 1, 30.0, NONE)])):
        home.record(home.manifest(table, algorithm=name, budget=budget), [make_run(trials)])
    (board,) = boards(home)
    assert [row.label for row in board.rows] == ["short", "full"]
    assert board.epochs is None
    assert "of any length" not in board.title
    assert "epochs" in board.columns


def test_cheap_newcomer_does_not_change_the_board_of_full_trainings(ranked, table, cells):
    (before,) = boards(ranked)[0].rows
    newcomer = ranked.manifest(table, algorithm="new", fidelities=[1, 2])
    ranked.record(newcomer, [make_run([(cells[0], 1, 50.0, NONE)])])
    full, partial = boards(ranked)
    assert [(row.label, row.regret.mean) for row in full.rows] == [("full", before.regret.mean)]
    assert partial.epochs == 1
