"""Searches of the adapter against loops as users of pymoo write them."""

import numpy as np
import pytest
from toys import Hashed, Layers, OneDecision, Unequal

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Observation
from nasbench.errors import (
    AlgorithmError,
    InvalidArgumentError,
    MissingExtraError,
    UnknownNameError,
)
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

pymoo = pytest.importorskip("pymoo", reason="needs the extra pymoo")

from pymoo.algorithms.moo.moead import MOEAD  # noqa: E402
from pymoo.algorithms.moo.nsga2 import NSGA2  # noqa: E402
from pymoo.algorithms.moo.nsga3 import NSGA3  # noqa: E402
from pymoo.algorithms.moo.rvea import RVEA  # noqa: E402
from pymoo.algorithms.soo.nonconvex.pso import PSO  # noqa: E402
from pymoo.core.mixed import MixedVariableGA  # noqa: E402
from pymoo.core.population import Population  # noqa: E402
from pymoo.core.problem import ElementwiseProblem  # noqa: E402
from pymoo.core.variable import Choice  # noqa: E402
from pymoo.operators.crossover.sbx import SBX  # noqa: E402
from pymoo.operators.mutation.pm import PM  # noqa: E402
from pymoo.operators.repair.rounding import RoundingRepair  # noqa: E402
from pymoo.operators.sampling.rnd import IntegerRandomSampling  # noqa: E402
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding  # noqa: E402
from pymoo.optimize import minimize  # noqa: E402
from pymoo.util.ref_dirs import get_reference_directions  # noqa: E402

from algorithms.adapters.pymoo import adapt  # noqa: E402

TWO = ("valid_accuracy", "parameters")
TRIALS = 100


def operators():
    """What the documentation of pymoo shows for integers."""
    return {
        "sampling": IntegerRandomSampling(),
        "crossover": SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        "mutation": PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
    }


class Cells(ElementwiseProblem):
    """Cells of NAS-Bench-201, of which every evaluation is noted."""

    def __init__(self, benchmark, **variables):
        super().__init__(n_obj=len(benchmark.objectives), **variables)
        self.benchmark = benchmark
        self.asked = []

    def _evaluate(self, x, out, *args, **kwargs):
        arch = self.arch(x)
        self.asked.append(arch)
        out["F"] = list(self.benchmark.evaluate(arch).losses)


class Integers(Cells):
    def __init__(self, benchmark):
        super().__init__(benchmark, n_var=6, xl=0, xu=4, vtype=int)

    def arch(self, x):
        return tuple(x.tolist())


class Reals(Cells):
    def __init__(self, benchmark):
        super().__init__(benchmark, n_var=6, xl=0, xu=5)

    def arch(self, x):
        return tuple(np.minimum(x.astype(int), 4).tolist())


class Choices(Cells):
    def __init__(self, benchmark):
        decisions = benchmark.space.decisions
        super().__init__(benchmark, vars={d.name: Choice(options=d.labels) for d in decisions})

    def arch(self, x):
        return self.benchmark.space.from_configuration(x)


def by_hand(kind, algorithm, seed, objectives=TWO, generations=50):
    problem = kind(nasbench.load("nb201-cifar10", objectives=objectives))
    minimize(problem, algorithm, ("n_gen", generations), seed=seed)
    assert len(problem.asked) >= TRIALS
    return problem.asked[:TRIALS]


def adapted(name, seed, objectives=TWO, **settings):
    (run,) = nasbench.search(
        name,
        "nb201-cifar10",
        seeds=[seed],
        budget=nasbench.Budget(trials=TRIALS),
        objectives=objectives,
        replicate="mean",
        hyperparameters=settings,
    )
    return [tuple(arch) for arch in run.archs.tolist()]


def test_nsga2_is_the_loop():
    algorithm = NSGA2(pop_size=12, **operators(), eliminate_duplicates=True)
    assert adapted("pymoo:NSGA2", 3, pop_size=12) == by_hand(Integers, algorithm, 3, generations=9)


class Own(NSGA2):
    """NSGA-II of mine."""

    def __init__(self, *, pop_size: int = 12, **operators):
        super().__init__(pop_size=pop_size, n_offsprings=pop_size, **operators)


