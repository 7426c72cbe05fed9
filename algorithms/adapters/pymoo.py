"""Algorithms of pymoo (Blank and Deb, 2020, https://doi.org/10.1109/ACCESS.2020.2990567)."""

from collections import deque
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from importlib import import_module
from inspect import Parameter
from math import comb, floor
from typing import Any, ClassVar

import numpy as np
from pymoo.core.evaluator import Evaluator
from pymoo.core.individual import Individual
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
from pymoo.problems.static import StaticProblem
from pymoo.termination.max_gen import MaximumGenerationTermination
from pymoo.util.ref_dirs import get_reference_directions

from algorithms.adapters.adapter import MOST, Adapter, Asked, adapted
from nasbench.algorithm import LARGEST_LOSS, Observation
from nasbench.errors import AlgorithmError, InvalidArgumentError, first_line, one_of
from nasbench.registry import require
from nasbench.space import Arch, SearchSpace

_INTEGERS = {
    "NSGA2": "moo.nsga2",
    "NSGA3": "moo.nsga3",
    "UNSGA3": "moo.unsga3",
    "MOEAD": "moo.moead",
    "RVEA": "moo.rvea",
    "SMSEMOA": "moo.sms",
    "SPEA2": "moo.spea2",
    "AGEMOEA": "moo.age",
    "GA": "soo.nonconvex.ga",
}
"""Places in ``pymoo.algorithms`` of what recombines vectors of integers."""
_CHOICES = {"MixedVariableGA": "pymoo.core.mixed"}
"""Place of what recombines choices."""
_REALS = {
    "NSDE": "moo.nsde",
    "GDE3": "moo.gde3",
    "MOPSO_CD": "moo.mopso_cd",
    "DE": "soo.nonconvex.de",
    "ES": "soo.nonconvex.es",
    "PSO": "soo.nonconvex.pso",
    "EPPSO": "soo.nonconvex.pso_ep",
    "BRKGA": "soo.nonconvex.brkga",
    "G3PCX": "soo.nonconvex.g3pcx",
}
"""Places in ``pymoo.algorithms`` of what moves vectors of real numbers."""
_DIRECTED = ("NSGA3", "UNSGA3", "MOEAD", "RVEA")
_SEVERAL = (*_DIRECTED, "SMSEMOA")
_SIZES = {
    "pop_size": ("NSGA3", "UNSGA3", "RVEA"),
    "n_offsprings": (
        *("NSGA2", "NSGA3", "UNSGA3", "RVEA", "SMSEMOA", "SPEA2", "AGEMOEA"),
        *("GA", "MixedVariableGA", "DE"),
    ),
}
"""Arguments that are numbers, which no signature says; None leaves the choice to pymoo."""
_DIRECTIONS = 100


