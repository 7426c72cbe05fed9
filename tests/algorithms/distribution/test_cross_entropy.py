import math
from random import Random

import numpy as np
import pytest

import nasbench
from algorithms.distribution.cross_entropy import CrossEntropy
from nasbench.algorithm import Observation, Proposal
from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix
from nasbench.testing import check_algorithm


class Bits(SearchSpace):
    """Ten decisions of two options."""

    name = "bits"
    decisions = tuple(Decision(str(i), ("0", "1")) for i in range(10))

    def to_text(self, arch):
        return "".join(map(str, arch))

    def from_text(self, text):
        raise NotImplementedError


class Ruled(Bits):
    """Three decisions; the first two differ, and the last is 2 only after a 1."""

    name = "ruled"
    decisions = (Decision("a", ("0", "1")), Decision("b", ("0", "1")), Decision("c", tuple("012")))

    def is_legal(self, arch):
        return arch[0] != arch[1] and (arch[2] == 2) == (arch[1] == 1)


class Toy:
    """Losses by a hash; one in seven trainings diverges."""

    name, version, content_hash, known = "toy", 1, "", ()
    schedules = fidelities = (9,)
    seeds = complete_seeds = (0,)
    objectives = ("loss",)

    def __init__(self, space):
        self.space = space

    def trainings(self, arch, epoch=None):
        return Trainings(self.space.rank(self.space.check(arch)), self.seeds)

    def evaluate(self, arch, *, epoch=None, seed=None):
        number = mix(key(arch))
        return Evaluation((math.inf if number % 7 == 0 else number % 100.0,), 1.0, 0.0)


def make(space=None, seed=0, **settings):
    return CrossEntropy(space or Bits(), fidelities=(1,), seed=seed, **settings)


def tell(search, archs, losses):
    for trial, (arch, loss) in enumerate(zip(archs, losses, strict=True)):
        search.tell(Observation(trial, Proposal(arch), (loss,), 1.0))


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
    tell(search, [(1, 1, *rest), (0, 1, *rest), (1, 0, *rest), (0, 0, *rest)], [2.0, 3, 1, 9])
    first, second, third = search._choices.weights[:3]
    assert first == pytest.approx([0.2, 0.8])  # 0.4 * 0.5, and 0.6 more
    assert second == pytest.approx([0.5, 0.5])  # one of the elite each
    assert third == pytest.approx([0.7, 0.3])


def test_with_a_step_of_one_the_elite_is_the_distribution():
    search = make(samples=4, elite=3, learning_rate=1.0, mutation_probability=0.0)
    archs = [(1,) * 10, (1,) * 10, (0,) * 10, (0,) * 10]
    tell(search, archs, [1.0, 2.0, 3.0, 4.0])
    assert search._choices.weights[0] == pytest.approx([1 / 3, 2 / 3])


def test_diverged_trainings_are_no_elite():
    search = make(samples=3, elite=3, learning_rate=1.0, mutation_probability=0.0)
    tell(search, [(1,) * 10, (0,) * 10, (0,) * 10], [5.0, math.inf, math.inf])
    assert search._choices.weights[0] == [0, 1]
    tell(search, [(0,) * 10] * 3, [math.inf] * 3)
    assert search._choices.weights[0] == [0, 1]
    assert search.ask().arch == (1,) * 10


def test_it_learns_only_when_a_batch_is_complete():
    search = make(samples=3)
    before = search._choices.weights[0]
    tell(search, [(1,) * 10] * 2, [1.0, 2.0])
    assert search._choices.weights[0] == before
    tell(search, [(1,) * 10], [3.0])
    assert search._choices.weights[0] != before
    assert all(sum(p) == pytest.approx(1) for p in search._choices.weights)


def test_it_finds_the_best_of_separable_losses():
    for seed in range(5):
        search = make(seed=seed)
        archs = []
        for trial in range(600):
            proposal = search.ask()
            archs.append(proposal.arch)
            loss = float(sum(proposal.arch[:5]) - sum(proposal.arch[5:]))
            search.tell(Observation(trial, proposal, (loss,), 1.0))
        assert (0,) * 5 + (1,) * 5 in archs


def test_rules_hold_also_where_the_distribution_forbids_what_is_left():
    search = make(Ruled(), samples=1, elite=1, learning_rate=1.0, mutation_probability=0.0)
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


@pytest.mark.parametrize("preset", [None, *CrossEntropy.presets])
def test_it_keeps_the_contract(preset):
    recorded = RecordedSpace(NB201(), np.arange(0, 15_625, 997))
    check_algorithm(CrossEntropy, Toy(recorded if preset else Ruled()), preset=preset, n=110)


def test_it_keeps_the_contract_on_a_published_table():
    check_algorithm(CrossEntropy, nasbench.load("nb201-cifar10"))


def test_it_beats_random_search_on_the_published_table():
    best = {}
    for name in ("random_search", "algorithms.distribution.cross_entropy:CrossEntropy"):
        runs = nasbench.search(
            name,
            "nb201-cifar10",
            seeds=range(40),
            budget=Budget(trials=300),
            replicate="mean",
        )
        best[name] = np.mean([run.losses[:, 0].min() for run in runs])
    assert best["algorithms.distribution.cross_entropy:CrossEntropy"] < best["random_search"] - 0.2


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
