from collections import Counter
from random import Random

import pytest
from scipy.stats import binom, chi2
from toys import drive, mean_best

import nasbench
from algorithms.evolution.cgp_es import CGPES
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201, trainable_form
from nasbench.testing import check_algorithm

DEAD = (1, 2, 3, 3, 0, 0)  # nodes 1 and 2 feed nothing, so that the edges into them do nothing


def textbook(loss, n, seed, children, rate):
    """The strategy as one function, for cells, whose networks are compared by their form."""
    draw, archs = Random(seed).random, []

    def train(arch):
        if len(archs) == n:
            raise StopIteration
        archs.append(arch)
        return loss(arch)

    def other(option):
        return [o for o in range(5) if o != option][int(draw() * 4)]

    def child(parent):
        while True:
            u, first = draw() * (1 - (1 - rate) ** 6), 0
            while 1 - (1 - rate) ** (first + 1) < u:
                first += 1
            changed = list(parent)
            changed[first] = other(parent[first])
            for i in range(first + 1, 6):
                if draw() < rate:
                    changed[i] = other(parent[i])
            if trainable_form(tuple(changed)) != trainable_form(parent):
                return tuple(changed)

    def drift(parent):
        for i in range(6):
            if draw() < rate:
                changed = (*parent[:i], other(parent[i]), *parent[i + 1 :])
                if trainable_form(changed) == trainable_form(parent):
                    parent = changed
        return parent

    try:
        parent = NB201().sample(_Same(draw))
        lowest = train(parent)
        while True:
            brood = [child(parent) for _ in range(children)]
            losses = [train(arch) for arch in reversed(brood)]
            if min(losses) < lowest:
                lowest = min(losses)
                parent = brood[::-1][losses.index(lowest)]
            else:
                parent = drift(parent)
    except StopIteration:
        return archs


class _Same:
    def __init__(self, draw):
        self.random = draw


@pytest.mark.parametrize(("children", "rate"), [(2, 0.05), (4, 0.2), (1, 0.6)])
def test_it_does_what_the_textbook_says(children, rate):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(2):
        search = CGPES(table.space, fidelities=(200,), seed=seed, children=children, rate=rate)
        run = replay(search, table, budget=Budget(trials=200), replicate="mean")
        expected = textbook(loss, 200, seed, children, rate)
        assert [trial.proposal.arch for trial in run.trials] == expected


def started(space, arch, **settings):
    """A search whose first parent is ``arch``, with loss 5."""
    search = CGPES(space, fidelities=(1,), seed=0, **settings)
    first = search.ask()._replace(arch=arch)
    search.tell(Observation(0, first, (5.0,), 1.0))
    search._next_generation()
    return search


def test_changes_are_binomial_if_at_least_one_is_made():
    arch, n, rate = (5, 0, 7, 2, 3), 8000, 0.3
    search = started(NATSSize(), arch, rate=rate)
    children = [search._child(arch) for _ in range(n)]
    changes = Counter(sum(a != b for a, b in zip(arch, c, strict=True)) for c in children)
    expected = {k: n * binom.pmf(k, 5, rate) / binom.sf(0, 5, rate) for k in range(1, 6)}
    assert changes.keys() == expected.keys()
    statistic = sum((changes[k] - expected[k]) ** 2 / expected[k] for k in expected)
    assert statistic < chi2.ppf(0.999, 4)
    places = Counter(i for c in children for i in range(5) if c[i] != arch[i])
    share = rate / binom.sf(0, 5, rate)
    assert all(abs(places[i] - n * share) < 4 * (n * share * (1 - share)) ** 0.5 for i in range(5))
    options = Counter(c[0] for c in children if c[0] != arch[0])
    assert len(options) == 7
    m = sum(options.values()) / 7
    assert sum((count - m) ** 2 / m for count in options.values()) < chi2.ppf(0.999, 6)


def test_a_child_is_always_another_network():
    search = started(NB201(), DEAD)
    for _ in range(500):
        child = search._child(DEAD)
        assert trainable_form(child) != trainable_form(DEAD)


def test_a_neutral_mutation_changes_the_spelling_and_not_the_network():
    search = started(NB201(), DEAD, rate=0.5)
    found = {search._drifted(DEAD) for _ in range(500)}
    assert {trainable_form(arch) for arch in found} == {trainable_form(DEAD)}
    assert len(found) > 20


def test_the_parent_drifts_unless_a_child_is_better():
    search = started(NB201(), DEAD, rate=0.5)
    children = [search.ask(), search.ask()]
    assert search.ask() is None
    search.tell(Observation(2, children[1], (5.0,), 1.0))  # not better
    search.tell(Observation(1, children[0], (6.0,), 1.0))
    more = [search.ask(), search.ask()]
    assert search._parent != DEAD
    assert trainable_form(search._parent) == trainable_form(DEAD)
    search.tell(Observation(3, more[0], (3.0,), 1.0))
    search.tell(Observation(4, more[1], (2.0,), 1.0))
    search.ask()
    assert search._parent == more[1].arch


def test_nothing_drifts_where_every_architecture_is_a_network_of_its_own():
    search = started(NATSSize(), (1, 2, 3, 4, 5), rate=1.0)
    assert search._drifted((1, 2, 3, 4, 5)) == (1, 2, 3, 4, 5)
    assert all(a != b for a, b in zip(search.ask().arch, (1, 2, 3, 4, 5), strict=True))


@pytest.mark.parametrize("setting", [{"children": 4}, {"rate": 0.3}])
def test_hyperparameters_change_the_trace(setting):
    traces = []
    for settings in ({}, setting):
        search = CGPES(NB201(), fidelities=(1,), seed=0, **settings)
        traces.append(drive(search, lambda arch: float(sum(arch)), 20))
    assert traces[0] != traces[1]


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("cgp_es", 40) < mean_best("random_search", 40) - 0.1


def test_it_keeps_the_contract_with_many_children(recorded):
    check_algorithm(CGPES, recorded("plain"), changes={"children": 5, "rate": 0.5}, n=60)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"children": 0}, "children = 0 must be at least 1"),
        ({"rate": 0.0}, r"rate = 0.0 must be in \(0, 1\]"),
        ({"rate": 1.5}, r"rate = 1.5 must be in \(0, 1\]"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        CGPES(NB201(), fidelities=(1,), seed=0, **setting)
