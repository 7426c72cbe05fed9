import math
from collections import Counter
from random import Random

import pytest
from toys import Numbers, Switched, drive, mean_best, rugged

import nasbench
from algorithms.tree_search.mcts_uct import MctsUct
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


class Arms(Numbers, options=(2,)):
    """One decision of two options."""


class Tree(Numbers, options=(2, 2, 3)):
    """Twelve architectures."""


def make(space, seed=0, **settings):
    return MctsUct(space, fidelities=(1,), seed=seed, **settings)


def test_two_arms_by_hand():
    """Rewards 1 and 0, both tried once: then four times the better one until the bounds cross.

    Bounds of the arms at the seventh trial: 1 + sqrt(2 ln 6 / 5) = 1.847 and sqrt(2 ln 6) = 1.893.
    """
    for seed in range(4):
        search = make(Arms(), seed, exploration=1.0, scale=1.0)
        arms = [arch[0] for arch in drive(search, lambda arch: float(arch[0]), 8)]
        assert sorted(arms[:2]) == [0, 1]
        assert arms[2:] == [0, 0, 0, 0, 1, 0]
        assert [search._tree.root.children[arm].finished for arm in (0, 1)] == [6, 2]


def test_it_converges_to_the_better_arm_of_a_noisy_tree():
    """Below a = 0 losses are 0.3 on average, below a = 1 they are 0.5."""
    for seed in range(3):
        noise = Random(100 + seed)
        search = make(Tree(), seed, exploration=0.3, scale=1.0)
        archs = drive(search, lambda arch, draw=noise.random: 0.2 * arch[0] + 0.6 * draw(), 3000)
        share = [sum(arch[0] == 0 for arch in archs[k : k + 500]) / 500 for k in (0, 2500)]
        assert share[1] > 0.9
        assert share[1] > share[0]


def textbook(space, loss, n, seed, exploration, sharing):
    """UCT from the list of what happened: every number is counted anew for every choice."""
    rng = Random(seed)
    history = []  # (architecture, number of its decisions that are in the tree, loss)
    while len(history) < n:
        prefix, depth = (), None
        while len(prefix) < len(space.options):
            inside = [
                (a, k, x) for a, k, x in history if k >= len(prefix) and a[: len(prefix)] == prefix
            ]
            if depth is not None and len(prefix) >= depth:
                prefix = (*prefix, int(rng.random() * space.options[len(prefix)]))
                continue
            spread = max((x for *_, x in history), default=0.0) - min(
                (x for *_, x in history), default=0.0
            )
            below = [(a, x) for a, k, x in inside if k > len(prefix)]
            scores = []
            for option in range(space.options[len(prefix)]):
                own = [x for a, x in below if a[len(prefix)] == option]
                shared = [x for a, _, x in history if a[len(prefix)] == option]
                if own:
                    mean = sum(own) / len(own)
                    if sharing:
                        mean = (sum(own) + sharing * sum(shared) / len(shared)) / (
                            len(own) + sharing
                        )
                    bonus = math.sqrt(2 * math.log(len(inside)) / len(own))
                    scores.append((0, exploration * (spread or 1.0) * bonus - mean))
                elif sharing and shared:
                    scores.append((1, -sum(shared) / len(shared)))
                else:
                    scores.append((1, math.inf))
            tied = [k for k, score in enumerate(scores) if score == max(scores)]
            choice = tied[int(rng.random() * len(tied))] if len(tied) > 1 else tied[0]
            if not below:
                depth = len(prefix) + 1
            prefix = (*prefix, choice)
        history.append((prefix, depth or len(prefix), loss(prefix)))
    return [arch for arch, *_ in history]


@pytest.mark.parametrize("sharing", [0.0, 4.0])
@pytest.mark.parametrize("exploration", [0.0, 0.1, 2.0])
def test_it_does_what_the_textbook_says(exploration, sharing):
    """With losses that are sums of powers of two, so that no order of additions matters."""

    def loss(arch):
        return rugged(arch, 16)

    for space, n in ((Tree(), 60), (NB201(), 120)):
        search = make(space, 5, exploration=exploration, sharing=sharing)
        expected = textbook(space, loss, n, 5, exploration, sharing)
        assert drive(search, loss, n) == expected


