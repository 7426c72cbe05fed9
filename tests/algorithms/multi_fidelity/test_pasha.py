import math
from itertools import combinations
from random import Random

import numpy as np
import pytest
from toys import drive_proposals

import nasbench
from algorithms.multi_fidelity.asha import ASHA
from algorithms.multi_fidelity.pasha import PASHA, _curve, crossing_differences
from nasbench.algorithm import Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm


@pytest.fixture(scope="module")
def table():
    return nasbench.load("lite201-digits")


def test_it_keeps_the_contract_with_more_rungs(table):
    check_algorithm(PASHA, table, seed=2, changes={"eta": 2})


def epochs_of(search, loss):
    """Epochs of 300 trials; the loss is of a proposal."""
    return {proposal.epoch for proposal in drive_proposals(search, loss, 300)}


def test_rankings_that_agree_keep_it_at_two_rungs():
    search = PASHA(NB201(), fidelities=(1, 3, 9, 27), seed=0)
    assert epochs_of(search, lambda p: float(NB201().rank(p.arch)) / p.epoch) == {1, 3}


def test_rankings_that_disagree_open_all_rungs():
    """Each rung turns the order round, and differences are small beside those of the rung below."""
    scale = {1: 1.0, 2: -0.1, 4: 0.01, 8: -0.001}
    search = PASHA(NB201(), fidelities=(1, 2, 4, 8), seed=0, eta=2)
    assert epochs_of(search, lambda p: scale[p.epoch] * NB201().rank(p.arch)) == {1, 2, 4, 8}


def test_rankings_that_turn_round_all_the_time_are_noise():
    """As above, but with differences that grow: at epoch 4 all that changed places may."""
    scale = {1: 1.0, 2: -2.0, 4: 4.0}
    search = PASHA(NB201(), fidelities=(1, 2, 4, 8), seed=0, eta=2, percentile=100.0)
    assert epochs_of(search, lambda p: scale[p.epoch] * NB201().rank(p.arch)) == {1, 2, 4}


def test_a_rung_opens_when_two_change_places():
    """Losses at epoch 1 are the number of the trial; at epoch 3 the second is the better."""
    search = PASHA(NB201(), fidelities=(1, 3, 9), seed=0)
    losses = {1: iter([0.0, 5.0, 5.0, 1.0, 5.0, 5.0]), 3: iter([2.0, 1.0]), 9: iter([0.0])}
    epochs = []
    for trial in range(9):
        proposal = search.ask()
        epochs.append(proposal.epoch)
        if len(epochs) == 9:
            break
        search.tell(Observation(trial, proposal, (next(losses[proposal.epoch]),), 1.0))
    assert epochs == [1, 1, 1, 3, 1, 1, 1, 3, 1]
    assert search._ladder.top == 2


@pytest.mark.parametrize(("noise", "top"), [(0.9, 2), (1.0, 1)])
def test_places_may_be_changed_within_noise(noise, top):
    search = PASHA(NB201(), fidelities=(1, 3, 9), seed=0)
    search._noise = noise
    losses = {1: iter([0.0, 5.0, 5.0, 1.0, 5.0, 5.0]), 3: iter([2.0, 1.0])}
    for trial in range(8):
        proposal = search.ask()
        search.tell(Observation(trial, proposal, (next(losses[proposal.epoch]),), 1.0))
    assert search._ladder.top == top


def groups_agree(top, noise):
    """The soft ranking of the paper: everyone is in the group of its rank at the rung below."""
    below = sorted(loss for _, _, loss in top)
    groups = [{x for x in below if abs(x - centre) <= noise} for centre in below]
    return all(loss in group for (_, _, loss), group in zip(top, groups, strict=True))


def test_soft_rankings_agree_with_brute_force():
    search = PASHA(NB201(), fidelities=(1, 3, 9), seed=0)
    found = set()
    for seed in range(300):
        rng = Random(seed)
        n = 1 + int(5 * rng.random())
        search._top = sorted((rng.random(), i, float(int(6 * rng.random()))) for i in range(n))
        search._noise = float(int(4 * rng.random()))
        found.add(search._is_stable())
        assert search._is_stable() == groups_agree(search._top, search._noise)
    assert found == {True, False}


def crosses_twice(a, b):
    """Whether one is above, somewhere before that below, and before that above, strictly."""
    for sign in (1, -1):
        d = [sign * (int(x > y) - int(x < y)) for x, y in zip(a, b, strict=True)]
        if d[-1] > 0 and any(d[i] > 0 and d[j] < 0 for i, j in combinations(range(len(d) - 1), 2)):
            return True
    return False


@pytest.mark.parametrize("hole", [0.0, 0.3])
def test_crossings_agree_with_brute_force(hole):
    rng = np.random.default_rng(0)
    for _ in range(50):
        curves = rng.integers(0, 4, size=(8, 6)).astype(float)
        curves[rng.random(curves.shape) < hole] = math.nan
        curves[:2, -1] = math.inf
        for i in (0, 3):
            differences = [
                abs(other[-1] - curves[i][-1])
                for other in curves[i + 1 :]
                if crosses_twice(other, curves[i])
            ]
            expected = [x for x in differences if x < math.inf]
            assert crossing_differences(curves[i + 1 :], curves[i]).tolist() == expected


def test_the_noise_is_a_percentile_of_the_differences():
    for percentile in (0.0, 50.0, 90.0, 100.0):
        rng = np.random.default_rng(0)
        search = PASHA(NB201(), fidelities=(1, 3, 9), seed=0, percentile=percentile)
        curves = rng.random((12, 5))
        for curve in curves:
            search._update_noise(curve)
        differences = [
            abs(a[-1] - b[-1]) for a, b in combinations(curves, 2) if crosses_twice(a, b)
        ]
        assert len(differences) > 10
        assert search._noise == pytest.approx(np.percentile(differences, percentile))


def test_it_spends_less_than_asha_on_the_same_architectures(table):
    epochs = {}
    for method in (ASHA, PASHA):
        search = method(table.space, fidelities=table.fidelities, seed=0, eta=2, initial=64)
        run = replay(search, table, budget=Budget(trials=1000))
        assert (run.epochs == 1).sum() == 64
        resumed = np.where(run.resumes >= 0, run.epochs[run.resumes], 0)
        epochs[method] = int((run.epochs - resumed).sum())
    assert epochs[PASHA] <= epochs[ASHA]


def test_curves_are_recorded_or_else_told():
    proposal, told, nan = Proposal((0,), 4), {1: 9.0, 2: 3.0}, math.nan
    recorded = Observation(0, proposal, (1.0,), 1.0, lambda trial: np.array([4.0, nan, nan, 1.0]))
    np.testing.assert_equal(_curve(recorded, 4, told), [4.0, 3.0, nan, 1.0])
    last_only = Observation(0, proposal, (1.0,), 1.0)
    np.testing.assert_equal(_curve(last_only, 4, told), [9.0, 3.0, nan, 1.0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial": -1}, "initial = -1 must not be negative"),
        ({"percentile": 101.0}, r"percentile = 101.0 must be in \[0, 100\]"),
        ({"eta": 1}, "eta = 1 must be at least 2"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        PASHA(NB201(), fidelities=(1, 3), seed=0, **settings)
