import math
from random import Random

import pytest
from toys import drive_proposals

import nasbench
from algorithms.multi_fidelity.successive_halving import SuccessiveHalving
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


@pytest.fixture(scope="module")
def table():
    return nasbench.load("lite201-digits")


def textbook(table, n, seed, initial, eta, epochs):
    """Rounds of successive halving as one function, on the mean of the training seeds."""
    rng, trials = Random(seed), []

    def train(arch, epoch):
        trials.append((arch, epoch))
        return table.evaluate(arch, epoch=epoch).losses[0]

    while len(trials) < n:
        alive = [table.space.sample(rng) for _ in range(initial)]
        for rung, epoch in enumerate(epochs):
            losses = [train(arch, epoch) for arch in alive]
            order = sorted(range(len(alive)), key=lambda i: (losses[i], i))
            alive = [alive[i] for i in order[: max(initial // eta ** (rung + 1), 1)]]
    return trials[:n]


@pytest.mark.parametrize(
    ("settings", "initial", "eta", "epochs"),
    [
        ({}, 3, 3, (3, 8)),
        ({"eta": 2}, 8, 2, (1, 2, 4, 8)),
        ({"eta": 2, "initial": 20}, 20, 2, (1, 2, 4, 8)),
        ({"eta": 4, "initial": 3, "resume": False}, 3, 4, (2, 8)),
    ],
)
def test_it_does_what_the_textbook_says(table, settings, initial, eta, epochs):
    for seed in range(5):
        search = SuccessiveHalving(table.space, fidelities=table.fidelities, seed=seed, **settings)
        run = replay(search, table, budget=Budget(trials=120), replicate="mean")
        proposals = [(t.proposal.arch, t.proposal.epoch) for t in run.trials]
        assert proposals == textbook(table, 120, seed, initial, eta, epochs)


@pytest.mark.parametrize(("resume", "epochs"), [(True, 20), (False, 32)])
def test_epochs_that_are_paid(table, resume, epochs):
    """Eight, four, two and one architectures up to epochs 1, 2, 4, 8.

    From scratch 8 * 1 + 4 * 2 + 2 * 4 + 1 * 8 = 32; continued 8 * 1 + 4 * 1 + 2 * 2 + 1 * 4 = 20.
    """
    for budget, n in ((epochs, 15), (epochs - 1, 14)):
        search = SuccessiveHalving(
            table.space, fidelities=table.fidelities, seed=0, eta=2, resume=resume
        )
        run = replay(search, table, budget=Budget(epochs=budget))
        assert len(run) == n


def test_seconds_that_are_saved(table):
    """A continued training costs what is between the two epochs, and a validation."""
    runs = [
        replay(
            SuccessiveHalving(
                table.space, fidelities=table.fidelities, seed=0, eta=2, resume=resume
            ),
            table,
            budget=Budget(trials=15),
            replicate=0,
        )
        for resume in (True, False)
    ]
    continued, scratch = (run.trials for run in runs)
    saved = 0.0
    for a, b in zip(continued, scratch, strict=True):
        assert (a.proposal.arch, a.proposal.epoch) == (b.proposal.arch, b.proposal.epoch)
        if a.proposal.resumes is not None:
            parent = continued[a.proposal.resumes].proposal
            before = table.evaluate(parent.arch, epoch=parent.epoch, seed=0)
            saved += before.seconds - before.validation_seconds
    assert saved > 0
    assert scratch[-1].end - continued[-1].end == pytest.approx(saved)


def test_the_number_of_architectures_is_not_negative(table):
    with pytest.raises(InvalidArgumentError, match="initial = -1 must not be negative"):
        SuccessiveHalving(table.space, fidelities=(1, 8), seed=0, initial=-1)


def test_the_preset_refills_rungs_as_hpbandster_does():
    """Everything diverges, and yet all rungs train their full numbers."""
    counts = []
    for settings in ({}, SuccessiveHalving.presets["hpbandster"]):
        search = SuccessiveHalving(NB201(), fidelities=(1, 3, 9), seed=0, **settings)
        counts.append([p.epoch for p in drive_proposals(search, lambda _: math.inf, 13)])
    assert counts == [[1] * 13, [1] * 9 + [3, 3, 3, 9]]
