import random
from itertools import islice

import numpy as np
import pytest

from algorithms.evolution.regularized_evolution import RegularizedEvolution
from algorithms.multi_fidelity.successive_halving import SuccessiveHalving
from algorithms.random_search import RandomSearch
from nasbench.benchmarks.instances.hidden_space import HiddenSpace
from nasbench.benchmarks.instances.instance import Index, Instance, _seeds_by_position
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.errors import IllegalArchError, InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay_bare

TABLES = ["nb201-imagenet16", "lite201-fashion", "fcnet-protein", "nbgraph-cora"]


@pytest.fixture(scope="module", params=TABLES)
def index(request):
    return Index(load(request.param))


def run(kind, benchmark, seed, **settings):
    algorithm = kind(benchmark.space, fidelities=benchmark.fidelities, seed=seed, **settings)
    return replay_bare(
        algorithm,
        benchmark,
        budget=Budget(trials=80),
        workers=1,
        seed=seed,
        replicate="draw",
        known=None,
        supernets=None,
    )


def columns(run):
    names = ("archs", "epochs", "resumes", "training_seeds", "losses", "starts", "ends")
    return [getattr(run, name).tolist() for name in names]


@pytest.mark.parametrize("kind", [RandomSearch, RegularizedEvolution, SuccessiveHalving])
def test_a_search_is_the_same_as_on_the_table(index, kind):
    settings = {"population": 10, "sample": 3} if kind is RegularizedEvolution else {}
    instance = Instance(index)
    for seed in range(2):
        mine = run(kind, instance, seed, **settings)
        theirs = run(kind, index.benchmark, seed, **settings)
        assert columns(mine) == columns(theirs)


def test_a_hidden_instance_has_the_results_of_what_an_architecture_stands_for(index):
    benchmark = index.benchmark
    hidden = HiddenSpace(benchmark.space, 7)
    stands_for = RelabelledSpace(benchmark.space, 7).to_whole
    instance = Instance(index, hidden, 7)
    rng = random.Random(1)
    archs = [hidden.sample(rng) for _ in range(100)]
    for arch in archs:
        whole = stands_for(arch)
        found, expected = instance.trainings(arch), benchmark.trainings(whole)
        assert found.seeds == expected.seeds
        assert found.key != expected.key
        for epoch in benchmark.fidelities:
            for seed in (None, *found.seeds):
                mine = instance.evaluate(arch, epoch=epoch, seed=seed)
                assert mine == benchmark.evaluate(whole, epoch=epoch, seed=seed)
        assert instance.final_loss(arch) == benchmark.evaluate(whole).losses[0]


def test_the_same_search_meets_other_trainings():
    index = Index(load("nb201-imagenet16"))
    space = index.benchmark.space
    drawn = []
    for seed in range(2):
        instance = Instance(index, HiddenSpace(space, 0), seed)
        drawn.append(run(RandomSearch, instance, 3))
    assert drawn[0].archs.tolist() == drawn[1].archs.tolist()
    assert drawn[0].training_seeds.tolist() != drawn[1].training_seeds.tolist()


@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_not_in_the_space_is_refused(index, hidden):
    space = index.benchmark.space
    instance = Instance(index, HiddenSpace(space, 2), 2) if hidden else Instance(index)
    (arch,) = islice(instance.space.archs(), 1)
    for wrong in (
        (-1, *arch[1:]),
        (99, *arch[1:]),
        arch[1:],
        (*arch, 0),
        list(arch),
        "a text",
        None,
        (0.5, *arch[1:]),
        tuple("abcdefghi"[: len(arch)]),
    ):
        with pytest.raises(IllegalArchError):
            instance.trainings(wrong)
        with pytest.raises(IllegalArchError):
            instance.evaluate(wrong)


def test_every_illegal_tuple_of_a_space_with_rules_is_refused():
    index = Index(load("nbgraph-cora"))
    hidden = HiddenSpace(index.benchmark.space, 3)
    instance = Instance(index, hidden, 3)
    ranks = range(int(np.prod(hidden.options)))
    illegal = [arch for arch in map(hidden.unrank, ranks) if not hidden.is_legal(arch)]
    assert len(illegal) == 9
    for arch in illegal:
        with pytest.raises(IllegalArchError):
            instance.trainings(arch)


def test_other_tables_are_refused():
    for benchmark in (
        load("lite201-digits", objectives=["valid_accuracy", "parameters"]),
        load("lite201-digits", objectives=["parameters"]),
        load("nbgraph-proteins"),
    ):
        with pytest.raises(InvalidArgumentError, match="no complete table"):
            Index(benchmark)


def test_seeds_by_position_are_those_of_the_table():
    seeds = np.array([777, 888, 999, 777, 888, 1000], dtype=np.int32)
    first = np.array([0, 3, 4, 6])
    assert _seeds_by_position(seeds, first) == [(777, 888, 999), (777,), (888, 1000)]
    many = np.arange(200, dtype=np.int32)
    assert _seeds_by_position(many, np.array([0, 1, 200])) == [(0,), tuple(range(1, 200))]
