import math
from collections import Counter
from random import Random

import moocore
import numpy as np
import pytest
from pymoo.operators.mutation.pm import mut_pm
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from scipy.stats import binom, chi2, chi2_contingency
from toys import Hashed, Numbers, OneDecision, Unlike, drive, mean_best, rugged

import nasbench
from algorithms.multi_objective.nsga2 import NSGA2, _Member, _polynomial
from nasbench.algorithm import Observation, Proposal
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import mix
from nasbench.testing import check_algorithm

OBJECTIVES = ("valid_accuracy", "parameters")
SETTINGS = {
    "default": {},
    "small": {"population": 7, "offspring": 5},
    "never crossed": {"population": 10, "offspring": 20, "crossover": 0.0, "mutation": 2.0},
    "never mutated": {"population": 20, "offspring": 1, "crossover": 1.0, "mutation": 0.0},
}


class Bits(Numbers, options=(2,) * 12):
    """Twelve decisions of two options."""


class LeadingOnes(Hashed):
    """Ones at the start against zeros at the end (Laumanns et al., 2004); 13 points are optimal."""

    def losses(self, arch, epoch, number):
        text = "".join(map(str, arch))
        ones, zeros = 12 - len(text.lstrip("1")), 12 - len(text.rstrip("0"))
        return float(-ones), float(-zeros)


def make(space=None, seed=0, **settings):
    return NSGA2(space or NB201(), fidelities=(1,), seed=seed, **settings)


def textbook(losses_of, n, seed, *, population=40, offspring=40, crossover=0.9, mutation=1.0):
    """The algorithm as one function, for six decisions of five options, sorted by pymoo."""
    draw, archs, members = Random(seed).random, [], []

    def below(n):
        return int(draw() * n)

    def other(option):
        return [o for o in range(5) if o != option][below(4)]

    def train(arch):
        while arch in archs:
            i = below(6)
            arch = (*arch[:i], other(arch[i]), *arch[i + 1 :])
        archs.append(arch)
        return arch, losses_of(arch)

    def tournament():
        left = list(members)
        (a, f, c), (b, g, d) = (left.pop(below(len(left))) for _ in range(2))
        if np.all(np.less_equal(f, g)) and f != g:
            return a
        if np.all(np.less_equal(g, f)) and f != g:
            return b
        return b if d > c else a

    def survive(pool):
        F = np.array([losses for _, losses in pool])
        kept = []
        for front in NonDominatedSorting().do(F):
            front = sorted(front, key=lambda i: (pool[i][1], i))
            distances = get_crowding_function("cd").do(F[front])
            front = [(*pool[i][:2], d) for i, d in zip(front, distances, strict=True)]
            if len(kept) + len(front) >= population:
                ties = [draw() for _ in front]
                order = sorted(range(len(front)), key=lambda k: (-front[k][2], ties[k]))
                return kept + [front[k] for k in order[: population - len(kept)]]
            kept += front
        return kept

    def mutated(arch):
        changed = list(arch)
        for i in range(6):
            if draw() < mutation / 6:
                changed[i] = other(arch[i])
        return tuple(changed)

    pool = [train(tuple(below(5) for _ in range(6))) for _ in range(population)]
    while len(archs) < n:
        members = survive(pool)
        pool = [member[:2] for member in members]
        while len(pool) < population + offspring:
            pair = [tournament(), tournament()]
            if draw() < crossover:
                places = list(range(1, 6))
                i = places.pop(below(len(places)))
                j = places.pop(below(len(places)))
                a, b = pair
                for k in range(min(i, j), max(i, j)):
                    a, b = (*a[:k], b[k], *a[k + 1 :]), (*b[:k], a[k], *b[k + 1 :])
                pair = [a, b]
            pair = [mutated(arch) for arch in pair]
            for arch in pair[::-1][: population + offspring - len(pool)]:
                pool.append(train(arch))
    return archs[:n]


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name):
    table = nasbench.load("nb201-cifar10", objectives=OBJECTIVES)

    def losses_of(arch):
        return table.evaluate(arch).losses

    for seed in range(2):
        search = NSGA2(table.space, fidelities=(200,), seed=seed, **SETTINGS[name])
        run = replay(search, table, budget=Budget(trials=200), replicate="mean")
        expected = textbook(losses_of, 200, seed, **SETTINGS[name])
        assert [trial.proposal.arch for trial in run.trials] == expected


