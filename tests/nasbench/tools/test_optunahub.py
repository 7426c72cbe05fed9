import pytest

import nasbench
from nasbench.errors import IllegalArchError, NotRecordedError

optuna = pytest.importorskip("optuna", reason="needs the extra optunahub")
hub = pytest.importorskip("optunahub.benchmarks", reason="needs the extra optunahub")

from nasbench.tools.optunahub import Problem  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)


def study_of(problem, n_trials=20):
    study = optuna.create_study(
        directions=problem.directions, sampler=optuna.samplers.RandomSampler(seed=1)
    )
    study.optimize(problem, n_trials=n_trials)
    return study


def test_values_of_trials_are_the_losses_of_their_architectures(opened):
    problem = Problem(opened)
    assert isinstance(problem, hub.BaseProblem)
    study = study_of(problem)
    for trial in study.trials:
        arch = problem.arch(trial.params)
        assert arch in opened.space
        assert trial.values == list(opened.evaluate(arch).losses)


def test_a_search_equals_a_loop_written_by_hand():
    benchmark = nasbench.load("nb201-cifar10")

    def objective(trial):
        labels = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
        names = [decision.name for decision in benchmark.space.decisions]
        arch = tuple(labels.index(trial.suggest_categorical(n, labels)) for n in names)
        return 100 - benchmark.query(arch, seed=0)["valid_accuracy"]

    by_hand = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    by_hand.optimize(objective, n_trials=30)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(Problem(benchmark, seed=0), n_trials=30)
    assert [t.params for t in study.trials] == [t.params for t in by_hand.trials]
    assert [t.value for t in study.trials] == pytest.approx([t.value for t in by_hand.trials])


def test_epoch_and_seed_are_those_asked_for(toy, archs):
    problem = Problem(toy, epoch=2, seed=1)
    params = toy.space.to_configuration(archs[3])
    assert problem.evaluate(params) == 100 - (10 * 3 + 2 + 2)
    with pytest.raises(IllegalArchError, match="needs an option"):
        problem.evaluate({})


def test_without_an_objective_there_is_no_problem(toy_files):
    with pytest.raises(NotRecordedError):
        Problem(nasbench.load(toy_files["no_validation"]))
