import math
from operator import itemgetter

import numpy as np
import pytest
from scipy import stats
from toys import Hashed, Numbers

import nasbench
from algorithms import ALGORITHMS
from algorithms.multi_objective.random_scalarization import RandomScalarization
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

SETTINGS = (
    {"scalarization": "linear"},
    {"period": 1},
    {"search": "random_search", "search_settings": {"replacement": False}},
    {"search": "regularized_evolution", "search_preset": "nats", "period": 20},
    {"search": "asha", "period": 20},
    {"search": "hyperband"},
)


class Line(Numbers, options=(41,)):
    """One decision."""


class Concave(Hashed):
    """Every point of the line is on the front, which bulges outwards; units differ by a million."""

    def losses(self, arch, epoch, number):
        angle = arch[0] / 40 * math.pi / 2
        return math.cos(angle), 1e6 * math.sin(angle)


class Strict(Algorithm):
    """Refuses answers to questions of others."""

    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.asked = []

    def ask(self):
        self.asked.append(Proposal(self.space.sample(self.rng)))
        return self.asked[-1]

    def tell(self, observation):
        assert len(observation.losses) == 1
        self.asked.remove(observation.proposal)


class Short(Strict):
    """Ends after three proposals, when they are told."""

    def ask(self):
        self.count = getattr(self, "count", 0) + 1
        return super().ask() if self.count <= 3 else None


def make(table=None, seed=0, **settings):
    table = table or Hashed(NB201(), 2)
    return RandomScalarization(table.space, fidelities=table.fidelities, seed=seed, **settings)


def run(search, table, n=150, workers=1):
    return replay(search, table, budget=Budget(trials=n), workers=workers, seed=1)


def proposals(search, table, **options):
    return [trial.proposal for trial in run(search, table, **options).trials]


def inside(name, table, seed):
    return ALGORITHMS.load(name)(table.space, fidelities=table.fidelities, seed=seed)


def begun(losses, seed=0, **settings):
    """A search that begins its second part after these losses."""
    search = make(period=len(losses), search="random_search", seed=seed, **settings)
    asked = [search.ask() for _ in losses]
    for trial, (proposal, told) in enumerate(zip(asked, losses, strict=True)):
        search.tell(Observation(trial, proposal, told, 1.0))
    search.ask()
    return search


def test_a_range_too_small_for_a_unit_is_none():
    search = begun([(0.0, 1.0), (5e-324, 2.0)], scalarization="linear")
    combine = search._current.combine
    assert combine((5e-324, 1.0)) < 1e-300
    assert math.isfinite(combine((1e39, 1e39)))


def weights(search, ranges):
    scales = search._current.combine.args[1]
    return [scale * width / 100 for scale, width in zip(scales, ranges, strict=True)]


@pytest.mark.parametrize(
    "name",
    ["random_search", "local_search", "regularized_evolution", "reinforce", "hyperband", "asha"],
)
@pytest.mark.parametrize("workers", [1, 8])
def test_with_one_objective_it_is_the_algorithm_inside(name, workers):
    table = Hashed(NB201())
    found = proposals(make(table, seed=4, search=name, period=5), table, workers=workers)
    assert found == proposals(inside(name, table, 4), table, workers=workers)


@pytest.mark.parametrize("workers", [1, 8])
def test_the_first_search_is_for_the_first_loss_alone(workers):
    single, double = Hashed(NB201()), Hashed(NB201(), 2)
    search = make(double, seed=4, search="local_search", period=100)
    expected = proposals(inside("local_search", single, 4), single, workers=workers, n=100)
    assert proposals(search, double, workers=workers, n=100) == expected


@pytest.mark.parametrize("name", ["local_search", "asha", "cgp_es"])
@pytest.mark.parametrize("scalarization", ["tchebycheff", "linear"])
def test_every_search_is_that_of_the_algorithm_inside_on_scalarized_losses(name, scalarization):
    """Twins that are told what the formulas say, once more."""
    table, period, seeds = Hashed(NB201(), 2), 40, [2]
    search = make(table, seed=2, search=name, period=period, scalarization=scalarization)
    build = search._make
    search._make = lambda seed: seeds.append(seed) or build(seed=seed)
    told, trial = [], 0
    for number in range(4):
        for step in range(period):
            proposal = search.ask()
            if step == 0:
                twin = inside(name, table, seeds[number])
                if number > 0:
                    lowest, highest = np.min(told, axis=0), np.max(told, axis=0)
                    share = np.array(weights(search, highest - lowest))
                    assert share.sum() == pytest.approx(1)
            assert twin.ask() == proposal
            losses = table.evaluate(proposal.arch, epoch=proposal.epoch, seed=0).losses
            search.tell(Observation(trial, proposal, losses, 1.0))
            single = losses[0]
            if math.isfinite(single):
                told.append(losses)
                if number > 0:
                    parts = share * (losses - lowest) / (highest - lowest)
                    largest = parts.max() if scalarization == "tchebycheff" else 0.0
                    rest = 0.05 if scalarization == "tchebycheff" else 1.0
                    single = 100 * (largest + rest * parts.sum())
            twin.tell(Observation(trial, proposal, (float(single),), 1.0))
            trial += 1
    assert len(set(seeds)) == 4


def test_the_tchebycheff_distance_by_hand():
    search = begun([(10.0, 3.0), (30.0, 4.0), (50.0, 8.0)])
    a, b = weights(search, (40, 5))
    assert a + b == pytest.approx(1)
    combine = search._current.combine
    assert combine((10.0, 3.0)) == 0
    assert combine((10.0, 8.0)) == pytest.approx(105 * b)
    assert combine((30.0, 3.0)) == pytest.approx(52.5 * a)
    half, fifth = 50 * a, 20 * b
    expected = max(half, fifth) + 0.05 * (half + fifth)
    assert combine((30.0, 4.0)) == pytest.approx(expected)


