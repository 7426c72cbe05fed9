import math

import numpy as np
import pytest
from toys import Ruled, scored

import nasbench
from nasbench.algorithm import Observation, hyperparameters
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix

torch = pytest.importorskip("torch")
from algorithms.parts.lstm_controller import Told  # noqa: E402
from algorithms.reinforcement.reinforce_lstm import ReinforceLSTM  # noqa: E402


def make(space=None, seed=0, **settings):
    return ReinforceLSTM(space or NB201(), fidelities=(1,), seed=seed, **settings)


def values(search):
    return np.concatenate([p.detach().numpy().ravel() for p in search._policy.parameters])


def finite_differences(search, function):
    """Gradient of ``function()`` with respect to every parameter of the policy."""
    gradient = []
    for parameter in search._policy.parameters:
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            start = float(flat[i])
            flat[i] = start + 1e-5
            up = function()
            flat[i] = start - 1e-5
            gradient.append((up - function()) / 2e-5)
            flat[i] = start
    return np.array(gradient)


def gradient_of_the_update(search, batch):
    """The first step of Adam keeps a tenth of the gradient as its first moment."""
    search._learn(batch)
    return search._adam.first.numpy() / 0.1


SMALL = {"hidden": 3, "initial_range": 1.0, "reward": "accuracy"}


def test_the_mean_update_is_the_gradient_of_the_expected_reward():
    """Every architecture once, its advantage weighted by its probability."""
    search = make(Ruled(), entropy_weight=0.0, **SMALL)
    archs = list(Ruled().archs())
    goal = np.random.default_rng(0).normal(size=len(archs))

    def expected():
        return float(np.exp(scored(search._policy, archs)[0]) @ goal)

    numerical = finite_differences(search, expected)
    shares = np.exp(scored(search._policy, archs)[0])
    rewards = len(archs) * shares * (goal - expected())  # their mean, the first baseline, is zero
    batch = [Told(arch, 0.0, reward) for arch, reward in zip(archs, rewards.tolist(), strict=True)]
    np.testing.assert_allclose(gradient_of_the_update(search, batch), numerical, atol=1e-9)
    assert abs(numerical).max() > 0.01


@pytest.mark.parametrize("entropy_in_reward", [False, True])
def test_the_update_follows_the_objective_with_entropy(entropy_in_reward):
    search = make(Ruled(), entropy_weight=0.7, entropy_in_reward=entropy_in_reward, **SMALL)
    archs = [(0, 0, 1), (2, 0, 3), (0, 0, 1), (1, 0, 0)]
    rewards = np.array([0.1, 0.5, 0.2, 0.9])
    if entropy_in_reward:
        rewards += 0.7 * scored(search._policy, archs)[1]
    advantages = rewards - rewards.mean()

    def objective():
        logarithms, entropies = scored(search._policy, archs)
        bonus = 0.0 if entropy_in_reward else 0.7 * entropies.mean()
        return float((advantages * logarithms).mean() + bonus)

    numerical = finite_differences(search, objective)
    batch = [Told(arch, 0.0, r) for arch, r in zip(archs, (0.1, 0.5, 0.2, 0.9), strict=True)]
    np.testing.assert_allclose(gradient_of_the_update(search, batch), numerical, atol=1e-9)


def ask_and_tell(search, losses):
    """Ask for as many trials as there are losses, then tell them in order."""
    proposals = [search.ask() for _ in losses]
    for trial, (proposal, loss) in enumerate(zip(proposals, losses, strict=True)):
        search.tell(Observation(trial, proposal, (loss,), 1.0))
    return [proposal.arch for proposal in proposals]


def test_advantages_by_hand():
    search = make(reward="accuracy", baseline_momentum=0.5)
    assert search._advantages([1.0, 4.0]).tolist() == [-1.5, 1.5]  # less the mean of the batch
    baseline = (0.25 * 1 + 0.5 * 4) / 0.75
    assert search._advantages([5.0]).tolist() == pytest.approx([5 - baseline])
    search = make(baseline_momentum=0.5)
    size = math.sqrt((0.25 * 1.5**2 + 0.5 * 1.5**2) / 0.75)
    assert search._advantages([1.0, 4.0]).tolist() == pytest.approx([-1.5 / size, 1.5 / size])
    advantage = 5 - baseline
    size = math.sqrt((0.125 * 1.5**2 + 0.25 * 1.5**2 + 0.5 * advantage**2) / 0.875)
    assert search._advantages([5.0]).tolist() == pytest.approx([advantage / size])


