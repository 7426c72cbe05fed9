"""Searches of the adapter against loops as users of Optuna write them."""

import sys

import pytest

import nasbench
from algorithms import ALGORITHMS
from nasbench.errors import AlgorithmError, InvalidArgumentError, UnknownNameError
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.spaces.nb201 import NB201
from nasbench.testing import check_algorithm

optuna = pytest.importorskip("optuna", reason="needs the extra optuna")
adapt = pytest.importorskip("algorithms.adapters.optuna").adapt
optuna.logging.set_verbosity(optuna.logging.WARNING)

MEAN = {"replicate": "mean"}


def suggested(trial, space):
    """What the objective function of a user asks for, decision by decision."""
    return {d.name: trial.suggest_categorical(d.name, d.labels) for d in space.decisions}


def by_hand(sampler, benchmark, trials, directions=("minimize",)):
    """The architectures that ``study.optimize`` evaluates."""
    asked = []

    def objective(trial):
        arch = benchmark.space.from_configuration(suggested(trial, benchmark.space))
        asked.append(arch)
        return benchmark.evaluate(arch).losses

    study = optuna.create_study(sampler=sampler, directions=list(directions))
    study.optimize(objective, n_trials=trials)
    return asked


def adapted(name, benchmark_id, trials, seed, **keywords):
    (run,) = nasbench.search(
        name,
        benchmark_id,
        seeds=[seed],
        budget=nasbench.Budget(trials=trials),
        **(MEAN | keywords),
    )
    return [tuple(arch) for arch in run.archs.tolist()]


@pytest.mark.parametrize("benchmark_id", ["nb201-cifar10", "nbgraph-cora"])
def test_tpe_is_the_loop(benchmark_id):
    benchmark = nasbench.load(benchmark_id)
    expected = by_hand(optuna.samplers.TPESampler(seed=5), benchmark, 60)
    assert adapted("optuna:TPESampler", benchmark_id, 60, 5) == expected


def test_tpe_with_settings_is_the_loop():
    benchmark = nasbench.load("nb201-cifar10")
    settings = {"n_startup_trials": 4, "n_ei_candidates": 8, "constant_liar": False}
    expected = by_hand(optuna.samplers.TPESampler(seed=1, **settings), benchmark, 40)
    found = adapted("optuna:TPESampler", "nb201-cifar10", 40, 1, hyperparameters=settings)
    assert found == expected


def test_tpe_on_numbers_is_the_loop():
    benchmark = nasbench.load("fcnet-protein")
    asked = []

    def objective(trial):
        configuration = {}
        for decision in benchmark.space.decisions:
            if decision.name.startswith("dropout"):
                configuration[decision.name] = trial.suggest_float(decision.name, 0, 0.6, step=0.3)
            else:
                is_number = decision.kind == "numeric"
                options = decision.values if is_number else decision.labels
                configuration[decision.name] = trial.suggest_categorical(decision.name, options)
        asked.append(benchmark.space.from_configuration(configuration))
        return benchmark.evaluate(asked[-1]).losses[0]

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=2))
    study.optimize(objective, n_trials=40)
    assert adapted("optuna:TPESampler", "fcnet-protein", 40, 2) == asked


def test_nsga2_is_the_loop():
    objectives = ("valid_accuracy", "parameters")
    benchmark = nasbench.load("nb201-cifar10", objectives=objectives)
    sampler = optuna.samplers.NSGAIISampler(seed=3, population_size=10)
    expected = by_hand(sampler, benchmark, 50, ("minimize", "minimize"))
    found = adapted(
        "optuna:NSGAIISampler",
        "nb201-cifar10",
        50,
        3,
        objectives=objectives,
        hyperparameters={"population_size": 10},
    )
    assert found == expected


@pytest.mark.parametrize("pruner", ["SuccessiveHalvingPruner", "HyperbandPruner", "MedianPruner"])
def test_a_pruner_is_the_loop(pruner):
    fidelities = (2, 4, 8)
    benchmark = nasbench.load("lite201-digits")
    asked = []

    def objective(trial):
        arch = benchmark.space.from_configuration(suggested(trial, benchmark.space))
        for epoch in fidelities:
            asked.append((arch, epoch))
            loss = benchmark.evaluate(arch, epoch=epoch).losses[0]
            trial.report(loss, epoch)
            if epoch != fidelities[-1] and trial.should_prune():
                raise optuna.TrialPruned
        return loss

    study = optuna.create_study(
        study_name="seed 4",
        sampler=optuna.samplers.TPESampler(seed=4),
        pruner=getattr(optuna.pruners, pruner)(),
    )
    study.optimize(objective, n_trials=30)
    (run,) = nasbench.search(
        "optuna:TPESampler",
        "lite201-digits",
        seeds=[4],
        budget=nasbench.Budget(trials=len(asked)),
        fidelities=fidelities,
        hyperparameters={"pruner": pruner},
        **MEAN,
    )
    found = [
        (tuple(arch), epoch) for arch, epoch in zip(run.archs.tolist(), run.epochs, strict=True)
    ]
    assert found == asked
    assert len(asked) < 3 * 30
    assert (run.resumes[run.epochs > 2] >= 0).all()


