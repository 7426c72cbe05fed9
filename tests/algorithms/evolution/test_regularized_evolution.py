import itertools
from collections import Counter
from random import Random

import pytest
from scipy.stats import binom, chi2
from toys import Numbers, drive, mean_best

import nasbench
from algorithms.evolution.regularized_evolution import RegularizedEvolution
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.space import Decision
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

SETTINGS = {
    "default": {},
    "small": {"population": 5, "sample": 2},
    "sample of all": {"population": 7, "sample": 7},
    "distinct sample": {"population": 8, "sample": 4, "replacement": False},
    "as in NATS": {"population": 20, "sample": 5, "mutation": "nats"},
    "as in the notebook": {"population": 10, "sample": 3, "mutation": "notebook"},
    "few at first": {"population": 20, "sample": 6, "initial": 4},
    "few at first, distinct": {"population": 20, "sample": 6, "initial": 4, "replacement": False},
    "more at first": {"population": 5, "sample": 3, "initial": 30},
    "twins": {"population": 10, "sample": 3, "identity": 0.3},
    "one member": {"population": 1, "sample": 1},
    **{f"preset {name}": values for name, values in RegularizedEvolution.presets.items()},
}


class Island(Numbers):
    """Two legal tuples that are no neighbours."""

    decisions = (Decision("edge 0->1", ("0", "1")), Decision("edge 0->2", ("0", "1")))

    def is_legal(self, arch):
        return arch[0] == arch[1]


def textbook(space, loss, n, seed, settings):
    """The algorithm as one function, with the whole history instead of a population.

    Trial k lives at place k modulo the size of the population, until the next one there.
    """
    rng = Random(seed)
    draw = rng.random
    size, sample = settings.get("population", 100), settings.get("sample", 10)
    history = []
    while len(history) < n:
        if len(history) < (settings.get("initial") or size):
            child = space.sample(rng)
        else:
            alive = range(len(history))[-size:]
            places = sorted(alive, key=lambda trial: trial % size)
            if settings.get("replacement", True):
                chosen = [places[int(draw() * len(places))] for _ in range(sample)]
            else:
                chosen = []
                for k in range(min(sample, len(places))):
                    other = k + int(draw() * (len(places) - k))
                    places[k], places[other] = places[other], places[k]
                    chosen.append(places[k])
            parent = history[min(chosen, key=lambda trial: (loss(history[trial]), trial))]
            if settings.get("identity") and draw() < settings["identity"]:
                child = parent
            elif settings.get("mutation") in ("notebook", "naszilla"):
                child = tuple(
                    (option + 1 + int(draw() * 4)) % 5 if draw() < 1 / 4 else option
                    for option in parent
                )
            else:
                if settings.get("mutation") == "nats":
                    node = 1 + int(draw() * 3)
                    place = node * (node - 1) // 2 + int(draw() * node)
                else:
                    place = int(draw() * 6)
                others = int(draw() * 4)
                option = others if others < parent[place] else others + 1
                child = (*parent[:place], option, *parent[place + 1 :])
        history.append(child)
    return history


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name):
    table, settings = nasbench.load("nb201-cifar10"), SETTINGS[name]

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(3):
        search = RegularizedEvolution(table.space, fidelities=(200,), seed=seed, **settings)
        run = replay(search, table, budget=Budget(trials=250), replicate="mean")
        expected = textbook(table.space, loss, 250, seed, settings)
        assert [trial.proposal.arch for trial in run.trials] == expected


def test_the_population_is_the_youngest():
    search = RegularizedEvolution(NB201(), fidelities=(1,), seed=0, population=10, sample=3)
    losses = [float((37 * k) % 101) for k in range(57)]
    archs = drive(search, losses)
    youngest = {(losses[trial], trial, archs[trial]) for trial in range(47, 57)}
    assert set(search._members) == youngest


def test_even_the_best_dies():
    """With a sample that surely holds the best, every child is its mutant, until it is too old."""
    search = RegularizedEvolution(
        NB201(), fidelities=(1,), seed=0, population=5, sample=5, replacement=False
    )
    archs = drive(search, [9.0, 9.0, 1.0, 9.0, 9.0, *[9.0 - k / 10 for k in range(10)]])

    def distance(a, b):
        return sum(x != y for x, y in zip(a, b, strict=True))

    assert [distance(archs[2], archs[trial]) for trial in (5, 6, 7)] == [1, 1, 1]
    # trial 2 dies when trial 7 is told; then the best is 7 (8.8), then the youngest
    for parent, child in ((7, 8), (8, 9), (9, 10)):
        assert distance(archs[parent], archs[child]) == 1


