"""Searches of the adapter against loops as users of SMAC write them."""

import logging
import math

import pytest
from toys import Hashed, Layers, OneDecision, Unequal

import nasbench
from algorithms import ALGORITHMS
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.testing import check_algorithm

smac = pytest.importorskip("smac", reason="needs the extra smac")
ConfigSpace = pytest.importorskip("ConfigSpace", reason="needs the extra smac")

from smac.multi_objective.parego import ParEGO  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
CHALLENGERS = 100  # of 10,000 by default, which take a second for every model
FACADE = "smac:HyperparameterOptimizationFacade"


@pytest.fixture(autouse=True)
def same_order(monkeypatch):
    """The hash of a configuration is that of its numbers, not of a text.

    SMAC begins local searches in the order of a set: with Python's hashes of texts, the loop of a
    user gives another search in every process.
    """

    def by_numbers(configuration):
        return hash(tuple(configuration.get_array().tolist()))

    monkeypatch.setattr(ConfigSpace.Configuration, "__hash__", by_numbers)


def written(space):
    """What a user writes."""
    found = ConfigSpace.ConfigurationSpace()
    for decision in space.decisions:
        if decision.kind == "categorical":
            found.add(ConfigSpace.Categorical(decision.name, decision.labels))
        else:
            values = [int(v) if v == int(v) else v for v in decision.values]
            if decision.name.startswith("dropout"):
                values = list(map(float, values))
            found.add(ConfigSpace.OrdinalHyperparameter(decision.name, values))
    return found


def by_hand(
    benchmark, folder, trials, seed, *, facade=smac.HyperparameterOptimizationFacade, **more
):
    """What ``facade.optimize()`` trains: architectures and budgets."""
    facade = facade or smac.HyperparameterOptimizationFacade
    asked = []
    names = [f"loss {i}" for i in range(len(benchmark.objectives))]

    def target(configuration, seed=0, budget=None):
        arch = benchmark.space.from_configuration(dict(configuration))
        epoch = budget and min(benchmark.fidelities, key=lambda e: (abs(e - budget), e))
        asked.append((arch, epoch or benchmark.fidelities[-1]))
        losses = benchmark.evaluate(arch, epoch=epoch and int(epoch)).losses
        return losses[0] if len(names) == 1 else dict(zip(names, losses, strict=True))

    if "min_budget" not in more:

        def without_budget(configuration, seed=0):
            return target(configuration, seed)

    else:
        without_budget = target
    scenario = smac.Scenario(
        written(benchmark.space),
        objectives=names if len(names) > 1 else names[0],
        deterministic=True,
        n_trials=trials,
        seed=seed,
        output_directory=folder,
        **more,
    )
    maximizer = facade.get_acquisition_maximizer(scenario, challengers=CHALLENGERS)
    combined = {"multi_objective_algorithm": ParEGO(scenario)} if len(names) > 1 else {}
    facade(
        scenario, without_budget, acquisition_maximizer=maximizer, logging_level=False, **combined
    ).optimize()
    return asked


def searched(name, benchmark_id, trials, seed, settings=None, **keywords):
    (run,) = nasbench.search(
        name,
        benchmark_id,
        seeds=[seed],
        budget=nasbench.Budget(trials=trials),
        replicate="mean",
        hyperparameters=settings or {},
        **keywords,
    )
    return run


def trained(run):
    return [
        (tuple(arch), epoch) for arch, epoch in zip(run.archs.tolist(), run.epochs, strict=True)
    ]


@pytest.mark.parametrize("benchmark_id", ["nb201-cifar10", "fcnet-protein"])
def test_hyperparameter_optimization_is_the_loop(benchmark_id, tmp_path):
    expected = by_hand(nasbench.load(benchmark_id), tmp_path, 20, 5)
    run = searched(FACADE, benchmark_id, 20, 5, {"n_trials": 20, "challengers": CHALLENGERS})
    assert trained(run) == expected
    assert len(expected) == 20


def test_parego_is_the_loop(tmp_path):
    objectives = ("valid_accuracy", "parameters")
    benchmark = nasbench.load("nb201-cifar10", objectives=objectives)
    expected = by_hand(benchmark, tmp_path, 15, 1)
    settings = {"n_trials": 15, "challengers": CHALLENGERS}
    run = searched(FACADE, "nb201-cifar10", 15, 1, settings, objectives=objectives)
    assert trained(run) == expected


