"""The contract of a search algorithm: it proposes architectures and is told their losses.

An algorithm sees its search space and its observations, but no table, test result or clock. A loop
such as :func:`nasbench.replay` calls :meth:`Algorithm.ask`, evaluates the proposal, and passes the
result to :meth:`Algorithm.tell`:

>>> from nasbench.algorithm import Algorithm, Observation, Proposal
>>> from nasbench.spaces.nb201 import NB201
>>> class HillClimber(Algorithm):
...     best = None
...
...     def ask(self):
...         if self.best is None:
...             return Proposal(self.space.sample(self.rng))
...         return Proposal(self.space.mutate(self.best.proposal.arch, self.rng))
...
...     def tell(self, observation):
...         if self.best is None or observation.loss < self.best.loss:
...             self.best = observation
>>> algorithm = HillClimber(NB201(), fidelities=(12, 200), seed=0)
>>> proposal = algorithm.ask()
>>> proposal
Proposal(arch=(4, 3, 2, 1, 2, 2), epoch=None, resumes=None)
>>> algorithm.tell(Observation(0, proposal, losses=(8.5,), seconds=100.0))
>>> algorithm.best.loss
8.5
"""

import inspect
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.annotation import as_annotated, check_integers
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, SearchSpace

Known: TypeAlias = Callable[[Arch], tuple[float, ...]]
"""Gives the numbers of an architecture that are known before training, such as its parameters.

An algorithm with a keyword ``known`` receives such a function. A number is NaN where it is not
defined for the architecture, as some zero-cost scores are not.
"""

LARGEST_LOSS = 1e40
"""More than single precision holds; its products with other losses are finite."""

_SMALLEST_LOSS = -LARGEST_LOSS
NOT_HYPERPARAMETERS = (
    "self",
    "space",
    "fidelities",
    "seed",
    "known",
    "objectives",
    "resumable",
    "regressors",
    "supernets",
)
"""Arguments of a constructor that are not hyperparameters."""


class Proposal(NamedTuple):
    """A training that an algorithm asks for.

    Attributes:
        arch: The architecture to train.
        epoch: The epoch to train it to, one of the algorithm's ``fidelities``; None for the last of
            them.
        resumes: Number of the trial whose training to continue; None to train from scratch.
    """

    arch: Arch
    epoch: int | None = None
    resumes: int | None = None


class Observation:
    """The result of a proposal.

    Attributes:
        trial: Number of the trial; trials are numbered from 0 in the order of their starts.
        proposal: The proposal.
        losses: One loss per objective, lower is better; ``inf`` if the training diverged. What is
            further from zero than :data:`LARGEST_LOSS`, so that searches could not calculate with
            it, counts as diverged, or as minus that number.
        seconds: Simulated cost of the trial.

    Raises:
        InvalidArgumentError: A loss is NaN, ``-inf`` or not a number, or there is none.
    """

    __slots__ = ("_curve", "losses", "proposal", "seconds", "trial")

    def __init__(
        self,
        trial: int,
        proposal: Proposal,
        losses: tuple[float, ...],
        seconds: float,
        curve: Callable[[int], NDArray[np.float64]] | None = None,
    ) -> None:
        self.trial = trial
        self.proposal = proposal
        if (  # one loss, as mostly: without a call
            type(losses) is tuple
            and len(losses) == 1
            and type(losses[0]) is float
            and _SMALLEST_LOSS < losses[0] < LARGEST_LOSS
        ):
            self.losses: tuple[float, ...] = losses
        else:
            self.losses = losses if _are_ordinary(losses) else _checked_losses(losses)
        self.seconds = seconds
        self._curve = curve

    @property
    def loss(self) -> float:
        """The first loss."""
        return self.losses[0]

    @property
    def curve(self) -> NDArray[np.float64]:
        """First loss after epochs 1, 2, …, shape ``(epoch,)``, bounded; NaN where not recorded."""
        if self._curve is None:
            return np.array([self.losses[0]])
        curve = np.maximum(self._curve(self.trial), -LARGEST_LOSS)
        curve[curve >= LARGEST_LOSS] = math.inf
        return curve

    def __repr__(self) -> str:
        return (
            f"Observation(trial={self.trial}, {self.proposal}, losses={self.losses}, "
            f"seconds={self.seconds})"
        )


def _are_ordinary(losses: object) -> bool:
    if type(losses) is not tuple or not losses:
        return False
    for loss in losses:
        if type(loss) is not float or not -LARGEST_LOSS < loss < LARGEST_LOSS:
            return False
    return True


