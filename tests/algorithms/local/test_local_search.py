from random import Random

import pytest
from toys import Numbers, drive, rugged

import nasbench
from algorithms.local.local_search import LocalSearch
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay


class Grid(Numbers, options=(6, 6, 6)):
    """Three decisions of six options, neighbouring tuples differ in one."""


def smooth(arch):
    return float(sum(arch))


def textbook(space, loss, n, seed, initial, full, at_minimum="restart"):
    """The algorithm as one function: climbs until nothing better is near, then starts anew.

    Or, with ``at_minimum="continue"``, first goes on from what it has not climbed from.

    Random numbers are drawn, and lists are worked off from their end, as in our class.
    """
    rng, losses, climbed = Random(seed), {}, set()

    def train(arch):
        if len(losses) == n:
            raise StopIteration
        losses[arch] = loss(arch)
        return losses[arch]

    try:
        while True:
            start = []
            for _ in range(100 * initial):
                arch = space.sample(rng)
                if arch not in losses and arch not in start:
                    start.append(arch)
                if len(start) == initial:
                    break
            if not start:
                return list(losses)
            for arch in reversed(start):
                train(arch)
            centre = min(reversed(start), key=losses.get)
            while True:
                climbed.add(centre)
                unseen = [arch for arch in space.neighbors(centre) if arch not in losses]
                ranked = sorted((rng.random(), arch) for arch in unseen)
                better = []
                for _, arch in reversed(ranked):
                    if train(arch) < losses[centre]:
                        better.append(arch)
                        if not full:
                            break
                if not better and at_minimum == "continue":
                    better = [arch for arch in losses if arch not in climbed]
                if not better:
                    break
                centre = min(better, key=losses.get)
    except StopIteration:
        return list(losses)


@pytest.mark.parametrize("at_minimum", ["restart", "continue"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("initial", [1, 4, 10])
@pytest.mark.parametrize("loss", [rugged, smooth, lambda arch: 1.0])
def test_it_does_what_the_textbook_says(loss, initial, full, at_minimum):
    for seed in range(10):
        search = LocalSearch(
            Grid(),
            fidelities=(1,),
            seed=seed,
            initial=initial,
            full_neighborhood=full,
            at_minimum=at_minimum,
        )
        expected = textbook(Grid(), loss, 150, seed, initial, full, at_minimum)
        assert drive(search, loss, 150) == expected


@pytest.mark.parametrize("at_minimum", ["restart", "continue"])
@pytest.mark.parametrize("full", [False, True])
def test_it_does_what_the_textbook_says_on_the_published_table(full, at_minimum):
    table = nasbench.load("nb201-cifar10")

    def loss(arch):
        return table.evaluate(arch).losses[0]

    for seed in range(3):
        settings = {"full_neighborhood": full, "at_minimum": at_minimum}
        search = LocalSearch(table.space, fidelities=(200,), seed=seed, **settings)
        expected = textbook(table.space, loss, 300, seed, 10, full, at_minimum)
        run = replay(search, table, budget=Budget(trials=300), replicate="mean")
        assert [trial.proposal.arch for trial in run.trials] == expected


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("at_minimum", ["restart", "continue"])
def test_nothing_is_trained_twice(workers, full, at_minimum):
    table = nasbench.load("nb201-cifar10")
    settings = {"full_neighborhood": full, "at_minimum": at_minimum}
    search = LocalSearch(table.space, fidelities=(200,), seed=1, **settings)
    run = replay(search, table, budget=Budget(trials=600), workers=workers)
    archs = [trial.proposal.arch for trial in run.trials]
    assert len(set(archs)) == len(archs) == 600


def test_a_smooth_landscape_is_climbed_to_the_end():
    for seed in range(5):
        search = LocalSearch(Grid(), fidelities=(1,), seed=seed, initial=1)
        archs = drive(search, smooth, 60)
        assert (0, 0, 0) in archs
        until = archs[: archs.index((0, 0, 0)) + 1]
        centre = until[0]
        for arch in until[1:]:  # every step is a neighbour of the best so far
            assert arch in set(Grid().neighbors(centre))
            centre = min(centre, arch, key=smooth)


def test_the_whole_neighbourhood_comes_before_a_move():
    search = LocalSearch(Grid(), fidelities=(1,), seed=0, initial=1, full_neighborhood=True)
    archs = drive(search, smooth, 16)
    assert set(archs[1:]) == set(Grid().neighbors(archs[0]))


def test_at_a_minimum_it_continues_from_the_best_it_has_not_climbed_from():
    losses = iter([3.0, 5.0, 4.0, *[6.0 + k / 16 for k in range(60)]])
    search = LocalSearch(Grid(), fidelities=(1,), seed=0, initial=3, at_minimum="continue")
    archs = drive(search, lambda _: next(losses), 63)
    grid, seen, order = Grid(), set(archs[:3]), [0, 2, 1, 3, 4]
    place = 3
    for trial in order:  # nothing is better than its centre: all neighbours, then the next centre
        near = {arch for arch in grid.neighbors(archs[trial]) if arch not in seen}
        assert set(archs[place : place + len(near)]) == near
        place += len(near)
        seen |= near
    assert place > 40


def test_it_restarts_when_there_is_nothing_to_continue_from():
    class Isles(Grid):
        def is_legal(self, arch):
            return arch[0] == arch[1] == arch[2]

    search = LocalSearch(Isles(), fidelities=(1,), seed=0, initial=2, at_minimum="continue")
    assert sorted(drive(search, smooth, 10)) == [(k, k, k) for k in range(6)]


def test_the_preset_changes_the_trace():
    runs = [
        nasbench.search(
            "local_search", "nb201-cifar10", seeds=[0], budget=Budget(trials=200), preset=preset
        )[0]
        for preset in (None, "naszilla")
    ]
    assert runs[0].trials[:98] == runs[1].trials[:98]  # to the first minimum
    assert runs[0].trials != runs[1].trials


@pytest.mark.parametrize("at_minimum", ["restart", "continue"])
def test_a_small_space_is_searched_whole_and_then_the_search_ends(at_minimum):
    search = LocalSearch(Grid(), fidelities=(1,), seed=0, at_minimum=at_minimum)
    archs = drive(search, rugged, 1000)
    assert len(archs) > 200
    assert len(set(archs)) == len(archs)
    assert search.ask() is None


def test_a_better_neighbour_stops_the_others_when_told_late():
    search = LocalSearch(Grid(), fidelities=(1,), seed=0, initial=1)
    first = search.ask()
    assert search.ask() is None
    search.tell(Observation(0, first, (5.0,), 1.0))
    running = [search.ask() for _ in range(4)]
    search.tell(Observation(2, running[1], (3.0,), 1.0))
    assert search.ask() is None  # the others may be better still
    search.tell(Observation(1, running[0], (2.0,), 1.0))
    search.tell(Observation(4, running[3], (6.0,), 1.0))
    assert search.ask() is None
    search.tell(Observation(3, running[2], (4.0,), 1.0))
    assert search.ask().arch in set(Grid().neighbors(running[0].arch))


def test_the_number_of_random_architectures_is_positive():
    with pytest.raises(InvalidArgumentError, match="initial = 0 must be at least 1"):
        LocalSearch(Grid(), fidelities=(1,), seed=0, initial=0)


def test_what_to_do_at_a_minimum_is_restart_or_continue():
    with pytest.raises(InvalidArgumentError, match="at_minimum = 'stop'"):
        LocalSearch(Grid(), fidelities=(1,), seed=0, at_minimum="stop")