def test_baselines_come_from_the_period_before_as_in_enas():
    """0.99 of the last period's mean baseline + 0.01 of the own reward; nothing inside a period."""
    search = make(reward="accuracy", baseline_momentum=0.99, baseline_period=3)
    assert search._baselines([0.2, 0.4], [0.3, 0.5]) == [0.2, 0.4]  # only the entropy is left
    third, fourth = search._baselines([0.9, 0.7], [1.0, 0.8])
    assert third == 0.9
    mean = (0.2 + 0.4 + 0.9) / 3
    assert fourth == pytest.approx(0.99 * mean + 0.01 * 0.8)
    fifth, sixth, seventh = search._baselines([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])
    assert fifth == sixth == pytest.approx(0.99 * mean + 0.01 * 0.1)
    assert seventh == pytest.approx(0.99 * (fourth + fifth + sixth) / 3 + 0.01 * 0.1)


def test_enas_learns_from_entropy_alone_in_its_first_epoch():
    searches = [
        make(**ReinforceLSTM.presets["enas"] | {"entropy_weight": weight, "samples": 4})
        for weight in (0.0, 1e-4)
    ]
    for search in searches:
        start = values(search)
        ask_and_tell(search, [10.0, 20.0, 30.0, 40.0])
        assert (values(search) == start).all() == (search.entropy_weight == 0)


@pytest.mark.parametrize(
    ("reward", "expected"),
    [("normalized", -20.0), ("accuracy", 0.8), ("cubed_accuracy", 0.512)],
)
def test_rewards_by_hand(reward, expected):
    search = make(reward=reward)
    ask_and_tell(search, [20.0])
    assert search._told[0].reward == pytest.approx(expected)


def test_it_learns_from_full_batches_only():
    search = make(samples=3)
    start = values(search)
    ask_and_tell(search, [1.0, 2.0])
    assert (values(search) == start).all()
    ask_and_tell(search, [3.0])
    assert (values(search) != start).any()


def test_equal_losses_teach_nothing_but_entropy():
    search = make(entropy_weight=0.0)
    start = values(search)
    ask_and_tell(search, [0.7] * 400)
    assert (values(search) == start).all()


def test_after_an_update_everything_is_drawn_from_the_new_policy():
    ahead, behind = make(samples=4), make(samples=4)
    first = [ahead.ask() for _ in range(6)]  # two of the next four
    for trial, proposal in enumerate(first[:4]):
        ahead.tell(Observation(trial, proposal, (float(trial),), 1.0))
    assert ask_and_tell(behind, [0.0, 1.0, 2.0, 3.0]) == [proposal.arch for proposal in first[:4]]
    assert not ahead._queue
    assert (values(ahead) == values(behind)).all()


def test_normalized_advantages_have_no_unit():
    runs = []
    for unit in (1.0, 1e-6):
        search, archs = make(seed=4), []
        for trial in range(100):
            proposal = search.ask()
            archs.append(proposal.arch)
            loss = unit * (mix(key(proposal.arch)) % 100)
            search.tell(Observation(trial, proposal, (loss,), 1.0))
        runs.append(archs)
    assert runs[0] == runs[1]


def test_a_diverged_training_counts_as_the_worst_so_far():
    searches = [make(samples=2) for _ in range(2)]
    for search, last in zip(searches, (math.inf, 8.0), strict=True):
        ask_and_tell(search, [math.inf])  # nothing is known yet: it teaches nothing
        assert not search._told
        ask_and_tell(search, [8.0, 3.0])
        ask_and_tell(search, [2.0, last])
    assert (values(searches[0]) == values(searches[1])).all()


def test_it_finds_a_good_option_that_depends_on_another():
    """Good is what agrees in two decisions: independent choices cannot hold both optima."""
    search = make(Ruled(), seed=2)
    good = ((0, 0, 3), (2, 0, 3))
    archs = list(Ruled().archs())
    for trial in range(400):
        proposal = search.ask()
        search.tell(Observation(trial, proposal, (float(proposal.arch not in good),), 1.0))
    shares = dict(zip(archs, np.exp(scored(search._policy, archs)[0]), strict=True))
    assert sum(shares[arch] for arch in good) > 0.8


