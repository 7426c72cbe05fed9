import math
from collections import Counter
from itertools import count
from random import Random

import pytest
from toys import drive_proposals

import nasbench
from algorithms.multi_fidelity.hyperband import Hyperband
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


@pytest.fixture(scope="module")
def table():
    return nasbench.load("lite201-digits")


@pytest.mark.parametrize(("rounding", "second"), [("hpbandster", (9, 3, 1)), ("paper", (12, 4, 1))])
def test_the_brackets_for_27_epochs(rounding, second):
    plan = [(27, 9, 3, 1), second, (6, 2), (4,)]
    expected = [
        epoch
        for sizes in plan
        for n, epoch in zip(sizes, (1, 3, 9, 27)[-len(sizes) :], strict=True)
        for _ in range(n)
    ]
    search = Hyperband(NB201(), fidelities=range(1, 28), seed=0, rounding=rounding)
    numbers = count()
    proposals = drive_proposals(search, lambda _: float(next(numbers) % 7), 2 * len(expected))
    assert [proposal.epoch for proposal in proposals] == 2 * expected


def textbook(table, n, seed, plan, rungs):
    """Hyperband as one function, on the mean of the training seeds."""
    rng, trials = Random(seed), []
    while len(trials) < n:
        for sizes in plan:
            alive = [table.space.sample(rng) for _ in range(sizes[0])]
            for rung, epoch in enumerate(rungs[-len(sizes) :]):
                trials += [(arch, epoch) for arch in alive]
                losses = [table.evaluate(arch, epoch=epoch).losses[0] for arch in alive]
                order = sorted(range(len(alive)), key=lambda i: (losses[i], i))
                n_next = sizes[rung + 1] if rung + 1 < len(sizes) else 0
                alive = [alive[i] for i in order[:n_next]]
    return trials[:n]


@pytest.mark.parametrize("resume", [True, False])
def test_it_does_what_the_textbook_says(table, resume):
    plan = ((8, 4, 2, 1), (4, 2, 1), (4, 2), (4,))
    for seed in range(5):
        search = Hyperband(
            table.space, fidelities=table.fidelities, seed=seed, eta=2, resume=resume
        )
        run = replay(search, table, budget=Budget(trials=150), replicate="mean")
        proposals = [(t.proposal.arch, t.proposal.epoch) for t in run.trials]
        assert proposals == textbook(table, 150, seed, plan, (1, 2, 4, 8))


@pytest.mark.parametrize(("resume", "epochs"), [(True, 92), (False, 120)])
def test_epochs_that_are_paid(table, resume, epochs):
    """Brackets 8/4/2/1, 4/2/1, 4/2, 4 at epochs 1, 2, 4, 8.

    From scratch 32 + (8 + 8 + 8) + (16 + 16) + 32 = 120; continued 8 + 4 + 4 + 4 = 20, then
    8 + 4 + 4 = 16, 16 + 8 = 24, and 32.
    """
    n = 15 + 7 + 6 + 4
    for budget, expected in ((epochs, n), (epochs - 1, n - 1)):
        search = Hyperband(table.space, fidelities=table.fidelities, seed=0, eta=2, resume=resume)
        assert len(replay(search, table, budget=Budget(epochs=budget))) == expected


def test_workers_do_not_change_how_many_train_how_long(table):
    """Whole cycles of brackets, told in any order."""
    search = Hyperband(NB201(), fidelities=(1, 3, 9, 27), seed=0)
    rng, running, told, started = Random(0), [], Counter(), 0
    while sum(told.values()) < 3 * (40 + 13 + 8 + 4):
        if len(running) < 8:
            running.append((started, search.ask()))
            started += 1
            continue
        trial, proposal = running.pop(int(rng.random() * 8))
        search.tell(Observation(trial, proposal, (rng.random(),), 1.0))
        told[proposal.epoch] += 1
    share = {epoch: n / sum(told.values()) for epoch, n in told.items()}
    expected = {1: 27 / 65, 3: 18 / 65, 9: 12 / 65, 27: 8 / 65}
    assert all(abs(share[epoch] - expected[epoch]) < 0.08 for epoch in expected)


def test_unknown_roundings_are_refused():
    with pytest.raises(InvalidArgumentError, match="rounding = 'floor'"):
        Hyperband(NB201(), fidelities=(1, 3), seed=0, rounding="floor")


def test_its_incumbent_is_better_than_random_search_at_the_same_epochs(table):
    budget, seeds, means = Budget(epochs=400), range(30), {}
    for name in ("hyperband", "random_search"):
        runs = nasbench.search(name, "lite201-digits", seeds=seeds, budget=budget)
        means[name] = sum(run.losses[run.epochs == 8, 0].min() for run in runs) / len(runs)
    assert means["hyperband"] < means["random_search"]


def test_the_preset_refills_rungs_as_hpbandster_does():
    """Everything diverges, and yet all rungs train their full numbers."""
    counts = []
    for settings in ({}, Hyperband.presets["hpbandster"]):
        search = Hyperband(NB201(), fidelities=(1, 3, 9), seed=0, **settings)
        counts.append([p.epoch for p in drive_proposals(search, lambda _: math.inf, 13)])
    assert counts == [[1] * 9 + [3] * 3 + [9], [1] * 9 + [3, 3, 3, 9]]
