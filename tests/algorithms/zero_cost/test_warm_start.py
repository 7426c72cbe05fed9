import pytest
from toys import drive

from algorithms import ALGORITHMS
from algorithms.parts.inner import Wrapper
from algorithms.zero_cost.warm_start import WarmStart
from nasbench.errors import InvalidArgumentError
from nasbench.runs.setup import registered_regressor
from nasbench.spaces.nb201 import NB201

STARTABLE = {
    "random_search": {},
    "local_search": {},
    "simulated_annealing": {},
    "regularized_evolution": {},
    "tournament_evolution": {},
    "genet": {},
    "cgp_es": {},
    "lemonade": {},
    "nsga2": {},
    "tpe": {},
    "asha": {},
    "hyperband": {},
    "bohb": {},
    "predictor_search": {},
}
REFUSED = {"reinforce", "cross_entropy", "mdenas", "metaqnn", "mcts_uct"}


def total(arch):
    return (float(sum(arch)),)


def made(search, **settings):
    settings = {"known": total, "pool": 200, "first": 20, "seed": 3} | settings
    return WarmStart(
        NB201(), fidelities=(1, 3, 9), search=search, regressors=registered_regressor, **settings
    )


@pytest.mark.parametrize("name", STARTABLE)
def test_the_first_proposals_are_the_best_of_the_pool(name):
    """In the order in which the inner algorithm draws; some take the last first."""
    search = made(name)
    best = search._best()
    search = made(name)
    first = drive(search, total, 3)
    assert set(first) <= set(best) | ({first[1], first[2]} if name in MOVES else set())
    if name not in MOVES:
        assert first == best[:3]


MOVES = {"local_search", "simulated_annealing", "cgp_es", "lemonade"}
"""Searches that may move on after their first architecture."""


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_who_does_not_begin_with_random_architectures_is_refused(name):
    with pytest.raises(InvalidArgumentError, match="does not begin with random") as error:
        made(name)
    assert "\n" not in str(error.value)


def test_the_rest_of_an_evolution_is_as_it_was():
    search = made("regularized_evolution", search_settings={"population": 8, "sample": 2}, first=8)
    archs = drive(search, total, 30)
    sums = [sum(arch) for arch in archs]
    assert sums[:8] == sorted(sums[:8], reverse=True)
    for place in range(8, 30):
        near = {a for arch in archs[:place] for a in search.space.neighbors(arch)}
        assert archs[place] in near
    assert type(search.space) is NB201
    assert search.space == NB201()


def test_wrappers_are_not_started():
    assert issubclass(ALGORITHMS.load("warm_start"), Wrapper)
    with pytest.raises(InvalidArgumentError, match="runs an inner algorithm itself"):
        made("warm_start")


def test_impossible_hyperparameters_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"first = 9 must be in 1..pool = 8"):
        made("random_search", pool=8, first=9)
    with pytest.raises(InvalidArgumentError, match="--known synflow"):
        made("random_search", known=None)
