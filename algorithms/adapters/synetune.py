"""Schedulers of Syne Tune (Salinas et al., 2022, https://proceedings.mlr.press/v188/salinas22a.html).

Syne Tune draws much from NumPy's global generator, whatever seed a scheduler is given. Here the
global generators are those of the search while Syne Tune runs, and the user's again afterwards. So
a search is the loop that begins with ``numpy.random.seed(seed)``.
"""

import inspect
import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from algorithms.adapters.adapter import Adapter, Asked, adapted, quiet, refusals
from nasbench.algorithm import Observation
from nasbench.errors import AlgorithmError, one_of
from nasbench.space import Arch, SearchSpace

with quiet():
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer import baselines
    from syne_tune.optimizer.scheduler import SchedulerDecision, TrialScheduler
    from syne_tune.optimizer.schedulers.multiobjective import moasha

_ONE_OBJECTIVE = ("RandomSearch",)  # has ``metrics``, but a searcher of one
_NEED_BOTORCH = ("BOTorch", "EHVI")
_SCHEDULERS: dict[str, type] = {
    name: kind
    for name, kind in vars(baselines).items()
    if isinstance(kind, type) and kind.__module__ == baselines.__name__
    if issubclass(kind, TrialScheduler) and name not in _NEED_BOTORCH
} | {"MOASHA": moasha.MOASHA}
_LEFT_OUT = (
    *("config_space", "metric", "metrics", "do_minimize", "random_seed"),
    *("points_to_evaluate", "time_attr", "max_t", "searcher_kwargs"),
)
_EPOCH = "epoch"


class _Running:
    """A trial of Syne Tune, and how far it is.

    Attributes:
        trial: The trial.
        arch: Its architecture.
        reports: Number of its reports so far.
    """

    def __init__(self, trial: Trial, arch: Arch) -> None:
        self.trial = trial
        self.arch = arch
        self.reports = 0


