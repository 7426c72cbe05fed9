"""Searches of the adapter against loops as users of Nevergrad write them."""

import math

import numpy as np
import pytest
from toys import Hashed, Layers, OneDecision, OneOption, Unequal

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.testing import check_algorithm

ng = pytest.importorskip("nevergrad", reason="needs the extra nevergrad")

pytestmark = pytest.mark.filterwarnings("ignore::nevergrad.common.errors.NevergradWarning")
ONE, TWO = ("valid_accuracy",), ("valid_accuracy", "parameters")


def cells(benchmark, seed):
    labels = {d.name: ng.p.Choice(d.labels) for d in benchmark.space.decisions}
    parametrization = ng.p.Dict(**labels)
    parametrization.random_state.seed(seed)
    return parametrization


def by_hand(name, seed, trials, objectives=ONE, **arguments):
    """The architectures that ``Optimizer.minimize`` evaluates."""
    benchmark = nasbench.load("nb201-cifar10", objectives=objectives)
    asked = []

    def function(configuration):
        asked.append(benchmark.space.from_configuration(configuration))
        losses = benchmark.evaluate(asked[-1]).losses
        return losses[0] if len(losses) == 1 else list(losses)

    arguments = {"budget": trials} | arguments
    optimizer = ng.optimizers.registry[name](cells(benchmark, seed), **arguments)
    optimizer.minimize(function)
    return asked


def adapted(name, seed, trials, objectives=ONE, benchmark_id="nb201-cifar10", **settings):
    (run,) = nasbench.search(
        name,
        benchmark_id,
        seeds=[seed],
        budget=nasbench.Budget(trials=trials),
        objectives=objectives,
        replicate="mean",
        hyperparameters=settings,
    )
    return [tuple(arch) for arch in run.archs.tolist()]


@pytest.mark.parametrize(("name", "trials"), [("NGOpt", 100), ("TwoPointsDE", 40)])
def test_an_optimizer_is_the_loop(name, trials):
    assert adapted(f"nevergrad:{name}", 5, trials) == by_hand(name, 5, trials, budget=100)[:trials]


def test_the_budget_is_that_of_the_loop():
    expected = by_hand("NGOpt", 0, 25)
    assert adapted("nevergrad:NGOpt", 0, 25, budget=25) == expected
    assert adapted("nevergrad:NGOpt", 0, 25) != expected


def test_two_objectives_are_the_loop():
    assert adapted("nevergrad:DE", 2, 40, TWO, budget=40) == by_hand("DE", 2, 40, TWO)


def test_ordered_decisions_are_the_loop():
    benchmark = nasbench.load("fcnet-protein")
    found = {}
    for decision in benchmark.space.decisions:
        if decision.kind == "categorical":
            found[decision.name] = ng.p.Choice(decision.labels)
        elif decision.kind == "ordinal":
            found[decision.name] = ng.p.TransitionChoice(decision.labels)
        else:
            found[decision.name] = ng.p.TransitionChoice(decision.values)
    parametrization = ng.p.Dict(**found)
    parametrization.random_state.seed(1)
    optimizer = ng.optimizers.NGOpt(parametrization, budget=100)
    asked = []
    for _ in range(30):
        candidate = optimizer.ask()
        asked.append(benchmark.space.from_configuration(candidate.value))
        optimizer.tell(candidate, benchmark.evaluate(asked[-1]).losses[0])
    objectives = ("valid_mse",)
    assert adapted("nevergrad:NGOpt", 1, 30, objectives, "fcnet-protein") == asked


def test_a_family_takes_its_arguments():
    benchmark = nasbench.load("nb201-cifar10")
    family = ng.families.ParametrizedOnePlusOne(mutation="discrete", crossover=True)
    optimizer = family(cells(benchmark, 3), budget=100)
    asked = []
    for _ in range(40):
        candidate = optimizer.ask()
        asked.append(benchmark.space.from_configuration(candidate.value))
        optimizer.tell(candidate, benchmark.evaluate(asked[-1]).losses[0])
    settings = {"mutation": "discrete", "crossover": True}
    assert adapted("nevergrad:ParametrizedOnePlusOne", 3, 40, **settings) == asked


