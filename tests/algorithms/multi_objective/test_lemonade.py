import math
from collections import Counter
from random import Random

import moocore
import numpy as np
import pytest
from scipy.stats import chi2, norm
from toys import Hashed, OneDecision, Unlike, drive, rugged

import nasbench
from algorithms.multi_objective.lemonade import Lemonade, _rarities
from nasbench.algorithm import Observation, Proposal
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import KnownNumbers, replay
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import mix
from nasbench.testing import check_algorithm

OBJECTIVES = ("valid_accuracy", "parameters")
SETTINGS = {
    "default": {},
    "community": {"proposed": 8, "accepted": 4},
    "all accepted": {"initial": 3, "proposed": 5, "accepted": 5},
}


class Known(Hashed):
    """Its cost is known before a training."""

    known = ("cost",)

    def known_numbers(self, arch):
        return (1.0 + sum(arch),), 0.5


def make(space=None, seed=0, **settings):
    return Lemonade(space or NB201(), fidelities=(1,), seed=seed, **settings)


def rarity(points, at):
    """One over the density, with the bandwidth by the normal reference rule, loop by loop."""
    both = np.array([*points, *at], dtype=float)
    span = np.ptp(both, axis=0)
    both = (both - both.min(axis=0)) / [s or 1.0 for s in span]
    n, d = len(points), both.shape[1]
    h = [max(1e-3, 1.06 * np.std(both[:n, k]) * n ** (-1 / (4 + d))) for k in range(d)]
    found = []
    for y in both[n:]:
        kernels = [math.prod(norm.pdf(y[k], x[k], h[k]) for k in range(d)) for x in both[:n]]
        found.append(1 / max(sum(kernels) / n, 1e-300))
    return found


def textbook(losses_of, known, n, seed, *, initial=10, proposed=20, accepted=8):
    """The algorithm as one function, for six decisions of five options."""
    draw = Random(seed).random

    def roulette(weights):
        rest = draw() * sum(weights)
        for i, weight in enumerate(weights):
            rest -= weight
            if rest < 0:
                return i
        return len(weights) - 1

    def dominated(a, b):
        return b != a and all(y <= x for x, y in zip(a, b, strict=True))

    archs = [tuple(int(draw() * 5) for _ in range(6)) for _ in range(initial)][::-1]
    while len(archs) < n:
        points = {losses_of(arch): arch for arch in archs}
        front = sorted(p for p in points if not any(dominated(p, q) for q in points))
        cheap = [known(points[p]) if known else p[1:] for p in front]
        near = [[e for e, _ in NB201().edits(points[p]) if e not in archs] for p in front]
        weights, children = rarity(cheap, cheap), []
        while any(near) and len(children) < (proposed if known else accepted):
            i = roulette(weights)
            if near[i]:
                child = near[i].pop(int(draw() * len(near[i])))
                children += [child] if child not in children else []
            else:
                weights[i] = 0
        if known:
            weights = rarity(cheap, [known(child) for child in children])
            taken = []
            while len(taken) < accepted and len(taken) < len(children):
                i = roulette(weights)
                weights[i] = 0
                taken.append(children[i])
            children = taken
        archs += children[::-1]
    return archs[:n]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name, known):
    columns = ("parameters", "latency_gpu_ms") if known else ()
    table = nasbench.load("nb201-cifar10", objectives=OBJECTIVES, known=columns)
    cheap = KnownNumbers(table) if known else None

    def losses_of(arch):
        return table.evaluate(arch).losses

    for seed in range(2):
        search = Lemonade(table.space, fidelities=(200,), seed=seed, known=cheap, **SETTINGS[name])
        run = replay(search, table, budget=Budget(trials=120), replicate="mean")
        expected = textbook(losses_of, cheap, 120, seed, **SETTINGS[name])
        assert [trial.proposal.arch for trial in run.trials] == expected


@pytest.mark.parametrize("n_numbers", [0, 1, 2, 3])
def test_rarities_are_inverse_densities(n_numbers):
    rng = np.random.default_rng(n_numbers)
    for n in (1, 2, 9):
        points = [tuple(row) for row in (1e6 * rng.random((n, n_numbers))).tolist()]
        at = [*points, *[tuple(row) for row in (1e6 * rng.random((5, n_numbers))).tolist()]]
        assert _rarities(points, at) == pytest.approx(rarity(points, at), rel=1e-9)
        assert _rarities(points, points) == pytest.approx(rarity(points, points), rel=1e-9)
    assert _rarities([], []) == []


def size(arch):
    return (float(sum(arch)),)


def test_children_are_accepted_as_often_as_they_are_rare(monkeypatch):
    members = [(0, 0, 0, 0, 0, 1), (1, 0, 0, 0, 0, 2), (4, 4, 0, 0, 0, 0)]
    children = [(0, 0, 0, 0, 0, 2), (0, 0, 0, 0, 2, 2), (1, 1, 1, 1, 1, 1), (3, 3, 3, 0, 0, 0)]
    search, n = make(known=size, proposed=4, accepted=1), 4000
    for trial, arch in enumerate(members):
        search.tell(Observation(trial, Proposal(arch), (9.0 - sum(arch), *size(arch)), 1.0))
    monkeypatch.setattr(search, "_edited", lambda *_: children)
    found = Counter(arch for _ in range(n) for arch in search._next_generation())
    weights = np.array(rarity([*map(size, members)], [*map(size, children)]))
    assert weights.max() > 1.5 * weights.min()
    expected = n * weights / weights.sum()
    statistic = sum(
        (found[child] - e) ** 2 / e for child, e in zip(children, expected, strict=True)
    )
    assert statistic < chi2.ppf(0.999, 3)


