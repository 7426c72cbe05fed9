import pytest
from toys import drive

from algorithms.zero_cost.zero_cost_evolution import ZeroCostEvolution
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201


def total(arch):
    return (float(sum(arch)),)


def weighted(arch):
    return (float(sum(option * 5**i for i, option in enumerate(arch))),)


def made(known=weighted, **settings):
    settings = {"population": 6, "sample": 6, "pool": 50} | settings
    return ZeroCostEvolution(NB201(), fidelities=(9,), seed=0, known=known, **settings)


def test_it_starts_with_the_best_of_the_pool_in_order():
    scores = [weighted(arch)[0] for arch in drive(made(), total, 6)]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("repeats", [False, True])
def test_each_move_is_the_best_neighbour_of_the_winner(repeats):
    """A tournament of all members has the best of the last six as its winner."""
    search = made(random_move=0.0, repeats=repeats)
    archs = drive(search, total, 20)
    for place in range(6, 20):
        members = archs[place - 6 : place]
        winner = min(members, key=lambda arch: (sum(arch), archs.index(arch)))
        near = set(search.space.neighbors(winner)) - (set() if repeats else set(archs[:place]))
        assert archs[place] == max(near, key=weighted)
    assert (len(set(archs)) < 20) == repeats


def test_random_moves_ask_for_no_score():
    asked = []
    search = made(known=lambda arch: asked.append(arch) or weighted(arch), random_move=1.0)
    archs = drive(search, total, 30)
    assert len(set(asked)) == 50
    assert len(set(archs)) == 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 51}, "population = 51 must be in 1..pool = 50"),
        ({"sample": 7}, "sample = 7"),
        ({"random_move": 1.5}, "random_move = 1.5"),
        ({"known": None}, "--known synflow"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