def test_members_age_in_the_order_in_which_they_are_told():
    search = RegularizedEvolution(NB201(), fidelities=(1,), seed=0, population=3, sample=1)
    asked = [search.ask() for _ in range(5)]
    for trial in (4, 2, 0, 3, 1):
        search.tell(Observation(trial, asked[trial], (float(trial),), 1.0))
    assert {member[1] for member in search._members} == {0, 3, 1}


def test_random_architectures_come_first_also_for_parallel_workers():
    search = RegularizedEvolution(NB201(), fidelities=(1,), seed=4, population=3, sample=1)
    rng = Random(4)
    assert [search.ask().arch for _ in range(5)] == [NB201().sample(rng) for _ in range(5)]


@pytest.mark.parametrize("mutation", ["notebook", "naszilla"])
def test_published_mutations_of_nb201_are_binomial(mutation):
    """Rate 1 / 4 an edge: 1.5 changed on average, none in 0.75 ** 6 = 17.8 % of children."""
    search = RegularizedEvolution(
        NB201(), fidelities=(1,), seed=0, population=1, sample=1, mutation=mutation
    )
    archs = drive(search, [0.0] * 8001)
    changes = Counter(
        sum(a != b for a, b in zip(parent, child, strict=True))
        for parent, child in itertools.pairwise(archs)
    )
    expected = {k: 8000 * binom.pmf(k, 6, 1 / 4) for k in range(4)}
    expected[4] = 8000 - sum(expected.values())
    observed = {k: changes[k] for k in range(4)} | {4: changes[4] + changes[5] + changes[6]}
    statistic = sum((observed[k] - expected[k]) ** 2 / expected[k] for k in expected)
    assert statistic < chi2.ppf(0.999, 4)


class Unruled101(NB101):
    """All tuples are legal, so that numbers of changes follow from the rates."""

    def is_legal(self, arch):
        return True


@pytest.mark.parametrize(
    ("mutation", "rate", "drawn", "kept"),
    [("notebook", 1 / 7, 4.0, 3.86), ("naszilla", 1 / 21, 2.0, 1.93)],
)
def test_published_mutations_of_nb101_change_as_many_decisions_as_published(
    mutation, rate, drawn, kept
):
    """Of 21 edges and 5 operations (rate 1 / 5): as drawn by the rates, and as kept if legal."""
    variance = 21 * rate * (1 - rate) + 5 * 0.2 * 0.8
    for space, expected in ((Unruled101(), drawn), (NB101(), kept)):
        search = RegularizedEvolution(
            space, fidelities=(1,), seed=0, population=1, sample=1, mutation=mutation
        )
        parents = [NB101().sample(search.rng) for _ in range(2000)]
        changes = [
            sum(a != b for a, b in zip(arch, search._mutate(arch, search.rng), strict=True))
            for arch in parents
        ]
        assert sum(changes) / 2000 == pytest.approx(expected, abs=4 * (variance / 2000) ** 0.5)
    assert search._rates == pytest.approx([rate] * 21 + [1 / 5] * 5)


def test_a_fifth_of_the_notebooks_children_is_the_network_of_the_parent():
    search = RegularizedEvolution(
        NB101(), fidelities=(1,), seed=0, population=1, sample=1, mutation="notebook"
    )
    space, same = search.space, 0
    for _ in range(600):
        parent = space.sample(search.rng)
        same += space.canonical(parent) == space.canonical(search._mutate(parent, search.rng))
    assert same / 600 == pytest.approx(0.20, abs=4 * (0.2 * 0.8 / 600) ** 0.5)


def test_published_mutations_of_other_decisions_change_one_on_average():
    for mutation in ("notebook", "naszilla"):
        search = RegularizedEvolution(
            NATSSize(), fidelities=(1,), seed=0, population=1, sample=1, mutation=mutation
        )
        assert search._rates == [1 / 5] * 5


