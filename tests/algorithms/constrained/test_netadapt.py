from math import inf
from random import Random

import pytest
from toys import Numbers, drive, rugged

import nasbench
from algorithms.constrained.netadapt import NetAdapt
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import KnownNumbers, replay


class Sizes(Numbers, options=(4, 4, 3)):
    """Forty-eight architectures; more is larger."""


GAINS = ((9.0, 4.0, 1.0), (8.0, 3.0, 2.0), (7.0, 0.5))


def total(arch):
    return (float(sum(arch)),)


def convex(arch):
    """Every unit of cost gains less than the one before."""
    return 50 - sum(g for gains, n in zip(GAINS, arch, strict=True) for g in gains[:n])


def uneven(arch):
    return (float(arch[0] ** 2 + 3 * arch[1] + 2.5 * arch[2]),)


class Watched(NetAdapt):
    """Notes the steps of every descent: current, saving asked for, candidates."""

    def _next_step(self):
        found = super()._next_step()
        self.steps = [*getattr(self, "steps", ()), (self._current, self._saving, self._candidates)]
        return found


def made(kind=NetAdapt, known=total, seed=0, space=None, **settings):
    return kind(space or Sizes(), fidelities=(1,), seed=seed, known=known, **settings)


def least(limit):
    return min(convex(arch) for arch in Sizes().archs() if sum(arch) <= limit)


@pytest.mark.parametrize("limit", range(8))
def test_where_gains_shrink_the_first_descent_ends_at_the_optimum_under_the_limit(limit):
    search = made(Watched, limit=float(limit))
    drive(search, convex, 200)
    ends = [step[0] for step in search.steps[1:]]
    first = ends[: ends.index(None)]
    last = min(search.steps[len(first)][2], key=convex)
    assert [convex(arch) for arch in [*first, last]] == [least(n) for n in range(8, limit - 1, -1)]


def test_the_first_descent_starts_with_the_costliest():
    assert [drive(made(seed=seed), rugged, 1) for seed in range(4)] == [[(3, 3, 2)]] * 4


@pytest.mark.parametrize("choice", ["ratio", "loss"])
@pytest.mark.parametrize("delta", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("decay", [1.0, 0.7])
def test_every_proposal_saves_enough_and_no_more_than_needed(choice, delta, decay):
    search = made(Watched, uneven, choice=choice, delta=delta, decay=decay)
    drive(search, rugged, 60)
    descents = 0
    for current, _, candidates in search.steps:
        if current is None:
            descents += 1
            if candidates:
                saving = delta * uneven(candidates[0])[0]
            continue
        (cost,) = uneven(current)
        expected = []
        for i in range(3):
            less = [a for a in Sizes().neighbors(current) if a[i] < current[i]]
            less = [a for a in less if uneven(a)[0] <= cost - saving]
            expected += [a for a in less if uneven(a) == max(map(uneven, less))]
        assert candidates == expected
        saving *= decay
    assert descents > 2


def textbook(table, n, *, delta, decay, choice):
    """The first descent as one function; what it trains, in order."""
    space, trained = table.space, {}

    def loss(arch):
        return trained.setdefault(arch, table.evaluate(arch).losses[0])

    def parameters(arch):
        return table.known_numbers(arch)[0][0]

    here = max(space.archs(), key=parameters)
    saving = delta * parameters(here)
    loss(here)
    while True:
        near = []
        for i in range(len(here)):
            fits = [
                a
                for a in space.neighbors(here)
                if a[i] != here[i] and parameters(a) <= parameters(here) - saving
            ]
            near += [a for a in fits if parameters(a) == max(map(parameters, fits))]
        if not near:
            return list(trained)[:n]
        keys = {}
        for arch in near:
            rise = loss(arch) - loss(here)
            saved = parameters(here) - parameters(arch)
            keys[arch] = (rise / saved if choice == "ratio" else loss(arch), loss(arch))
        here, saving = min(near, key=keys.get), saving * decay


@pytest.mark.parametrize("preset", [None, "netadapt", "code"])
def test_it_does_what_the_textbook_says(preset):
    table = nasbench.load("nb201-cifar10", known=("parameters",))
    settings = {"delta": 0.01, "decay": 1.0, "choice": "ratio"} | NetAdapt.presets.get(preset, {})
    known = KnownNumbers(table)
    search = NetAdapt(table.space, fidelities=(200,), seed=0, known=known, **settings)
    expected = textbook(table, 200, **settings)
    assert len(expected) > 20
    budget = Budget(trials=len(expected))
    run = replay(search, table, budget=budget, replicate="mean", known=known)
    assert [trial.proposal.arch for trial in run.trials] == expected


def test_a_ratio_prefers_what_saves_more():
    """From (3, 3, 2), losses rise by 2 for 5, by 2 for 3 and by 4 for 2.5."""
    losses = {(3, 3, 2): 1.0, (2, 3, 2): 3.0, (3, 2, 2): 2.9, (3, 3, 1): 5.0}
    ends = {}
    for choice in ("ratio", "loss"):
        search = made(Watched, uneven, choice=choice)
        drive(search, lambda arch: losses.get(arch, 9.0), 5)
        ends[choice] = search.steps[2][0]
    assert ends == {"ratio": (2, 3, 2), "loss": (3, 2, 2)}


def test_nothing_is_trained_twice_and_all_is_trained_in_the_end():
    for known in (total, lambda arch: (1.0,), lambda arch: (float("nan"),)):
        archs = drive(made(known=known), rugged, 100)
        assert sorted(archs) == list(Sizes().archs())


def test_diverged_trainings_are_chosen_last():
    def loss(arch):
        return inf if Random(str(arch)).random() < 0.5 or arch == (3, 3, 2) else rugged(arch)

    search = made(Watched)
    drive(search, loss, 48)
    before = None
    for current, _, candidates in search.steps:
        if current is not None and before and loss(current) == inf:
            assert {loss(a) for a in before} == {inf}
        before = candidates


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delta": 1.0}, "delta = 1.0"),
        ({"delta": -0.1}, "delta = -0.1"),
        ({"decay": 0.0}, "decay = 0.0"),
        ({"choice": "los"}, "choice = 'los'; did you mean 'loss'"),
        ({"known": None}, "--known parameters"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
