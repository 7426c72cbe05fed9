from math import inf, nan
from random import Random

import pytest
from toys import Numbers, drive, rugged

from algorithms.constrained.submodular_greedy import SubmodularGreedy
from nasbench.errors import InvalidArgumentError


class Subsets(Numbers, options=(2,) * 8):
    """A block at each of eight positions, or none."""


class Sizes(Numbers, options=(4, 4, 3)):
    """Forty-eight architectures; more is larger."""


GAINS = ((9.0, 4.0, 1.0), (8.0, 3.0, 2.0), (7.0, 0.5))


def convex(arch):
    return 50 - sum(g for gains, n in zip(GAINS, arch, strict=True) for g in gains[:n])


class Watched(SubmodularGreedy):
    """Notes the blocks of every pass."""

    def _start(self):
        self.added = [*getattr(self, "added", ()), []]
        return super()._start()

    def _add(self, current, block):
        super()._add(current, block)
        self.added[-1].append((block.decision, block.option))


def made(space, known, kind=SubmodularGreedy, seed=0, **settings):
    return kind(space, fidelities=(1,), seed=seed, known=known, **settings)


def coverage(seed):
    """A submodular loss and a cost: each block covers some of thirty items."""
    rng = Random(seed)
    items = [{i for i in range(30) if rng.random() < 0.25} for _ in range(8)]
    prices = [1 + int(rng.random() * 9) for _ in range(8)]
    values = [1 + rng.random() for _ in range(30)]

    def loss(arch):
        covered = set().union(*(items[i] for i in range(8) if arch[i]))
        return 100 - sum(values[i] for i in sorted(covered))

    return loss, lambda arch: (float(sum(p for p, a in zip(prices, arch, strict=True) if a)),)


def eager(loss, known, limit, *, by_cost):
    """The greedy algorithm that measures every gain in every step; the blocks in order."""
    here, added = (0,) * 8, []
    while True:
        best = None
        for i in range(8):
            other = (*here[:i], 1, *here[i + 1 :])
            if here[i] or known(other)[0] > limit:
                continue
            gain = loss(here) - loss(other)
            gain = gain / (known(other)[0] - known(here)[0]) if by_cost else gain
            if gain > 0 and (best is None or gain > best[0]):
                best = gain, i, other
        if best is None:
            return added
        added.append((best[1], 1))
        here = best[2]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("upgrade", [True, False])
def test_lazy_is_eager_where_gains_shrink_and_trains_less(seed, upgrade):
    loss, known = coverage(seed)
    for limit in (6.0, 20.0, 1000.0):
        search = made(Subsets(), known, Watched, limit=limit, upgrade=upgrade)
        archs = drive(search, loss, 100)
        expected = [eager(loss, known, limit, by_cost=by_cost) for by_cost in (True, False)]
        assert search.added[:2] == expected
        assert len(search.added) > 2
        assert all(known(arch)[0] <= limit for arch in archs)
    first = archs.index(tuple(int((i, 1) in expected[0]) for i in range(8)))
    assert first + 1 < 1 + sum(range(9 - len(expected[0]), 9))


def test_the_first_step_trains_the_empty_architecture_and_all_blocks():
    archs = drive(made(Sizes(), lambda arch: (float(sum(arch)),)), convex, 9)
    alone = [(a, 0, 0) for a in (1, 2, 3)] + [(0, a, 0) for a in (1, 2, 3)]
    assert archs == [(0, 0, 0), *alone, (0, 0, 1), (0, 0, 2)]


@pytest.mark.parametrize("limit", range(9))
def test_with_upgrades_the_first_pass_ends_at_the_optimum_under_the_limit(limit):
    search = made(Sizes(), lambda a: (float(sum(a)),), Watched, limit=float(limit))
    archs = drive(search, convex, 60)
    best = min(convex(arch) for arch in Sizes().archs() if sum(arch) <= limit)
    here = [0, 0, 0]
    for decision, option in search.added[0]:
        here[decision] = option
    assert convex(here) == best
    assert all(sum(arch) <= limit for arch in archs)


def test_a_filled_position_stays_without_upgrades():
    for seed in range(3):
        search = SubmodularGreedy.presets["rcas"]
        search = made(Sizes(), lambda a: (float(sum(a)),), Watched, **search)
        drive(search, lambda arch, seed=seed: rugged((seed, *arch)), 48)
        for blocks in search.added:
            assert len({decision for decision, _ in blocks}) == len(blocks)


def test_a_gain_without_cost_comes_first_and_the_second_pass_goes_by_gain():
    class Pair(Numbers, options=(2, 2)):
        """Block 0 costs nothing, block 1 much."""

    losses = {(0, 0): 9.0, (1, 0): 8.0, (0, 1): 2.0, (1, 1): 1.0}
    added = {}
    for seed in range(8):
        search = made(Pair(), lambda arch: (5.0 * arch[1],), Watched, seed=seed)
        (empty, *_) = drive(search, losses.get, 5)
        added[empty] = search.added[:2]
    assert added == {
        (0, 0): [[(0, 1), (1, 1)], [(1, 1), (0, 1)]],
        (1, 0): [[(1, 1)], [(1, 1)]],
    }


@pytest.mark.parametrize("upgrade", [True, False])
@pytest.mark.parametrize("loss", [rugged, lambda arch: inf if rugged(arch) < 20 else 1.0])
def test_all_within_the_limit_is_trained_once_in_the_end(upgrade, loss):
    def known(arch):
        return (nan if arch == (1, 2, 1) else float(sum(arch)),)

    for limit in (None, 4.0, -1.0):
        allowed = [a for a in Sizes().archs() if limit is None or known(a)[0] <= limit]
        archs = drive(made(Sizes(), known, limit=limit, upgrade=upgrade), loss, 100)
        assert sorted(archs) == allowed


def test_it_needs_a_cost():
    with pytest.raises(InvalidArgumentError, match="--known parameters"):
        made(Sizes(), None)