class PymooSearch(Adapter):
    """An algorithm of pymoo, asked and told generation by generation.

    The search is the loop ``algorithm.setup(problem, seed=seed)``, ``algorithm.ask()``,
    ``algorithm.tell(infills)``. The members of a generation may be trained at the same time; the
    next generation waits for the last of them. A search ends where pymoo's own loop would: if no
    offspring is left that differs from the population, or if the algorithm has converged.

    Genetic algorithms with operators recombine the numbers of options as integers, by simulated
    binary crossover and polynomial mutation, both rounded, as the documentation of pymoo shows for
    discrete variables. ``MixedVariableGA`` recombines options as choices without an order. All
    others move real numbers: option ``n`` is the interval from ``n`` to ``n + 1``.

    A diverged training is told as the loss 1e40, since an infinite one has no place in a distance.
    Trials that are given before the first proposal belong to the first generation.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the algorithm.
        objectives: Number of objectives.

    Attributes:
        most: Number of objectives that it takes; None for any number.
        known: Name of the class of pymoo that it is or is derived from, which decides what an
            individual is.

    Raises:
        InvalidArgumentError: The algorithm does not take this number of objectives, or refuses
            its arguments.
    """

    packages = ("pymoo",)
    most: ClassVar[int | None] = None
    known: ClassVar[str] = ""

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        **settings: Any,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed, **settings)
        name = self.foreign.__qualname__
        if objectives < self.least or objectives > (self.most or objectives):
            raise InvalidArgumentError(
                f"{name} takes {self.least if self.most else f'{self.least} or more'} "
                f"objective{'s' if self.least > 1 else ''}, there {_are(objectives)}"
            )
        for argument in ("pop_size", "n_offsprings", "partitions", "generations"):
            number = getattr(self, argument, None)
            if number is not None and not 1 <= number <= MOST:
                limit = "at least 1" if number < 1 else f"at most {MOST:,}"
                raise InvalidArgumentError(f"{argument} = {number} must be {limit}")
        self._given: list[tuple[Arch, tuple[float, ...]]] = []
        self._generation: Any = None
        self._to_ask: deque[int] = deque()
        self._waiting: set[int] = set()
        self._is_over = False
        with self.theirs():
            self._problem = self._problem_of(objectives)
            try:
                made = self.foreign(**self._operators(objectives), **settings)
            except Exception as error:  # of any type, if it refuses an argument
                raise InvalidArgumentError(first_line(error)) from error
            self._algorithm = deepcopy(made)  # as pymoo's minimize: defaults are shared objects
            self._algorithm.setup(self._problem, seed=seed, termination=self._termination())
            if self.known in (*_CHOICES, *_INTEGERS):  # others may spread their first population
                self.random_trials = len(_members(deepcopy(self._algorithm).ask()))

    def _problem_of(self, objectives: int) -> Any:
        n = np.array(self.space.options)
        if self.known in _CHOICES:
            return Problem(vars=self.space.to_pymoo(), n_obj=objectives)
        if self.known in _INTEGERS:
            return Problem(n_var=len(n), n_obj=objectives, xl=0 * n, xu=n - 1, vtype=int)
        return Problem(n_var=len(n), n_obj=objectives, xl=0.0 * n, xu=1.0 * n)

    def _operators(self, objectives: int) -> dict[str, Any]:
        """The arguments of the foreign constructor that are objects."""
        if self.known in _CHOICES:
            return {"survival": RankAndCrowding()} if objectives > 1 else {}
        if self.known not in _INTEGERS:
            return {}
        rounded = {"prob": 1.0, "eta": 3.0, "vtype": float, "repair": RoundingRepair()}
        return {
            "sampling": IntegerRandomSampling(),
            "crossover": SBX(**rounded),
            "mutation": PM(**rounded),
        }

    def _termination(self) -> Any:
        """When the algorithm believes that it ends; the budget of a search is not its own."""
        return NoTermination()

    def propose(self) -> Asked | None:
        while not self._to_ask:
            if self._waiting or self._is_over:  # members of this generation are not told yet
                return None
            self._next_generation()
        index = self._to_ask.popleft()
        self._waiting.add(index)
        return Asked(index, self._arch(_members(self._generation)[index].X))

    def learn(self, token: Any, observation: Observation) -> None:
        member = _members(self._generation)[token]
        _evaluate(self._problem, member, observation.losses)
        self._waiting.remove(token)
        if not self._waiting and not self._to_ask:
            self._algorithm.tell(infills=self._generation)

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        if self._generation is not None:
            raise AlgorithmError(
                f"{self.foreign.__qualname__} takes given trials before its first proposal only"
            )
        if not hasattr(self._algorithm, "initialization"):
            super().add(arch, losses)
        self._given.append((arch, losses))

    def _next_generation(self) -> None:
        algorithm = self._algorithm
        if self._given:
            self._start_from_given()
        self._generation = algorithm.ask() if algorithm.has_next() else None
        self._is_over = self._generation is None
        if self._generation is None:
            return
        members = _members(self._generation)
        self._to_ask.extend(n for n, member in enumerate(members) if not member.evaluated)
        if not self._to_ask:
            algorithm.tell(infills=self._generation)

    def _start_from_given(self) -> None:
        """Put given trials into the first generation, which is filled up as usual."""
        given, algorithm = self._given, self._algorithm
        known = Population.new(X=[self._solution(arch) for arch, _ in given])
        for member, (_, losses) in zip(known, given, strict=True):
            _evaluate(self._problem, member, losses)
        missing = max(0, algorithm.pop_size - len(known))
        drawn = algorithm.initialization.sampling(
            self._problem, missing, random_state=algorithm.random_state
        )
        algorithm.initialization.sampling = Population.merge(known, drawn)
        self._given = []

    def _arch(self, solution: Any) -> Arch:
        if isinstance(solution, Mapping):
            return self.legal(solution)
        pairs = zip(solution, self.space.options, strict=True)
        arch = tuple([min(floor(x), n - 1) for x, n in pairs])
        return arch if self.space.is_legal(arch) else self.space.repair(arch)

    def _solution(self, arch: Arch) -> Any:
        if self.known in _CHOICES:
            return self.space.to_configuration(arch)
        return np.array(arch) if self.known in _INTEGERS else np.array(arch) + 0.5


