"""Where results belong to a network, searches know it in every spelling."""

from random import Random

import pytest

from algorithms.local.hill_climb import HillClimb
from algorithms.local.local_search import LocalSearch
from algorithms.multi_objective.lemonade import Lemonade
from algorithms.tree_search.lanas import LaNAS
from nasbench.algorithm import Algorithm, Observation
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

TRIALS = 120


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [
        (LocalSearch, {}),
        (LocalSearch, {"at_minimum": "continue"}),
        (LocalSearch, {"full_neighborhood": True}),
        (LaNAS, LaNAS.presets["lamcts"]),
    ],
)
def test_no_network_is_trained_twice(algorithm: type[Algorithm], settings: dict) -> None:
    space, seen = NB101(), set()
    search = algorithm(space, fidelities=(108,), seed=0, **settings)
    for trial in range(TRIALS):
        proposal = search.ask()
        network = space.canonical(proposal.arch)
        assert network not in seen
        seen.add(network)
        search.tell(Observation(trial, proposal, (Random(repr(network)).random(),), 1.0))


def test_children_are_other_networks_than_their_parent() -> None:
    space = NB101()
    climb = HillClimb(space, fidelities=(108,), seed=0)
    rng = Random(1)
    for _ in range(20):
        parent = space.sample(rng)
        children = [space.canonical(child) for child in climb._edited(parent)]
        assert space.canonical(parent) not in children
        assert len(set(children)) == len(children)
    search = Lemonade(space, fidelities=(108,), seed=0)
    archs = [space.sample(rng) for _ in range(3)]
    search._seen.update(map(space.key, archs))
    networks = [space.canonical(child) for child in search._edited(archs, [(0.0,)] * 3, 30)]
    assert len(set(networks)) == len(networks) == 30
    assert not {space.canonical(arch) for arch in archs} & {*networks}


def test_a_key_is_what_results_belong_to() -> None:
    same = (0, 4, 1, 1, 0, 0)
    assert NB201().key(same) == same != NB201().canonical(same)
    space, rng = NB101(), Random(0)
    for _ in range(20):
        arch = space.sample(rng)
        assert space.key(arch) == space.canonical(arch)