class OwnSwarm(PSO):
    """PSO of mine."""


Own, OwnSwarm = (adapt(kind, __name__) for kind in (Own, OwnSwarm))


def test_a_class_of_ones_own_is_searched_like_the_one_that_it_is_derived_from():
    assert adapted(Own, 3) == adapted("pymoo:NSGA2", 3, pop_size=12)
    one = TWO[:1]
    expected = adapted("pymoo:PSO", 1, one, pop_size=10)
    assert adapted(OwnSwarm, 1, one, pop_size=10) == expected
    with pytest.raises(InvalidArgumentError, match="takes 1 objective, there are 2"):
        adapted(OwnSwarm, 1, pop_size=10)


def test_nsga2_with_one_offspring_is_the_loop():
    algorithm = NSGA2(pop_size=12, n_offsprings=1, **operators())
    expected = by_hand(Integers, algorithm, 1, generations=90)
    assert adapted("pymoo:NSGA2", 1, pop_size=12, n_offsprings=1) == expected


def test_nsga3_is_the_loop():
    directions = get_reference_directions("uniform", 2, n_partitions=7)
    expected = by_hand(Integers, NSGA3(directions, **operators()), 2, generations=14)
    assert adapted("pymoo:NSGA3", 2, partitions=7) == expected


def test_moead_is_the_loop():
    directions = get_reference_directions("uniform", 2, n_partitions=9)
    expected = by_hand(Integers, MOEAD(directions, n_neighbors=4, **operators()), 4, generations=11)
    assert adapted("pymoo:MOEAD", 4, partitions=9, n_neighbors=4) == expected


def test_rvea_is_the_loop():
    directions = get_reference_directions("uniform", 2, n_partitions=7)
    expected = by_hand(Integers, RVEA(directions, **operators()), 2, generations=20)
    assert adapted("pymoo:RVEA", 2, partitions=7, generations=20) == expected


@pytest.mark.parametrize("objectives", [TWO, TWO[:1]])
def test_a_genetic_algorithm_on_choices_is_the_loop(objectives):
    survival = {"survival": RankAndCrowding()} if len(objectives) > 1 else {}
    algorithm = MixedVariableGA(pop_size=10, **survival)
    expected = by_hand(Choices, algorithm, 5, objectives, generations=11)
    assert adapted("pymoo:MixedVariableGA", 5, objectives, pop_size=10) == expected


def test_a_swarm_is_the_loop():
    expected = by_hand(Reals, PSO(pop_size=10), 6, TWO[:1], generations=10)
    assert adapted("pymoo:PSO", 6, TWO[:1], pop_size=10) == expected


def test_given_trials_are_the_first_generation():
    benchmark = nasbench.load("nb201-cifar10", objectives=TWO)
    archs = [benchmark.space.unrank(rank) for rank in range(0, 15_625, 1_250)]
    algorithm = ALGORITHMS.load("pymoo:NSGA2")(
        benchmark.space, fidelities=(200,), seed=0, objectives=2, pop_size=len(archs)
    )
    for arch in archs:
        algorithm.add(arch, benchmark.evaluate(arch).losses)
    found = []
    for trial in range(TRIALS):
        proposal = algorithm.ask()
        found.append(proposal.arch)
        losses = benchmark.evaluate(proposal.arch).losses
        algorithm.tell(Observation(trial, proposal, losses, 1.0))

    given = Population.new(X=np.array(archs))
    problem = Integers(benchmark)
    start = operators() | {"sampling": given}
    minimize(problem, NSGA2(pop_size=len(archs), **start), ("n_gen", 10), seed=0)
    assert problem.asked[: len(archs)] == archs
    assert found == problem.asked[len(archs) :][:TRIALS]
    with pytest.raises(AlgorithmError, match="before its first proposal only"):
        algorithm.add(archs[0], (1.0, 1.0))


def test_few_given_trials_are_filled_up():
    benchmark = nasbench.load("nb201-cifar10", objectives=TWO)
    algorithm = ALGORITHMS.load("pymoo:NSGA2")(
        benchmark.space, fidelities=(200,), seed=0, objectives=2, pop_size=10
    )
    for rank in range(3):
        arch = benchmark.space.unrank(rank)
        algorithm.add(arch, benchmark.evaluate(arch).losses)
    waiting = []
    while (proposal := algorithm.ask()) is not None:
        waiting.append(proposal)
    assert len(waiting) == 7
    for trial, proposal in enumerate(reversed(waiting)):
        algorithm.tell(Observation(trial, proposal, (1.0, 1.0), 1.0))
    assert algorithm.ask() is not None