class SyneTuneSearch(Adapter):
    """A scheduler of Syne Tune on the simulated clock.

    A scheduler that stops trials early hears the losses after each fidelity: the trial is trained
    to the first one, and goes on to the next until the scheduler stops or pauses it, where the
    benchmark allows it by continuing the training. Any other hears the loss after the last.
    A diverged training is reported as a failed trial.

    Args:
        space: The search space.
        fidelities: Epochs on offer; the last is the scheduler's ``max_t``.
        seed: Seed of the scheduler, and of NumPy's global generator while it runs.
        objectives: Number of objectives; more than one only for ``MOASHA``.
        resumable: Whether a training can be continued.

    Raises:
        InvalidArgumentError: The scheduler refuses its arguments, or takes one objective only.
    """

    packages = ("syne-tune", "scikit-learn", "statsmodels", "xgboost")

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        resumable: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        self._resumable = resumable
        self._n_trials = 0
        self._next: deque[Asked] = deque()
        self._paused: dict[int, tuple[_Running, int]] = {}
        self._metrics = [f"loss {i}" for i in range(objectives)]
        self._numpy = np.random.RandomState(seed).get_state()
        self._python = random.Random(seed).getstate()
        taken = inspect.signature(self.foreign).parameters
        if not _takes_several(self.foreign):
            self.require_one(objectives)
        self._epochs = self.fidelities if "time_attr" in taken else self.fidelities[-1:]
        told = {
            "config_space": space.to_synetune(),
            "metric": self._metrics[0],
            "metrics": self._metrics,
            "time_attr": _EPOCH,
            "max_t": self.fidelities[-1],
            "random_seed": seed,
        }
        told = {name: value for name, value in told.items() if name in taken}
        with self.theirs(), refusals():
            self._scheduler = self.foreign(**told, **settings)

    @contextmanager
    def theirs(self) -> Iterator[None]:
        users = np.random.get_state(), random.getstate()  # noqa: NPY002
        np.random.set_state(self._numpy)  # noqa: NPY002
        random.setstate(self._python)
        try:
            with super().theirs():
                yield
        finally:
            self._numpy, self._python = np.random.get_state(), random.getstate()  # noqa: NPY002
            np.random.set_state(users[0])  # noqa: NPY002
            random.setstate(users[1])

    def propose(self) -> Asked | None:
        if self._next:
            return self._next.popleft()
        suggestion = self._scheduler.suggest()
        if suggestion is None:
            return None
        if not suggestion.spawn_new_trial_id:
            running, last = self._paused.pop(suggestion.checkpoint_trial_id)
            if suggestion.config is not None:
                running.trial.config = suggestion.config
                running.arch = self.legal(suggestion.config)
            return self._further(running, last)
        if suggestion.checkpoint_trial_id is not None:
            raise AlgorithmError(
                f"{self.foreign.__qualname__} copies the weights of one trial into another, "
                "which no table has recorded"
            )
        running = self._started(suggestion.config)
        return Asked(running, running.arch, self._epochs[0])

    def _started(self, configuration: dict[str, Any]) -> _Running:
        trial = Trial(self._n_trials, configuration, datetime.fromtimestamp(0, UTC))
        self._n_trials += 1
        self._scheduler.on_trial_add(trial)
        return _Running(trial, self.legal(configuration))

    def _further(self, running: _Running, last: int) -> Asked:
        """Return the training to the next fidelity; ``last`` is the number of the one before."""
        epoch = self._epochs[running.reports]
        return Asked(running, running.arch, epoch, last if self._resumable else None)

    def learn(self, token: Any, observation: Observation) -> None:
        epoch = self._epochs[token.reports]
        token.reports += 1
        decision = self._report(token.trial, epoch, observation.losses)
        if token.reports == len(self._epochs):
            return
        if decision == SchedulerDecision.CONTINUE:
            self._next.append(self._further(token, observation.trial))
        elif decision == SchedulerDecision.PAUSE:
            self._paused[token.trial.trial_id] = token, observation.trial

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        with self.theirs():
            running = self._started(self.space.to_configuration(arch))
            self._report(running.trial, self._epochs[-1], losses)

    def _report(self, trial: Trial, epoch: int, losses: tuple[float, ...]) -> str:
        """Tell what a trial reports, as a tuner does, and return what becomes of it."""
        if math.inf in losses:
            self._scheduler.on_trial_error(trial)
            return str(SchedulerDecision.STOP)
        result = {**dict(zip(self._metrics, losses, strict=True)), _EPOCH: epoch}
        decision: str = self._scheduler.on_trial_result(trial, result)
        if decision != SchedulerDecision.CONTINUE:
            self._scheduler.on_trial_remove(trial)
        elif epoch == self._epochs[-1]:
            self._scheduler.on_trial_complete(trial, result)
        return decision


def _takes_several(scheduler: type) -> bool:
    taken = inspect.signature(scheduler).parameters
    return "metrics" in taken and scheduler.__name__ not in _ONE_OBJECTIVE


def adapt(scheduler: type, module: str = __name__) -> type[SyneTuneSearch]:
    """Return the algorithm that asks a scheduler.

    Args:
        scheduler: Class derived from ``syne_tune.optimizer.scheduler.TrialScheduler``, with
            arguments ``config_space``, ``random_seed`` and ``metric`` or ``metrics``, and if it
            stops trials early, ``time_attr`` and ``max_t``.
        module: Name of the module that keeps the algorithm under the name of the scheduler.
    """
    algorithm = adapted(SyneTuneSearch, scheduler, module=module, leave_out=_LEFT_OUT)
    algorithm.multi_objective = _takes_several(scheduler)
    return algorithm


@cache
def __getattr__(name: str) -> type[SyneTuneSearch]:
    """Make the algorithm with the name of a scheduler."""
    if name in _NEED_BOTORCH:
        raise AttributeError(f"synetune:{name} is not offered, since it needs BoTorch")
    if name not in _SCHEDULERS:
        raise AttributeError(
            f"syne_tune.optimizer.baselines has no {name!r}{one_of(name, _SCHEDULERS)}"
        )
    return adapt(_SCHEDULERS[name])
