import math

import numpy as np
import pytest
from toys import Numbers, Switched, drive, drive_proposals, mean_best

import nasbench
from algorithms.distribution.mdenas import MdeNAS
from nasbench.algorithm import Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


class Two(Numbers, options=(3, 2)):
    """Two decisions."""


def make(space=None, seed=0, fidelities=(1,), **settings):
    return MdeNAS(space or Two(), fidelities=fidelities, seed=seed, **settings)


def tell_all(search, *pairs):
    """Tell results as of sampled architectures."""
    for trial, (arch, loss) in enumerate(pairs):
        proposal = search._proposed(arch, search._short, is_sample=True)
        search.tell(Observation(trial, proposal, (loss,), 1.0))


@pytest.mark.parametrize("fidelities", [(200,), (12, 200)])
def test_confirmations_are_no_samples(fidelities):
    search = make(NB201(), fidelities=fidelities)
    proposals = drive_proposals(search, lambda p: 1.0 + sum(p.arch) % 7, 110)
    n_confirmed = len(proposals) - search._sampled
    assert n_confirmed > 0
    assert search._told == search._sampled == sum(search._counts[0])
    if len(fidelities) == 2:
        assert n_confirmed == sum(proposal.epoch == 200 for proposal in proposals)


def test_with_one_fidelity_a_sample_is_trained_in_full():
    """So the most likely architecture, which was sampled, is not trained again."""
    search = make(fidelities=(9,), confirm=2)
    search._choices.weights = [[0.0, 1.0, 0.0], [0.0, 1.0]]
    assert [search.ask().arch for _ in range(2)] == [(1, 1)] * 2
    search._choices.weights = [[0.0, 0.6, 0.4], [0.0, 1.0]]
    search.ask()
    assert search._sampled == 3


def test_the_update_by_hand():
    """Of the first decision, option 0 is drawn twice with mean 30, 1 once with 10, 2 once with 35.

    1 against 0: less often and better, so it gains; 2 against 0: less often and worse, so nothing
    moves; 1 and 2 are drawn equally often. In the second, option 1 is drawn once and is better.
    """
    search = make(learning_rate=0.06, samples=4)
    tell_all(search, ((0, 0), 40.0), ((0, 0), 20.0), ((1, 1), 10.0))
    assert search._choices.weights == [[1 / 3] * 3, [1 / 2] * 2]
    tell_all(search, ((2, 0), 35.0))
    first, second = search._choices.weights
    assert first == pytest.approx([1 / 3 - 0.06, 1 / 3 + 0.06, 1 / 3])
    assert second == pytest.approx([0.44, 0.56])


def test_the_last_value_counts_in_the_preset():
    search = make(learning_rate=0.06, samples=4, values="last")
    tell_all(search, ((0, 0), 40.0), ((0, 0), 5.0), ((1, 1), 10.0), ((2, 1), 35.0))
    assert search._values == [[5.0, 10.0, 35.0], [5.0, 35.0]]
    assert search._choices.weights[0] == pytest.approx([1 / 3] * 3)  # the best was drawn most


def test_probabilities_are_cut_at_zero_and_add_up_to_one():
    search = make(learning_rate=0.3, samples=1)
    search._choices.weights[0] = [0.2, 0.2, 0.6]
    search._counts[0], search._values[0] = [9, 8, 1], [50.0, 40.0, 30.0]
    search._shift()
    # 1 gains from 0, 2 from 0 and from 1: [-0.4, 0.2, 1.2]
    assert search._choices.weights[0] == pytest.approx([0.0, 1 / 7, 6 / 7])


def matrices(p, counts, accuracies, rate):
    """The update of the paper with difference matrices of counts and accuracies."""
    de = counts[:, None] - counts[None, :]
    da = accuracies[:, None] - accuracies[None, :]
    gain, loss = ((de < 0) & (da > 0)).sum(1), ((de > 0) & (da < 0)).sum(1)
    moved = np.clip(p + rate * (gain - loss), 0, None)
    return moved / moved.sum()


