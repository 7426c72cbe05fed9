import math
from collections import Counter
from random import Random
from statistics import mean, median

import pytest
from scipy.stats import chi2
from toys import Numbers, drive, mean_best

import nasbench
from algorithms.local.simulated_annealing import SimulatedAnnealing
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.testing import check_algorithm

NEVER = 10**9


class Grid(Numbers, options=(3, 3)):
    """Two decisions of three options."""


def textbook(space, loss, n, seed, *, initial, temperature, cooling, accepted, attempts, frozen):
    """The walk as one function, with three nested loops, for six decisions of five options."""
    rng, archs = Random(seed), []

    def train(arch):
        if len(archs) == n:
            raise StopIteration
        archs.append(arch)
        return loss(arch)

    try:
        while True:
            first = [(train(arch), arch) for arch in (space.sample(rng) for _ in range(initial))]
            here, arch = min(first, key=lambda pair: pair[0])
            finite = [value for value, _ in first if value < math.inf]
            distances = [abs(value - median(finite)) for value in finite]
            t = temperature * (median(distances) or mean(distances))
            in_a_row = 0
            while in_a_row < frozen:
                taken = tried = 0
                while taken < 6 * accepted and tried < 6 * attempts:
                    changed = list(arch)
                    place, option = int(rng.random() * 6), int(rng.random() * 4)
                    changed[place] = option + (option >= arch[place])
                    there = train(tuple(changed))
                    tried += 1
                    if there <= here or rng.random() < math.exp((here - there) / t):
                        here, arch = there, tuple(changed)
                        taken += 1
                in_a_row = 0 if taken == 6 * accepted else in_a_row + 1
                t *= cooling
    except StopIteration:
        return archs