def test_given_trials_replace_random_ones():
    benchmark = nasbench.load("nb201-cifar10")
    kind = ALGORITHMS.load("optuna:TPESampler")

    def first(given):
        algorithm = kind(benchmark.space, fidelities=(200,), seed=0)
        for rank in range(0, 15_625, 100)[:given]:
            arch = benchmark.space.unrank(rank)
            algorithm.add(arch, benchmark.evaluate(arch).losses)
        return algorithm.ask().arch

    assert first(100) != first(0)
    assert first(5) == first(0)  # fewer than its own random trials


def test_a_space_that_was_seen_ends_the_search():
    found = adapted("optuna:BruteForceSampler", "nbgraph-cora", 30, 0)
    assert len(set(found)) == 30


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("optuna:TPESampl", {}, UnknownNameError, "did you mean 'TPESampler'"),
        ("optuna:PartialFixedSampler", {}, UnknownNameError, "has no 'PartialFixedSampler'"),
        ("optuna:TPESampler", {"pruner": "Hyperband"}, UnknownNameError, "'HyperbandPruner'"),
        ("optuna:TPESampler", {"n_startup": 3}, UnknownNameError, "'n_startup_trials'"),
        (
            "optuna:TPESampler",
            {"pruner": "MedianPruner", "pruner_settings": {"n_startup_trials": -1}},
            InvalidArgumentError,
            "cannot be negative",
        ),
        ("optuna:NSGAIISampler", {"population_size": 1}, InvalidArgumentError, "population_size"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(name, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        adapted(name, "nb201-cifar10", 3, 0, hyperparameters=settings)
    assert "\n" not in str(caught.value)


def test_a_pruner_of_two_objectives_is_refused():
    with pytest.raises(InvalidArgumentError, match="by one objective, there are 2"):
        adapted(
            "optuna:TPESampler",
            "nb201-cifar10",
            3,
            0,
            objectives=("valid_accuracy", "parameters"),
            hyperparameters={"pruner": "MedianPruner"},
        )


@pytest.mark.parametrize(
    ("name", "settings", "n"),
    [
        ("TPESampler", {}, 10),
        ("TPESampler", {"n_startup_trials": 4}, 4),
        ("NSGAIISampler", {"population_size": 7}, 7),
        ("TPESampler", {"pruner": "MedianPruner"}, 0),
        ("BruteForceSampler", {}, 0),
    ],
)
def test_random_trials_at_the_start_are_declared(name, settings, n):
    kind = ALGORITHMS.load(f"optuna:{name}")
    assert kind(NB201(), fidelities=(1, 200), seed=0, **settings).random_trials == n


def test_errors_of_the_package_are_one_line():
    with pytest.raises(AlgorithmError, match=r"TPESampler failed: \w+: "):
        adapted(
            "optuna:TPESampler", "nb201-cifar10", 30, 0, hyperparameters={"n_ei_candidates": -1}
        )


def test_the_manifest_says_which_version_ran():
    (run,) = nasbench.search(
        "optuna:RandomSampler", "nb201-cifar10", seeds=[0], budget=nasbench.Budget(trials=2)
    )
    assert run.manifest.packages == {"optuna": optuna.__version__}
    assert run.manifest.algorithm == "optuna:RandomSampler"


@pytest.mark.parametrize("name", ["optuna:TPESampler", "optuna:NSGAIISampler"])
def test_it_keeps_the_contract(name):
    check_algorithm(ALGORITHMS.load(name), nasbench.load("nb201-cifar10"), n=40)


def test_a_package_of_optunahub_on_disk_is_adapted(tmp_path):
    hub = pytest.importorskip("optunahub", reason="needs the package optunahub")
    package = tmp_path / "samplers" / "first_option"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "import optuna\n\n\n"
        "class FirstOption(optuna.samplers.RandomSampler):\n"
        "    def sample_independent(self, study, trial, name, distribution):\n"
        "        return distribution.choices[0]\n"
    )
    module = hub.load_local_module("samplers/first_option", registry_root=str(tmp_path))
    kind = adapt(module.FirstOption, __name__)
    algorithm = kind(nasbench.load("nb201-cifar10").space, fidelities=(200,), seed=0)
    assert algorithm.ask().arch == (0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("file", ["__init__.py", "sampler.py"])
def test_edits_of_code_that_is_not_installed_are_edits_of_the_algorithm(tmp_path, file):
    hub = pytest.importorskip("optunahub", reason="needs the package optunahub")
    code = (
        "import optuna\n\n\n"
        "class Mine(optuna.samplers.RandomSampler):\n"
        "    def reseed_rng(self):\n"
        "        self.n = 1\n"
    )
    fingerprints = []
    for number in range(2):
        package = tmp_path / str(number) / "samplers" / "mine"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("from .sampler import Mine\n")
        (package / file).write_text(code.replace("1", str(number)))
        module = hub.load_local_module("samplers/mine", registry_root=str(tmp_path / str(number)))
        kind = adapt(module.Mine, __name__)
        fingerprints.append(code_fingerprint(kind, *kind.inner_algorithms))
        for name in [name for name in sys.modules if name.startswith("optunahub_registry")]:
            del sys.modules[name]
    assert fingerprints[0] != fingerprints[1]
    assert adapt(optuna.samplers.TPESampler).inner_algorithms == ()


def test_a_sampler_without_a_seed_is_refused():
    class Unseeded(optuna.samplers.RandomSampler):
        def __init__(self) -> None:
            super().__init__(seed=0)

    with pytest.raises(InvalidArgumentError, match="Unseeded has no argument 'seed'"):
        adapt(Unseeded, __name__)