def test_the_population_of_naszilla_is_29():
    """It removes the oldest as soon as there are 30."""
    search = RegularizedEvolution(
        NB201(), fidelities=(1,), seed=0, **RegularizedEvolution.presets["naszilla"]
    )
    drive(search, [float(k) for k in range(60)])
    assert len(search._members) == 29


def test_mutations_of_one_decision_are_uniform():
    search = RegularizedEvolution(NB201(), fidelities=(1,), seed=0, population=1, sample=1)
    archs = drive(search, [0.0] * 6001)
    steps = Counter(
        next((place, (b - a) % 5) for place, (a, b) in enumerate(zip(x, y, strict=True)) if a != b)
        for x, y in itertools.pairwise(archs)
    )
    assert len(steps) == 24
    assert sum((steps[step] - 250) ** 2 / 250 for step in steps) < chi2.ppf(0.999, 23)


def test_nats_mutates_nodes_with_equal_chance_and_then_an_edge_into_the_node():
    search = RegularizedEvolution(
        NB201(), fidelities=(1,), seed=0, population=1, sample=1, mutation="nats"
    )
    archs = drive(search, [0.0] * 7201)
    steps = Counter(
        next((place, (b - a) % 5) for place, (a, b) in enumerate(zip(x, y, strict=True)) if a != b)
        for x, y in itertools.pairwise(archs)
    )
    # edge 0->1 is node 1's only one; those into nodes 2 and 3 share the chance of their node
    expected = {place: 7200 / 3 / node / 4 for place, node in enumerate((1, 2, 2, 3, 3, 3))}
    assert len(steps) == 24
    statistic = sum((n - expected[place]) ** 2 / expected[place] for (place, _), n in steps.items())
    assert statistic < chi2.ppf(0.999, 23)


def test_nats_draws_a_decision_anew_where_they_are_no_edges():
    search = RegularizedEvolution(
        NATSSize(), fidelities=(1,), seed=0, population=1, sample=1, mutation="nats"
    )
    archs = drive(search, [0.0] * 4001)
    changes = [sum(a != b for a, b in zip(x, y, strict=True)) for x, y in itertools.pairwise(archs)]
    assert set(changes) == {0, 1}
    assert abs(changes.count(0) - 500) < 4 * (4000 / 8 * 7 / 8) ** 0.5


def test_nats_mutates_edges_with_more_than_one_option_only():
    class Cell(Numbers):
        decisions = tuple(
            Decision(f"edge {i}->{j}", tuple("abc"[:n]))
            for i, j, n in ((0, 1, 1), (0, 2, 1), (1, 2, 3))
        )

    search = RegularizedEvolution(
        Cell(), fidelities=(1,), seed=0, population=1, sample=1, mutation="nats"
    )
    archs = drive(search, [0.0] * 50)
    assert all(a[:2] == b[:2] and a[2] != b[2] for a, b in itertools.pairwise(archs))


def test_twins_are_as_frequent_as_asked_for():
    search = RegularizedEvolution(
        NB201(), fidelities=(1,), seed=0, population=1, sample=1, identity=0.05
    )
    archs = drive(search, [0.0] * 4001)
    twins = sum(a == b for a, b in itertools.pairwise(archs))
    assert abs(twins - 200) < 4 * (4000 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("mutation", ["one", "notebook", "nats"])
def test_architectures_without_neighbours_do_not_stop_it(mutation):
    search = RegularizedEvolution(
        Island(), fidelities=(1,), seed=0, population=4, sample=2, mutation=mutation
    )
    archs = drive(search, [1.0] * 30)
    assert set(archs) <= {(0, 0), (1, 1)}


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("regularized_evolution", 40) < mean_best("random_search", 40) - 0.1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"population": 0}, "population = 0 must be at least 1"),
        ({"population": 5, "sample": 6}, "sample = 6 must be in 1..population = 5"),
        ({"initial": -1}, "initial = -1 must not be negative"),
        (
            {"mutation": "both"},
            "mutation = 'both'. Possible: 'one', 'notebook', 'naszilla', 'nats'",
        ),
        ({"identity": 1.0}, r"identity = 1.0 must be in \[0, 1\)"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        RegularizedEvolution(NB201(), fidelities=(1,), seed=0, **setting)
