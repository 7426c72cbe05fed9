import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from toys import Layers, Unequal, drive, rugged

from algorithms.bayesian.smac import SMAC, _log_scaled, log_normal_improvement
from nasbench.algorithm import Observation, hyperparameters
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201


def make(space=None, seed=0, **settings):
    return SMAC(space or NB201(), fidelities=(1,), seed=seed, **settings)


def distance(arch):
    return float(sum(abs(option - 2) for option in arch))


def told(search, n=40):
    """With results of random architectures."""
    search.initial = n
    drive(search, distance, n)
    return search


@pytest.mark.parametrize(("mean", "std", "best"), [(0.0, 1.0, 0.3), (-1.0, 0.2, -2.0), (2, 0.5, 3)])
def test_improvement_of_log_normal_losses_is_the_integral(mean, std, best):
    def integrand(x):
        return (math.exp(best) - math.exp(x)) * norm.pdf(x, mean, std)

    expected, _ = quad(integrand, mean - 12 * std, best)
    found = log_normal_improvement(np.array([mean]), np.array([std]), best)
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_scaled_losses_are_those_of_smac3():
    """The zero is as far below the lowest loss as the 5th percentile is above it."""
    losses = np.array([3.0, 5.0, 4.0, 13.0, 7.0])
    zero = 3 - (np.percentile(losses, 5) - 3)
    np.testing.assert_allclose(
        _log_scaled(losses), np.log((losses - zero) / (13 - zero)), rtol=1e-6
    )


def plain(tree, row):
    """The leaf of an example, node by node."""
    node = 0
    while tree.children_left[node] >= 0:
        left = row[tree.feature[node]] <= tree.threshold[node]
        node = tree.children_left[node] if left else tree.children_right[node]
    return node


@pytest.mark.parametrize("log_losses", [False, True])
def test_predictions_follow_the_law_of_total_variance(log_losses):
    """Leaves hold the drawn examples that reach them; the mixture of all trees is taken apart."""
    search = told(make(min_leaf=4, trees=3, log_losses=log_losses))
    features, targets = search._encoded(search.examples.archs), search.examples.targets()
    state = search.array_rng.bit_generator.state
    forest = search._forest(features, targets)
    search.array_rng.bit_generator.state = state
    drawn = []
    for _ in forest:
        drawn.append(search.array_rng.integers(len(targets), size=len(targets)))
        search.array_rng.integers(2**31)
    points = list(search.examples.archs[:9])
    mean, variance = search._predicted(forest, points)
    for i, row in enumerate(search._encoded(points)):
        means, squares = [], []
        for (tree, _, _), numbers in zip(forest, drawn, strict=True):
            leaf = plain(tree, row)
            values = targets[[n for n in numbers if plain(tree, features[n]) == leaf]]
            center = np.log(np.exp(values).mean()) if log_losses else values.mean()
            means.append(center)
            squares.append(center**2 if log_losses else (values**2).mean())
        assert mean[i] == pytest.approx(np.mean(means))
        expected = np.mean(squares) - np.mean(means) ** 2
        assert variance[i] == pytest.approx(max(expected, 1e-10), rel=1e-6, abs=1e-9)


def test_local_searches_end_where_no_neighbour_is_better():
    search = told(make())
    forest = search._forest(search._encoded(search.examples.archs), search.examples.targets())
    starts = search.examples.archs[:5]
    ends, reached = search._climbed(forest, starts, -1.0)
    assert 1 <= len(ends) <= len(reached) == len(set(starts))
    assert set(reached) == set(ends)
    again = [search._climbed(forest, [start], -1.0)[1] for start in dict.fromkeys(starts)]
    assert again == [[end] for end in reached]
    for arch, value in ends.items():
        around = search._improvements(forest, list(search.space.neighbors(arch)), -1.0)
        assert value >= around.max()
    assert max(ends.values()) >= search._improvements(forest, starts, -1.0).max()


def test_as_many_as_asked_are_chosen_best_first():
    search = told(make(random_fraction=0.0))
    chosen = search.choose(8)
    assert len(set(chosen)) == 8
    assert not set(chosen) & set(search.seen)
    assert np.mean([distance(arch) for arch in chosen]) < 5  # of all: 7.2


def test_the_fraction_of_random_architectures_is_random():
    one, other = (told(make(random_fraction=share)) for share in (0.0, 1.0))
    far = [np.mean([distance(arch) for arch in search.choose(40)]) for search in (one, other)]
    assert far[1] > far[0] + 1


