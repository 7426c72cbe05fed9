import itertools
from random import Random

import pytest
from toys import Numbers, drive, mean_best, rugged

import nasbench
from algorithms.local.coordinate_search import CoordinateSearch
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.testing import check_algorithm


class Uneven(Numbers, options=(2, 1, 7, 3)):
    """Decisions of 2, 1, 7 and 3 options."""


def textbook(space, loss, n, seed, *, initial=1, order="random"):
    """The descent as one function, over a dictionary of what was trained."""
    rng, losses = Random(seed), {}
    sizes = space.options
    choices = [i for i, size in enumerate(sizes) if size > 1]

    def train(archs):
        for arch in reversed(archs):
            if arch not in losses:
                if len(losses) == n:
                    raise StopIteration
                losses[arch] = loss(arch)
        return min(archs, key=losses.get)

    def sweeps():
        while True:
            ranked = [(rng.random(), i) for i in reversed(choices)] if order == "random" else []
            yield from [i for _, i in sorted(ranked, reverse=True)] or choices

    try:
        while True:
            start = []
            for _ in range(1000):
                arch = space.sample(rng)
                if arch not in losses and arch not in start:
                    start.append(arch)
                if len(start) == initial:
                    break
            if not start:
                return list(losses)
            here, helpless = train(start), set()
            for i in sweeps():
                if i not in helpless:
                    best = train([(*here[:i], o, *here[i + 1 :]) for o in range(sizes[i])])
                    if losses[best] < losses[here]:
                        here, helpless = best, set()
                    helpless.add(i)
                if len(helpless) == len(choices):
                    break
    except StopIteration:
        return list(losses)


@pytest.mark.parametrize("order", ["random", "cyclic"])
@pytest.mark.parametrize("initial", [1, 5])
def test_it_does_what_the_textbook_says(order, initial):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(5):
        settings = {"initial": initial, "order": order}
        search = CoordinateSearch(table.space, fidelities=(200,), seed=seed, **settings)
        run = replay(search, table, budget=Budget(trials=300), replicate="mean")
        expected = textbook(table.space, loss, 300, seed, **settings)
        assert [trial.proposal.arch for trial in run.trials] == expected
        search = CoordinateSearch(Uneven(), fidelities=(1,), seed=seed, **settings)
        assert drive(search, rugged, 40) == textbook(Uneven(), rugged, 40, seed, **settings)


@pytest.mark.parametrize("order", ["random", "cyclic"])
def test_a_separable_loss_is_minimised_after_one_sweep(order):
    def loss(arch):
        return (arch[0] - 1) ** 2 + (arch[2] - 4) ** 2 + 10 * abs(arch[3] - 1)

    for seed in range(10):
        search = CoordinateSearch(Uneven(), fidelities=(1,), seed=seed, order=order)
        archs = drive(search, loss, 1 + 1 + 6 + 2)
        assert min(archs, key=loss) == (1, 0, 4, 1)


def test_the_cyclic_order_is_that_of_the_space():
    search = CoordinateSearch(Uneven(), fidelities=(1,), seed=0, order="cyclic")
    archs = drive(search, lambda arch: 1.0, 10)
    changed = [next(i for i in range(4) if arch[i] != archs[0][i]) for arch in archs[1:]]
    assert changed == [0] + [2] * 6 + [3] * 2


class Watched(CoordinateSearch):
    """Notes where every descent ended."""

    def _move(self):
        super()._move()
        self.reached = self._center

    def _restart(self):
        self.ends = [*getattr(self, "ends", ()), self.reached]
        super()._restart()


def test_every_descent_ends_where_no_decision_helps():
    space = nasbench.load("nb201-cifar10").space
    search = Watched(space, fidelities=(1,), seed=0)
    drive(search, rugged, 3000)
    start, *minima = search.ends
    assert start is None
    assert len(minima) > 20
    for arch in minima:
        assert all(rugged(arch) <= rugged(other) for other in space.neighbors(arch))


def test_a_small_space_is_searched_whole_and_then_the_search_ends():
    search = CoordinateSearch(Uneven(), fidelities=(1,), seed=0)
    archs = drive(search, rugged, 1000)
    assert sorted(archs) == sorted(itertools.product(range(2), [0], range(7), range(3)))
    assert search.ask() is None


def test_a_decision_is_settled_when_all_its_options_are_told():
    search = CoordinateSearch(Uneven(), fidelities=(1,), seed=0, order="cyclic", initial=2)
    first = [search.ask(), search.ask()]
    assert search.ask() is None
    search.tell(Observation(1, first[1], (2.0,), 1.0))
    assert search.ask() is None
    search.tell(Observation(0, first[0], (1.0,), 1.0))
    assert search.ask().arch == (1 - first[0].arch[0], *first[0].arch[1:])
    assert search.ask() is None


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("coordinate_search", 40) < mean_best("random_search", 40) - 0.1


def test_it_keeps_the_contract_in_a_fixed_order(recorded):
    check_algorithm(CoordinateSearch, recorded("plain"), changes={"order": "cyclic"}, n=60)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"initial": 0}, "initial = 0 must be at least 1"),
        ({"order": "cycle"}, "order = 'cycle'; did you mean 'cyclic'"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        CoordinateSearch(Uneven(), fidelities=(1,), seed=0, **setting)
