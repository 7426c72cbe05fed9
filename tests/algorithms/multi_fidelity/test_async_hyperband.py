from collections import Counter
from math import floor

import pytest
from toys import drive_proposals

import nasbench
from algorithms.multi_fidelity.async_hyperband import AsyncHyperband
from nasbench.algorithm import Observation
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201
from nasbench.splitmix import key, mix


def make(seed=0, **settings):
    return AsyncHyperband(NB201(), fidelities=(1, 3, 9, 27), seed=seed, **settings)


def rugged(proposal):
    return float(mix(key(proposal.arch)) % 1000)


def published(n):
    """The order of liamcli/darts_asha in one function: (bracket s, epoch) of ``n`` trainings.

    Bracket s has the rungs 27 / 3**s to 27. Every rung keeps what was trained there and what left.
    """
    order = []
    rungs = {s: [{"told": [], "left": set()} for _ in range(s + 1)] for s in range(4)}
    full = dict.fromkeys(range(4), 0)
    search = make()
    while len(order) < n:
        s = min(rungs, key=lambda s: 10 * floor(full[s] * (s + 1) / 4) - s)
        for rung in reversed(range(s)):
            told, left = rungs[s][rung]["told"], rungs[s][rung]["left"]
            able = [t for t in sorted(told)[: len(told) // 3] if t not in left]
            if able:
                left.add(able[0])
                arch, rung = able[0][2], rung + 1
                break
        else:
            arch, rung = search.space.sample(search.rng), 0
        loss = float(mix(key(arch)) % 1000)
        rungs[s][rung]["told"].append((loss, len(order), arch))
        full[s] += rung == s
        order.append((s, 27 // 3 ** (s - rung), arch))
    return order


def test_the_order_is_the_published_one():
    proposals = drive_proposals(make(), rugged, 400)
    order = published(400)
    assert {s for s, *_ in order} == {0, 1, 2, 3}
    assert [(p.epoch, p.arch) for p in proposals] == [(epoch, arch) for _, epoch, arch in order]


def test_a_running_full_training_counts():
    """The first ladder needs one full training, the others two, two and four before it is due."""
    search = make()
    trial = 0
    while not search._full[0]:
        proposal = search.ask()
        if proposal.epoch < 27:
            search.tell(Observation(trial, proposal, (rugged(proposal),), 1.0))
        trial += 1
    assert search.ask().epoch == 3  # of the second ladder, though nothing was told at epoch 27
    search._full = [1, 2, 1, 0]
    assert search.ask().epoch == 9
    search._full = [1, 2, 2, 3]
    assert search.ask().epoch == 27
    search._full = [1, 2, 2, 4]  # all equal: the one with most rungs
    search.ask()
    assert search._full == [1, 2, 2, 4]


def test_each_bracket_ranks_its_own():
    """Two results at epoch 3 of one bracket and one of another: nobody is among a best third."""
    search = make()
    first, second = search._ladders[:2]
    for ladder, loss in ((first, 0.0), (second, 1.0), (second, 2.0)):
        proposal = type(search.ask())(NB201().sample(search.rng), 3)
        ladder.tell(proposal, loss, 0)
    assert first.climb() is None
    assert second.climb() is None


def test_one_worker_shares_full_trainings_as_hyperband_does():
    table = nasbench.load("lite201-digits")
    search = AsyncHyperband(table.space, fidelities=table.fidelities, seed=0, eta=2)
    run = replay(search, table, budget=Budget(trials=1600))
    counts = Counter(run.epochs.tolist())
    synchronous = {1: 8, 2: 8, 4: 8, 8: 8}  # brackets 8/4/2/1, 4/2/1, 4/2, 4
    for epoch, n in synchronous.items():
        assert counts[epoch] / len(run) == pytest.approx(n / 32, abs=0.06)
    full = search._full
    assert [n / sum(full) for n in full] == pytest.approx(
        [share / (1 + 4 / 3 + 2 + 4) for share in (1, 4 / 3, 2, 4)], abs=0.02
    )


def test_the_preset_is_that_of_the_published_runs():
    assert AsyncHyperband.presets == {"liamcli": {"eta": 4}}
