import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from toys import Hashed, Numbers, drive, mean_best, rugged

import nasbench
from algorithms.parts.region_tree import RegionTree
from algorithms.tree_search.lanas import LaNAS
from nasbench.algorithm import Observation
from nasbench.encodings import one_hot
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.darts import Darts
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm


class Small(Numbers, options=(3, 1, 4, 2)):
    """24 architectures, one decision without a choice."""


class Fewer(Small):
    """What is legal later depends on the beginning."""

    def is_legal(self, arch):
        return arch[2] == 3 if arch[0] == 2 else arch[0] != arch[2]


def rough(arch):
    return rugged(arch, 100)


def make(space=None, seed=0, **settings):
    return LaNAS(space or NB201(), fidelities=(1,), seed=seed, **settings)


def additive(arch):
    return float(sum((option + i) % 5 for i, option in enumerate(arch)))


def whole(tree):
    """The tree, with all of its nodes split."""
    for node in range(tree.n_inner):
        tree.split(node)
    return tree


def two_regions(counts, totals):
    """A root and two leaves with six architectures in all, of a space with ten options."""
    nothing = np.zeros((4, 0), dtype=int)
    tree = whole(RegionTree(2, nothing, np.zeros(0), np.eye(10), nothing, nothing[0]))
    tree.counts, tree.visits, tree.totals = list(counts), list(counts), list(totals)
    tree.unseen = [6, 3, 3]
    return tree


def leaf_of(tree, space, arch):
    """Where an architecture ends, one node after the other."""
    offsets = np.cumsum((0, *space.options[:-1]))
    columns = (np.array(arch) + offsets)[:, None]
    node = 0
    while node < tree.n_inner:
        node = 2 * node + (1 if tree.is_good(node, columns)[0] else 2)
    return node


@pytest.mark.parametrize("ridge", [1.0, 0.1])
def test_every_split_is_at_the_mean_prediction_of_ridge_regression(ridge):
    """Trials are split by their losses, what was not proposed by its prediction."""
    space = NB201()
    search = make(space, ridge=ridge, selections=1000)
    archs = drive(search, rough, 60)
    tree = whole(search._rooted())
    codes, losses = one_hot(space, archs).astype(float), np.array([rough(a) for a in archs])
    others = [space.unrank(rank) for rank in range(0, 15_625, 13)]
    split = 0
    for node in range(tree.n_inner):
        bag = tree.bags[node]
        assert tree.counts[node] == len(bag)
        assert tree.totals[node] == pytest.approx(losses[bag].sum())
        if len(bag) < 2:
            continue
        split += 1
        model = Ridge(alpha=ridge).fit(codes[bag], losses[bag])
        predicted = model.predict(codes[bag])
        assert predicted.mean() == pytest.approx(losses[bag].mean())
        good = losses[bag] <= losses[bag].mean()
        assert tree.bags[2 * node + 1].tolist() == bag[good].tolist()
        assert tree.bags[2 * node + 2].tolist() == bag[~good].tolist()
        margin = model.predict(one_hot(space, others)) - predicted.mean()
        columns = (np.array(others) + 5 * np.arange(6)).T
        sure = abs(margin) > 1e-9
        np.testing.assert_array_equal(tree.is_good(node, columns)[sure], (margin <= 0)[sure])
    assert split >= 7
    leaves = [tree.bags[node] for node in range(15, 31)]
    assert sorted(np.concatenate(leaves).tolist()) == list(range(60))


def test_regions_are_a_partition_of_what_was_not_proposed():
    space = NB201()
    search = make(space, initial=80)
    archs = drive(search, additive, 80)
    tree = whole(search._rooted())
    for node in range(15):
        assert tree.unseen[node] == tree.unseen[2 * node + 1] + tree.unseen[2 * node + 2]
    leaves = [[search._listed_arch(number) for number in tree.routed[k]] for k in range(15, 31)]
    flat = [arch for leaf in leaves for arch in leaf]
    assert len(flat) == len(set(flat)) == tree.unseen[0] == 15_625 - 80
    assert not set(flat) & set(archs)
    for number, leaf in enumerate(leaves):
        assert all(leaf_of(tree, space, arch) == 15 + number for arch in leaf[:50])
    means = [np.mean([additive(arch) for arch in leaf]) for leaf in leaves if leaf]
    assert means[0] < means[-1] - 6  # the mean of the space is 12
    assert np.corrcoef(range(len(means)), means)[0, 1] > 0.9


def test_bounds_by_hand():
    """Two regions with means 10 and 12 of 4 and 1 trials; parent of 5.

    sqrt(2 ln 5) = 1.794; with 2 * 0.5 it makes -10 + 0.897 and -12 + 1.794, and with 2 * 2 it makes
    -10 + 3.588 and -12 + 7.176.
    """
    for exploration, leaf in ((0.5, 1), (2.0, 2)):
        search = make(Small(), height=2, exploration=exploration, scale=1.0)
        tree = two_regions((5, 4, 1), (52.0, 40.0, 12.0))
        assert search._leaf(tree) == leaf
        tree.unseen[leaf] = 0  # an empty region is never entered
        assert search._leaf(tree) == 3 - leaf
        tree.unseen[leaf] = 3
        tree.counts[2] = tree.visits[2] = 0  # a region without trials comes first
        assert search._leaf(tree) == 2