DEFAULT = {"initial": 10, "temperature": 1.0, "cooling": 0.8, "accepted": 1, "attempts": 10}
DEFAULT |= {"frozen": 3}
SETTINGS = {
    "default": {},
    "cold": {"temperature": 0.01, "attempts": 4, "frozen": 1},
    "slow": {"cooling": 0.99, "accepted": 3, "initial": 4},
    "kirkpatrick": SimulatedAnnealing.presets["kirkpatrick"],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_it_does_what_the_textbook_says(name):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(3):
        search = SimulatedAnnealing(table.space, fidelities=(200,), seed=seed, **SETTINGS[name])
        run = replay(search, table, budget=Budget(trials=700), replicate="mean")
        expected = textbook(table.space, loss, 700, seed, **(DEFAULT | SETTINGS[name]))
        assert [trial.proposal.arch for trial in run.trials] == expected


def test_trials_asked_before_a_restart_do_not_start_the_next_walk():
    """As an inner algorithm: trial numbers are those of the whole search, above its own count."""
    search = SimulatedAnnealing(Grid(), fidelities=(1,), seed=0, initial=2, attempts=1, frozen=1)
    running, asked, trial = [], {}, 1000
    rng = Random(0)
    for _ in range(400):
        while len(running) < 8:
            running.append((trial, search.ask()))
            asked[trial] = search._walk
            trial += 1
        number, proposal = running.pop(0)
        search.tell(Observation(number, proposal, (rng.random(),), 1.0))
        assert all(asked[start] == search._walk for _, start, _ in search._start)
    assert search._walk > 10


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_at_one_temperature_the_walk_has_the_boltzmann_distribution(temperature):
    def loss(arch):
        return float(arch[0] + 2 * arch[1])

    search = SimulatedAnnealing(
        Grid(), fidelities=(1,), seed=5, temperature=temperature, accepted=NEVER, attempts=NEVER
    )
    start = [loss(arch) for arch in drive(search, loss, 10)]
    heat = temperature * median(abs(value - median(start)) for value in start)
    visits = Counter()
    for trial in range(10, 60_010):
        drive(search, loss, 1, first=trial)
        if trial % 20 == 0:  # so that visits are nearly independent
            visits[search._current] += 1
    weights = {arch: math.exp(-loss(arch) / heat) for arch in Grid().archs()}
    expected = {arch: 3000 * weight / sum(weights.values()) for arch, weight in weights.items()}
    common = [arch for arch in expected if expected[arch] > 5]
    assert len(common) >= 3
    statistic = sum((visits[arch] - expected[arch]) ** 2 / expected[arch] for arch in common)
    assert statistic < chi2.ppf(0.999, len(common) - 1)


def test_temperatures_are_in_units_of_the_losses():
    def proposals(factor, offset):
        search = SimulatedAnnealing(Grid(), fidelities=(1,), seed=1)
        return drive(search, lambda arch: offset + factor * (arch[0] ^ arch[1]), 300)

    assert proposals(1.0, 0.0) == proposals(1024.0, 64.0) == proposals(2.0**-20, 0.0)


def test_diverged_trainings_do_not_raise_the_temperature():
    search = SimulatedAnnealing(Grid(), fidelities=(1,), seed=0, initial=7, temperature=0.25)
    drive(search, [3.0, math.inf, 5.0, 4.0, math.inf, 6.0, 9.0])
    assert search._heat == 0.25 * 1  # 5 is the median of 3 4 5 6 9, the distances are 2 1 0 1 4


def test_nothing_worse_is_accepted_where_all_random_architectures_are_equal():
    search = SimulatedAnnealing(Grid(), fidelities=(1,), seed=0, initial=3)
    drive(search, [1.0] * 3)
    here = search._current
    drive(search, [1.5] * 10, first=3)
    assert search._current == here
    drive(search, [1.0], first=13)
    assert search._current != here  # as good is good enough


def test_a_frozen_walk_starts_anew_and_is_not_disturbed_by_what_still_runs():
    search = SimulatedAnnealing(
        Grid(), fidelities=(1,), seed=0, initial=2, attempts=1, frozen=1, temperature=0.1
    )
    drive(search, [1.0, 2.0])
    late, second, third = search.ask(), search.ask(), search.ask()
    search.tell(Observation(3, second, (9.0,), 1.0))
    search.tell(Observation(4, third, (9.0,), 1.0))  # two attempts for two decisions: frozen
    fresh = [search.ask(), search.ask()]
    search.tell(Observation(2, late, (0.0,), 1.0))
    search.tell(Observation(6, fresh[1], (3.0,), 1.0))
    search.tell(Observation(5, fresh[0], (4.0,), 1.0))
    assert search._current == fresh[1].arch


def test_the_preset_changes_the_trace():
    runs = [
        nasbench.search(
            "simulated_annealing",
            "nb201-cifar10",
            seeds=[0],
            budget=Budget(trials=100),
            preset=preset,
        )[0]
        for preset in (None, "kirkpatrick")
    ]
    assert runs[0].trials[:16] == runs[1].trials[:16]  # until the first temperature ends
    assert runs[0].trials != runs[1].trials


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("simulated_annealing", 40) < mean_best("random_search", 40) - 0.1


def test_it_keeps_the_contract_with_few_random_architectures(recorded):
    check_algorithm(SimulatedAnnealing, recorded("plain"), changes={"initial": 2}, n=60)


def test_in_an_incomplete_table_it_does_not_stay_where_nothing_is_near(recorded):
    table = recorded("plain")
    search = SimulatedAnnealing(table.space, fidelities=(4,), seed=0, initial=1)
    run = replay(search, table, budget=Budget(trials=100))
    assert len({trial.proposal.arch for trial in run.trials}) == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"initial": 0}, "initial = 0 must be at least 1"),
        ({"accepted": 0}, "accepted = 0 must be at least 1"),
        ({"attempts": -1}, "attempts = -1 must be at least 1"),
        ({"frozen": 0}, "frozen = 0 must be at least 1"),
        ({"temperature": 0.0}, "temperature = 0.0 must be positive and finite"),
        ({"temperature": math.nan}, "temperature = nan must be positive and finite"),
        ({"cooling": 1.0}, "cooling = 1.0 must be between 0 and 1"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        SimulatedAnnealing(Grid(), fidelities=(1,), seed=0, **setting)
