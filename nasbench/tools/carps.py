"""A benchmark as a task of CARP-S, for its optimisers and its way to compare them.

Benjamins et al. (2025), https://arxiv.org/abs/2506.06143. CARP-S depends on a distribution that
installs a package called ``tests``, so it needs an environment of its own: there,
``python tests/oracles/carps_task.py`` runs what follows and checks it.

.. code-block:: python

    import nasbench
    from carps.optimizers.random_search import RandomSearchOptimizer
    from nasbench.tools.carps import task

    search = RandomSearchOptimizer(task(nasbench.load("nb201-cifar10"), n_trials=100))
    trial, value = search.run()

In a configuration of CARP-S, ``_target_: nasbench.tools.carps.task`` makes the task, with
``benchmark: {_target_: nasbench.load, id_or_path: nb201-cifar10}``.
"""

from collections.abc import Sequence
from typing import Any

from nasbench.benchmark import Benchmark, check_benchmark
from nasbench.registry import require
from nasbench.space import Arch

_PURPOSE = "a task of CARP-S"
_Base: Any = require("carps.objective_functions.objective_function", _PURPOSE).ObjectiveFunction
_trials = require("carps.utils.trials", _PURPOSE)
_tasks = require("carps.utils.task", _PURPOSE)


class ObjectiveFunction(_Base):  # type: ignore[misc]
    """The losses of a benchmark, by a configuration of ``space.to_configspace()``.

    A trial without a seed is answered by the mean over the recorded training seeds; seed ``k`` by
    the recorded seed number ``k`` modulo their number. Its budget is an epoch, rounded down to the
    next fidelity; without one it is the last. ``virtual_time`` is the seconds of training and
    validation.

    Args:
        benchmark: The benchmark; every objective is minimised.
        loggers: Loggers of CARP-S.

    Attributes:
        benchmark: As given.

    Raises:
        NotRecordedError: The benchmark has no objective.
    """

    def __init__(self, benchmark: Benchmark, loggers: Sequence[Any] | None = None) -> None:
        super().__init__(None if loggers is None else list(loggers))
        check_benchmark(benchmark)
        benchmark.require_objectives()
        self.benchmark = benchmark
        self._configspace = benchmark.space.to_configspace()

    @property
    def configspace(self) -> Any:
        """The space as a ``ConfigSpace.ConfigurationSpace``."""
        return self._configspace

    def _evaluate(self, trial_info: Any) -> Any:
        arch = self.benchmark.space.from_configuration(trial_info.config, repair=True)
        epoch = self._epoch(trial_info.budget)
        found = self.benchmark.evaluate(
            arch, epoch=epoch, seed=self._training_seed(arch, epoch, trial_info.seed)
        )
        cost = found.losses[0] if len(found.losses) == 1 else list(found.losses)
        return _trials.TrialValue(cost=cost, virtual_time=found.seconds)

    def _epoch(self, budget: float | None) -> int:
        fidelities = self.benchmark.fidelities
        if budget is None:
            return fidelities[-1]
        return max((e for e in fidelities if e <= budget), default=fidelities[0])

    def _training_seed(self, arch: Arch, epoch: int, seed: int | None) -> int | None:
        if seed is None:
            return None
        recorded = self.benchmark.trainings(arch, epoch).seeds
        return recorded[seed % len(recorded)] if recorded else seed


def task(
    benchmark: Benchmark,
    *,
    n_trials: int | None = None,
    minutes: float | None = None,
    multi_fidelity: bool = False,
    seed: int | None = None,
    objective_function: Any = None,
) -> Any:
    """Return a task: the function, its space, its objectives and a budget.

    Args:
        benchmark: The benchmark; every objective is minimised.
        n_trials: Number of trials, of trainings to the last fidelity if there are shorter ones.
        minutes: Simulated minutes, as an alternative.
        multi_fidelity: Whether optimisers may ask for shorter trainings.
        seed: Seed that CARP-S gives to its optimisers.
        objective_function: Further arguments of :class:`ObjectiveFunction` by name, as the
            configurations of CARP-S pass its loggers.

    Returns:
        A ``carps.utils.task.Task``.

    Raises:
        NotRecordedError: The benchmark has no objective.
        ValueError: Neither ``n_trials`` nor ``minutes`` is given.
    """
    function = ObjectiveFunction(benchmark, **(objective_function or {}))
    fidelities = (
        _tasks.FidelitySpace(True, "epoch", benchmark.fidelities[0], benchmark.fidelities[-1])
        if multi_fidelity
        else _tasks.FidelitySpace()
    )
    return _tasks.Task(
        name=f"nasbench/{benchmark.name}@{benchmark.version}",
        objective_function=function,
        input_space=_tasks.InputSpace(function.configspace, fidelities),
        output_space=_tasks.OutputSpace(len(benchmark.objectives), tuple(benchmark.objectives)),
        optimization_resources=_tasks.OptimizationResources(n_trials, minutes),
        metadata=_tasks.TaskMetadata(
            has_constraints=False,
            domain="NAS",
            objective_function_approximation="surrogate" if benchmark.family else "tabular",
            has_virtual_time=benchmark.is_clocked,
            deterministic=False,
            **_tasks.get_search_space_info(function.configspace),
        ),
        seed=seed,
    )
