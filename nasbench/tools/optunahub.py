"""A benchmark as a problem of OptunaHub, to be optimised by studies of Optuna.

Ozaki et al. (2025), https://arxiv.org/abs/2510.02798, describe OptunaHub; Akiba et al. (2019),
https://arxiv.org/abs/1907.10902, Optuna.

>>> import nasbench, optuna
>>> problem = Problem(nasbench.load("nb201-cifar10"))
>>> optuna.logging.set_verbosity(optuna.logging.WARNING)
>>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
>>> study.optimize(problem, n_trials=10)
>>> round(study.best_value, 2)
10.48
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nasbench.benchmark import Benchmark, check_benchmark
from nasbench.registry import require
from nasbench.space import Arch

_Base: Any = require("optunahub.benchmarks", "a problem of OptunaHub").BaseProblem
optuna = require("optuna", "a problem of OptunaHub")


class Problem(_Base):  # type: ignore[misc]
    """The losses of a benchmark, by the options of every decision.

    Args:
        benchmark: The benchmark; every objective is minimised.
        epoch: One of its fidelities; default: the last.
        seed: A recorded training seed; default: the mean over the recorded seeds.

    Attributes:
        benchmark: As given.

    Raises:
        NotRecordedError: The benchmark has no objective.
    """

    def __init__(
        self, benchmark: Benchmark, *, epoch: int | None = None, seed: int | None = None
    ) -> None:
        check_benchmark(benchmark)
        benchmark.require_objectives()
        self.benchmark = benchmark
        self._asked = {"epoch": epoch, "seed": seed}
        self._distributions = benchmark.space.to_optuna()

    @property
    def search_space(self) -> dict[str, Any]:
        """Distribution of every decision, by its name."""
        return dict(self._distributions)

    @property
    def directions(self) -> list[Any]:
        """Minimise, for every objective."""
        return [optuna.study.StudyDirection.MINIMIZE] * len(self.benchmark.objectives)

    def arch(self, params: Mapping[str, Any]) -> Arch:
        """Return the architecture that the parameters of a trial stand for."""
        return self.benchmark.space.from_configuration(params, repair=True)

    def evaluate(self, params: Mapping[str, Any]) -> float | Sequence[float]:
        """Return the loss of an architecture, or the losses if there are several objectives.

        Raises:
            IllegalArchError: A decision is missing, or an option is none of its options.
            NotRecordedError: The epoch or seed is not recorded.
        """
        losses = self.benchmark.evaluate(self.arch(params), **self._asked).losses
        return losses if len(losses) > 1 else losses[0]