def test_parents_are_as_frequent_as_they_are_rare():
    search = make(known=size)
    members = {(5.0, 0.0): (0,) * 6, (4.0, 1.0): (1, 0, 0, 0, 0, 0), (1.0, 24.0): (4,) * 6}
    archs, n = list(members.values()), 6000
    weights = np.array(rarity([size(arch) for arch in archs], [size(arch) for arch in archs]))
    found = Counter()
    for _ in range(n):
        (child,) = search._edited(archs, [size(arch) for arch in archs], 1)
        near = [sum(x != y for x, y in zip(child, arch, strict=True)) == 1 for arch in archs]
        if near.count(True) == 1:
            found[near.index(True)] += 1
    share = weights * [20 / 24, 20 / 24, 1]  # four edits of each of the first two are of both
    expected = sum(found.values()) * share / share.sum()
    statistic = sum((found[k] - expected[k]) ** 2 / expected[k] for k in range(3))
    assert statistic < chi2.ppf(0.999, 2)


def test_the_population_is_the_front_of_what_was_told():
    table = nasbench.load("nb201-cifar10", objectives=OBJECTIVES)
    search = Lemonade(table.space, fidelities=(200,), seed=3)
    run = replay(search, table, budget=Budget(trials=150), replicate="mean")
    search._next_generation()
    front = {trial.losses for trial in run.front()}
    assert search._population.keys() == front
    assert len(front) > 5


def test_failures_do_not_become_members_and_of_equals_the_latest_stays():
    search = make()
    for trial, losses in enumerate([(math.inf, 0.0), (2.0, 2.0), (2.0, 2.0), (1.0, math.inf)]):
        search.tell(Observation(trial, Proposal((trial,) * 6), losses, 1.0))
    search._next_generation()
    assert search._population == {(2.0, 2.0): (2,) * 6}


def test_it_never_waits_and_proposes_nothing_twice_while_there_is_something_new():
    search, known = make(seed=5), set()
    running = [search.ask() for _ in range(30)]
    assert all(type(proposal) is Proposal for proposal in running)
    for trial in range(300):
        arch = running.pop(mix(trial) % 30).arch
        known.add(arch)
        losses = (rugged(arch, 40), *size(arch))
        search.tell(Observation(trial, Proposal(arch), losses, 1.0))
        running.append(search.ask())
    assert len(known) > 290


@pytest.mark.parametrize("losses", [(1.0,), (1.0, 2.0), (math.inf, 2.0)])
@pytest.mark.parametrize("space", [NB201(), OneDecision(), Unlike()])
@pytest.mark.parametrize("known", [None, size])
def test_it_ends_its_budget_where_nothing_is_better(space, losses, known):
    archs = drive(make(space, known=known), lambda _: losses, 200)
    assert len(archs) == 200
    assert set(archs) == set(space.archs()) or space == NB201()


def test_an_architecture_without_edits_is_left_for_a_random_one():
    space = RecordedSpace(NB201(), np.arange(0, 15_625, 997))
    archs = drive(make(space, initial=1), lambda arch: (float(sum(arch)),), 200)
    assert len(set(archs)) == space.size


@pytest.mark.parametrize("setting", [{"initial": 4}, {"proposed": 40}, {"accepted": 3}])
def test_hyperparameters_change_the_trace(setting):
    traces = [
        drive(make(known=size, **v), lambda arch: (rugged(arch, 50), *size(arch)), 60)
        for v in ({}, setting)
    ]
    assert traces[0] != traces[1]


def test_it_dominates_more_than_random_search_on_the_published_table():
    volumes = []
    for name, known in (
        ("lemonade", ["parameters"]),
        ("random_search", []),
    ):
        runs = nasbench.search(
            name,
            "nb201-cifar10",
            objectives=OBJECTIVES,
            known=known,
            seeds=range(30),
            budget=Budget(trials=300),
            replicate="mean",
        )
        volumes.append(
            np.mean([moocore.hypervolume(run.losses, ref=(30.0, 1.6e6)) for run in runs])
        )
    assert volumes[0] > volumes[1] * 1.01


@pytest.mark.parametrize(("n_objectives", "preset"), [(1, None), (2, None), (3, "community")])
def test_it_keeps_the_contract_with_known_costs(n_objectives, preset):
    toy = Known(RecordedSpace(NB201(), np.arange(0, 15_625, 97)), n_objectives)
    check_algorithm(Lemonade, toy, preset=preset, n=60, seed=n_objectives)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"initial": 0}, "initial = 0 must be at least 1"),
        ({"accepted": 0}, r"accepted = 0 must be in 1..proposed = 20"),
        ({"accepted": 9, "proposed": 8}, r"accepted = 9 must be in 1..proposed = 8"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**setting)


def test_a_cheap_number_that_is_not_defined_counts_as_the_largest():
    nan = math.nan
    told, asked = [(1.0, nan), (2.0, 5.0), (4.0, 9.0)], [(nan, nan), (2.0, 6.0)]
    plain = [[(1.0, 9.0), (2.0, 5.0), (4.0, 9.0)], [(4.0, 9.0), (2.0, 6.0)]]
    assert _rarities(told, asked) == _rarities(*plain)
    nowhere = _rarities([(1.0, nan), (2.0, nan)], [(2.0, nan)])
    assert nowhere == _rarities([(1.0, 0.0), (2.0, 0.0)], [(2.0, 0.0)])
    assert all(map(math.isfinite, nowhere))