def _checked_losses(losses: Any) -> tuple[float, ...]:
    try:
        numbers = tuple([float(loss) for loss in losses])
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    if not numbers or not all(loss > -math.inf for loss in numbers):
        raise InvalidArgumentError(
            f"losses = {losses!r} must be a tuple of numbers, one per objective, with inf for a "
            "training that diverged"
        )
    return tuple([math.inf if x >= LARGEST_LOSS else max(x, -LARGEST_LOSS) for x in numbers])


class Configurable(Protocol):
    """A class with hyperparameters, which are keyword-only arguments, and presets of them."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]


class Algorithm(ABC):
    """Base class of all search algorithms.

    A subclass declares its hyperparameters as keyword-only arguments, keeps them as attributes of
    the same names, and may list published settings in ``presets``. ``self.rng`` is its only source
    of randomness, and it calls only ``rng.random()``.

    Five keywords are not hyperparameters; an algorithm that declares them is told their values.
    ``known`` gives numbers that are known before training, see :data:`Known`. ``objectives`` is the
    number of losses. ``resumable`` is False if every fidelity is a separate training, so that no
    trial can be resumed. ``regressors`` makes registered regressors, see
    :class:`nasbench.regressor.Regressors`, and ``supernets`` networks with shared weights, see
    :class:`nasbench.supernet.Supernets`. An ``__init__`` with ``**keywords`` has those of its base
    class as well.

    Args:
        space: The space to search.
        fidelities: Epochs that a proposal may ask for, ascending. An algorithm that uses one
            fidelity takes the last.
        seed: Seed of the search.

    Attributes:
        presets: Hyperparameters by name of the preset.
        families: Kinds of models that the algorithm fits to observed losses in order to predict
            others, named like :attr:`nasbench.regressor.Regressor.family`; they may depend on
            hyperparameters. Leaderboards mark an algorithm that fits the family of the surrogate
            that it searches.
        loss_unit: Unit of the first loss that the hyperparameters are made for, such as ``"%"``;
            None if they suit any. A search for an objective in another unit says so.
        multi_objective: Whether the losses after the first count, too. If not, a search with
            several objectives says so.
        random_trials: Number of trials at the start that are nothing but random search: random
            architectures, trained to the last fidelity, whatever became of those before; None for
            all. A search that ends before it learns says so, and boards can mark it. 0 for random
            search itself, which needs no mark.
        fallbacks: Number of proposals so far that are random because no model could be fitted, or
            because it found nothing to propose. Records keep it, and a search with any says so.
        packages: Distributions that decide what it proposes; records keep their versions.
        inner_algorithms: Classes of the algorithms that it runs, if any; their code is part of its
            own.
        inner_regressors: Classes of the regressors that it fits, if ``regressors`` made them; so is
            their code.
        inner_supernets: Classes on which the supernets that it trains depend, and that which makes
            them, if ``supernets`` did; so is their code.
        space: As given.
        fidelities: As given.
        rng: The generator made from ``seed``.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    multi_objective: bool = False
    families: tuple[str, ...] = ()
    loss_unit: str | None = None
    random_trials: int | None = 0
    fallbacks: int = 0
    packages: tuple[str, ...] = ()
    inner_algorithms: "tuple[type[Algorithm], ...]" = ()
    inner_regressors: tuple[type, ...] = ()
    inner_supernets: tuple[type, ...] = ()

    def __init__(self, space: SearchSpace, *, fidelities: Sequence[int], seed: int) -> None:
        self.space = space
        self.fidelities = tuple(fidelities)
        self.rng = random.Random(seed)

    @abstractmethod
    def ask(self) -> Proposal | None:
        """Return the next proposal.

        Returns:
            The proposal; None if there is nothing to propose before the next ``tell``. None while
            no trial is running ends the search.
        """

    @abstractmethod
    def tell(self, observation: Observation) -> None:
        """Learn the result of a proposal.

        Called once per proposal. With parallel workers, results may come late and in any order.
        """


