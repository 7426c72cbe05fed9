import itertools
import math
from collections import Counter
from random import Random

import pytest
from scipy.stats import binom, chi2
from toys import drive, mean_best

import nasbench
from algorithms.evolution.genet import GeNet
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

SETTINGS = {
    "default": {},
    "odd": {"population": 7},
    "always crossed": {"crossover": 1.0, "exchange": 0.5},
    "always mutated": {"crossover": 0.0, "mutation": 1.0, "flip": 0.3},
}


def textbook(loss, n, seed, *, population=20, crossover=0.2, exchange=0.2, mutation=0.8, flip=0.05):
    """The algorithm as one function on strings of bits, for six decisions of five options."""
    draw = Random(seed).random
    archs = [tuple(int(draw() * 5) for _ in range(6)) for _ in range(population)]

    def mutate(arch):
        if draw() >= mutation:
            return arch
        code = [bit for option in arch for bit in f"{option:03b}"[::-1]]  # the lowest bit first
        code = [bit if draw() >= flip else "10"[int(bit)] for bit in code]
        child = tuple(int("".join(code[i : i + 3][::-1]), 2) for i in range(0, 18, 3))
        if max(child) < 5:
            return child
        place, others = int(draw() * 6), int(draw() * 4)
        return (*arch[:place], others + (others >= arch[place]), *arch[place + 1 :])

    while len(archs) < n:
        generation = archs[-population:]
        losses = [loss(arch) for arch in generation]
        weights = [max(losses) - value for value in losses]
        roulette = []
        for _ in range(population):
            left = draw() * sum(weights)
            for arch, weight in zip(generation, weights, strict=True):
                left -= weight
                if left < 0:
                    roulette.append(arch)
                    break
        for a, b in itertools.zip_longest(roulette[::2], roulette[1::2]):
            if b is None:
                archs.append(mutate(a))
            elif draw() < crossover:
                swaps = [draw() < exchange for _ in range(6)]
                archs.append(tuple(y if s else x for x, y, s in zip(a, b, swaps, strict=True)))
                archs.append(tuple(x if s else y for x, y, s in zip(a, b, swaps, strict=True)))
            else:
                archs += [mutate(a), mutate(b)]
    return archs[:n]


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(3):
        search = GeNet(table.space, fidelities=(200,), seed=seed, **SETTINGS[name])
        run = replay(search, table, budget=Budget(trials=300), replicate="mean")
        expected = textbook(loss, 300, seed, **SETTINGS[name])
        assert [trial.proposal.arch for trial in run.trials] == expected


def evaluated(losses, **settings):
    """A search whose first generation is told these losses."""
    search = GeNet(NATSSize(), fidelities=(1,), seed=1, population=len(losses), **settings)
    drive(search, losses)
    return search


@pytest.mark.parametrize(
    ("losses", "chances"),
    [
        ([1.0, 2.0, 4.0, 5.0], [4 / 8, 3 / 8, 1 / 8, 0]),
        ([1.0, math.inf, 3.0, 4.0], [3 / 4, 0, 1 / 4, 0]),
        ([2.0, 2.0, 2.0, 2.0], [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        ([2.0, math.inf, 2.0, math.inf], [1 / 2, 0, 1 / 2, 0]),
        ([math.inf, 7.0, math.inf, math.inf], [0, 1, 0, 0]),
        ([math.inf] * 4, [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
    ],
)
def test_russian_roulette(losses, chances):
    search = evaluated(losses)
    archs = list(search._generation)
    assert len(set(archs)) == 4
    counts = Counter(arch for _ in range(1000) for arch in search._selected())
    possible = [(counts[arch], 4000 * p) for arch, p in zip(archs, chances, strict=True) if p]
    assert sum(count for count, _ in possible) == 4000
    statistic = sum((count - expected) ** 2 / expected for count, expected in possible)
    assert statistic <= chi2.ppf(0.999, max(1, len(possible) - 1))


def test_the_loss_is_the_mean_over_all_trainings():
    search = evaluated([1.0, 2.0, 3.0])
    again = search._generation[0]
    search._losses[again] += [6.0, 5.0]  # mean 4, now the highest
    assert again not in search._selected()


def test_flipped_bits_are_binomial():
    search = evaluated([1.0, 2.0], mutation=1.0, flip=0.1)
    arch, n = (5, 0, 7, 2, 3), 8000
    counts = Counter(
        sum((a ^ b).bit_count() for a, b in zip(arch, search._mutated(arch), strict=True))
        for _ in range(n)
    )
    expected = {k: n * binom.pmf(k, 15, 0.1) for k in range(5)}
    statistic = sum((counts[k] - expected[k]) ** 2 / expected[k] for k in expected)
    assert statistic < chi2.ppf(0.999, 5)


def test_edges_of_a_graph_are_bits_as_in_the_paper():
    assert GeNet(NB101(), fidelities=(1,), seed=0)._bits == [1] * 21 + [2] * 5


def test_a_generation_is_asked_for_at_once_and_the_next_one_waits():
    search = GeNet(NB201(), fidelities=(1,), seed=0, population=4)
    running = [search.ask() for _ in range(4)]
    for trial in (2, 0, 3, 1):
        assert search.ask() is None
        search.tell(Observation(trial, running[trial], (float(trial),), 1.0))
    assert search.ask() is not None


@pytest.mark.parametrize(
    "setting", [{"crossover": 1.0}, {"exchange": 0.9}, {"mutation": 0.1}, {"flip": 0.5}]
)
def test_every_probability_changes_the_trace(setting):
    traces = []
    for settings in ({}, setting):
        search = GeNet(NB201(), fidelities=(1,), seed=0, **settings)
        trials = [search.ask() for _ in range(20)]
        for trial, proposal in enumerate(trials):
            search.tell(Observation(trial, proposal, (float(trial % 7),), 1.0))
        traces.append([search.ask().arch for _ in range(20)])
    assert traces[0] != traces[1]


def test_it_beats_random_search_in_the_long_run():
    assert mean_best("genet", 25, 1000) < mean_best("random_search", 25, 1000) - 0.05


def test_it_keeps_the_contract_with_a_small_population(recorded):
    check_algorithm(GeNet, recorded("plain"), changes={"population": 5}, n=60)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"population": 1}, "population = 1 must be at least 2"),
        ({"crossover": 1.1}, r"crossover = 1.1 must be in \[0, 1\]"),
        ({"exchange": -0.1}, r"exchange = -0.1 must be in \[0, 1\]"),
        ({"mutation": math.nan}, r"mutation = nan must be in \[0, 1\]"),
        ({"flip": 2.0}, r"flip = 2.0 must be in \[0, 1\]"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        GeNet(NB201(), fidelities=(1,), seed=0, **setting)
