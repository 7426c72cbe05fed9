from math import inf, nan
from random import Random

import pytest
from toys import Layers, Numbers, rugged

from algorithms.models.costs import Costs, Untried, varied
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201


class Levels(Numbers, options=(3, 4, 2)):
    """Twenty-four architectures."""


def total(arch):
    return (float(sum(arch)), nan)


def test_an_undefined_cost_is_infinite():
    assert Costs(total, 0, None)((1, 2, 0)) == 3
    assert Costs(total, 1, None)((1, 2, 0)) == inf
    assert Costs(total, 1, None).allows((1, 2, 0))
    assert not Costs(total, 1, 1e30).allows((1, 2, 0))


def test_the_limit_is_included():
    costs = Costs(total, 0, 3.0)
    assert [costs.allows((a, 2, 0)) for a in range(3)] == [True, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_where_parts_add_up_the_extremes_are_found(seed):
    costs = Costs(total, 0, None)
    start = Levels().sample(Random(seed))
    assert costs.extreme(Levels(), start, sign=1) == (2, 3, 1)
    assert costs.extreme(Levels(), start, sign=-1) == (0, 0, 0)


def test_an_extreme_is_one_of_its_neighbourhood_and_never_undefined():
    def known(arch):
        return (nan if rugged(arch) < 5 else rugged(arch),)

    space, costs = NB201(), Costs(known, 0, None)
    for seed in range(10):
        start = space.sample(Random(seed))
        for sign in (1, -1):
            found = costs.extreme(space, start, sign=sign)
            near = [costs(a) * sign for a in space.neighbors(found) if costs(a) < inf]
            assert costs(found) * sign >= max(near)


def test_what_is_refused_or_tried_is_not_drawn():
    asked = []
    untried = Untried(Levels(), Random(0), lambda arch: asked.append(arch) or arch[0] == 1)
    untried.tried.add((0, 0, 0))
    found = []
    while (arch := untried.draw()) is not None:
        found.append(arch)
    assert sorted(found) == [a for a in Levels().archs() if a[0] != 1 and any(a)]
    assert len(asked) == len(set(asked)) == 23
    assert untried.draw() is None


def test_varied_gives_legal_options():
    space = Layers()
    assert list(varied(space, (0, 1, 0), 0)) == [(0, (0, 1, 0)), (1, (1, 1, 0))]
    assert [option for option, _ in varied(space, (1, 2, 1), 1)] == [0, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, 0, None), "--known parameters"),
        ((total, -1, None), "column = -1"),
        ((total, 0, nan), "limit = nan"),
    ],
)
def test_impossible_costs_are_refused(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        Costs(*arguments)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"column = 2, but .* possible are 0\.\.1"):
        Costs(total, 2, None)((0, 0, 0))
