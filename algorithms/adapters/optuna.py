"""Samplers and pruners of Optuna (Akiba et al., 2019, https://arxiv.org/abs/1907.10902)."""

import inspect
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import optuna

from algorithms.adapters.adapter import Adapter, Asked, adapted, refusals
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, SearchSpace

_RANDOM = ("n_startup_trials", "population_size")
"""Settings that say how many trials come before a sampler learns."""
_NOT_OFFERED = ("BaseSampler", "BaseGASampler", "GridSampler", "PartialFixedSampler")


class OptunaSearch(Adapter):
    """A study of Optuna, asked and told.

    The search is the loop ``trial = study.ask(space.to_optuna())``, ``study.tell(trial, losses)``.
    A diverged training is told as the loss ``inf``.

    With a pruner, a trial begins at the lowest fidelity. After each, its loss is reported as the
    intermediate value of that epoch; if the pruner does not stop it, the trial goes on to the next
    fidelity, where the benchmark allows it by continuing the training. A sampler may learn from the
    intermediate values of pruned trials. The study is called ``"seed 0"``, by the seed: the
    brackets of ``HyperbandPruner`` depend on the name, which Optuna draws at random if it is not
    given.

    Args:
        space: The search space.
        fidelities: Epochs on offer; without a pruner, only the last is used.
        seed: Seed of the sampler.
        objectives: Number of objectives; all count.
        resumable: Whether a training can be continued.
        pruner: Name of a class of ``optuna.pruners``; None trains every trial to the end.
        pruner_settings: Arguments of the pruner.

    Raises:
        UnknownNameError: There is no such pruner.
        InvalidArgumentError: Sampler or pruner refuse their arguments; or there is a pruner and
            more than one objective.
    """

    packages = ("optuna",)
    multi_objective = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        resumable: bool = True,
        pruner: str | None = None,
        pruner_settings: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        self.pruner = pruner
        self.pruner_settings = pruner_settings
        if pruner is not None and objectives > 1:
            raise InvalidArgumentError(
                f"pruner = {pruner!r} stops trials by one objective, there are {objectives}"
            )
        self._epochs = self.fidelities if pruner is not None else self.fidelities[-1:]
        self._resumable = resumable
        self._next: deque[Asked] = deque()
        self._is_over = False
        self._distributions = space.to_optuna()
        with self.theirs(), refusals():
            self._study = optuna.create_study(
                study_name=f"seed {seed}",
                sampler=self.foreign(seed=seed, **settings),
                pruner=_pruner(pruner, pruner_settings or {}),
                directions=["minimize"] * objectives,
            )

        if len(self._epochs) == 1:
            said = (getattr(self, name, None) for name in _RANDOM)
            self.random_trials = next((n for n in said if type(n) is int), 0)

    @contextmanager
    def theirs(self) -> Iterator[None]:
        with super().theirs(), _quiet():
            yield

    def propose(self) -> Asked | None:
        if self._next:
            return self._next.popleft()
        if self._is_over:
            return None
        trial = self._study.ask(self._distributions)
        return Asked((trial, 0), self.legal(trial.params), self._epochs[0])

    def learn(self, token: Any, observation: Observation) -> None:
        trial, reached = token
        if self.pruner is None:
            self._tell(trial, list(observation.losses))
            return
        trial.report(observation.loss, step=self._epochs[reached])
        if reached + 1 == len(self._epochs):
            self._tell(trial, [observation.loss])
        elif trial.should_prune():
            self._tell(trial, None, optuna.trial.TrialState.PRUNED)
        else:
            resumed = observation.trial if self._resumable else None
            arch, epoch = observation.proposal.arch, self._epochs[reached + 1]
            self._next.append(Asked((trial, reached + 1), arch, epoch, resumed))

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        given = optuna.trial.create_trial(
            params=self.space.to_configuration(arch),
            distributions=self._distributions,
            values=list(losses),
        )
        self._study.add_trial(given)

    def _tell(self, trial: Any, values: Any, state: Any = None) -> None:
        try:
            self._study.tell(trial, values, state=state)
        except RuntimeError as error:  # a sampler that has seen the whole space stops the study
            if "Study.stop" not in str(error):
                raise
            self._is_over = True


def adapt(sampler: type, module: str = __name__) -> type[OptunaSearch]:
    """Return the algorithm that asks a sampler, such as one of a package of OptunaHub.

    Args:
        sampler: Class derived from ``optuna.samplers.BaseSampler``, with an argument ``seed``.
        module: Name of the module that keeps the algorithm under the name of the sampler.

    Raises:
        InvalidArgumentError: The constructor has no ``seed``, or needs an argument that no command
            line can give.
    """
    parameters = inspect.signature(sampler).parameters.values()
    if not any(p.name == "seed" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise InvalidArgumentError(
            f"{sampler.__qualname__} has no argument 'seed', from which it draws: add one and pass "
            "it on to the sampler that it is derived from"
        )
    return adapted(OptunaSearch, sampler, module=module)


@cache
def __getattr__(name: str) -> type[OptunaSearch]:
    """Make the algorithm with the name of a sampler."""
    possible = [n for n in optuna.samplers.__all__ if n not in _NOT_OFFERED]
    possible = [n for n in possible if isinstance(getattr(optuna.samplers, n), type)]
    if name not in possible:
        raise AttributeError(f"optuna.samplers has no {name!r}{one_of(name, possible)}")
    return adapt(getattr(optuna.samplers, name))


def _pruner(name: str | None, settings: Mapping[str, Any]) -> Any:
    if name is None:
        return optuna.pruners.NopPruner()
    possible = [n for n in optuna.pruners.__all__ if n not in ("BasePruner", "PatientPruner")]
    if name not in possible:
        raise UnknownNameError(f"optuna.pruners has no {name!r}{one_of(name, possible)}")
    return getattr(optuna.pruners, name)(**settings)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what Optuna logs of studies, and of samplers that leave a decision to another."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(level, optuna.logging.ERROR))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
