"""Regression on curves: what it learns from, and when it stops a training."""

import numpy as np
import pytest
from scipy.special import ndtr

import nasbench
from algorithms.models.curves.lc_svr import CurveSVR, features
from algorithms.multi_fidelity.lc_svr import LCSVR
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

EPOCHS = (1, 2, 3)


def made(**changes):
    settings = {"initial": 12, "draws": 20} | changes
    return LCSVR(NB201(), fidelities=EPOCHS, seed=0, **settings)


def curve(end):
    """A curve whose beginning tells its end."""
    return [3 * end + 10, 2 * end + 5, end]


def train(search, losses, trial):
    """Tell one training; its architecture and the number of its trials."""
    for i, loss in enumerate(losses):
        proposal = search.ask()
        search.tell(Observation(trial + i, proposal, (float(loss),), 1.0))
        if not search._waiting:
            return proposal.arch, i + 1
    raise AssertionError("the training goes on")


def trained(search, n=12, seed=0):
    """Ends of complete trainings, and their architectures."""
    ends = np.random.default_rng(seed).uniform(10, 30, n)
    archs = []
    for i, end in enumerate(ends):
        arch, steps = train(search, curve(end), 3 * i)
        assert steps == 3
        archs.append(arch)
    return ends, archs


def test_the_first_trainings_are_complete_and_bad_ones_are_stopped_then():
    search = made()
    ends, _ = trained(search)
    assert train(search, curve(ends.max()), 100)[1] == 1
    assert train(search, curve(ends.min() - 1), 200)[1] == 3


def test_the_rule_is_a_normal_error_of_cross_validation():
    search = made(probability=0.3)
    ends, _ = trained(search)
    told = []
    search._inner.tell = told.append
    model = CurveSVR(draws=20, seed=int(made().rng.random() * 2**53))
    examples = np.array([curve(end) for end in ends])
    nothing = np.zeros((12, 0))
    model.fit(features(examples[:, :1], nothing), examples[:, -1])
    for i, end in enumerate(np.linspace(ends.min(), ends.min() + 8, 9)):
        row = features(np.array([curve(end)])[:, :1], nothing[:1])
        expected = model.predict(row)[0]
        stops = ndtr((search.best - expected) / model.std) <= 0.3
        first = train(search, curve(end), 1000 + 10 * i)[1] == 1
        assert first == stops
        if stops:
            assert told[-1].loss == expected
        if search.best < ends.min():
            break
    assert len(told) > 1


def test_known_numbers_are_features():
    """Of ends that no curve tells, but a number does, the model is sure."""
    stds = []
    for known in (None, lambda arch: (float(arch[0]),)):
        search = made(known=known, initial=30)
        for trial in range(90):
            proposal = search.ask()
            loss = 50.0 if proposal.epoch < 3 else 10.0 + 5 * proposal.arch[0]
            search.tell(Observation(trial, proposal, (loss,), 1.0))
        search.tell(Observation(90, search.ask(), (50.0,), 1.0))
        stds.append(search._models[(1,)].std)
    assert stds[1] < 0.3 * stds[0]


def test_diverged_trainings_are_no_examples():
    search = made()
    for i in range(20):
        assert train(search, [50.0, np.inf], 2 * i)[1] == 2
    assert search._examples == []
    trained(search)
    assert len(search._examples) == 12


@pytest.mark.parametrize("known", [(), ("parameters", "synflow")])
def test_the_contract_holds_where_curves_are_predicted(known):
    table = nasbench.load("lite201-digits", known=known)
    check_algorithm(LCSVR, table, n=100, changes={"initial": 6, "draws": 2, "probability": 0.2})


def test_it_saves_epochs_on_digits():
    runs = nasbench.search(
        "lc_svr",
        "lite201-digits",
        seeds=range(3),
        budget=nasbench.Budget(epochs=400),
        hyperparameters={"draws": 10},
    )
    for run in runs:
        assert (run.resumes == -1).sum() > 52  # random search trains 50
        assert (run.epochs[: 20 * 8].reshape(20, 8) == np.arange(1, 9)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": -0.1}, "probability = -0.1"),
        ({"initial": 5}, "initial = 5 must be at least 6"),
        ({"draws": 0}, "draws = 0"),
    ],
)
def test_impossible_hyperparameters_are_refused(change, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**change)


def test_models_of_curves_are_a_family_unless_there_is_one_fidelity():
    assert made().families == ("support vector regression",)
    assert LCSVR(NB201(), fidelities=(3,), seed=0).families == ()
    assert LCSVR.presets["baker"] == {"initial": 100, "draws": 1000}