def test_the_global_generator_has_the_seed_and_is_left_alone():
    name = "HugeLognormalDiscreteOnePlusOne"  # draws from it

    np.random.seed(4)  # noqa: NPY002
    expected = by_hand(name, 4, 30)
    np.random.seed(0)  # noqa: NPY002
    before = str(np.random.get_state())  # noqa: NPY002
    assert adapted(f"nevergrad:{name}", 4, 30, budget=30) == expected
    assert str(np.random.get_state()) == before  # noqa: NPY002


def test_given_trials_are_told_as_in_the_loop():
    benchmark = nasbench.load("nb201-cifar10")
    given = [(benchmark.space.unrank(rank), float(rank)) for rank in range(0, 15_625, 1_000)]
    kind = ALGORITHMS.load("nevergrad:PSO")
    algorithm = kind(benchmark.space, fidelities=(200,), seed=0)
    optimizer = ng.optimizers.PSO(cells(benchmark, 0), budget=100)
    for arch, loss in given:
        algorithm.add(arch, (loss,))
        value = {d.name: d.labels[n] for d, n in zip(benchmark.space.decisions, arch, strict=True)}
        optimizer.tell(optimizer.parametrization.spawn_child(new_value=value), loss)
    found, expected = [], []
    for trial in range(60):
        proposal = algorithm.ask()
        found.append(proposal.arch)
        algorithm.tell(Observation(trial, proposal, (float(trial),), 1.0))
        candidate = optimizer.ask()
        expected.append(benchmark.space.from_configuration(candidate.value))
        optimizer.tell(candidate, float(trial))
    assert found == expected


def test_diverged_trainings_with_two_objectives():
    toy = Hashed(Unequal(), 2)
    kind = ALGORITHMS.load("nevergrad:DE")
    algorithm = kind(toy.space, fidelities=toy.fidelities, seed=0, objectives=2)
    for trial in range(30):
        proposal = algorithm.ask()
        losses = (math.inf, math.inf) if trial % 3 else (float(trial), 1.0)
        algorithm.tell(Observation(trial, proposal, losses, 1.0))
    assert algorithm.ask().arch in toy.space


@pytest.mark.parametrize(
    ("name", "toy"),
    [
        ("nevergrad:NGOpt", Hashed(OneDecision(), 2)),
        ("nevergrad:RandomSearch", Hashed(OneOption())),
        ("nevergrad:OnePlusOne", Hashed(Layers())),
    ],
)
def test_it_keeps_the_contract(name, toy):
    check_algorithm(ALGORITHMS.load(name), toy, n=9, changes={"budget": 9})


def test_a_family_that_is_sequential_waits_for_results():
    setting = {"fidelities": (1,), "seed": 0}
    found = ALGORITHMS.load("nevergrad:NonObjectOptimizer")(Layers(), method="COBYLA", **setting)
    first = found.ask()
    assert first is not None
    assert found.ask() is None
    assert ALGORITHMS.load("nevergrad:ParametrizedOnePlusOne")(Layers(), **setting).parallel


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("nevergrad:NGOp", {}, UnknownNameError, "did you mean 'NGOpt"),
        ("nevergrad:NGOpt", {"popsize": 3}, UnknownNameError, "'popsize'"),
        ("nevergrad:NGOpt", {"budget": 0}, InvalidArgumentError, "budget = 0"),
        ("nevergrad:NGOpt", {"num_workers": 0}, InvalidArgumentError, "num_workers = 0"),
        ("nevergrad:Cobyla", {"num_workers": 2}, InvalidArgumentError, "one candidate after"),
        ("nevergrad:ParametrizedOnePlusOne", {"mutation": "x"}, InvalidArgumentError, "mutation"),
        (
            "nevergrad:NonObjectOptimizer",
            {"method": "COBYLA", "num_workers": 2},
            InvalidArgumentError,
            "one candidate after",
        ),
        ("nevergrad:Chaining", {}, InvalidArgumentError, "'optimizers'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        adapted(name, 0, 3, **settings)
    assert "\n" not in str(caught.value)
