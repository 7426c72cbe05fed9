import random

import pytest

from algorithms.models.candidates import mutants, unseen
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201


@pytest.mark.parametrize("left", [0, 1, 7, 300])
def test_the_rest_of_a_space_is_found_to_the_last_architecture(left):
    space = NB201()
    archs = list(space.archs())
    random.Random(0).shuffle(archs)
    found = unseen(space, 300, random.Random(1), set(archs[left:]))
    assert sorted(found) == sorted(archs[:left])


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
