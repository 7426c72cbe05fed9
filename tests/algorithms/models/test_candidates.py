import math
import random

import pytest
from toys import Layers

from algorithms.models.candidates import lowest, mutants, mutants_or_unseen, pool, unseen
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201


@pytest.mark.parametrize("left", [0, 1, 7, 300])
def test_the_rest_of_a_space_is_found_to_the_last_architecture(left):
    space = NB201()
    archs = list(space.archs())
    random.Random(0).shuffle(archs)
    found = unseen(space, 300, random.Random(1), set(archs[left:]))
    assert sorted(found) == sorted(archs[:left])


@pytest.mark.parametrize("n", [0, -3])
def test_none_are_found_without_a_draw_where_none_are_asked_for(n):
    rng = random.Random(0)
    before = rng.getstate()
    assert unseen(NB201(), n, rng, ()) == []
    assert rng.getstate() == before


def test_unseen_architectures_are_different_and_new():
    space, rng = NB101(), random.Random(0)
    seen = dict.fromkeys(unseen(space, 200, rng, ()))
    found = unseen(space, 200, rng, seen)
    assert len(seen) == len(set(found)) == 200
    assert not seen.keys() & set(found)
    assert all(arch in space for arch in found)


def test_mutants_are_of_the_first_parents_until_there_are_enough():
    space, rng = NB201(), random.Random(0)
    parents = unseen(space, 10, rng, ())
    asked = []

    def mutate(arch):
        asked.append(arch)
        return space.mutate(arch, rng)

    found = mutants(parents, 20, set(parents), mutate)
    assert len(found) == len(set(found)) == 20
    assert asked[:20] == [parents[0]] * 20
    assert list(dict.fromkeys(asked)) == parents[: len(set(asked))]
    asked.clear()
    mutants(parents, 20, set(parents), mutate, at_once=2)
    assert asked[:20] == [parents[0]] * 10 + [parents[1]] * 10


def test_mutants_are_fewer_where_parents_have_no_others():
    space, rng = NB201(), random.Random(0)
    parent = (0,) * 6
    seen = set(space.neighbors(parent))
    one = seen.pop()
    assert mutants([parent], 100, seen, lambda arch: space.mutate(arch, rng)) in ([one], [])


def test_random_architectures_join_where_mutants_are_few():
    rng = random.Random(0)
    space, parents = Layers(), [(1, 0, 1)]
    neighbors = set(space.neighbors(parents[0]))
    few = mutants_or_unseen(space, parents, 100, 1, rng, {}, patience=5)
    assert set(few) <= neighbors
    some = mutants_or_unseen(space, parents, 100, 10, rng, {}, patience=5)
    assert len(set(some)) == len(some) == 10
    everything = mutants_or_unseen(space, parents, 100, 99, rng, {parents[0]}, patience=5)
    assert len(everything) == len(set(everything)) == space.size - 1


def test_a_pool_is_the_space_or_a_sample_of_it():
    rng = random.Random(0)
    space = Layers()
    archs = list(space.archs())
    assert pool(space, 100, rng, {archs[0]}) == archs[1:]
    sample = pool(NB201(), 100, rng, {archs[0]})
    assert len(set(sample)) == len(sample) == 100


def test_the_lowest_are_the_lowest_in_order():
    archs = [(0,), (1,), (2,), (3,)]
    assert lowest(archs, [2.0, 1.0, 2.0, 0.0], 3) == [(3,), (1,), (0,)]
    assert lowest(archs, [2.0, math.nan, 2.0, 0.0], 3) == []
    assert lowest(archs, [2.0, math.inf, 2.0, 0.0], 3) == []