def test_a_facade_with_budgets_is_the_loop(tmp_path):
    benchmark = nasbench.load("lite201-fashion")
    facade = smac.MultiFidelityFacade
    expected = by_hand(benchmark, tmp_path, 30, 2, facade=facade, min_budget=1, max_budget=6)
    settings = {"n_trials": 30, "challengers": CHALLENGERS}
    run = searched("smac:MultiFidelityFacade", "lite201-fashion", 30, 2, settings)
    assert trained(run) == expected
    assert {2, 6} == set(run.epochs.tolist())
    for trial in run.trials:
        if trial.proposal.resumes is not None:
            parent = run.trials[trial.proposal.resumes].proposal
            assert parent.arch == trial.proposal.arch
            assert (parent.epoch, trial.proposal.epoch) == (2, 6)
    assert (run.resumes >= 0).sum() >= 5


def test_configurations_that_are_not_deterministic_are_trained_again():
    settings = {"n_trials": 12, "challengers": CHALLENGERS, "deterministic": False}
    run = searched(FACADE, "nb201-cifar10", 12, 0, settings)
    assert len({tuple(arch) for arch in run.archs.tolist()}) < 12


def test_it_leaves_no_file_and_no_logging(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = list(logging.root.handlers), logging.root.level, logging.getLogger("smac").level
    searched("smac:RandomFacade", "nb201-cifar10", 4, 0)
    assert not list(tmp_path.iterdir())
    assert before == (
        list(logging.root.handlers),
        logging.root.level,
        logging.getLogger("smac").level,
    )


def made(name, benchmark, **settings):
    kind = ALGORITHMS.load(name)
    return kind(benchmark.space, fidelities=benchmark.fidelities, seed=0, **settings)


def test_what_diverged_first_is_told_with_the_first_loss():
    algorithm = made(FACADE, Hashed(Unequal()))
    asked = [algorithm.ask() for _ in range(3)]
    for trial, (proposal, loss) in enumerate(zip(asked, (math.inf, 3.0, math.inf), strict=True)):
        assert len(algorithm._facade.runhistory) == 3
        algorithm.tell(nasbench.algorithm.Observation(trial, proposal, (loss,), 1.0))
    values = list(algorithm._facade.runhistory.values())
    assert [value.cost for value in values] == [3.0, 3.0, 3.0]
    assert [value.status.name for value in values] == ["CRASHED", "SUCCESS", "CRASHED"]


def test_a_space_without_results_is_not_asked_forever():
    algorithm = made(FACADE, Hashed(OneDecision()))
    asked = [algorithm.ask() for _ in range(5)]
    assert len({proposal.arch for proposal in asked if proposal}) == 3
    assert asked[3:] == [None, None]


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("smac:HyperparameterFacade", {}, UnknownNameError, "'HyperparameterOptimizationFacade'"),
        ("smac:AbstractFacade", {}, UnknownNameError, "has no 'AbstractFacade'"),
        (FACADE, {"n_config": 3}, UnknownNameError, "'n_configs'"),
        ("smac:BlackBoxFacade", {"model_type": "best"}, InvalidArgumentError, "vanilla, mcmc"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        searched(name, "nb201-cifar10", 3, 0, settings)
    assert "\n" not in str(caught.value)


def test_budgets_take_one_objective():
    with pytest.raises(InvalidArgumentError, match="takes one objective, there are 2"):
        made("smac:MultiFidelityFacade", Hashed(Unequal(), 2), objectives=2)


@pytest.mark.parametrize(
    "losses",
    [
        (1.0,),
        (math.inf,),
        (3.0, math.inf, 1.0),
        (1e40, -1e40, 5e-324, 0.0, 1.0),
        (-2.0, -2.0, -1.0),
    ],
)
def test_models_take_any_loss(losses):
    settings = {"n_trials": 20, "challengers": 20, "local_search_iterations": 2}
    algorithm = made(FACADE, Hashed(Unequal()), **settings)
    asked = []
    for trial in range(9):
        asked.append(algorithm.ask())
        if trial >= 3:  # late
            loss = losses[trial % len(losses)]
            told = nasbench.algorithm.Observation(trial - 3, asked[trial - 3], (loss,), 1.0)
            algorithm.tell(told)
    assert len({proposal.arch for proposal in asked}) == 9


@pytest.mark.parametrize(
    ("name", "toy"),
    [
        ("smac:RandomFacade", Hashed(Unequal(), 2)),
        ("smac:HyperbandFacade", Hashed(Layers())),
    ],
)
def test_it_keeps_the_contract(name, toy):
    check_algorithm(ALGORITHMS.load(name), toy, n=20, changes={"n_trials": 20})
