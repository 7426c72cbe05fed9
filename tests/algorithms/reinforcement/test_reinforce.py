import math
from itertools import product

import numpy as np
import pytest
from toys import Ruled, Tiny, rugged, tell

import nasbench
from algorithms.reinforcement.reinforce import Reinforce
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix


def make(space=None, seed=0, **settings):
    return Reinforce(space or NB201(), fidelities=(1,), seed=seed, **settings)


def softmax(logits):
    shares = np.exp(np.asarray(logits) - max(logits))
    return shares / shares.sum()


def chance(space, logits, arch):
    """Probability of an architecture, one masked softmax after the other."""
    total = 1.0
    for position, option in enumerate(arch):
        legal = space.legal_options(arch[:position])
        shares = softmax([logits[position][o] for o in legal])
        total *= shares[legal.index(option)]
    return total


@pytest.mark.parametrize("space", [Tiny(), Ruled()])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_mean_update_is_the_gradient_of_the_expected_reward(space, optimizer):
    rng = np.random.default_rng(3)
    logits = [rng.normal(size=n).tolist() for n in space.options]
    archs = list(space.archs())
    reward = {arch: float(rng.normal()) for arch in archs}

    def expected(values):
        return sum(chance(space, values, arch) * reward[arch] for arch in archs)

    estimate = [np.zeros(n) for n in space.options]
    for arch in archs:
        search = make(space, optimizer=optimizer)
        search._logits = [list(row) for row in logits]
        for position in range(3):
            search._weigh(position)
        weight = chance(space, logits, arch) * reward[arch]
        if optimizer == "sgd":
            search._ascend(arch, 1.0)
            moved = [np.subtract(a, b) for a, b in zip(search._logits, logits, strict=True)]
        else:
            search._ascend_by_adam(arch, 1.0)
            moved = [np.array(first) / 0.1 for first, _ in search._moments]
        for total, change in zip(estimate, moved, strict=True):
            total += weight * change
    for position, n in enumerate(space.options):
        for option in range(n):
            up, down = ([list(row) for row in logits] for _ in range(2))
            up[position][option] += 1e-5
            down[position][option] -= 1e-5
            numerical = (expected(up) - expected(down)) / 2e-5
            assert estimate[position][option] == pytest.approx(numerical, abs=1e-8)


@pytest.mark.parametrize("space", [Tiny(), Ruled()])
def test_architectures_are_as_frequent_as_their_logits_say(space):
    search = make(space)
    search._logits = [[0.5, -1.0, 0.3], [2.0], [0.0, 1.0, -0.5, 0.2]]
    for position in range(3):
        search._weigh(position)
    n = 20_000
    archs = [search.ask().arch for _ in range(n)]
    for arch in product(*map(range, space.options)):
        expected = chance(space, search._logits, arch) if arch in space else 0.0
        error = math.sqrt(expected * (1 - expected) / n)
        assert abs(archs.count(arch) / n - expected) <= 4.5 * error


def test_the_update_by_hand():
    """Two decisions of 3 and 4 options; the second trial is 2 better than the first."""
    search = make(Tiny(), learning_rate=0.5, normalize=False)
    tell(search, (0, 0, 1), 5.0)
    assert search._logits == [[0, 0, 0], [0], [0, 0, 0, 0]]
    tell(search, (0, 0, 1), 3.0)
    assert search._logits[0] == pytest.approx([2 / 3, -1 / 3, -1 / 3])
    assert search._logits[1] == [0]
    assert search._logits[2] == pytest.approx([-0.25, 0.75, -0.25, -0.25])
    assert search._reward / search._weight == pytest.approx(-(0.9 * 5 + 3) / 1.9)


def test_the_baseline_may_take_the_trial_in_first():
    search = make(Tiny(), learning_rate=0.5, normalize=False, baseline_first=True)
    tell(search, (0, 0, 1), 5.0)
    tell(search, (0, 0, 1), 3.0)
    advantage = -3 + (0.9 * 5 + 3) / 1.9
    assert search._logits[0][0] == pytest.approx(0.5 * advantage * 2 / 3)


def test_normalized_advantages_have_no_unit():
    runs = []
    for unit in (1.0, 1e-6):
        search, archs = make(seed=4), []
        for trial in range(200):
            archs.append(search.ask().arch)
            tell(search, archs[-1], unit * rugged(archs[-1], 100), trial)
        runs.append(archs)
    assert runs[0] == runs[1]


