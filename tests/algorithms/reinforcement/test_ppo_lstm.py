import subprocess
import sys

import numpy as np
import pytest
from toys import OneDecision, Ruled, scored, tell

import nasbench
from nasbench.algorithm import hyperparameters
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix

torch = pytest.importorskip("torch")
from algorithms.parts.lstm_controller import Told  # noqa: E402
from algorithms.reinforcement.ppo_lstm import PPOLSTM  # noqa: E402
from algorithms.reinforcement.reinforce_lstm import ReinforceLSTM  # noqa: E402


def make(kind=PPOLSTM, space=None, seed=0, **settings):
    return kind(space or NB201(), fidelities=(1,), seed=seed, **settings)


def values(search):
    return np.concatenate([p.detach().numpy().ravel() for p in search._policy.parameters])


def test_one_step_that_nothing_clips_is_reinforce():
    """The gradient of a ratio of one is that of the log-probability."""
    common = {"samples": 6, "entropy_weight": 0.3, "reward": "accuracy", "initial_range": 0.5}
    ppo = make(updates=1, clip=1e9, **common)
    reinforce = make(ReinforceLSTM, baseline_momentum=0.95, **common)
    for trial in range(6):
        first, second = ppo.ask(), reinforce.ask()
        assert first == second
        for search in (ppo, reinforce):
            tell(search, first.arch, 13.0 * trial % 7, trial)
    gradient = ppo._adam.first.numpy()
    assert abs(gradient).max() > 1e-4
    np.testing.assert_allclose(gradient, reinforce._adam.first.numpy(), rtol=1e-9, atol=1e-15)


ARCHS = [(0, 0, 1), (1, 0, 0), (2, 0, 3), (0, 0, 3), (1, 0, 2), (0, 0, 1)]
REWARDS = [0.1, 0.9, 0.4, 0.3, 0.8, 0.2]


def test_the_gradient_is_that_of_the_clipped_objective():
    """By finite differences; a third of the ratios are within, the others beyond on either side."""
    settings = {"hidden": 3, "initial_range": 1.0, "reward": "accuracy"}
    search = make(space=Ruled(), updates=1, entropy_weight=0.1, **settings)
    shifts = np.array([0.05, 0.6, 0.6, -0.6, -0.6, -0.05])
    drawn = scored(search._policy, ARCHS)[0] - shifts  # ratios are exp(shifts)
    advantages = np.subtract(REWARDS, np.mean(REWARDS))

    def objective():
        logarithms, entropies = scored(search._policy, ARCHS)
        gains = []
        for ratio, advantage in zip(np.exp(logarithms - drawn), advantages, strict=True):
            gains.append(min(ratio * advantage, min(max(ratio, 0.8), 1.2) * advantage))
        return float(np.mean(gains) + 0.1 * entropies.mean())

    numerical = []
    for parameter in search._policy.parameters:
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            start = float(flat[i])
            flat[i] = start + 1e-5
            up = objective()
            flat[i] = start - 1e-5
            numerical.append((up - objective()) / 2e-5)
            flat[i] = start
    search._learn(list(map(Told, ARCHS, drawn.tolist(), REWARDS)))
    np.testing.assert_allclose(search._adam.first.numpy() / 0.1, numerical, atol=1e-9)


def test_no_step_goes_on_once_all_ratios_are_clipped():
    """Beyond the clip the gradient is zero: many steps leave the policy near the old one."""
    settings = {"space": Ruled(), "entropy_weight": 0.0, "learning_rate": 1e-3, "hidden": 8}
    ratios = []
    for clip in (0.2, 1e9):
        search = make(updates=300, clip=clip, **settings)
        before = scored(search._policy, ARCHS)[0]
        search._learn(list(map(Told, ARCHS, before.tolist(), REWARDS)))
        ratios.append(np.exp(scored(search._policy, ARCHS)[0] - before))
    assert abs(ratios[0] - 1).max() < 0.6
    assert abs(ratios[1] - 1).max() > 5