class DirectedSearch(PymooSearch):
    """An algorithm of pymoo that spreads its population along reference directions.

    It is asked and told generation by generation as :class:`PymooSearch` says, on integers.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the algorithm.
        objectives: Number of objectives, 2 or more.
        partitions: Steps from one objective to another in the uniform directions of Das and Dennis;
            None for the most that give no more than 100 directions: 99 for two objectives, 12 for
            three.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        partitions: int | None = None,
        **settings: Any,
    ) -> None:
        self.partitions = partitions
        super().__init__(space, fidelities=fidelities, seed=seed, objectives=objectives, **settings)

    def _operators(self, objectives: int) -> dict[str, Any]:
        steps = self.partitions
        if steps is None:
            steps = 1
            while comb(steps + objectives, objectives - 1) <= _DIRECTIONS:
                steps += 1
        number = comb(max(steps, 0) + objectives - 1, objectives - 1)
        if number > MOST:
            raise InvalidArgumentError(
                f"partitions = {steps} makes {number:,} directions, possible are {MOST:,}"
            )
        directions = get_reference_directions("uniform", objectives, n_partitions=steps)
        return super()._operators(objectives) | {"ref_dirs": directions}


class PlannedSearch(DirectedSearch):
    """An algorithm of pymoo that plans ahead: it has to know how long it will run.

    It is asked and told generation by generation as :class:`PymooSearch` says, on integers.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the algorithm.
        objectives: Number of objectives, 2 or more.
        partitions: Steps from one objective to another in the uniform directions of Das and Dennis;
            None for the most that give no more than 100 directions: 99 for two objectives, 12 for
            three.
        generations: Generations that the algorithm plans with; the search ends after them.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        objectives: int = 1,
        partitions: int | None = None,
        generations: int = 100,
        **settings: Any,
    ) -> None:
        self.generations = generations
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            objectives=objectives,
            partitions=partitions,
            **settings,
        )

    def _termination(self) -> Any:
        return MaximumGenerationTermination(self.generations)


@cache
def __getattr__(name: str) -> type[PymooSearch]:
    """Make the algorithm with the name of a class of pymoo."""
    places = {
        n: f"pymoo.algorithms.{place}" for n, place in (_INTEGERS | _REALS).items()
    } | _CHOICES
    if name not in places:
        raise AttributeError(
            f"of pymoo, no {name!r} searches spaces of options{one_of(name, places)}"
        )
    if name == "AGEMOEA":
        require("numba", f"'pymoo:{name}'")
    return adapt(getattr(import_module(places[name]), name))


def adapt(algorithm: type, module: str = __name__) -> type[PymooSearch]:
    """Return the algorithm that asks one of pymoo.

    Args:
        algorithm: Class derived from an algorithm of pymoo. Its arguments ``sampling``,
            ``crossover`` and so on are passed as to the class that it is derived from.
        module: Name of the module that keeps the algorithm under the name of the class.
    """
    theirs = next(c for c in algorithm.__mro__ if c.__module__.partition(".")[0] == "pymoo")
    name = theirs.__name__
    base = PlannedSearch if name == "RVEA" else DirectedSearch if name in _DIRECTED else PymooSearch
    made = adapted(
        base,
        algorithm,
        module=module,
        leave_out=["ref_dirs"],
        also=[
            Parameter(argument, Parameter.KEYWORD_ONLY, default=None, annotation=int | None)
            for argument, names in _SIZES.items()
            if name in names and algorithm.__init__ is theirs.__init__  # type: ignore[misc]
        ],
    )
    made.least = 2 if name in _SEVERAL else 1
    made.most = 1 if "soo." in theirs.__module__ else None
    made.known = name
    made.multi_objective = made.most is None
    return made


def _members(generation: Any) -> Any:
    """The members of what pymoo asks for: a population, or one of it."""
    return [generation] if isinstance(generation, Individual) else generation


def _evaluate(problem: Any, member: Any, losses: Sequence[float]) -> None:
    """Enter losses into a member of a population."""
    bounded = np.array([[min(loss, LARGEST_LOSS) for loss in losses]])
    Evaluator().eval(StaticProblem(problem, F=bounded), Population.create(member))


def _are(n: int) -> str:
    return f"is {n}" if n == 1 else f"are {n}"