def test_running_trials_make_a_region_less_attractive():
    search = make(Small(), height=2, exploration=0.5, scale=1.0)
    tree = two_regions((8, 4, 4), (80.0, 39.9, 40.1))
    assert search._leaf(tree) == 1
    tree.visits[:2] = [11, 7]
    assert search._leaf(tree) == 2


def test_results_are_counted_once():
    search = make(initial=5, selections=6)
    running, entered = [], []
    for trial in range(40):
        running.append((trial, search.ask()))
        if len(running) == 4:  # told late, some after the next fit
            number, proposal = running.pop(1)
            search.tell(Observation(number, proposal, (rough(proposal.arch),), 1.0))
        tree = search._tree
        if tree is not None:
            entered.append(len(tree.bags))
            whole(tree)
            assert len(search._told) >= tree.counts[0] >= len(tree.bags[0])
            assert sum(tree.counts[15:]) == tree.counts[0]
            assert tree.totals[0] == pytest.approx(sum(tree.totals[15:]))
            assert tree.unseen[0] == sum(tree.unseen[15:]) == tree.routed[0].size - search._selected
    assert tree.visits[0] > tree.counts[0]
    assert min(entered) == 9  # the root, and two children of each node on the way to a leaf


def test_nothing_is_proposed_twice_and_a_small_space_is_proposed_whole():
    for space in (Small(), Fewer()):
        for seed in range(3):
            search = make(space, seed, initial=4, selections=3)
            archs = drive(search, additive, 100)
            assert sorted(archs) == list(space.archs())
            assert search.ask() is None
    archs = drive(make(), additive, 400)
    assert len(set(archs)) == 400


def test_it_learns_the_tree_anew_after_as_many_selections():
    search = make(initial=5, selections=7)
    trees = []
    for trial in range(5 + 21):
        proposal = search.ask()
        trees.append(search._tree)
        search.tell(Observation(trial, proposal, (rough(proposal.arch),), 1.0))
    assert trees[:5] == [None] * 5
    assert [k for k, (a, b) in enumerate(pairwise(trees)) if a is not b] == [4, 11, 18]


def test_a_diverged_training_counts_as_the_worst_so_far():
    search = make(initial=2, selections=1)
    archs = drive(search, lambda arch: math.inf, 20)
    assert search._tree is None
    assert len(set(archs)) == 20
    drive(search, lambda arch: 30.0 + arch[0], 10)
    tree = whole(search._rooted())
    assert tree.totals[0] == pytest.approx(
        sum(min(loss, search._worst) for _, loss in search._told)
    )
    assert np.isfinite(tree.weights).all()


@pytest.mark.parametrize("space", [Darts(), NB101()])
def test_large_spaces_are_sampled_inside_the_region(space):
    search = make(space, 1, initial=20, selections=10)
    assert not search._numbers
    inside, archs = [], []
    for trial in range(60):
        proposal = search.ask()
        archs.append(proposal.arch)
        if proposal.arch in search._paths:
            tree, leaf = search._paths[proposal.arch]
            inside.append(leaf_of(tree, space, proposal.arch) == leaf)
        loss = float(sum(proposal.arch[:8]))
        search.tell(Observation(trial, proposal, (loss,), 1.0))
    assert len(inside) == 40
    assert np.mean(inside) > 0.7  # some regions are slivers that hold what was told and no more
    assert len(set(archs)) == 60
    losses = [sum(arch[:8]) for arch in archs]
    assert np.mean(losses[40:]) < np.mean(losses[:20]) - 1


def test_presets_and_settings_change_the_search():
    table = nasbench.load("nb201-cifar10")
    settings = [
        {},
        *LaNAS.presets.values(),
        {"initial": 20},
        {"selections": 10},
        {"height": 4},
        {"exploration": 0.5},
        {"scale": 10.0},
        {"ridge": 0.1},
    ]
    traces = set()
    for values in settings:
        search = LaNAS(table.space, fidelities=(200,), seed=1, **values)
        run = replay(search, table, budget=Budget(trials=150))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


def test_it_keeps_the_contract_in_a_large_space():
    check_algorithm(LaNAS, Hashed(Darts()), changes={"selections": 5}, n=20)


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("lanas", 15) < mean_best("random_search", 15) - 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial": 0}, "initial = 0 must be at least 1"),
        ({"selections": 0}, "selections = 0 must be at least 1"),
        ({"height": 1}, r"height = 1 must be in 2\.\.12"),
        ({"exploration": -1.0}, "exploration = -1.0 must be finite, not negative"),
        ({"scale": -1}, "scale = -1 must be positive and finite, or None"),
        ({"ridge": 1e-7}, "ridge = 1e-07 must be finite, at least 1e-6"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