def test_it_finds_a_known_front():
    for seed in range(3):
        toy = LeadingOnes(Bits(), 2, fidelities=(1,))
        search = make(toy.space, seed)
        run = replay(search, toy, budget=Budget(trials=1000))
        assert {trial.losses for trial in run.front()} == {(-k, k - 12) for k in range(13)}


@pytest.mark.parametrize(("option", "n"), [(0, 5), (2, 5), (1, 2), (6, 8)])
def test_the_mutation_of_nsga_net_is_polynomial(option, n):
    """Frequencies of options as pymoo's polynomial mutation of integers has them."""
    olds, one = np.full((20_000, 1), float(option)), np.ones(20_000)
    low, high = np.array([-0.5]), np.array([n - 0.5 - 1e-9])
    mutants = mut_pm(olds, low, high, 3 * one, one, False, random_state=np.random.default_rng(0))
    theirs = np.rint(mutants[:, 0])
    draw = Random(1).random
    ours = [_polynomial(option, n, 3.0, draw()) for _ in range(20_000)]
    counts = np.array([[np.sum(np.array(x) == k) for k in range(n)] for x in (ours, theirs)])
    common = counts[:, counts.min(axis=0) > 5]
    assert common.sum() > 0.99 * counts.sum()
    assert chi2_contingency(common).pvalue > 1e-3


def test_a_higher_index_stays_nearer():
    draw = Random(0).random
    spread = [
        np.std([_polynomial(10, 21, eta, draw()) for _ in range(2000)]) for eta in (0.0, 3.0, 20.0)
    ]
    assert spread[0] > 1.2 * spread[1] > 2 * spread[2]


def test_cuts_are_two_different_places():
    space, n = NATSSize(), 12_000
    search = make(space)
    a, b = (0, 1, 2, 3, 4), (7, 7, 7, 7, 7)
    found = Counter()
    for _ in range(n):
        first, second = search._crossed(a, b)
        assert all({x, y} == {p, 7} for x, y, p in zip(first, second, a, strict=True))
        found["".join("ab"[x == 7] for x in first)] += 1
    segments = [(i, j) for i in range(1, 5) for j in range(i + 1, 5)]
    assert found.keys() == {"a" * i + "b" * (j - i) + "a" * (5 - j) for i, j in segments}
    statistic = sum((count - n / 6) ** 2 / (n / 6) for count in found.values())
    assert statistic < chi2.ppf(0.999, 5)


def test_two_decisions_are_cut_between_and_one_is_not():
    class Two(Numbers, options=(2, 2)):
        """Two decisions."""

    assert make(Two())._crossed((0, 0), (1, 1)) == ((0, 1), (1, 0))
    assert make(OneDecision())._crossed((0,), (1,)) == ((0,), (1,))


def test_cuts_and_mutants_outside_the_space_are_drawn_again():
    class Second(Numbers, options=(2, 2, 2, 2)):
        """The second and the last bit differ."""

        def is_legal(self, arch):
            return arch[1] != arch[3]

    class Third(Second):
        """What the only legal cut of the other space gives second is illegal as well."""

        def is_legal(self, arch):
            return arch[1] != arch[3] and arch[:3] != (1, 1, 0)

    a, b = (0, 0, 0, 1), (1, 1, 1, 0)
    assert {make(Second(), k)._crossed(a, b) for k in range(20)} == {((0, 0, 1, 1), (1, 1, 0, 0))}
    assert make(Third())._crossed(a, b) == (a, b)
    assert make(Third())._crossed(b, a) == (b, a)
    search = make(Unlike(), mutation=3.0)
    legal = {(a, 0, c) for a in (0, 2) for c in (1, 2, 3) if a != c}
    assert {search._mutated((1, 0, 0)) for _ in range(300)} == legal
    only = RecordedSpace(NB201(), np.array([777]))
    assert make(only, mutation=6.0)._mutated(only.unrank(777)) == only.unrank(777)


def test_changes_are_binomial():
    arch, n = (5, 0, 7, 2, 3), 8000
    search = make(NATSSize(), mutation=1.5)
    mutants = [search._mutated(arch) for _ in range(n)]
    changes = Counter(sum(a != b for a, b in zip(arch, m, strict=True)) for m in mutants)
    expected = [n * binom.pmf(k, 5, 0.3) for k in range(6)]
    statistic = sum((changes[k] - expected[k]) ** 2 / expected[k] for k in range(6))
    assert statistic < chi2.ppf(0.999, 5)
    options = Counter(m[0] for m in mutants if m[0] != arch[0])
    assert len(options) == 7
    m = sum(options.values()) / 7
    assert sum((count - m) ** 2 / m for count in options.values()) < chi2.ppf(0.999, 6)