def hyperparameters(
    algorithm: type[Configurable], changes: Mapping[str, Any], preset: str | None = None
) -> dict[str, Any]:
    """Return all hyperparameters: the defaults, updated by a preset, then by ``changes``.

    Args:
        algorithm: Class of an algorithm or regressor.
        changes: Values by name of the hyperparameter.
        preset: Name of a preset of the class.

    Raises:
        UnknownNameError: There is no such preset or hyperparameter.
        InvalidArgumentError: A value differs in type from the default, or, where that is None, from
            the annotation; an integer is huge; or a hyperparameter without default has no value.
    """
    values, kinds = dict(_defaults(algorithm)), _annotations(algorithm)
    label = algorithm.__name__
    if preset is not None and preset not in algorithm.presets:
        raise UnknownNameError(
            f"{label} has no preset {preset!r}{one_of(preset, algorithm.presets)}"
        )
    settings = dict(algorithm.presets[preset]) if preset else {}
    for name, value in (settings | dict(changes)).items():
        if name not in values:
            raise UnknownNameError(f"{label} has no hyperparameter {name!r}{one_of(name, values)}")
        values[name] = _checked(f"{label}: {name}", value, values[name], kinds[name])
    for name, value in values.items():
        if value is inspect.Parameter.empty:
            raise InvalidArgumentError(f"{label} needs a value for {name!r}, which has no default")
    return values


def make(
    algorithm: type[Algorithm],
    space: SearchSpace,
    *,
    fidelities: Sequence[int],
    seed: int,
    hyperparameters: Mapping[str, Any],
    known: Known | None = None,
    objectives: int = 1,
    resumable: bool = True,
    regressors: Callable[..., Any] | None = None,
    supernets: Callable[..., Any] | None = None,
) -> Algorithm:
    """Make an algorithm, passing what is no hyperparameter only if it declares the keyword.

    Args:
        algorithm: Class of the algorithm.
        space: The space to search.
        fidelities: Epochs that a proposal may ask for, ascending.
        seed: Seed of the search.
        hyperparameters: All hyperparameters, from :func:`hyperparameters`.
        known: Numbers known before training; only for an algorithm that :func:`takes_known`.
        objectives: Number of losses of a trial.
        resumable: Whether a trial can resume another.
        regressors: Makes registered regressors, see :class:`nasbench.regressor.Regressors`.
        supernets: Makes networks with shared weights, see :class:`nasbench.supernet.Supernets`.
    """
    declared: dict[str, Any] = {} if known is None else {"known": known}
    offered = {
        "objectives": objectives,
        "resumable": resumable,
        "regressors": regressors,
        "supernets": supernets,
    }
    for name, value in offered.items():
        if name in parameters(algorithm):
            declared[name] = value
    return algorithm(space, fidelities=fidelities, seed=seed, **hyperparameters, **declared)


def kept_hyperparameters(algorithm: Configurable) -> dict[str, Any] | None:
    """Read hyperparameters from an algorithm's attributes; None if it does not keep them all."""
    names = _defaults(type(algorithm))
    if not all(hasattr(algorithm, name) for name in names):
        return None
    return {name: getattr(algorithm, name) for name in names}


@cache
def parameters(algorithm: type[Configurable]) -> Mapping[str, inspect.Parameter]:
    """Return the keyword-only parameters of a class, those of its bases where it passes them on."""
    found: dict[str, inspect.Parameter] = {}
    for kind in algorithm.__mro__:
        if "__init__" not in vars(kind):
            continue
        own = inspect.signature(vars(kind)["__init__"]).parameters.values()
        found = {p.name: p for p in own if p.kind is p.KEYWORD_ONLY and p.name not in found} | found
        if not any(p.kind is p.VAR_KEYWORD for p in own):
            break
    return found


@cache
def _defaults(algorithm: type[Configurable]) -> Mapping[str, Any]:
    """Return the default of every hyperparameter; ``inspect.Parameter.empty`` for none."""
    return {
        name: parameter.default
        for name, parameter in parameters(algorithm).items()
        if name not in NOT_HYPERPARAMETERS
    }


@cache
def _annotations(algorithm: type[Configurable]) -> Mapping[str, Any]:
    """Return the annotation of every hyperparameter."""
    return {name: parameters(algorithm)[name].annotation for name in _defaults(algorithm)}


def takes_known(algorithm: type[Algorithm]) -> bool:
    """Return whether the algorithm declares the keyword ``known``."""
    return "known" in parameters(algorithm)


def takes_resumable(algorithm: type[Algorithm]) -> bool:
    """Return whether the algorithm declares the keyword ``resumable``."""
    return "resumable" in parameters(algorithm)


def takes_supernets(algorithm: type[Algorithm]) -> bool:
    """Return whether the algorithm declares the keyword ``supernets``."""
    return "supernets" in parameters(algorithm)


def _checked(name: str, value: Any, default: Any, annotation: Any) -> Any:
    check_integers(name, value)
    if default is None:
        return as_annotated(name, value, annotation)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    if default is not inspect.Parameter.empty and type(value) is not type(default):
        raise InvalidArgumentError(
            f"{name} = {value!r} must be of type {type(default).__name__}, like {default!r}"
        )
    return value