def test_the_linear_distance_by_hand():
    search = begun([(10.0, 3.0, 7.0), (50.0, 8.0, 5.0)], scalarization="linear")
    a, b, c = weights(search, (40, 5, 2))
    assert a + b + c == pytest.approx(1)
    expected = 25 * a + 120 * b - 50 * c
    assert search._current.combine((20.0, 9.0, 4.0)) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 3])
def test_weights_are_uniform_on_the_simplex(n):
    losses = [(0.0,) * n, (1.0,) * n]
    drawn = np.array([weights(begun(losses, seed=seed), [1] * n) for seed in range(400)])
    assert drawn.min() >= 0
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    for column in drawn.T:
        assert stats.kstest(column, stats.beta(1, n - 1).cdf).pvalue > 1e-3


def test_a_loss_that_did_not_vary_counts_in_its_own_unit():
    search = begun([(10.0, 3.0), (50.0, 3.0)])
    a, b = weights(search, (40, 1))
    assert a + b == pytest.approx(1)
    assert search._current.combine((30.0, 3.0)) == pytest.approx(52.5 * a)
    assert search._current.combine((10.0, 5.0)) == pytest.approx(210 * b)


def test_ranges_are_those_of_finite_trials():
    search = begun([(10.0, 3.0), (math.inf, 1.0), (2.0, math.inf), (50.0, 8.0)])
    assert search._current.combine.args[0] == (10.0, 3.0)
    search = begun([(math.inf, 1.0), (2.0, math.inf)])
    assert isinstance(search._current.combine, itemgetter)


def test_every_answer_goes_to_the_search_that_asked():
    table = Hashed(NB201(), 2)
    for period in (1, 3, 7):
        search = make(table, search=f"{__name__}:Strict", period=period)
        assert len(run(search, table, workers=8, n=200)) == 200
        assert search._current.n_asked <= period
        assert search._current.n_running == len(search._current.algorithm.asked) == 0


def test_a_search_that_ends_by_itself_is_followed_by_the_next():
    table = Hashed(NB201(), 2)
    for workers in (1, 8):
        search = make(table, search=f"{__name__}:Short", period=100)
        assert len(run(search, table, workers=workers)) == 150
    single = Hashed(NB201())
    search = make(single, search=f"{__name__}:Short", period=100)
    assert len(run(search, single)) == 3


def choices(scalarization):
    """Where on the concave front each of 300 searches finds its best."""
    table = Concave(Line(), 2, fidelities=(1,))
    archs = list(table.space.archs())
    search = make(
        table,
        period=len(archs),
        search="random_search",
        search_settings={"replacement": False},
        scalarization=scalarization,
    )
    found = []
    for trial in range(301 * len(archs)):
        proposal = search.ask()
        if trial % len(archs) == 0 and trial:
            combine = search._current.combine
            found.append(min(archs, key=lambda arch: combine(table.evaluate(arch).losses))[0])
        search.tell(Observation(trial, proposal, table.evaluate(proposal.arch).losses, 1.0))
    return found


def test_tchebycheff_reaches_inside_a_concave_front_and_linear_only_its_ends():
    assert set(choices("tchebycheff")) >= {0, *range(10, 31), 40}
    assert set(choices("linear")) == {0, 40}


def hypervolume(losses, reference, ideal):
    """Share of the box between ideal and reference that is dominated; closed form for two."""
    points = sorted(map(tuple, (losses - ideal) / (reference - ideal)))
    area, height = 0.0, 1.0
    for x, y in points:
        if x < 1 and y < height:
            area += (1 - x) * (height - y)
            height = y
    return area


@pytest.mark.parametrize("scalarization", ["tchebycheff", "linear"])
def test_its_front_is_ahead_of_that_of_random_search(scalarization):
    table = nasbench.load("nb201-cifar10", objectives=("valid_accuracy", "latency_gpu_ms"))
    everything = np.array([table.evaluate(arch).losses for arch in table.space.archs()])
    reference, ideal = everything.max(axis=0), everything.min(axis=0)
    shares = []
    for seed in range(15):
        for search in (
            make(table, seed=seed, scalarization=scalarization),
            inside("random_search", table, seed),
        ):
            found = replay(search, table, budget=Budget(trials=300), seed=seed, replicate="mean")
            shares.append(hypervolume(found.losses, reference, ideal))
    ours, random = np.array(shares).reshape(-1, 2).mean(axis=0)
    best = hypervolume(everything, reference, ideal)
    assert random + 0.02 * best < ours <= best


@pytest.mark.parametrize("settings", SETTINGS)
def test_it_keeps_the_contract_with_other_settings(settings):
    check_algorithm(RandomScalarization, Hashed(NB201(), 2), changes=settings, n=80, seed=3)


def test_it_keeps_the_contract_with_three_objectives():
    space = RecordedSpace(NB201(), np.arange(0, 15_625, 997))
    check_algorithm(RandomScalarization, Hashed(space, 3), n=120)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"scalarization": "tschebyscheff"},
            InvalidArgumentError,
            "scalarization = 'tschebyscheff'; did you mean 'tchebycheff'",
        ),
        ({"period": 0}, InvalidArgumentError, "period = 0 must be at least 1"),
        ({"search": "local"}, UnknownNameError, "did you mean 'local_search'"),
        (
            {"search": "algorithms.multi_objective.mo_reward:MoReward"},
            InvalidArgumentError,
            "runs an inner algorithm itself and cannot be one",
        ),
    ],
)
def test_impossible_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        make(**settings)
