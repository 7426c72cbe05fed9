"""What the runs of one search chose."""

import sys

import numpy as np
import pytest

import nasbench
from leaderboard.courses import Course
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import Landscape
from leaderboard.outcome import front_of, outcome
from leaderboard.scores import rank
from leaderboard.statistics import estimate
from nasbench.errors import NotRecordedError
from nasbench.runs.records import find_records

BUDGET = nasbench.Budget(trials=20)


def searched(benchmark, **options):
    options = {"seeds": range(4), "budget": BUDGET} | options
    return nasbench.search("random_search", benchmark, **options)


def test_the_chosen_are_judged_by_test_as_on_boards(whole, home):
    runs = searched(whole, out=home.runs)
    found = outcome(runs, whole)
    (board,) = rank(find_records(home.runs))
    assert found.lines[0].regret == board.rows[0].regret
    assert found.lines[0].value == board.rows[0].scores["final_value"]
    assert found.lines[1].name == "random search, 20 trainings"
    assert found.lines[1].regret.mean == board.random_regret
    assert (found.title, found.unit, found.measure) == ("test accuracy", "%", "test regret")


def test_the_best_of_the_space_is_the_maximum(whole):
    best = outcome(searched(whole), whole).lines[2]
    benchmark = nasbench.load(whole)
    archs = np.array(list(benchmark.space.archs()))
    assert best.value.mean == benchmark.query_many(archs, "test_accuracy").max()
    assert best.regret.mean == 0


def test_one_run_has_no_interval(whole):
    found = outcome(searched(whole, seeds=[3]), whole).lines[0]
    assert np.isnan([found.value.low, found.regret.high]).all()


def test_shorter_trainings_are_compared_by_their_epochs():
    runs = searched("lite201-digits", fidelities=[2], budget=nasbench.Budget(epochs=41))
    assert outcome(runs, "lite201-digits").lines[1].name == "random search, 5 trainings"


def test_seconds_pay_for_a_rounded_number_of_trainings(whole):
    runs = searched(whole, budget=nasbench.Budget(seconds=250.0), workers=2)
    full = Landscape(nasbench.load(whole), "draw").full_seconds
    name = f"random search, about {int(500 / full)} trainings"
    assert outcome(runs, whole).lines[1].name == name


def test_a_surrogate_gives_the_predicted_value_of_the_choice():
    name = "darts-fashion-surrogate"
    runs = searched(name, seeds=range(2), budget=nasbench.Budget(trials=3))
    found = outcome(runs, name)
    benchmark = nasbench.load(name)
    chosen = [run.incumbents()[-1].proposal.arch for run in runs]
    values = np.array([benchmark.query(arch)["test_accuracy"] for arch in chosen])
    assert found.lines[0].value == estimate(values)
    assert (len(found.lines), found.measure) == (1, "")
    assert "no regret" in found.notes[0]


def test_selection_on_test_is_told_on_a_surrogate_too():
    name, asked = "darts-fashion-surrogate", {"budget": nasbench.Budget(trials=3)}
    mark = "Selected on test: the search saw these results."
    assert mark not in outcome(searched(name, **asked), name).notes
    for objectives in (["test_accuracy"], ["valid_accuracy", "test_accuracy"]):
        assert outcome(searched(name, objectives=objectives, **asked), name).notes[-1] == mark


def test_what_cannot_be_scored_gives_the_value_of_the_choice(whole, monkeypatch):
    def refuse(*_):
        raise NotRecordedError("the table has holes.")

    monkeypatch.setattr("leaderboard.outcome.Landscape", refuse)
    runs = searched(whole)
    chosen = np.array([run.incumbents()[-1].proposal.arch for run in runs])
    values = nasbench.load(whole).query_many(chosen, "test_accuracy")
    found = outcome(runs, whole)
    assert found.lines[0].value == estimate(values)
    assert found.notes[0] == "No regret: the table has holes."


def test_fronts_of_several_objectives():
    objectives = ["valid_accuracy", "parameters"]
    runs = searched("lite201-digits", objectives=objectives)
    share, size, accuracy, parameters = outcome(runs, "lite201-digits").lines
    scale = FrontLandscape(nasbench.load("lite201-digits", objectives=objectives), "draw")
    assert share.value.mean == np.mean([1 - scale.regrets(Course.of(run))[-1] for run in runs])
    assert 0.5 < share.value.mean <= 1
    assert size.value.mean == np.mean([len(run.front()) for run in runs])
    assert accuracy.value.mean == np.mean([100 - run.losses[:, 0].min() for run in runs])
    assert parameters.value.mean == np.mean([run.losses[:, 1].min() for run in runs])


def test_fronts_are_told_without_moocore(monkeypatch):
    runs = searched("lite201-digits", objectives=["valid_accuracy", "parameters"])
    monkeypatch.setitem(sys.modules, "moocore", None)
    found = outcome(runs, "lite201-digits")
    assert found.lines[0].name == "architectures on the front"
    assert "moocore" in found.notes[-1]


def test_a_front_is_that_of_a_search_through_all_pairs():
    losses = np.random.default_rng(5).integers(0, 6, (200, 3)).astype(float)
    losses[::9, 0] = np.inf
    finite = np.unique(losses[np.isfinite(losses).all(axis=1)], axis=0)
    kept = [row for row in finite if not any((o <= row).all() and (o < row).any() for o in finite)]
    assert sorted(map(tuple, front_of(losses))) == sorted(map(tuple, kept))
    assert front_of(np.full((2, 2), np.inf)).shape == (0, 2)


def test_nothing_chosen_is_an_error():
    with pytest.raises(NotRecordedError, match="no trial ended well"):
        outcome([], "nb201-cifar10")
