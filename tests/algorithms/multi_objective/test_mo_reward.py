import math
from statistics import median

import numpy as np
import pytest
from toys import Hashed

import nasbench
from algorithms import ALGORITHMS
from algorithms.multi_objective.mo_reward import MoReward
from nasbench.algorithm import Observation, Proposal
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

INSIDE = (
    "random_search",
    "local_search",
    "regularized_evolution",
    "cgp_es",
    "reinforce",
    "hyperband",
    "asha",
    "pasha",
    "bohb",
)
PRESETS = (None, *MoReward.presets)


class Combined(Hashed):
    """One loss made of two.

    Args:
        combine: Makes it of both.
    """

    def __init__(self, combine):
        super().__init__(NB201())
        self.combine = combine

    def losses(self, arch, epoch, number):
        both = super().losses(arch, epoch, number)[:2]
        return (self.combine(both) if both[0] < math.inf else math.inf,)


def make(**settings):
    return MoReward(NB201(), fidelities=(1,), seed=0, **settings)


def made(preset, **settings):
    return make(**{**MoReward.presets.get(preset, {}), **settings})


def tell(search, *losses):
    """What the algorithm inside is told."""
    heard = []
    search._inner.tell = heard.append
    search.tell(Observation(0, Proposal((0,) * 6), losses, 1.0))
    return heard[0].losses


def archs(algorithm, table, *, workers=1, seed=0, n=150, **settings):
    search = algorithm(table.space, fidelities=table.fidelities, seed=seed, **settings)
    run = replay(search, table, budget=Budget(trials=n), workers=workers, seed=seed)
    return [trial.proposal for trial in run.trials]


@pytest.mark.parametrize(
    ("preset", "accuracy", "cost", "reward"),
    [
        (None, 0.75, 80.0, 0.75),
        (None, 0.75, 160.0, 0.75 * 0.95264),  # 2 ** -0.07
        (None, 0.75, 40.0, 0.75 * 1.04972),
        ("mnasnet_hard", 0.75, 40.0, 0.75),
        ("mnasnet_hard", 0.75, 80.0, 0.75),
        ("mnasnet_hard", 0.75, 160.0, 0.375),
        ("proxylessnas", 0.75, 160.0, 0.75 * 0.93303),  # 0.5 ** 0.1
        ("proxylessnas", 0.75, 40.0, 0.75 * 1.07177),
        ("tunas", 0.75, 80.0, 0.75),
        ("tunas", 0.75, 160.0, 0.68),
        ("tunas", 0.75, 40.0, 0.715),
        ("tunas", 0.02, 160.0, -0.05),
    ],
)
def test_rewards_by_hand(preset, accuracy, cost, reward):
    told = tell(made(preset, target=80), 100 - 100 * accuracy, cost)
    assert told == pytest.approx((100 - 100 * reward,), abs=1e-3)


def test_the_soft_constraint_trades_five_percent_of_accuracy_for_twice_the_latency():
    """The condition from which the paper gets -0.07."""
    slow, fast = (tell(make(target=75), 100 - a, t)[0] for a, t in ((73.5, 150.0), (70.0, 75.0)))
    assert slow == pytest.approx(fast, abs=0.05)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("loss", [-20.0, 0.0, 30.0, 99.9, 140.0])
def test_more_cost_and_more_loss_are_never_better(preset, loss):
    costs = [8.0, 80.0, 81.0, 200.0, 5e4] if preset != "tunas" else [80.0, 81.0, 200.0, 5e4]
    told = [tell(made(preset, target=80), loss, cost)[0] for cost in costs]
    assert told == sorted(told)
    assert len(set(told)) > 1
    worse = [tell(made(preset, target=80), loss + 5, cost)[0] for cost in costs]
    assert all(a < b for a, b in zip(told, worse, strict=True))


@pytest.mark.parametrize("preset", PRESETS)
def test_any_cost_gives_a_finite_loss(preset):
    for cost in (-1e300, -1.0, 0.0, 1e-300, 1e39):
        for loss in (-1e6, 10.0, 1e6):
            assert math.isfinite(tell(made(preset, target=80, beyond=-10.0), loss, cost)[0])


def test_diverged_trainings_stay_infinite():
    assert tell(make(target=80), math.inf, 80.0) == (math.inf,)
    assert tell(make(target=80), 10.0, math.inf) == (math.inf,)
    assert tell(make(target=80), math.inf) == (math.inf,)


def test_the_default_target_is_the_median_of_the_first_ten_costs():
    search, costs = make(), [5.0, 1.0, 8.0, 2.0, 9.0, 9.5, 4.0, 3.0, 7.0, 6.5]
    for number in range(1, 11):
        cost = costs[number - 1]
        expected = 100 - 80 * (cost / median(costs[:number])) ** -0.07
        assert tell(search, 20.0, cost) == pytest.approx((expected,))
    assert median(costs) == 5.75
    for cost in (100.0, 200.0):
        assert tell(search, 20.0, cost) == pytest.approx((100 - 80 * (cost / 5.75) ** -0.07,))
    assert search.target is None