def test_it_does_what_adam_and_autograd_of_torch_do():
    torch = pytest.importorskip("torch")
    search = make(learning_rate=0.05, optimizer="adam", normalize=False)
    logits = torch.zeros(6, 5, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.05)
    rewards = []
    for trial in range(30):
        arch = search.ask().arch
        loss = rugged(arch, 100)
        keep = [0.9 ** (len(rewards) - 1 - k) for k in range(len(rewards))]
        baseline = np.average(rewards, weights=keep) if rewards else -loss
        rewards.append(-loss)
        tell(search, arch, loss, trial)
        chosen = torch.distributions.Categorical(logits=logits).log_prob(torch.tensor(arch))
        adam.zero_grad()
        (-(-loss - baseline) * chosen.sum()).backward()
        adam.step()
    np.testing.assert_allclose(search._logits, logits.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_a_diverged_training_counts_as_the_worst_so_far():
    searches = [make(Tiny(), normalize=False) for _ in range(2)]
    for search, last in zip(searches, (math.inf, 8.0), strict=True):
        tell(search, (1, 0, 1), math.inf)  # nothing is known yet: it teaches nothing
        assert search._weight == 0
        tell(search, (0, 0, 1), 8.0)
        tell(search, (2, 0, 3), 3.0)
        tell(search, (1, 0, 2), last)
    assert searches[0]._logits == searches[1]._logits != [[0] * 3, [0], [0] * 4]


def test_rejected_trials_teach_nothing():
    search = make(**Reinforce.presets["nas_benchmarks"])
    tell(search, (0,) * 6, 20.0)
    before = [list(row) for row in search._logits], search._reward
    tell(search, (1,) * 6, 99.95)
    tell(search, (1,) * 6, math.inf)
    assert ([list(row) for row in search._logits], search._reward) == before
    tell(search, (1,) * 6, 99.85)
    assert ([list(row) for row in search._logits], search._reward) != before


def test_on_fcnet_the_reward_is_one_minus_the_squared_error_as_in_nas_benchmarks():
    """Rewards of at most 0.001, squared errors from 0.999 on, are rejected."""
    search = make(**Reinforce.presets["nas_benchmarks_fcnet"])
    tell(search, (0,) * 6, 0.4)
    tell(search, (1,) * 6, 0.3)
    advantage = 0.1 * (0.1 - 0.1 / 1.9)  # 0.1 better, and half of it in the baseline
    row = search._logits[0]
    assert [row[1], row[2]] == pytest.approx([0.8 * advantage, -0.2 * advantage])
    tell(search, (1,) * 6, 0.999)
    assert search._logits[0] == row


def test_adam_suits_losses_in_any_unit():
    runs = []
    for unit in (1.0, 1e-4):
        search, archs = make(seed=3, **Reinforce.presets["nats"]), []
        for trial in range(200):
            proposal = search.ask()
            archs.append(proposal.arch)
            loss = unit * sum(proposal.arch)
            search.tell(Observation(trial, proposal, (loss,), 1.0))
        runs.append(archs)
    assert runs[0] == runs[1]


def test_what_the_presets_state_is_what_they_do():
    first, second = (make(**Reinforce.presets[name]) for name in ("nas_benchmarks", "nats"))
    for search in (first, second):
        start = [list(row) for row in search._logits]
        tell(search, (0,) * 6, 40.0)
        tell(search, (1,) * 6, 30.0)
        if search is first:
            assert not np.any(start)
            advantage = 0.1 * (10 - 10 / 1.9) / 100  # a tenth of it in accuracy as a share
            row = search._logits[0]
            assert [row[1], row[2]] == pytest.approx([0.8 * advantage, -0.2 * advantage])
        else:
            assert 0.0003 < np.std(start) < 0.002
            moves = np.subtract(search._logits, start)
            assert 0 < abs(moves).max() < 0.01


def test_presets_and_settings_change_the_search():
    budget, traces = Budget(trials=200), set()
    table = nasbench.load("nb201-cifar10")
    settings = [
        {},
        *Reinforce.presets.values(),
        {"learning_rate": 0.2},
        {"optimizer": "adam"},
        {"normalize": False},
        {"baseline_momentum": 0.5},
        {"baseline_first": True, "normalize": False},
        {"reward_scale": 0.01, "normalize": False},
        {"reject_above": 20.0},
        {"initial_std": 0.5},
    ]
    for values in settings:
        search = Reinforce(table.space, fidelities=(200,), seed=1, **values)
        run = replay(search, table, budget=budget)
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 1e6, "normalize": False}])
def test_large_steps_overflow_nothing(settings):
    search = make(Tiny(), **settings)
    for trial in range(200):
        arch = search.ask().arch
        tell(search, arch, 1e6 * (mix(key(arch, trial)) % 100), trial)
    assert np.isfinite(np.concatenate(search._logits)).all()


def test_a_tuned_rate_is_ahead_of_random_search_and_a_large_one_behind():
    budget, seeds = Budget(trials=300), range(40)
    best = {}
    for name, preset, rate in (
        ("random_search", None, {}),
        ("reinforce", None, {}),
        ("reinforce", "nats", {"learning_rate": 0.5}),
    ):
        runs = nasbench.search(
            name,
            "nb201-cifar10",
            seeds=seeds,
            budget=budget,
            preset=preset,
            hyperparameters=rate,
            replicate="mean",
        )
        best[preset, name] = np.mean([run.losses[:, 0].min() for run in runs])
    tuned, random, large = sorted(best.values())
    assert list(best.values()) == [random, tuned, large]
    assert tuned < random - 0.2
    assert large > random + 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive"),
        ({"learning_rate": math.inf}, "learning_rate = inf must be positive and finite"),
        ({"optimizer": "adan"}, "optimizer = 'adan'; did you mean 'adam'"),
        ({"baseline_momentum": 1.0}, r"baseline_momentum = 1.0 must be in \[0, 1\)"),
        ({"reward_scale": -1.0}, "reward_scale = -1.0 must be positive"),
        ({"reject_above": "99"}, "reject_above = '99' must be a number or None"),
        ({"initial_std": -0.1}, "initial_std = -0.1 must be finite, not negative"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
