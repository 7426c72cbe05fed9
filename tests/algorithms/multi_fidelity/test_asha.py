from itertools import pairwise
from random import Random

import pytest

import nasbench
from algorithms.multi_fidelity.asha import ASHA
from nasbench.algorithm import Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.spaces.nb201 import NB201


@pytest.fixture(scope="module")
def table():
    return nasbench.load("lite201-digits")


def textbook(space, loss, order, seed, eta, epochs):
    """ASHA that looks through all rungs anew every time; ``order`` says which answer comes next."""
    rng = Random(seed)
    told = {epoch: [] for epoch in epochs}
    climbed = {epoch: set() for epoch in epochs}
    running, proposals = [], []
    for choice in order:
        if choice is None:
            for below, above in reversed(list(pairwise(epochs))):
                best = sorted(told[below])[: len(told[below]) // eta]
                free = [c for c in best if c[1] not in climbed[below]]
                if free:
                    climbed[below].add(free[0][1])
                    proposal = Proposal(free[0][2], above, free[0][1])
                    break
            else:
                proposal = Proposal(space.sample(rng), epochs[0])
            running.append((len(proposals), proposal))
            proposals.append(proposal)
        elif running:
            trial, proposal = running.pop(choice % len(running))
            told[proposal.epoch].append((loss(proposal), trial, proposal.arch))
    return proposals


@pytest.mark.parametrize("eta", [2, 3, 4])
def test_it_does_what_the_textbook_says_told_in_any_order(eta):
    epochs = tuple(eta**i for i in range(4))

    def loss(proposal):
        return float(sum((i + 2) * o for i, o in enumerate(proposal.arch)) % 9) - proposal.epoch

    for seed in range(5):
        rng = Random(seed)
        order = [None if rng.random() < 0.5 else int(rng.random() * 100) for _ in range(600)]
        search, running, proposals = ASHA(NB201(), fidelities=epochs, seed=seed, eta=eta), [], []
        for choice in order:
            if choice is None:
                running.append((len(proposals), search.ask()))
                proposals.append(running[-1][1])
            elif running:
                trial, proposal = running.pop(choice % len(running))
                search.tell(Observation(trial, proposal, (loss(proposal),), 1.0))
        assert proposals == textbook(NB201(), loss, order, seed, eta, epochs)
        assert {proposal.epoch for proposal in proposals} == set(epochs)


def test_a_walk_by_hand():
    """A rate of 2, each answer worse than the last: every second one at a rung lets one climb."""
    search = ASHA(NB201(), fidelities=(1, 2, 4), seed=0, eta=2)
    epochs = []
    for trial in range(11):
        proposal = search.ask()
        epochs.append(proposal.epoch)
        search.tell(Observation(trial, proposal, (float(trial),), 1.0))
    assert epochs == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1]


def test_the_preset_promotes_one_in_four(table):
    shares = {}
    for preset in (None, "liamcli"):
        run = nasbench.search(
            "asha",
            "lite201-digits",
            budget=Budget(trials=3000),
            preset=preset,
        )[0]
        epochs = sorted(set(run.epochs.tolist()))
        counts = [(run.epochs == epoch).sum() for epoch in epochs]
        shares[preset] = (epochs, counts[1] / counts[0])
    assert shares[None][0] == [3, 8]
    assert shares["liamcli"][0] == [2, 8]
    # a few more climb: those that do early may turn out not to be best
    assert 1 / 3 <= shares[None][1] < 1 / 3 + 0.03
    assert 1 / 4 <= shares["liamcli"][1] < 1 / 4 + 0.03


@pytest.mark.parametrize("workers", [1, 8])
def test_it_ends_when_all_have_climbed_as_far_as_they_can(table, workers):
    search = ASHA(table.space, fidelities=table.fidelities, seed=0, eta=2, initial=64)
    run = replay(search, table, budget=Budget(trials=1000), workers=workers)
    counts = [int((run.epochs == epoch).sum()) for epoch in (1, 2, 4, 8)]
    assert counts[0] == 64
    if workers == 1:
        assert len(run) == sum(counts)
    for below, above in pairwise(counts):
        assert below // 2 <= above <= below  # early climbers may turn out not to be the best


@pytest.mark.parametrize(("resume", "paid"), [(True, 9), (False, 13)])
def test_epochs_that_are_paid(resume, paid):
    """Up to epochs 1, 1, 2, 1, 1, 2, 4, 1: continued, the three that climb cost 1, 1 and 2."""
    table = nasbench.load("lite201-digits")
    for budget, n in ((paid, 8), (paid - 1, 7)):
        search = ASHA(table.space, fidelities=(1, 2, 4), seed=0, eta=2, resume=resume)
        run = replay(search, table, budget=Budget(epochs=budget))
        assert run.epochs.tolist() == [1, 1, 2, 1, 1, 2, 4, 1][:n]


def test_the_number_of_architectures_is_not_negative():
    with pytest.raises(InvalidArgumentError, match="initial = -5 must not be negative"):
        ASHA(NB201(), fidelities=(1, 3), seed=0, initial=-5)
