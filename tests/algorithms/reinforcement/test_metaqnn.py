import math
from collections import Counter, defaultdict
from random import Random

import pytest
from toys import Ruled, Tiny, drive, mean_best, rugged

import nasbench
from algorithms.reinforcement.metaqnn import MetaQNN
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


def make(space, seed=0, **settings):
    return MetaQNN(space, fidelities=(1,), seed=seed, **settings)


def brute_force(space, loss, n, seed, models, rate, replays, initial, state):
    """Q-learning with rewards 1 - loss / 100 and a table of all states, as the paper has it."""
    rng = Random(seed)
    steps = [(1.0, 1500)] + [(0.9 - k / 10, 100) for k in range(3)]
    steps += [(0.6 - k / 10, 150) for k in range(6)]
    epsilons = [e for e, count in steps for _ in range(count)]

    def named(prefix):
        return (
            prefix if state == "prefix" else (len(prefix), prefix[-1:], space.legal_options(prefix))
        )

    q = defaultdict(lambda: 1 - initial / 100)  # (state, option) -> expected reward
    database, proposals = [], []

    def walk():
        epsilon = epsilons[min(len(proposals) * 2700 // models, 2699)]
        prefix = ()
        while len(prefix) < len(space.options):
            options = list(space.legal_options(prefix))
            if rng.random() >= epsilon and database:
                top = max(q[named(prefix), o] for o in options)
                options = [o for o in options if q[named(prefix), o] == top]
            prefix = (*prefix, options[int(rng.random() * len(options))])
        return prefix

    def learn():
        for _ in range(replays):
            arch = database[int(rng.random() * len(database))]
            last = len(arch) - 1
            for position in range(last, -1, -1):
                before = named(arch[:position])
                if position == last:
                    target = 1 - loss(arch) / 100
                else:
                    after = arch[: position + 1]
                    target = max(q[named(after), o] for o in space.legal_options(after))
                q[before, arch[position]] += rate * (target - q[before, arch[position]])

    for _ in range(n):
        arch = walk()
        for _ in range(20):
            if arch not in proposals:
                break
            database.append(arch)
            learn()
            arch = walk()
        proposals.append(arch)
        database.append(arch)
        learn()
    return proposals, {pair: 100 * (1 - value) for pair, value in q.items()}


@pytest.mark.parametrize("state", ["prefix", "last"])
@pytest.mark.parametrize("space", [Tiny(), Ruled(), NB201()])
def test_it_does_what_the_brute_force_twin_does(space, state):
    """Steps of 1/4 and losses of few digits, so that ties are the same in both."""

    def loss(arch):
        return 25 * rugged(arch, 4)

    for seed in range(3):
        settings = {"schedule": 60, "learning_rate": 0.25, "replay": 5, "initial_loss": 50.0}
        search = make(space, seed, state=state, **settings)
        expected, q = brute_force(space, loss, 60, seed, 60, 0.25, 5, 50.0, state)
        n = 60 if space.name == "nb201" else 9
        assert drive(search, loss, n) == expected[:n]
    if space.name == "nb201":
        for (prefix, option), value in q.items():
            assert search._values[prefix][option] == pytest.approx(value, abs=1e-9)


def test_the_update_by_hand():
    """One trial of loss 10, replayed twice with a step of one half, from values of 50."""
    search = make(Tiny(), learning_rate=0.5, replay=2, initial_loss=50.0, state="prefix")
    (arch,) = drive(search, lambda _: 10.0, 1)
    first = search._values[()][arch[0]]
    second = search._values[arch[:1]][0]
    third = search._values[arch[:2]][arch[2]]
    # replayed once: 30 for the last, and so (50 + 30) / 2 = 40, and 45; then 20, 30, 37.5
    assert (third, second, first) == (20.0, 30.0, 37.5)
    assert search._values[arch[:2]][(arch[2] + 1) % 4] == 50.0


def test_values_become_the_loss_of_the_best_completion():
    space = Tiny()
    losses = {arch: rugged(arch, 1000) for arch in space.archs()}
    search = make(space, schedule=10_000, learning_rate=0.5, replay=10, state="prefix")
    drive(search, losses.get, 300)
    for prefix, values in search._values.items():
        assert values[-1] == min(values[:-1])
        for option, value in enumerate(values[:-1]):
            begin = (*prefix, option)
            best = min(x for arch, x in losses.items() if arch[: len(begin)] == begin)
            assert value == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("schedule", "n"), [(2700, 2700), (150, 150), (18, 18)])
def test_epsilon_falls_as_in_the_paper(schedule, n):
    search = make(NB201(), schedule=schedule)
    seen = []
    for proposed in range(n + 5):
        search._proposed = proposed
        seen.append(search._epsilon())
    counts = Counter(seen[:n])
    for epsilon, models in {1.0: 1500, 0.9: 100, 0.7: 100, 0.6: 150, 0.1: 150}.items():
        assert abs(counts[epsilon] - models * schedule / 2700) < 1
    assert seen == sorted(seen, reverse=True)
    assert seen[n:] == [0.1] * 5


def test_what_was_proposed_is_not_trained_again_while_walks_find_something_new():
    space = NB201()
    archs = drive(make(space, schedule=100), lambda arch: float(sum(arch)), 400)
    assert len(set(archs)) > 390
    assert (0, 0, 0, 0, 0, 0) in archs
    small = drive(make(Tiny()), lambda arch: float(sum(arch)), 40)
    assert set(small[:12]) == set(Tiny().archs())


def test_a_walk_to_a_running_trial_is_remembered_when_it_is_told():
    search = make(Tiny(), seed=2, replay=1)
    running = [search.ask() for _ in range(12)]
    walks = sum(search._running.values())
    assert len({proposal.arch for proposal in running}) == len(search._running)
    assert walks >= 12
    for trial, proposal in reversed(list(enumerate(running))):
        search.tell(Observation(trial, proposal, (float(trial),), 1.0))
    assert not search._running
    assert len(search._memory) == walks


def test_a_diverged_training_counts_as_the_worst_so_far():
    search = make(Tiny(), learning_rate=1.0, replay=30, state="prefix")
    search.tell(Observation(0, search.ask(), (math.inf,), 1.0))
    assert not search._values
    drive(search, lambda arch: math.inf if arch[0] == 1 else 5.0 + arch[2], 60)
    assert search._values[()] == [5.0, 8.0, 5.0, 5.0]  # the last is the lowest


def test_presets_and_settings_change_the_search():
    table = nasbench.load("nb201-cifar10")
    settings = [
        {},
        *MetaQNN.presets.values(),
        {"schedule": 100},
        {"learning_rate": 0.1},
        {"replay": 4},
        {"initial_loss": 50.0},
        {"state": "prefix"},
    ]
    traces = set()
    for values in settings:
        search = MetaQNN(table.space, fidelities=(200,), seed=1, **values)
        run = replay(search, table, budget=Budget(trials=200))
        traces.add(tuple(trial.proposal.arch for trial in run.trials))
    assert len(traces) == len(settings)


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("metaqnn", 40) < mean_best("random_search", 40) - 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": 0}, "schedule = 0 must be at least 1"),
        ({"replay": 0}, "replay = 0 must be at least 1"),
        ({"learning_rate": 1.5}, r"learning_rate = 1.5 must be in \(0, 1\]"),
        ({"initial_loss": math.inf}, "initial_loss = inf must be a finite number, or None"),
        ({"initial_loss": "50"}, "initial_loss = '50' must be a finite number, or None"),
        ({"state": "prefixes"}, "state = 'prefixes'; did you mean 'prefix'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        make(Tiny(), **settings)
