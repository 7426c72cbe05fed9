"""Facades of SMAC3 (Lindauer et al., 2022, https://www.jmlr.org/papers/v23/21-0888.html).

SMAC starts its local searches in the order of a set of configurations, whose hashes are those of
texts: another order in every process, and another search. Here a configuration has the hash of its
numbers while SMAC runs, which is the same everywhere.
"""

import inspect
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import smac
from ConfigSpace import Configuration
from smac.main.exceptions import ConfigurationSpaceExhaustedException
from smac.multi_objective.parego import ParEGO
from smac.runhistory import StatusType, TrialInfo, TrialValue

from algorithms.adapters.adapter import Adapter, Asked, adapted, refusals
from algorithms.adapters.budgets import Budgets
from nasbench.algorithm import Observation
from nasbench.errors import one_of
from nasbench.space import Arch, SearchSpace

_FACADES = tuple(name for name in smac.facade.__all__ if name != "AbstractFacade")
_PARTS = (
    *("model", "acquisition_function", "acquisition_maximizer", "intensifier"),
    *("initial_design", "random_design", "config_selector"),
)
_ONLY_SEED = 0  # what SMAC calls the training of a deterministic scenario
_LARGEST_COST = 1e5  # SMAC subtracts 1e-10 from the smallest before it takes logarithms


class SmacSearch(Adapter):
    """A facade of SMAC, asked and told.

    The search is the loop ``info = facade.ask()``, ``facade.tell(info, TrialValue(loss))``. Its
    hyperparameters beside those below are the arguments of the facade's ``get_model``,
    ``get_acquisition_function``, ``get_acquisition_maximizer``, ``get_intensifier``,
    ``get_initial_design``, ``get_random_design`` and ``get_config_selector``. SMAC never asks for a
    configuration twice, and a search ends when it finds no other.

    SMAC cannot calculate with any loss. A single one beyond ±1e5 is told as ±(1e5 + log(loss /
    1e5)); a diverged training is told as crashed, with the largest loss so far, and before there is
    any, it waits. Several losses are combined by ParEGO.

    Facades with budgets train to the nearest epoch on offer; a configuration that is promoted
    continues its training where the benchmark allows it. They take one objective: with several,
    SMAC finds no budget that all of its incumbents have.

    Args:
        space: The search space.
        fidelities: Epochs on offer: the least and the greatest budget. Facades without budgets use
            the last.
        seed: Seed of the scenario.
        objectives: Number of objectives; all count.
        resumable: Whether a training can be continued.
        n_trials: Trials that SMAC believes it has. Its first design takes at most ``max_ratio`` of
            them; it does not end the search.
        deterministic: Whether one training tells all. If not, SMAC trains its best configurations
            again, up to ``max_config_calls`` times.

    Raises:
        InvalidArgumentError: SMAC refuses an argument, or a facade with budgets gets several
            objectives.
    """

    packages = ("smac", "ConfigSpace", "scikit-learn")
    multi_objective = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        resumable: bool = True,
        n_trials: int = 100,
        deterministic: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        if _has_budgets(self.foreign):
            self.require_one(objectives)
        self.n_trials = n_trials
        self.deterministic = deterministic
        self._budgets = Budgets(self.fidelities, resumable=resumable)
        self._n_asked = 0
        self._worst: list[float] | None = None
        self._crashed: list[TrialInfo] = []
        names = [f"loss {i}" for i in range(objectives)]
        with self.theirs(), refusals(), tempfile.TemporaryDirectory() as folder:
            scenario = smac.Scenario(
                space.to_configspace(),
                output_directory=Path(folder),
                objectives=names if objectives > 1 else names[0],
                deterministic=deterministic,
                n_trials=n_trials,
                min_budget=self.fidelities[0],
                max_budget=self.fidelities[-1],
                seed=seed,
            )
            self._facade = self.foreign(
                scenario,
                multi_objective_algorithm=ParEGO(scenario) if objectives > 1 else None,
                logging_level=False,
                **{part: self._part(part, scenario, settings) for part in _PARTS},
            )

    def _part(self, part: str, scenario: Any, settings: dict[str, Any]) -> Any:
        function = _getter(self.foreign, part)
        names = inspect.signature(function).parameters
        return function(scenario, **{n: value for n, value in settings.items() if n in names})

    @contextmanager
    def theirs(self) -> Iterator[None]:
        by_text = Configuration.__hash__
        Configuration.__hash__ = _by_numbers  # type: ignore[method-assign, assignment]
        try:
            with super().theirs():
                yield
        finally:
            Configuration.__hash__ = by_text  # type: ignore[method-assign]

    def propose(self) -> Asked | None:
        if self._worst is None and self._n_asked >= math.prod(self.space.options):
            return None  # without results, SMAC would look for another configuration forever
        try:
            with joblib.parallel_config("sequential"):
                info = self._facade.ask()
        except (StopIteration, ConfigurationSpaceExhaustedException):
            return None
        self._n_asked += 1
        arch = self.legal(dict(info.config))
        if info.budget is None:
            return Asked(info, arch)
        return Asked(info, arch, *self._budgets.training((info.config, info.seed), info.budget))

    def learn(self, token: Any, observation: Observation) -> None:
        self._budgets.ended((token.config, token.seed), observation)
        self._tell(token, observation.losses)

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        with self.theirs():
            configuration = Configuration(
                self._facade.scenario.configspace, values=self.space.to_configuration(arch)
            )
            budget = self.fidelities[-1] if _has_budgets(self.foreign) else None
            self._tell(TrialInfo(configuration, seed=_ONLY_SEED, budget=budget), losses)

    def _tell(self, info: TrialInfo, losses: tuple[float, ...]) -> None:
        if math.inf in losses:
            self._crashed.append(info)
        else:
            costs = [_bounded(loss) for loss in losses] if len(losses) == 1 else list(losses)
            self._worst = [max(pair) for pair in zip(costs, self._worst or costs, strict=True)]
            self._facade.tell(info, TrialValue(_cost(costs)), save=False)
        while self._crashed and self._worst is not None:
            value = TrialValue(_cost(self._worst), status=StatusType.CRASHED)
            self._facade.tell(self._crashed.pop(0), value, save=False)


def _by_numbers(configuration: Configuration) -> int:
    return hash(tuple(configuration.get_array().tolist()))


def _bounded(loss: float) -> float:
    if abs(loss) <= _LARGEST_COST:
        return loss
    return math.copysign(_LARGEST_COST + math.log(abs(loss) / _LARGEST_COST), loss)


def _cost(costs: list[float]) -> Any:
    return costs if len(costs) > 1 else costs[0]


def _getter(facade: type, part: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(facade, f"get_{part}")
    return function


def _has_budgets(facade: type) -> bool:
    return "eta" in inspect.signature(_getter(facade, "intensifier")).parameters


def adapt(facade: type, module: str = __name__) -> type[SmacSearch]:
    """Return the algorithm that asks a facade.

    Args:
        facade: Class derived from ``smac.facade.AbstractFacade``.
        module: Name of the module that keeps the algorithm under the name of the facade.
    """
    functions = [_getter(facade, part) for part in _PARTS]
    algorithm = adapted(SmacSearch, facade, module=module, functions=functions)
    algorithm.multi_objective = not _has_budgets(facade)
    return algorithm


@cache
def __getattr__(name: str) -> type[SmacSearch]:
    """Make the algorithm with the name of a facade."""
    if name not in _FACADES:
        raise AttributeError(f"smac.facade has no {name!r}{one_of(name, _FACADES)}")
    return adapt(getattr(smac.facade, name))
