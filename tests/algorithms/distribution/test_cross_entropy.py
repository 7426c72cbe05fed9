import math
from random import Random

import numpy as np
import pytest
from toys import Numbers, Switched, drive, mean_best, tell

import nasbench
from algorithms.distribution.cross_entropy import CrossEntropy
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay


class Bits(Numbers, options=(2,) * 10):
    """Ten decisions of two options."""


def make(space=None, seed=0, **settings):
    return CrossEntropy(space or Bits(), fidelities=(1,), seed=seed, **settings)


def tell_all(search, archs, losses):
    for trial, (arch, loss) in enumerate(zip(archs, losses, strict=True)):
        tell(search, arch, loss, trial)


def textbook(space, loss, n, seed, samples, elite, rate, chance, shift):
    """PBIL as its pseudocode reads, with arrays."""
    rng, archs = Random(seed), []
    tables = [np.full(k, 1 / k) for k in space.options]
    while len(archs) < n:
        batch = []
        for _ in range(samples):
            draws = [rng.random() for _ in tables]
            batch.append(
                tuple(
                    int(np.searchsorted(np.cumsum(p), u * p.sum(), side="right"))
                    for p, u in zip(tables, draws, strict=True)
                )
            )
        archs += batch
        best = sorted(range(samples), key=lambda k: (loss(batch[k]), k))[:elite]
        for position, p in enumerate(tables):
            frequency = np.bincount([batch[k][position] for k in best], minlength=len(p)) / elite
            tables[position] = (1 - rate) * p + rate * frequency
        for position, p in enumerate(tables):
            if rng.random() < chance:
                target = np.eye(len(p))[int(rng.random() * len(p))]
                tables[position] = (1 - shift) * p + shift * target
    return archs[:n]


@pytest.mark.parametrize(
    ("samples", "elite", "rate", "chance", "shift"),
    [(20, 2, 0.2, 0.1, 0.1), (7, 7, 1.0, 0.5, 0.3), (10, 1, 0.1, 0.02, 0.05)],
)
def test_it_does_what_the_textbook_says(samples, elite, rate, chance, shift):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(3):
        search = CrossEntropy(
            table.space,
            fidelities=(200,),
            seed=seed,
            samples=samples,
            elite=elite,
            learning_rate=rate,
            mutation_probability=chance,
            mutation_shift=shift,
        )
        run = replay(search, table, budget=Budget(trials=300), replicate="mean")
        expected = textbook(table.space, loss, 300, seed, samples, elite, rate, chance, shift)
        assert [trial.proposal.arch for trial in run.trials] == expected


def test_the_update_by_hand():
    """Best is 10, second 11, worst 00: the first decision of the two that are looked at differs."""
    search = make(
        samples=4,
        elite=2,
        learning_rate=0.4,
        negative_learning_rate=0.2,
        mutation_probability=0.0,
    )
    rest = (0,) * 8
    tell_all(search, [(1, 1, *rest), (0, 1, *rest), (1, 0, *rest), (0, 0, *rest)], [2.0, 3, 1, 9])
    first, second, third = search._choices.weights[:3]
    assert first == pytest.approx([0.2, 0.8])  # 0.4 * 0.5, and 0.6 more
    assert second == pytest.approx([0.5, 0.5])  # one of the elite each
    assert third == pytest.approx([0.7, 0.3])


def test_with_a_step_of_one_the_elite_is_the_distribution():
    search = make(samples=4, elite=3, learning_rate=1.0, mutation_probability=0.0)
    archs = [(1,) * 10, (1,) * 10, (0,) * 10, (0,) * 10]
    tell_all(search, archs, [1.0, 2.0, 3.0, 4.0])
    assert search._choices.weights[0] == pytest.approx([1 / 3, 2 / 3])


def test_diverged_trainings_are_no_elite():
    search = make(samples=3, elite=3, learning_rate=1.0, mutation_probability=0.0)
    tell_all(search, [(1,) * 10, (0,) * 10, (0,) * 10], [5.0, math.inf, math.inf])
    assert search._choices.weights[0] == [0, 1]
    tell_all(search, [(0,) * 10] * 3, [math.inf] * 3)
    assert search._choices.weights[0] == [0, 1]
    assert search.ask().arch == (1,) * 10


def test_it_learns_only_when_a_batch_is_complete():
    search = make(samples=3)
    before = search._choices.weights[0]
    tell_all(search, [(1,) * 10] * 2, [1.0, 2.0])
    assert search._choices.weights[0] == before
    tell_all(search, [(1,) * 10], [3.0])
    assert search._choices.weights[0] != before
    assert all(sum(p) == pytest.approx(1) for p in search._choices.weights)


def test_it_finds_the_best_of_separable_losses():
    for seed in range(5):
        archs = drive(make(seed=seed), lambda arch: float(sum(arch[:5]) - sum(arch[5:])), 600)
        assert (0,) * 5 + (1,) * 5 in archs


def test_rules_hold_also_where_the_distribution_forbids_what_is_left():
    search = make(Switched(), samples=1, elite=1, learning_rate=1.0, mutation_probability=0.0)
    search._choices.weights = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0, 0.0]]
    assert {search.ask().arch for _ in range(20)} == {(0, 1, 2)}


def test_presets_and_settings_change_the_search():
    table = nasbench.load("nb201-cifar10")
    settings = [
        {},
        *CrossEntropy.presets.values(),
        {"samples": 10},
        {"elite": 5},
        {"learning_rate": 0.5},
        {"negative_learning_rate": 0.2},
        {"mutation_probability": 0.0},
        {"mutation_shift": 0.4},
    ]
    traces = set()
    for values in settings:
        search = CrossEntropy(table.space, fidelities=(200,), seed=1, **values)
        run = replay(search, table, budget=Budget(trials=220))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("cross_entropy", 40) < mean_best("random_search", 40) - 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, "samples = 0 must be at least 1"),
        ({"elite": 0}, r"elite = 0 must be in 1\.\.samples = 20"),
        ({"elite": 21}, r"elite = 21 must be in 1\.\.samples = 20"),
        ({"learning_rate": 0.0}, r"learning_rate = 0.0 must be in \(0, 1\]"),
        ({"negative_learning_rate": 1.5}, "negative_learning_rate = 1.5 must be in"),
        ({"mutation_probability": -0.1}, "mutation_probability = -0.1 must be in"),
        ({"mutation_shift": float("nan")}, "mutation_shift = nan must be in"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