def test_late_trials_keep_the_probability_they_were_drawn_with():
    search, seen = make(samples=4, learning_rate=0.05), []
    learn = search._learn
    search._learn = lambda batch: (seen.extend(batch), learn(batch))
    running = [search.ask() for _ in range(7)]
    expected = dict(
        zip(
            running, scored(search._policy, [proposal.arch for proposal in running])[0], strict=True
        )
    )
    for trial in (6, 0, 3, 1):
        tell(search, running[trial].arch, float(trial), trial)
    fresh = search.ask()
    expected[fresh] = scored(search._policy, [fresh.arch])[0][0]
    for proposal in (running[2], fresh, running[5], running[4]):
        tell(search, proposal.arch, 1.0)
    assert [told.arch for told in seen[:4]] == [running[trial].arch for trial in (6, 0, 3, 1)]
    for told, proposal in zip(seen[4:], (running[2], fresh, running[5], running[4]), strict=True):
        assert told.arch == proposal.arch
        assert told.log_probability == pytest.approx(expected[proposal], rel=1e-12)
    changed = scored(search._policy, [running[2].arch])[0][0]
    assert changed != pytest.approx(expected[running[2]], rel=1e-3)
    assert not search._running


def test_the_same_architecture_may_run_several_times():
    search = make(space=OneDecision(), samples=2)
    proposals = [search.ask() for _ in range(12)]
    for trial, proposal in enumerate(proposals):
        tell(search, proposal.arch, float(trial), trial)
    assert not search._running


def test_the_presets_are_the_published_settings():
    nasnet = {
        "learning_rate": 3.5e-4,
        "samples": 20,
        "updates": 4,
        "clip": 0.2,
        "layers": 1,
        "hidden": 100,
        "initial_range": 0.1,
        "reward": "accuracy",
        "baseline_momentum": 0.95,
        "entropy_weight": 1e-5,
    }
    assert hyperparameters(PPOLSTM, {}, "nasnet") == nasnet
    small = nasnet | {"learning_rate": 3.5e-3, "entropy_weight": 1e-3}
    assert hyperparameters(PPOLSTM, {}, "small") == small


def test_presets_and_settings_change_the_search():
    table, traces = nasbench.load("nb201-cifar10"), set()
    settings = [
        {},
        *PPOLSTM.presets.values(),
        {"learning_rate": 0.02},
        {"samples": 10},
        {"updates": 2},
        {"clip": 0.05},
        {"layers": 2},
        {"hidden": 16},
        {"initial_range": 0.2},
        {"reward": "accuracy"},
        {"reward": "cubed_accuracy"},
        {"baseline_momentum": 0.5},
        {"entropy_weight": 0.2},
    ]
    for changes in settings:
        search = PPOLSTM(table.space, fidelities=(200,), seed=1, **changes)
        run = replay(search, table, budget=Budget(trials=100))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


@pytest.mark.parametrize("settings", [{}, {"learning_rate": 1e6}, {"learning_rate": 1e300}])
def test_large_steps_end_no_search(settings):
    search = make(space=Ruled(), **settings)
    for trial in range(100):
        proposal = search.ask()
        assert proposal.arch in search.space
        tell(search, proposal.arch, 1e200 * (mix(key(proposal.arch, trial)) % 100), trial)


RUN = """
import nasbench
from algorithms.reinforcement.ppo_lstm import PPOLSTM
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
table = nasbench.load("nb201-cifar10")
run = replay(PPOLSTM(table.space, fidelities=(200,), seed=8), table, budget=Budget(trials=150))
print([trial.proposal.arch for trial in run.trials])
"""


def test_a_seed_gives_the_same_run_in_another_process_with_other_threads(monkeypatch):
    printed = []
    for threads in "12":
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, check=True)
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert printed[0].count(b"(") == 150


def test_the_default_is_ahead_of_random_search_and_a_large_rate_behind():
    best = {}
    for name, changes in (
        ("random_search", {}),
        ("ppo_lstm", {}),
        ("ppo_lstm", {"learning_rate": 0.3, "clip": 1e9}),
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
        ({"updates": 0}, "updates = 0 must be at least 1"),
        ({"clip": 0.0}, "clip = 0.0 must be positive and finite"),
        ({"hidden": 0}, "hidden = 0 must be at least 1"),
        ({"reward": "raw"}, "reward = 'raw'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(**settings)
