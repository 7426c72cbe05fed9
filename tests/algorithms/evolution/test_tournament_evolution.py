import itertools
import math
from collections import Counter
from random import Random

import pytest
from scipy.stats import chi2
from toys import drive, mean_best

import nasbench
from algorithms.evolution.tournament_evolution import TournamentEvolution
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

SETTINGS = {
    "default": {},
    "small": {"population": 6, "sample": 3},
    "all compete": {"population": 7, "sample": 7},
    "pairs": {"population": 12, "sample": 2, "removal": "loser"},
    "three compete, one dies": {"population": 12, "sample": 3, "removal": "loser"},
    "only births": {"population": 20, "sample": 1, "share": 0.1, "removal": "none"},
    "one member": {"population": 1, "sample": 1},
    **{f"preset {name}": values for name, values in TournamentEvolution.presets.items()},
}


def textbook(space, loss, n, seed, *, population=100, sample=10, share=0.0, removal="worst"):
    """The algorithm as one function, with a list of trials that is sorted anew every time."""
    draw = Random(seed).random
    archs, alive = [], []

    def rank(trial):
        return loss(archs[trial]), -trial

    while len(archs) < n:
        if len(archs) < population:
            child = tuple(int(draw() * 5) for _ in range(6))
        else:
            alive.sort(key=rank)
            size = max(sample, math.ceil(share * len(alive)))
            chosen = list(alive) if size >= len(alive) else []
            while len(chosen) < min(size, len(alive)):
                trial = alive[int(draw() * len(alive))]
                if trial not in chosen:
                    chosen.append(trial)
            parent = archs[min(chosen, key=rank)]
            if removal == "loser":
                alive.remove(max(chosen, key=rank))
            place, others = int(draw() * 6), int(draw() * 4)
            option = others if others < parent[place] else others + 1
            child = (*parent[:place], option, *parent[place + 1 :])
        alive.append(len(archs))
        archs.append(child)
        if removal == "worst" and len(alive) > population:
            alive.remove(max(alive, key=rank))
    return archs


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name):
    table, settings = nasbench.load("nb201-cifar10"), SETTINGS[name]
    n = settings.get("population", 100) + 150

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(2):
        search = TournamentEvolution(table.space, fidelities=(200,), seed=seed, **settings)
        run = replay(search, table, budget=Budget(trials=n), replicate="mean")
        expected = textbook(table.space, loss, n, seed, **settings)
        assert [trial.proposal.arch for trial in run.trials] == expected


def search(**settings):
    return TournamentEvolution(NB201(), fidelities=(1,), seed=0, **settings)


def alive(evolution):
    return sorted(-trial for _, trial, _ in evolution._members)


def test_the_worst_dies_and_age_does_not_matter():
    evolution = search(population=5, sample=5)
    losses = [1.0, 5.0, 3.0, 4.0, 2.0, 9.0, 2.5, 0.5]
    archs = drive(evolution, losses)
    assert alive(evolution) == [0, 2, 4, 6, 7]
    for child in archs[5:8]:  # all compete, so that trial 0 is every time the parent
        assert sum(a != b for a, b in zip(archs[0], child, strict=True)) == 1


def test_of_a_pair_the_worse_dies_before_the_child_is_born():
    evolution = search(population=2, sample=2, removal="loser")
    archs = drive(evolution, [2.0, 1.0])
    child = evolution.ask()
    assert alive(evolution) == [1]
    assert sum(a != b for a, b in zip(archs[1], child.arch, strict=True)) == 1
    evolution.ask()  # nobody is left to compete with: no one dies
    assert alive(evolution) == [1]
    evolution.tell(Observation(2, child, (5.0,), 1.0))
    assert alive(evolution) == [1, 2]


def test_nobody_dies_in_a_population_that_only_grows():
    evolution = search(**TournamentEvolution.presets["hierarchical"])
    drive(evolution, [1.0] * 300)
    assert alive(evolution) == list(range(300))
    assert len(evolution._tournament(300)) == 15
    assert len(evolution._tournament(301)) == 16


def test_of_equals_the_younger_reproduces_and_the_older_dies():
    evolution = search(population=4, sample=4)
    archs = drive(evolution, [1.0] * 30)
    assert alive(evolution) == [26, 27, 28, 29]
    for parent, child in itertools.pairwise(archs[3:]):
        assert sum(a != b for a, b in zip(parent, child, strict=True)) == 1


def test_all_choices_of_competitors_are_equally_likely():
    evolution = search(population=6, sample=3)
    counts = Counter(frozenset(evolution._tournament(6)) for _ in range(20_000))
    assert set(map(len, counts)) == {3}
    assert len(counts) == math.comb(6, 3)
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < chi2.ppf(0.999, 19)


@pytest.mark.parametrize("preset", TournamentEvolution.presets)
def test_presets_change_the_trace(preset):
    runs = [
        nasbench.search(
            "tournament_evolution",
            "nb201-cifar10",
            seeds=[0],
            budget=Budget(trials=150),
            preset=name,
        )[0]
        for name in (None, preset)
    ]
    assert runs[0].trials[:100] == runs[1].trials[:100]
    assert runs[0].trials != runs[1].trials


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("tournament_evolution", 40) < mean_best("random_search", 40) - 0.1


def test_it_keeps_the_contract_where_losers_die(recorded):
    changes = {"population": 3, "sample": 2, "removal": "loser"}
    check_algorithm(TournamentEvolution, recorded("plain"), changes=changes, n=60)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"population": 0}, "population = 0 must be at least 1"),
        ({"sample": 0}, "sample = 0 must be in 1..population = 100"),
        ({"sample": 101}, "sample = 101 must be in 1..population = 100"),
        ({"share": 1.5}, r"share = 1.5 must be in \[0, 1\]"),
        ({"removal": "losers"}, "removal = 'losers'; did you mean 'loser'"),
        ({"removal": "loser", "sample": 1}, "leaves no winner: it needs at least 2"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        search(**setting)
