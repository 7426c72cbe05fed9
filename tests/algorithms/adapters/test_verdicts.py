"""What is declared of optimisers of other packages is what they do."""

import pytest
from threadpoolctl import threadpool_limits
from toys import Hashed, Unequal

import nasbench
from algorithms import ALGORITHMS
from algorithms.adapters.verdicts import VERDICTS
from nasbench.algorithm import Observation, hyperparameters, make
from nasbench.errors import AlgorithmError, MissingExtraError, NasbenchError
from nasbench.runs.replay import replay
from nasbench.testing.another_process import in_another_process

TRIALS = 13
OBJECTIVES = ("valid_accuracy", "parameters")
SETTINGS = {  # models begin within so many trials, and are cheap
    "smac:HyperparameterOptimizationFacade": {"n_trials": 20, "challengers": 50},
    "smac:BlackBoxFacade": {"n_trials": 40, "challengers": 50},
    "smac:AlgorithmConfigurationFacade": {"n_trials": 20},
    "smac:MultiFidelityFacade": {"n_trials": 20, "challengers": 50},
    "synetune:REA": {"population_size": 5},
}

ONE_THREAD = ("synetune:BORE", "synetune:ASHABORE")
"""XGBoost's threads spin while they wait: minutes where other tests run beside."""


class Here:
    """Sends this file to another process."""


def load(name):
    try:
        return ALGORITHMS.load(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def made(name, benchmark, seed=0):
    kind = ALGORITHMS.load(name)
    return make(
        kind,
        benchmark.space,
        fidelities=benchmark.fidelities,
        seed=seed,
        hyperparameters=hyperparameters(kind, SETTINGS.get(name, {})),
        objectives=len(benchmark.objectives),
        resumable=len(benchmark.schedules) == 1,
    )


def cifar10(name):
    return nasbench.load("nb201-cifar10", objectives=OBJECTIVES[: ALGORITHMS.load(name).least])


def searched(name, seed, threads):
    with threadpool_limits(threads):
        benchmark = cifar10(name)
        budget = nasbench.Budget(trials=TRIALS)
        run = replay(made(name, benchmark, seed), benchmark, budget=budget, seed=seed)
    return run.archs.tolist()


@pytest.mark.parametrize("name", VERDICTS)
def test_the_same_seed(name):
    load(name)
    here = searched(name, 3, 1)
    threads = 1 if name in ONE_THREAD else 2
    there = in_another_process(searched, name, 3, threads, kinds=[Here])
    assert len(here) == TRIALS
    assert (here == there) == VERDICTS[name].reproducible


@pytest.mark.parametrize("name", VERDICTS)
def test_late_and_unordered_results(name):
    load(name)
    benchmark = Hashed(Unequal(), ALGORITHMS.load(name).least)
    algorithm = made(name, benchmark)
    trial = 0
    for _ in range(4):
        waiting = []
        while len(waiting) < 4 and (proposal := algorithm.ask()) is not None:
            waiting.append((trial, proposal))
            trial += 1
        assert len(waiting) > 1 or not VERDICTS[name].parallel
        for number, proposal in reversed(waiting):
            found = benchmark.evaluate(proposal.arch, epoch=proposal.epoch)
            algorithm.tell(Observation(number, proposal, found.losses, found.seconds))
    assert trial >= 4


@pytest.mark.parametrize("name", VERDICTS)
def test_given_trials(name):
    load(name)
    benchmark = cifar10(name)
    algorithm = made(name, benchmark)
    archs = [benchmark.space.unrank(rank) for rank in range(0, 15_625, 800)]
    given = [(arch, benchmark.evaluate(arch).losses) for arch in archs]
    if VERDICTS[name].warm_start:
        for arch, losses in given:
            algorithm.add(arch, losses)
        assert algorithm.ask().arch in benchmark.space
    else:
        with pytest.raises(AlgorithmError, match="cannot start from given trials"):
            algorithm.add(*given[0])


@pytest.mark.parametrize("name", VERDICTS)
def test_two_objectives(name):
    load(name)
    benchmark = nasbench.load("nb201-cifar10", objectives=OBJECTIVES)
    budget = nasbench.Budget(trials=TRIALS)
    if VERDICTS[name].objectives:
        run = replay(made(name, benchmark), benchmark, budget=budget, seed=0)
        assert run.losses.shape == (TRIALS, 2)
    else:
        with pytest.raises(NasbenchError):
            replay(made(name, benchmark), benchmark, budget=budget, seed=0)
