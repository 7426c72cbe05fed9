"""Trainings are stopped when, and only when, their curves promise no new best."""

import numpy as np
import pytest
from toys import Hashed, Unequal

import nasbench
from algorithms import ALGORITHMS
from algorithms.models.curves.lc_pow import extrapolate
from algorithms.multi_fidelity.lce_stop import LCEStop
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

EPOCHS = tuple(range(1, 9))
GOOD = 100 * (0.1 + 0.4 * np.array(EPOCHS) ** -0.7)
BAD = 100 * (0.5 + 0.4 * np.array(EPOCHS) ** -0.7)


def made(fidelities=EPOCHS, **changes):
    return LCEStop(NB201(), fidelities=fidelities, seed=0, **changes)


def train(search, losses, first=0):
    """Tell the losses of one training, until it ends; the number of trials."""
    parent = None
    for i, loss in enumerate(losses):
        proposal = search.ask()
        assert proposal.epoch == search.fidelities[i]
        assert proposal.resumes == parent
        parent = first + i
        search.tell(Observation(parent, proposal, (float(loss),), 1.0))
        if not search._waiting:
            return i + 1
    raise AssertionError("the training goes on")


def test_the_first_training_is_complete_and_a_hopeless_one_is_stopped():
    search = made()
    assert train(search, BAD) == 8
    assert search.best == BAD[-1]
    assert train(search, GOOD, first=8) == 8
    assert train(search, BAD, first=16) == 4  # as soon as there are enough points


def test_the_rule_is_the_published_one():
    search = made(points=3)
    train(search, GOOD)
    slower = 100 * (0.1 + 0.4 * np.array(EPOCHS) ** -0.66)
    n = train(search, slower, first=8)
    for k in range(3, 9):
        found = extrapolate(np.arange(1.0, k + 1), 1 - slower[None, :k] / 100, 8)
        if found.exceeds(1 - GOOD[-1] / 100)[0] < 0.05:
            break
    assert n == k
    assert n > 3


def test_a_training_that_is_better_than_the_best_goes_on():
    search = made(probability=1.0)
    train(search, BAD)
    assert train(search, np.minimum(GOOD, BAD[-1] - 1), first=8) == 8
    assert train(search, GOOD, first=16) == 4


def test_a_sure_end_stops_a_promising_training_of_the_optimistic_rule():
    level = GOOD[-1] + np.array([30, 10, 5, 1, 0.5, 0.2, 0.1, 0])
    searches = [made(probability=0.0, certain=certain) for certain in (0.0, 20.0)]
    for search in searches:
        train(search, GOOD)
    assert [train(search, level, first=8) for search in searches] == [8, 4]
    assert made(**LCEStop.presets["optimistic"]).certain == 0.5
    assert made(**LCEStop.presets["conservative"]).certain == made().certain == 0


def test_a_diverged_training_stops():
    search = made()
    assert train(search, [90.0, np.inf]) == 2
    assert search.best == np.inf
    assert train(search, GOOD, first=2) == 8


class Listening:
    """Stands in for an inner algorithm and keeps what it is told."""

    def __init__(self, inner):
        self.inner, self.told = inner, []
        self.fallbacks = 0

    def ask(self):
        return self.inner.ask()

    def tell(self, observation):
        self.told.append(observation)


def test_the_inner_algorithm_is_told_complete_losses_and_predictions():
    search = made(search="regularized_evolution")
    search._inner = listening = Listening(search._inner)
    train(search, GOOD)
    train(search, BAD, first=8)
    complete, stopped = listening.told
    assert complete.loss == GOOD[-1]
    assert complete.seconds == 8
    expected = extrapolate(np.arange(1.0, 5), 1 - BAD[None, :4] / 100, 8)
    assert stopped.loss == pytest.approx(100 * (1 - expected.mean[0]))
    assert stopped.loss > GOOD[-1]
    assert (stopped.trial, stopped.seconds) == (11, 4)
    assert stopped.curve.tolist() == [stopped.loss]
    assert search.random_trials == 0
    assert search.inner_algorithms[0].__name__ == "RegularizedEvolution"


def test_recorded_epochs_between_fidelities_count():
    search = made(fidelities=(5, 8))
    for trial, losses in enumerate((GOOD, BAD)):
        for epoch in (5, 8):
            proposal = search.ask()
            curve = losses[:epoch]
            told = (float(curve[-1]),)
            search.tell(
                Observation(2 * trial + epoch // 8, proposal, told, 1.0, lambda _, c=curve: c)
            )
            if not search._waiting:
                break
        assert epoch == (8, 5)[trial]


def test_separate_trainings_are_not_resumed_and_lend_no_points():
    table = Hashed(Unequal(), fidelities=(3, 9, 27), schedules=(3, 9, 27))
    search = LCEStop(table.space, fidelities=table.fidelities, seed=0, resumable=False, points=3)
    run = replay(search, table, budget=Budget(trials=60))
    assert (run.resumes == -1).all()
    assert set(run.epochs.tolist()) == {3, 9, 27}


def test_one_fidelity_is_the_inner_search():
    table = Hashed(Unequal(), fidelities=(9,))
    for name in ("random_search", "regularized_evolution"):
        budget = Budget(trials=150)
        ours = nasbench.replay(
            LCEStop(table.space, fidelities=(9,), seed=5, search=name), table, budget=budget
        )
        inner = ALGORITHMS.load(name)(table.space, fidelities=(9,), seed=5)
        inner = nasbench.replay(inner, table, budget=budget)
        assert ours.archs.tolist() == inner.archs.tolist()
    assert LCEStop(table.space, fidelities=(9,), seed=5).random_trials is None
    random = LCEStop(table.space, fidelities=(9,), seed=5, search="regularized_evolution")
    assert random.random_trials == 100


def test_the_contract_holds_where_curves_are_extrapolated():
    table = nasbench.load("lite201-digits")
    check_algorithm(LCEStop, table, n=60, changes={"points": 3, "certain": 2.0})


def test_it_saves_epochs_on_digits():
    runs = nasbench.search(
        "lce_stop", "lite201-digits", seeds=range(2), budget=nasbench.Budget(epochs=240)
    )
    for run in runs:
        started = (run.resumes == -1).sum()
        assert started > 33  # random search trains 30
        assert (run.epochs == 8).sum() < started


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": 1.5}, "probability = 1.5"),
        ({"certain": -1.0}, "certain = -1.0"),
        ({"points": 2}, "points = 2"),
        ({"search": "lce_stop"}, "runs an inner algorithm itself"),
    ],
)
def test_impossible_hyperparameters_are_refused(change, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**change)