def test_the_default_target_passes_over_costs_that_are_none():
    search = make()
    for cost in (0.0, -3.0):
        assert tell(search, 20.0, cost) == (20.0,)
    tell(search, 20.0, math.inf)
    assert tell(search, 20.0, 4.0) == (20.0,)
    assert tell(search, math.inf, 16.0) == (math.inf,)  # its cost is known all the same
    assert search._target == 10.0


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("workers", [1, 8])
def test_with_one_objective_it_is_the_algorithm_inside(name, workers):
    table = Combined(lambda losses: losses[0])
    alone = archs(ALGORITHMS.load(name), table, workers=workers, seed=4)
    assert archs(MoReward, table, workers=workers, seed=4, search=name) == alone


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize(("workers", "preset"), [(1, None), (8, "mnasnet_hard"), (3, "tunas")])
def test_with_two_it_is_the_algorithm_inside_on_a_table_of_rewards(name, workers, preset):
    settings = {**MoReward.presets.get(preset, {}), "target": 11.0}

    def loss(losses):
        """The formulas of the papers once more."""
        accuracy, ratio = 100 - losses[0], losses[1] / 11
        if preset == "tunas":
            return 100 - (accuracy - 7 * abs(ratio - 1))
        if preset == "mnasnet_hard":
            return 100 - (accuracy if ratio <= 1 else accuracy / ratio)
        return 100 - accuracy * ratio**-0.07

    expected = archs(ALGORITHMS.load(name), Combined(loss), workers=workers, seed=2)
    assert (
        archs(MoReward, Hashed(NB201(), 2), workers=workers, seed=2, search=name, **settings)
        == expected
    )
    resumed = [proposal for proposal in expected if proposal.resumes is not None]
    assert bool(resumed) == (name in ("hyperband", "asha", "pasha", "bohb"))


def test_random_search_inside_is_random_search():
    found = archs(MoReward, Hashed(NB201(), 2), seed=9, search="random_search")
    assert found == archs(ALGORITHMS.load("random_search"), Hashed(NB201(), 2), seed=9)


def test_presets_and_settings_change_the_search():
    evolution = {"search": "regularized_evolution", "target": 11.0}
    nats = evolution | {"search_preset": "nats"}
    found = [
        archs(MoReward, Hashed(NB201(), 2), **settings)
        for settings in (
            evolution,
            evolution | {"search_settings": {"population": 20}},
            nats,
            nats | {"search_settings": {"sample": 5}},
            *(nats | MoReward.presets[preset] for preset in MoReward.presets),
            nats | MoReward.presets["mnasnet_hard"] | {"target": 5.0},
            nats | MoReward.presets["tunas"] | {"target": 5.0},
        )
    ]
    assert all(a != b for i, a in enumerate(found) for b in found[:i])


def test_with_one_exponent_the_target_is_only_a_unit():
    settings = {"search": "regularized_evolution", "search_preset": "nats"}
    found = [
        archs(MoReward, Hashed(NB201(), 2), target=target, **settings) for target in (5.0, 11.0)
    ]
    assert found[0] == found[1]


def test_the_hard_constraint_is_respected_and_plain_evolution_is_too_slow():
    """Up to a few percent: a little too slow costs as little accuracy."""
    objectives, target = ("valid_accuracy", "latency_gpu_ms"), 14.0
    table = nasbench.load("nb201-cifar10", objectives=objectives)
    settings = {"search_settings": {"population": 30}, "target": target}
    settings |= MoReward.presets["mnasnet_hard"]
    best = {"reward": [], "plain": []}
    shares = []
    for seed in range(20):
        for name, search in (
            ("reward", MoReward(table.space, fidelities=(200,), seed=seed, **settings)),
            (
                "plain",
                ALGORITHMS.load("regularized_evolution")(
                    table.space, fidelities=(200,), seed=seed, population=30
                ),
            ),
        ):
            run = replay(search, table, budget=Budget(trials=300), seed=seed, replicate="mean")
            loss, latency = run.losses.T
            best[name].append(loss[latency <= target].min())
            if name == "reward":
                told = [search._loss(losses) for losses in run.losses.tolist()]
                assert latency[int(np.argmin(told))] <= 1.03 * target
                shares.append((latency[-100:] <= target).mean())
    assert np.mean(shares) > 0.4  # of all cells it is 0.24
    assert np.mean(best["reward"]) < np.mean(best["plain"]) - 0.5


@pytest.mark.parametrize("name", ["local_search", "asha", "hyperband", "reinforce"])
def test_it_keeps_the_contract_with_other_algorithms_inside(name):
    changes = {"search": name, "search_settings": {"eta": 2} if name == "asha" else None}
    toy = Hashed(NB201(), 2, fidelities=(3, 9), schedules=(3, 9))
    check_algorithm(MoReward, toy, changes=changes, n=60)


def test_three_objectives_are_refused():
    with pytest.raises(InvalidArgumentError, match="two objectives, accuracy and cost, not 3"):
        tell(make(), 1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"target": 0.0}, InvalidArgumentError, "target = 0.0 must be a positive, finite number"),
        ({"target": math.inf}, InvalidArgumentError, "target = inf must be a positive, finite"),
        ({"target": "80"}, InvalidArgumentError, "target = '80' must be a positive, finite"),
        ({"target": True}, InvalidArgumentError, "target = True must be a positive, finite"),
        ({"reward": "sums"}, InvalidArgumentError, "reward = 'sums'; did you mean 'sum'"),
        ({"within": 11.0}, InvalidArgumentError, r"within = 11.0 must be in \[-10, 10\]"),
        ({"beyond": math.nan}, InvalidArgumentError, r"beyond = nan must be in \[-10, 10\]"),
        ({"search": "reinforse"}, UnknownNameError, "did you mean 'reinforce'"),
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