def expanded(node):
    children = (node.children or {}).values()
    return bool(children) + sum(expanded(child) for child in children)


def test_every_trial_expands_one_node_and_tries_every_child_once_before_any_twice():
    search = make(NB201(), exploration=1.0)
    archs = []
    for trial in range(1, 61):
        archs += drive(search, lambda arch: float(sum(arch)), 1)
        assert expanded(search._tree.root) == trial
    assert sorted(arch[0] for arch in archs[:5]) == [0, 1, 2, 3, 4]
    for option in range(5):
        second = [arch[1] for arch in archs if arch[0] == option]
        assert len(set(second[:5])) == min(len(second), 5)


def test_visits_add_up():
    search = make(Tree(), exploration=0.2)
    archs = drive(search, lambda arch: rugged(arch, 10), 300)
    root = search._tree.root
    assert root.finished == 300
    assert root.total == sum(rugged(arch, 10) for arch in archs)
    first = Counter(arch[0] for arch in archs)
    assert {k: child.finished for k, child in root.children.items()} == first
    assert root.running == 0
    assert not search._paths


def test_parallel_workers_take_different_branches():
    search = make(NB201())
    running = [search.ask() for _ in range(5)]
    assert sorted(proposal.arch[0] for proposal in running) == [0, 1, 2, 3, 4]
    for trial in (3, 0, 4, 1, 2):
        search.tell(Observation(trial, running[trial], (1.0,), 1.0))
    assert search._tree.root.running == 0
    assert [child.finished for child in search._tree.root.children.values()] == [1] * 5


def test_a_diverged_training_counts_as_the_worst_so_far():
    search = make(Arms(), exploration=0.5)
    archs = drive(search, lambda arch: math.inf if arch[0] else 3.0, 40)
    counts = Counter(arch[0] for arch in archs)
    assert counts[0] > 0
    search = make(Tree(), exploration=0.1)
    losses = {0: math.inf, 1: 1.0, 2: 5.0}
    archs = drive(search, lambda arch: losses[arch[2]], 400)
    assert Counter(arch[2] for arch in archs[200:])[1] > 150


def test_only_legal_branches_are_in_the_tree():
    search = make(Switched(), exploration=1.0)
    archs = drive(search, lambda arch: float(sum(arch)), 60)
    assert set(archs) == set(Switched().archs())
    assert set(search._tree.root.children[0].children) == {1}


def test_presets_and_settings_change_the_search():
    table = nasbench.load("nb201-cifar10")
    settings = [
        {},
        *MctsUct.presets.values(),
        {"exploration": 0.5},
        {"scale": 10.0},
        {"sharing": 5.0},
    ]
    traces = set()
    for values in settings:
        search = MctsUct(table.space, fidelities=(200,), seed=1, **values)
        run = replay(search, table, budget=Budget(trials=150))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


def test_the_more_exploration_the_more_even_are_the_branches():
    def loss(arch):
        return 10.0 * arch[0] + arch[1]

    shares = []
    for exploration in (0.05, 0.3, 4.0):
        archs = drive(make(NB201(), exploration=exploration), loss, 400)
        shares.append(sum(arch[0] == 0 for arch in archs) / 400)
    assert shares[0] > shares[1] > shares[2] > 0.2


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("mcts_uct", 60) < mean_best("random_search", 60) - 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exploration": -0.1}, "exploration = -0.1 must be finite and not negative"),
        ({"exploration": math.inf}, "exploration = inf must be finite and not negative"),
        ({"sharing": -1.0}, "sharing = -1.0 must be finite and not negative"),
        ({"scale": 0.0}, "scale = 0.0 must be positive and finite, or None"),
        ({"scale": "1"}, "scale = '1' must be positive and finite, or None"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(Arms(), **settings)