def test_the_presets_are_the_published_settings():
    nas_rl = hyperparameters(ReinforceLSTM, {}, "nas_rl")
    assert (nas_rl["learning_rate"], nas_rl["layers"], nas_rl["hidden"]) == (6e-4, 2, 35)
    assert (nas_rl["initial_range"], nas_rl["samples"]) == (0.08, 8)
    assert (nas_rl["reward"], nas_rl["entropy_weight"]) == ("cubed_accuracy", 0.0)
    assert hyperparameters(ReinforceLSTM, {}, "enas") == {
        "learning_rate": 1e-3,
        "samples": 20,
        "layers": 2,
        "hidden": 32,
        "initial_range": 0.1,
        "reward": "accuracy",
        "baseline_momentum": 0.99,
        "baseline_period": 1000,
        "entropy_weight": 1e-4,
        "entropy_in_reward": True,
        "temperature": 5.0,
        "tanh_constant": 2.5,
        "adam_epsilon": 1e-3,
        "clip_norm": 5.0,
    }


def test_presets_and_settings_change_the_search():
    table, traces = nasbench.load("nb201-cifar10"), set()
    settings = [
        {},
        *ReinforceLSTM.presets.values(),
        {"learning_rate": 0.02},
        {"samples": 5},
        {"layers": 2},
        {"hidden": 16},
        {"initial_range": 0.2},
        {"reward": "accuracy", "entropy_weight": 0.0},
        {"reward": "cubed_accuracy", "entropy_weight": 0.0},
        {"baseline_momentum": 0.5},
        {"baseline_period": 20},
        {"entropy_weight": 0.0},
        {"entropy_in_reward": True, "entropy_weight": 100.0},
        {"temperature": 2.0},
        {"tanh_constant": 1.0},
        {"adam_epsilon": 0.01},
        {"adam_epsilon": 0.01, "clip_norm": 0.05},
    ]
    for changes in settings:
        search = ReinforceLSTM(table.space, fidelities=(200,), seed=1, **changes)
        run = replay(search, table, budget=Budget(trials=150))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 1e6}, {"learning_rate": 1e300}])
def test_large_steps_end_no_search(settings):
    search = make(Ruled(), **settings)
    for trial in range(60):
        proposal = search.ask()
        assert proposal.arch in search.space
        loss = 1e200 * (mix(key(proposal.arch, trial)) % 100)
        search.tell(Observation(trial, proposal, (loss,), 1.0))


def test_the_default_is_ahead_of_random_search_and_a_large_rate_behind():
    best = {}
    for name, changes in (
        ("random_search", {}),
        ("reinforce_lstm", {}),
        (
            "reinforce_lstm",
            {"learning_rate": 0.3, "entropy_weight": 0.0},
        ),
    ):
        runs = nasbench.search(
            name,
            "nb201-cifar10",
            seeds=range(12),
            budget=Budget(trials=300),
            hyperparameters=changes,
            replicate="mean",
        )
        best[name, len(changes)] = np.mean([run.losses[:, 0].min() for run in runs])
    random, default, large = best.values()
    assert default < random - 0.15
    assert large > random + 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate = 0.0 must be positive and finite"),
        ({"samples": 0}, "samples = 0 must be at least 1"),
        ({"layers": 0}, "layers = 0 must be at least 1"),
        ({"hidden": 0}, "hidden = 0 must be at least 1"),
        ({"initial_range": math.inf}, "initial_range = inf must be positive and finite"),
        ({"reward": "acuracy"}, "reward = 'acuracy'; did you mean 'accuracy'"),
        ({"baseline_period": -1}, "baseline_period = -1 must not be negative"),
        ({"baseline_momentum": 1.0}, r"baseline_momentum = 1.0 must be in \[0, 1\)"),
        ({"entropy_weight": -0.1}, "entropy_weight = -0.1 must be finite, not negative"),
        ({"temperature": 0.0}, "temperature = 0.0 must be positive and finite"),
        ({"adam_epsilon": 0.0}, "adam_epsilon = 0.0 must be positive and finite"),
        ({"tanh_constant": 0.0}, "tanh_constant = 0.0 must be a positive, finite number, or None"),
        ({"clip_norm": "5"}, "clip_norm = '5' must be a positive, finite number, or None"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