def test_tournaments_are_won_by_dominance_then_by_room():
    search = make()
    a, b, c = (
        _Member((k,), losses, room)
        for k, losses, room in (
            (0, (1.0, 5.0), 0.1),
            (1, (2.0, 6.0), math.inf),
            (2, (6.0, 1.0), 0.7),
        )
    )
    for pair, winner in (((a, b), a), ((a, c), c), ((c, b), b)):
        for members in (pair, pair[::-1]):
            search._members = list(members)
            assert {search._parent() for _ in range(20)} == {winner.arch}
    search._members = [a, a._replace(arch=(9,))]
    assert {search._parent() for _ in range(50)} == {(0,), (9,)}


def test_the_less_crowded_of_the_last_front_survive_and_failures_die_first():
    search = make(population=4)
    losses = [(0, 9), (1, 8.5), (2, 5), (9, 0), (math.inf, -1), (10, 10), (1, 8.6)]
    for k, point in enumerate(losses):
        search.tell(Observation(k, Proposal((k,)), tuple(map(float, point)), 1.0))
    search._members = search._survivors()
    assert {member.arch for member in search._members} == {(0,), (1,), (2,), (3,)}
    search.population = 3
    search._told = []
    assert {member.arch for member in search._survivors()} == {(0,), (2,), (3,)}


def test_workers_never_wait_and_late_children_count_in_the_next_generation():
    search = make(population=6, offspring=4)
    running = [search.ask() for _ in range(8)]
    assert all(type(proposal) is Proposal for proposal in running)
    for trial in range(100):
        assert bool(search._members) == (trial >= 6)
        assert len(search._told) == (trial if trial < 6 else (trial - 6) % 4)
        proposal = running.pop(mix(trial) % 8)
        search.tell(Observation(trial, proposal, (mix(trial) % 10.0, float(trial)), 1.0))
        running.append(search.ask())


def test_nothing_is_trained_twice_while_there_is_something_new():
    archs = drive(make(), lambda arch: (float(sum(arch)), float(arch[0])), 400)
    assert len(set(archs)) == 400
    assert len(set(drive(make(Unlike()), lambda arch: (1.0,), 60))) == 9


@pytest.mark.parametrize("losses", [(1.0,), (1.0, 2.0), (math.inf, 2.0), (math.inf, math.inf)])
@pytest.mark.parametrize("space", [NB201(), OneDecision(), Unlike()])
def test_it_ends_its_budget_where_nothing_is_better(space, losses):
    assert len(drive(make(space), lambda _: losses, 200)) == 200


@pytest.mark.parametrize(
    "setting", [{"population": 30}, {"offspring": 10}, {"crossover": 0.2}, {"mutation": 3.0}]
)
def test_hyperparameters_change_the_trace(setting):
    traces = [
        drive(make(**values), lambda arch: (float(sum(arch)), rugged(arch)), 150)
        for values in ({}, setting)
    ]
    assert traces[0] != traces[1]


def test_it_dominates_more_than_random_search_on_the_published_table():
    volumes = []
    for name in ("nsga2", "random_search"):
        runs = nasbench.search(
            name,
            "nb201-cifar10",
            objectives=OBJECTIVES,
            seeds=range(30),
            budget=Budget(trials=300),
            replicate="mean",
        )
        volumes.append(
            np.mean([moocore.hypervolume(run.losses, ref=(30.0, 1.6e6)) for run in runs])
        )
    assert volumes[0] > volumes[1] * 1.005


def test_with_one_objective_it_beats_random_search():
    assert mean_best("nsga2", 30) < mean_best("random_search", 30) - 0.1


@pytest.mark.parametrize("n_objectives", [1, 2, 3])
def test_it_keeps_the_contract_with_a_small_population(n_objectives):
    changes = {"population": 8, "offspring": 5, "mutation": 2.0}
    space = RecordedSpace(NB201(), np.arange(0, 15_625, 97))
    check_algorithm(NSGA2, Hashed(space, n_objectives), changes=changes, n=60, seed=n_objectives)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"population": 1}, "population = 1 must be at least 2"),
        ({"offspring": 0}, "offspring = 0 must be at least 1"),
        ({"crossover": 1.1}, r"crossover = 1.1 must be in \[0, 1\]"),
        ({"mutation": -1.0}, "mutation = -1.0 must be finite, not negative"),
        ({"mutation": math.inf}, "mutation = inf must be finite, not negative"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**setting)