@pytest.mark.parametrize(
    ("name", "settings", "n"),
    [("NSGA2", {}, 100), ("GA", {"pop_size": 20}, 20), ("MixedVariableGA", {}, 50), ("PSO", {}, 0)],
)
def test_the_first_population_is_declared_as_random(name, settings, n):
    kind = ALGORITHMS.load(f"pymoo:{name}")
    made = kind(NB201(), fidelities=(200,), seed=0, objectives=kind.least, **settings)
    assert made.random_trials == n


def test_the_search_of_a_small_space_ends():
    toy = Hashed(OneDecision(), 2)
    kind = ALGORITHMS.load("pymoo:NSGA2")
    algorithm = kind(toy.space, fidelities=toy.fidelities, seed=0, objectives=2)
    found = [algorithm.ask() for _ in range(4)]
    assert {proposal.arch for proposal in found[:3]} == {(0,), (1,), (2,)}
    assert found[3] is None
    for trial, proposal in enumerate(found[:3]):
        losses = toy.evaluate(proposal.arch).losses
        algorithm.tell(Observation(trial, proposal, losses, 1.0))
    assert algorithm.ask() is None


@pytest.mark.parametrize(
    ("name", "settings", "toy"),
    [
        ("pymoo:NSGA2", {"pop_size": 10}, Hashed(Layers(), 2)),
        ("pymoo:MOEAD", {"partitions": 9, "n_neighbors": 3}, Hashed(Unequal(), 2)),
        ("pymoo:MixedVariableGA", {"pop_size": 10}, Hashed(Layers())),
        ("pymoo:DE", {"pop_size": 10}, Hashed(Unequal())),
    ],
)
def test_it_keeps_the_contract(name, settings, toy):
    check_algorithm(ALGORITHMS.load(name), toy, n=40, changes=settings)


@pytest.mark.parametrize(
    ("name", "settings", "objectives", "error", "message"),
    [
        ("pymoo:NSGAII", {}, TWO, UnknownNameError, "did you mean 'NSGA"),
        ("pymoo:DNSGA2", {}, TWO, UnknownNameError, "'NSGA2'"),
        ("pymoo:NSGA2", {"population": 3}, TWO, UnknownNameError, "'population'"),
        ("pymoo:NSGA3", {}, TWO[:1], InvalidArgumentError, "2 or more objectives, there is 1"),
        ("pymoo:GA", {}, TWO, InvalidArgumentError, "takes 1 objective, there are 2"),
        ("pymoo:NSGA3", {"partitions": 0}, TWO, InvalidArgumentError, "partitions = 0"),
        ("pymoo:RVEA", {"generations": 0}, TWO, InvalidArgumentError, "generations = 0"),
        ("pymoo:NSGA2", {"pop_size": 0}, TWO, InvalidArgumentError, "pop_size = 0"),
        ("pymoo:DE", {"variant": "DE"}, TWO[:1], InvalidArgumentError, "valid variant"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, objectives, error, message):
    with pytest.raises(error, match=message) as caught:
        adapted(name, 0, objectives, **settings)
    assert "\n" not in str(caught.value)


def test_what_pymoo_needs_itself_is_named():
    try:
        import numba  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match="numba"):
            ALGORITHMS.load("pymoo:AGEMOEA")
    else:
        assert len(adapted("pymoo:AGEMOEA", 0, pop_size=10)) == TRIALS


@pytest.mark.parametrize("wrong", [{"pop_size": 2_000_000_000}, {"partitions": 2_000_000_000}])
def test_what_no_memory_holds_is_refused(wrong):
    name = "pymoo:NSGA3" if "partitions" in wrong else "pymoo:NSGA2"
    with pytest.raises(InvalidArgumentError, match="must be at most 100,000"):
        ALGORITHMS.load(name)(Layers(), fidelities=(1,), seed=0, objectives=2, **wrong)