def test_only_ends_of_local_searches_are_candidates_in_smac3():
    """Ends that were trained are skipped, and random architectures fill the batch."""
    search = told(make(only_ends=True, random_fraction=0.0, batch=8))
    trained = search.examples.archs[0]
    ends = [trained, (2,) * 6, (1,) * 6, (2,) * 6]
    chosen = search._among_ends(ends, 8)
    assert chosen[:2] == [(2,) * 6, (1,) * 6]
    assert len(set(chosen)) == 8
    assert not set(chosen) & set(search.seen)
    assert search._among_ends(ends, 1) == [(2,) * 6]
    search.random_fraction = 1.0
    assert not set(search._among_ends(ends, 3)) & set(ends)


def test_random_architectures_alone_cover_a_space():
    """The last batch of 56 architectures has fewer new ones than it may hold."""
    settings = {"only_ends": True, "random_fraction": 1.0, "batch": 50, "initial": 5}
    search = make(Unequal(), **settings, candidates=60)
    archs = drive(search, distance, 56)
    assert len(set(archs)) == 56
    assert search.ask() is None


def test_most_proposals_of_smac3_are_random():
    """Two thirds of 113 after the first design, in SMAC3 2.4.1 itself (own_and_foreign.py)."""
    values = hyperparameters(SMAC, {"max_calls": 1, "candidates": 1000}, "smac3")
    archs = drive(make(**values), distance, 150)
    plain = drive(make(**{**values, "only_ends": False}), distance, 150)
    later = [np.mean([distance(arch) for arch in found[37:]]) for found in (archs, plain)]
    assert later[0] > later[1] + 1


def test_the_incumbent_is_trained_again_before_every_new_architecture():
    """The first is best: it has three results after four trials, and others have one."""
    search = make(max_calls=3, initial=50)
    archs = drive(search, [1.0, 1.0, 5.0, 1.0, 5.0, 5.0])
    assert archs[0] == archs[1] == archs[3]
    assert len(set(archs)) == 4


def test_the_first_forest_waits_for_different_architectures():
    search = make(initial=7, max_calls=3)
    begun = []
    choose = search.choose
    search.choose = lambda n: begun.append(len(search._results)) or choose(n)
    archs = drive(search, distance, 20)
    assert begun[0] == 7
    assert len(archs) > len(set(archs))


def test_a_challenger_takes_over_with_as_many_results():
    """It wins on one result and on two; the incumbent had three, and it needs the third."""
    search = make(max_calls=3, initial=50)
    archs = drive(search, [1.0, 1.0, 5.0, 1.0, 0.5, 1.2, 1.2])
    a, b = archs[0], archs[4]
    assert archs == [a, a, archs[2], a, b, b, b]
    assert search._incumbent == b
    following = [search.ask().arch for _ in range(2)]
    assert not {a, b} & set(following)


def test_a_challenger_is_rejected_as_soon_as_it_is_not_better():
    search = make(max_calls=3, initial=50)
    archs = drive(search, [1.0, 1.0, 5.0, 1.0, 0.5, 1.5, 5.0])
    assert archs[4] == archs[5] != archs[6]
    assert search._incumbent == archs[0]


def test_what_is_running_is_not_trained_again():
    search = make(max_calls=3, initial=50)
    first = search.ask()
    search.tell(Observation(0, first, (1.0,), 1.0))
    again = search.ask()
    assert again == first
    others = [search.ask() for _ in range(6)]
    assert first not in others
    for trial, proposal in enumerate(others, 2):
        search.tell(Observation(trial, proposal, (0.5,), 1.0))
    assert search._incumbent == others[0].arch


@pytest.mark.parametrize("preset", [None, "smac3", "nb101"])
def test_it_learns(preset):
    """A random search of 80 finds 1 or less with a chance of 7 %."""
    values = hyperparameters(SMAC, {"candidates": 200, "initial": 10}, preset)
    archs = drive(make(**values), distance, 80)
    assert min(map(distance, archs)) <= 1


@pytest.mark.parametrize("space", [Unequal(), Layers()])
def test_a_small_space_is_searched_once(space):
    def loss(arch):
        return math.inf if arch[0] else rugged(arch)

    search = make(space, trees=2, batch=4, starts=2)
    archs = drive(search, loss, 100)
    assert sorted(archs) == sorted(space.archs())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trees": 0}, "trees = 0 must be at least 1"),
        ({"min_split": 1}, "min_split = 1 must be at least 2"),
        ({"max_calls": 0}, "max_calls = 0 must be at least 1"),
        ({"feature_share": 0.0}, r"feature_share = 0.0 must be in \(0, 1\]"),
        ({"random_fraction": 1.5}, r"random_fraction = 1.5 must be in \[0, 1\]"),
        ({"splits": "rand"}, "did you mean 'random'"),
        ({"encoding": "path"}, "encoding = 'path'"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
