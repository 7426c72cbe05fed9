"""Searches of the adapter against loops over a scheduler of Syne Tune."""

import logging
from datetime import datetime

import numpy as np
import pytest
from toys import Hashed, Layers, OneOption, Unequal

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import Observation
from nasbench.errors import AlgorithmError, InvalidArgumentError, UnknownNameError
from nasbench.testing import check_algorithm

pytest.importorskip("syne_tune", reason="needs the extra synetune")

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import (
    SchedulerDecision,
    TrialScheduler,
    TrialSuggestion,
)
from syne_tune.optimizer.schedulers import PopulationBasedTraining

from algorithms.adapters.synetune import adapt

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::UserWarning", "ignore::RuntimeWarning"
)


@pytest.fixture(autouse=True)
def generator():
    """Loops seed NumPy's global generator; it is left as it was."""
    before = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(before)  # noqa: NPY002


def by_hand(make, benchmark, epochs, trials, seed):
    """What a tuner with one worker trains: architectures and epochs."""
    space = benchmark.space
    np.random.seed(seed)  # noqa: NPY002
    scheduler = make({d.name: choice(list(d.labels)) for d in space.decisions})
    asked = []
    for number in range(trials):
        suggestion = scheduler.suggest()
        trial = Trial(number, suggestion.config, datetime.now())
        scheduler.on_trial_add(trial)
        arch = space.from_configuration(suggestion.config)
        for epoch in epochs:
            asked.append((arch, epoch))
            result = {"loss": benchmark.evaluate(arch, epoch=epoch).losses[0], "epoch": epoch}
            if scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                scheduler.on_trial_remove(trial)
                break
        else:
            scheduler.on_trial_complete(trial, result)
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


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ASHA", {}),
        ("ASHA", {"grace_period": 2, "reduction_factor": 2, "brackets": 2}),
        ("BOHB", {"num_min_data_points": 7}),
    ],
)
def test_early_stopping_is_the_loop(name, settings):
    benchmark = nasbench.load("lite201-fashion")

    def make(space):
        kind = getattr(baselines, name)
        return kind(space, "loss", "epoch", 6, random_seed=4, **settings)

    expected = by_hand(make, benchmark, benchmark.fidelities, 30, 4)
    run = searched(f"synetune:{name}", "lite201-fashion", len(expected), 4, settings)
    assert trained(run) == expected
    assert len(expected) < 30 * 6
    goes_on = run.epochs > 1
    assert (run.resumes[goes_on] == np.flatnonzero(goes_on) - 1).all()


@pytest.mark.parametrize(
    ("name", "settings"),
    [("REA", {"population_size": 5, "sample_size": 3}), ("TPE", {"num_min_data_points": 7})],
)
def test_full_trainings_are_the_loop(name, settings):
    benchmark = nasbench.load("nb201-cifar10")

    def make(space):
        return getattr(baselines, name)(space, "loss", random_seed=1, **settings)

    expected = by_hand(make, benchmark, (200,), 40, 1)
    run = searched(f"synetune:{name}", "nb201-cifar10", 40, 1, settings)
    assert trained(run) == expected


class Halving(TrialScheduler):
    """Pauses four trials after their first report, and resumes the better two."""

    def __init__(self, config_space, metric, time_attr, max_t, random_seed=None):
        super().__init__(random_seed=random_seed)
        self.names = {name: list(domain.categories) for name, domain in config_space.items()}
        self.metric, self.time_attr, self.max_t = metric, time_attr, max_t
        self.started, self.paused, self.resumed, self.done = 0, {}, [], []

    def suggest(self):
        if self.started < 4:
            self.started += 1
            options = {name: labels[self.started] for name, labels in self.names.items()}
            return TrialSuggestion.start_suggestion(options)
        if len(self.paused) < 4 or len(self.resumed) == 2:
            return None
        best = sorted(set(self.paused) - set(self.resumed), key=self.paused.get)[0]
        self.resumed.append(best)
        return TrialSuggestion.resume_suggestion(best)

    def on_trial_result(self, trial, result):
        if trial.trial_id in self.paused:
            return SchedulerDecision.CONTINUE
        self.paused[trial.trial_id] = result[self.metric]
        return SchedulerDecision.PAUSE

    def on_trial_complete(self, trial, result):
        self.done.append((trial.trial_id, result[self.time_attr]))


@pytest.mark.parametrize("workers", [1, 3])
def test_paused_trials_go_on_where_they_were(workers):
    benchmark = nasbench.load("lite201-fashion")
    kind = adapt(Halving)
    algorithm = kind(benchmark.space, fidelities=(2, 4, 6), seed=0)
    budget = nasbench.Budget(trials=50)
    run = nasbench.replay(algorithm, benchmark, budget=budget, workers=workers)
    first = run.losses[:4, 0]
    better = set(np.argsort(first, kind="stable")[:2].tolist())
    assert run.epochs[:4].tolist() == [2] * 4
    assert sorted(run.epochs[4:].tolist()) == [4, 4, 6, 6]
    assert {p for p in run.resumes[4:].tolist() if p < 4} == better
    assert sorted(algorithm._scheduler.done) == [(number, 6) for number in sorted(better)]


def test_copied_weights_are_refused():
    algorithm = adapt(PopulationBasedTraining)(
        Unequal(), fidelities=(1, 3, 9), seed=0, perturbation_interval=1, quantile_fraction=0.5
    )
    refused = "copies the weights of one trial into another"
    with pytest.raises(AlgorithmError, match=refused):
        nasbench.replay(algorithm, Hashed(Unequal()), budget=nasbench.Budget(trials=50), workers=4)


def test_diverged_trials_end():
    algorithm = ALGORITHMS.load("synetune:ASHA")(Unequal(), fidelities=(1, 3), seed=0)
    for trial in range(5):
        proposal = algorithm.ask()
        assert proposal.epoch == 1
        algorithm.tell(Observation(trial, proposal, (float("inf"),), 1.0))


def test_generators_and_logging_are_the_users():
    before = list(logging.root.handlers)
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random(3).tolist()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    searched("synetune:RandomSearch", "nb201-cifar10", 5, 0)
    assert np.random.random(3).tolist() == expected  # noqa: NPY002
    assert logging.root.handlers == before


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("synetune:ASHAA", {}, UnknownNameError, "did you mean 'ASHA'"),
        ("synetune:BOTorch", {}, UnknownNameError, "needs BoTorch"),
        ("synetune:ASHA", {"grace": 2}, UnknownNameError, "'grace_period'"),
        ("synetune:ASHA", {"grace_period": 900}, InvalidArgumentError, "must be <= max_t"),
        ("synetune:TPE", {"num_min_data_points": 1}, InvalidArgumentError, "must be >= 6"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        searched(name, "nb201-cifar10", 3, 0, settings)
    assert "\n" not in str(caught.value)


def test_one_architecture_offers_no_evolution():
    with pytest.raises(InvalidArgumentError, match="does not offer any diversity"):
        ALGORITHMS.load("synetune:REA")(OneOption(), fidelities=(9,), seed=0)


@pytest.mark.parametrize(
    ("name", "toy", "changes"),
    [
        ("synetune:ASHA", Hashed(Layers()), {}),
        ("synetune:MOASHA", Hashed(Unequal(), 2), {}),
        ("synetune:REA", Hashed(Unequal()), {"population_size": 6}),
    ],
)
def test_it_keeps_the_contract(name, toy, changes):
    n = 20
    check_algorithm(ALGORITHMS.load(name), toy, n=n, changes=changes)
