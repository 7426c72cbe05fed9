"""``nasbench.tools.carps`` under CARP-S itself, by hand.

``python tests/oracles/carps_task.py`` searches tasks with CARP-S's own random search and compares
every trial with the table. CARP-S is in no extra and no other test: it depends on autorank, whose
distributions install a package called ``tests``. Needed is an environment of its own with this
suite and ``pip install carps==1.1.0``.
"""

import math

import numpy as np

import nasbench


def check(benchmark, **options) -> None:
    """A random search of 30 trials: costs, times and space are those of the table."""
    from carps.optimizers.random_search import RandomSearchOptimizer
    from carps.utils.trials import TrialInfo

    from nasbench.tools.carps import task

    made = task(benchmark, n_trials=30, **options)
    search = RandomSearchOptimizer(made)
    search.run()
    assert len(search.history) == 30
    spent = 0.0
    for trial, value in search.history:
        arch = benchmark.space.from_configuration(trial.config, repair=True)
        expected = benchmark.evaluate(arch)
        costs = np.atleast_1d(value.cost).tolist()
        assert costs == list(expected.losses)
        assert value.virtual_time == expected.seconds
        spent += expected.seconds
    assert math.isclose(search.virtual_time_elapsed_seconds, spent)
    trial, _ = search.history[0]
    arch = benchmark.space.from_configuration(trial.config, repair=True)
    seeds = benchmark.trainings(arch).seeds
    ask = made.objective_function.evaluate
    for k in range(2 * len(seeds)):
        seed = seeds[k % len(seeds)]
        found = np.atleast_1d(ask(TrialInfo(trial.config, seed=k)).cost).tolist()
        assert found == list(benchmark.evaluate(arch, seed=seed).losses)
    for budget, epoch in ((0.5, benchmark.fidelities[0]), (1e9, benchmark.fidelities[-1])):
        found = np.atleast_1d(ask(TrialInfo(trial.config, budget=budget)).cost).tolist()
        assert found == list(benchmark.evaluate(arch, epoch=epoch).losses)
    print(f"{made.name}: 30 trials agree, {made.metadata.dimensions} dimensions")


def check_configuration() -> None:
    """CARP-S makes the task from a configuration, and gives it its loggers."""
    from carps.utils.running import make_optimizer, make_task
    from omegaconf import OmegaConf

    loaded = {"_target_": "nasbench.load", "id_or_path": "nb201-cifar10"}
    about = {"_target_": "nasbench.tools.carps.task", "benchmark": loaded, "n_trials": 5}
    optimizer = {
        "_target_": "carps.optimizers.random_search.RandomSearchOptimizer",
        "_partial_": True,
    }
    configuration = OmegaConf.create({"task": about, "optimizer": optimizer})
    search = make_optimizer(configuration, make_task(configuration))
    search.run()
    assert len(search.history) == 5
    print("a task from a configuration of CARP-S: 5 trials")


def main() -> None:
    try:
        import carps  # noqa: F401
    except ImportError as error:
        raise SystemExit(f"{error}; install CARP-S: pip install carps==1.1.0") from error
    check(nasbench.load("nb201-cifar10"))
    check(nasbench.load("lite201-digits"), multi_fidelity=True)
    check(nasbench.load("fcnet-protein", objectives=["valid_mse", "parameters"]))
    check(nasbench.load("darts-fashion"))  # a few of its tuples are recorded
    check(nasbench.load("nbgraph-proteins"), minutes=1.0)  # no seconds are recorded
    check_configuration()


if __name__ == "__main__":
    main()
