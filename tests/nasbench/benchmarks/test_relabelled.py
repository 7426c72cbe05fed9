"""A hidden instance asks the same question in other words."""

import random
from collections import Counter

import numpy as np
import pytest
from toys import Hashed, Layers, Ruled, Switched, Tiny, Unequal

import nasbench
from nasbench.algorithm import make
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.benchmarks.relabelled import Relabelled
from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.errors import IllegalArchError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.runs.setup import load_algorithm, registered_regressor
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.testing.benchmarks import check_benchmark
from nasbench.testing.spaces import check_space

SPACES = [Tiny(), Ruled(), Switched(), Layers(), Unequal(), NB201(), NB101()]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_a_relabelled_space_keeps_the_contract(space):
    check_space(RelabelledSpace(space, 1), n=20)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_architectures_stand_for_others_one_by_one(space):
    relabelled = RelabelledSpace(space, 2)
    rng = random.Random(0)
    for arch in (space.sample(rng) for _ in range(50)):
        other = relabelled.from_whole(arch)
        assert relabelled.to_whole(other) == arch
        assert relabelled.to_whole_many(np.array([other])).tolist() == [list(arch)]
        labels = {d.name: d.labels[o] for d, o in zip(space.decisions, arch, strict=True)}
        others = {d.name: d.labels[o] for d, o in zip(relabelled.decisions, other, strict=True)}
        assert labels == others
        mine, theirs = relabelled.graph(other), space.graph(arch)
        if theirs is not None:
            assert mine.labels == theirs.labels


def test_options_with_an_order_are_at_most_reversed():
    found = set()
    for seed in range(20):
        space = RelabelledSpace(Unequal(), seed)
        kinds = {d.name: d for d in space.decisions}
        found.add(kinds["c"].labels)
        assert dict(zip(kinds["d"].labels, kinds["d"].values, strict=True)) == {
            "0": 1.0, "1": 2.0, "2": 4.0, "3": 8.0,
        }  # fmt: skip
    assert found == {tuple("0123456"), tuple("6543210")}


def test_seeds_give_different_orders_of_decisions_and_options():
    spaces = {RelabelledSpace(NB201(), seed) for seed in range(20)}
    assert len(spaces) == 20
    assert len({tuple(d.name for d in space.decisions) for space in spaces}) > 15
    assert RelabelledSpace(NB201(), 3) == RelabelledSpace(NB201(), 3)


@pytest.mark.parametrize("id_", ["lite201-digits", "fcnet-protein"])
def test_a_hidden_instance_of_a_table_keeps_the_contract(id_):
    known = ("synflow",) if id_ == "lite201-digits" else ()
    check_benchmark(Relabelled(load(id_, known=known), 1), n=2)


def test_a_part_of_a_space_is_relabelled_too():
    part = RecordedSpace(Unequal(), np.array([0, 3, 17, 30, 31, 55]))
    hidden = Relabelled(Hashed(part), 4)
    assert hidden.space.size == 6
    assert {hidden.whole(arch) for arch in hidden.space.archs()} == set(part.archs())
    check_space(hidden.space, n=20)


def test_what_is_no_architecture_is_refused():
    hidden = Relabelled(Hashed(Layers()), 0)
    for arch in ((0,), (0, 0, 0, 0), (-1, 0, 1), (0, 9, 0), [0, 9, 0], None, "x", 0):
        with pytest.raises(IllegalArchError):
            hidden.evaluate(arch)


def searched(name, benchmark, seed, replicate, n=60):
    kind = load_algorithm(name)
    algorithm = make(
        kind,
        benchmark.space,
        fidelities=benchmark.fidelities,
        seed=seed,
        hyperparameters={},
        resumable=True,
        regressors=registered_regressor,
    )
    budget = Budget(trials=n)
    return replay(algorithm, benchmark, budget=budget, seed=seed, replicate=replicate)


@pytest.mark.parametrize("name", ["random_search", "local_search", "regularized_evolution"])
def test_what_uses_the_space_alone_makes_the_same_search(name):
    benchmark = nasbench.load("lite201-digits")
    hidden = Relabelled(benchmark, 7)
    plain = searched(name, benchmark, 3, "mean")
    other = searched(name, hidden, 3, "mean")
    archs = [hidden.whole(tuple(arch)) for arch in other.archs.tolist()]
    assert archs == list(map(tuple, plain.archs.tolist()))
    assert (other.archs != plain.archs).any()
    assert np.array_equal(other.losses, plain.losses)
    assert np.array_equal(other.ends, plain.ends)


def test_the_same_seed_draws_other_trainings():
    benchmark = nasbench.load("lite201-digits")
    plain = searched("random_search", benchmark, 3, "draw", n=300)
    other = searched("random_search", Relabelled(benchmark, 7), 3, "draw", n=300)
    same = (plain.training_seeds == other.training_seeds).mean()
    assert 0.2 < same < 0.47  # of three seeds
    assert set(Counter(other.training_seeds.tolist())) == {0, 1, 2}