def test_the_update_is_that_of_the_difference_matrices():
    rng = np.random.default_rng(0)
    for _ in range(100):
        search = make(NB201(), learning_rate=0.05)
        expected = []
        for position in range(6):
            p = rng.dirichlet(np.ones(5))
            counts, losses = rng.integers(1, 5, size=5), rng.integers(0, 6, size=5) * 10.0
            search._choices.weights[position] = p.tolist()
            search._counts[position], search._values[position] = counts.tolist(), losses.tolist()
            expected.append(matrices(p, counts, 100 - losses, 0.05))
        search._shift()
        np.testing.assert_allclose(search._choices.weights, expected, rtol=1e-12, atol=1e-15)


def test_options_that_were_never_drawn_are_not_compared():
    search = make(learning_rate=0.06)
    tell_all(search, ((0, 0), 40.0), ((0, 0), 40.0))
    assert search._choices.weights == [[1 / 3] * 3, [1 / 2] * 2]
    assert search._counts == [[2, 0, 0], [2, 0]]


def test_a_diverged_training_counts_as_the_worst_so_far():
    search = make()
    tell_all(search, ((0, 0), math.inf))
    assert search._counts == [[0, 0, 0], [0, 0]]
    tell_all(search, ((0, 0), 40.0), ((1, 0), 20.0), ((2, 1), math.inf))
    assert search._values == [[40.0, 20.0, 40.0], [30.0, 40.0]]


@pytest.mark.parametrize(("share", "short"), [(0.05, 1), (0.1, 1), (0.2, 3), (0.5, 9), (1.0, 9)])
def test_sampled_architectures_are_trained_for_a_share_of_the_epochs(share, short):
    search = make(fidelities=(1, 3, 9), share=share, confirm=1000)
    assert {search.ask().epoch for _ in range(10)} == {short}


def test_the_most_likely_architecture_is_trained_in_full_once():
    search = make(fidelities=(1, 3, 9), confirm=4, share=0.1)
    search._choices.weights = [[0.1, 0.7, 0.2], [0.4, 0.6]]
    proposals = [search.ask() for _ in range(13)]
    assert [proposal.epoch for proposal in proposals] == [1] * 4 + [9] + [1] * 8
    assert proposals[4].arch == (1, 1)
    search._choices.weights[1] = [0.6, 0.4]
    assert search.ask() == Proposal((1, 0), 9)
    assert {search.ask().epoch for _ in range(20)} == {1}
    search.tell(Observation(4, proposals[4], (3.0,), 1.0))  # teaches nothing
    assert search._counts == [[0, 0, 0], [0, 0]]


def test_the_most_likely_architecture_is_legal():
    search = make(Switched())
    search._choices.weights = [[0.6, 0.4], [0.9, 0.1], [0.5, 0.3, 0.2]]
    assert search._most_likely() == (0, 1, 2)


def test_probability_moves_to_the_better_option():
    """The best option of each decision ends with the most probability."""
    for seed in range(3):
        search = make(NB201(), seed)
        drive(search, lambda arch: float(sum((o + i) % 5 for i, o in enumerate(arch))), 800)
        best = tuple(-i % 5 for i in range(6))
        assert sum(a == b for a, b in zip(search._most_likely(), best, strict=True)) >= 5


def test_presets_and_settings_change_the_search():
    table = nasbench.load("lite201-digits")
    settings = [
        {},
        *MdeNAS.presets.values(),
        {"learning_rate": 0.1},
        {"samples": 10},
        {"share": 1.0},
        {"confirm": 5},
    ]
    traces = set()
    for values in settings:
        search = MdeNAS(table.space, fidelities=table.fidelities, seed=1, **values)
        run = replay(search, table, budget=Budget(trials=200))
        traces.add(tuple(trial.proposal for trial in run.trials))
    assert len(traces) == len(settings)


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("mdenas", 60) < mean_best("random_search", 60) - 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate = 0.0 must be in \(0, 1\]"),
        ({"share": 1.5}, r"share = 1.5 must be in \(0, 1\]"),
        ({"samples": 0}, "samples = 0 must be at least 1"),
        ({"confirm": 0}, "confirm = 0 must be at least 1"),
        ({"values": "means"}, "values = 'means'; did you mean 'mean'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
