"""The contract of a search algorithm: asked for proposals, told observations, it sees no more."""

import inspect
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.space import Arch, SearchSpace

Known: TypeAlias = Callable[[Arch], tuple[float, ...]]
"""Numbers of an architecture that no training produced, for algorithms with a ``known`` keyword.

NaN is a number that is not defined for the architecture, as some zero-cost scores are for some.
"""

_NOT_HYPERPARAMETERS = ("self", "space", "fidelities", "seed", "known", "resumable")


class Proposal(NamedTuple):
    """What to train next.

    Attributes:
        arch: The architecture.
        epoch: Up to which epoch; default: the last fidelity.
        resumes: Number of the trial whose training to continue; None to start from scratch.
    """

    arch: Arch
    epoch: int | None = None
    resumes: int | None = None


class Observation:
    """What came out of a proposal.

    Attributes:
        trial: Number of the trial, in the order in which trials were started.
        proposal: What was proposed.
        losses: One for each objective, lower is better; ``inf`` if the training diverged.
        seconds: What the trial cost.
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
        self.losses = losses
        self.seconds = seconds
        self._curve = curve

    @property
    def loss(self) -> float:
        """The first loss."""
        return self.losses[0]

    @property
    def curve(self) -> NDArray[np.float64]:
        """The first loss after epochs 1, 2, … up to the proposal's; NaN where not recorded."""
        if self._curve is None:
            return np.array([self.losses[0]])
        return self._curve(self.trial)

    def __repr__(self) -> str:
        return (
            f"Observation(trial={self.trial}, {self.proposal}, losses={self.losses}, "
            f"seconds={self.seconds})"
        )


class Configurable(Protocol):
    """What has hyperparameters, as keyword-only arguments, and presets of them."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]


class Algorithm(ABC):
    """Base of all search algorithms.

    A subclass names its hyperparameters as keyword-only arguments with defaults, keeps them as
    attributes of the same names, and may publish settings of the literature in ``presets``. Its
    only source of randomness is ``self.rng``, used through ``random()``. Two keywords are no
    hyperparameters but told to an algorithm that has them: ``known`` (see :data:`Known`) and
    ``resumable``, False where every fidelity is a training of its own, so that none can be resumed.

    Args:
        space: What to search.
        fidelities: Epochs that a proposal may ask for, ascending; an algorithm that uses one takes
            the last.
        seed: Seed of the search.

    Attributes:
        presets: Hyperparameters by the name of the preset.
        families: Kinds of models that it fits to losses it was told, to predict others, named as
            those of :class:`nasbench.regressor.Regressor`; may depend on hyperparameters. Boards
            mark it on a surrogate that is such a model itself.
        space: As given.
        fidelities: As given.
        rng: The generator made from ``seed``.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    families: tuple[str, ...] = ()

    def __init__(self, space: SearchSpace, *, fidelities: Sequence[int], seed: int) -> None:
        self.space = space
        self.fidelities = tuple(fidelities)
        self.rng = random.Random(seed)

    @abstractmethod
    def ask(self) -> Proposal | None:
        """The next proposal.

        None means that there is nothing to propose before the next ``tell``; with no trial running,
        it ends the search.
        """

    @abstractmethod
    def tell(self, observation: Observation) -> None:
        """Take note of a result; once for each proposal, possibly late and in any order."""


def hyperparameters(
    algorithm: type[Configurable], changes: Mapping[str, Any], preset: str | None = None
) -> dict[str, Any]:
    """All hyperparameters of an algorithm: defaults, changed by a preset, changed by ``changes``.

    Regressors have them in the same way.

    Raises:
        UnknownNameError: No such preset or hyperparameter.
        InvalidArgumentError: A value of another type than the default's.
    """
    values = dict(_defaults(algorithm))
    label = algorithm.__name__
    if preset is not None and preset not in algorithm.presets:
        raise UnknownNameError(
            f"{label} has no preset {preset!r}{one_of(preset, algorithm.presets)}"
        )
    settings = dict(algorithm.presets[preset]) if preset else {}
    for name, value in (settings | dict(changes)).items():
        if name not in values:
            raise UnknownNameError(f"{label} has no hyperparameter {name!r}{one_of(name, values)}")
        values[name] = _checked(f"{label}: {name}", value, values[name])
    for name, value in values.items():
        if value is inspect.Parameter.empty:
            raise InvalidArgumentError(f"{label} needs a value of {name!r}, which has no default")
    return values


def make(
    algorithm: type[Algorithm],
    space: SearchSpace,
    *,
    fidelities: Sequence[int],
    seed: int,
    hyperparameters: Mapping[str, Any],
    known: Known | None = None,
    resumable: bool = True,
) -> Algorithm:
    """A fresh algorithm, told what it has a keyword for.

    Args:
        algorithm: Its class.
        space: What to search.
        fidelities: Epochs that a proposal may ask for, ascending.
        seed: Seed of the search.
        hyperparameters: All of them, from :func:`hyperparameters`.
        known: Numbers known before training, for an algorithm that :func:`takes_known`.
        resumable: Whether a trial can resume another, for an algorithm that asks.
    """
    told: dict[str, Any] = {} if known is None else {"known": known}
    if takes_resumable(algorithm):
        told["resumable"] = resumable
    return algorithm(space, fidelities=fidelities, seed=seed, **hyperparameters, **told)


def kept_hyperparameters(algorithm: Configurable) -> dict[str, Any] | None:
    """Hyperparameters of an algorithm, from its attributes; None if it does not keep one."""
    names = _defaults(type(algorithm))
    if not all(hasattr(algorithm, name) for name in names):
        return None
    return {name: getattr(algorithm, name) for name in names}


@cache
def _defaults(algorithm: type[Configurable]) -> Mapping[str, Any]:
    """Defaults of the hyperparameters; ``inspect.Parameter.empty`` where there is none."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(algorithm).parameters.items()
        if name not in _NOT_HYPERPARAMETERS and parameter.kind is parameter.KEYWORD_ONLY
    }


def takes_known(algorithm: type[Algorithm]) -> bool:
    """Whether the algorithm can use numbers that are known before training."""
    return "known" in inspect.signature(algorithm).parameters


def takes_resumable(algorithm: type[Algorithm]) -> bool:
    """Whether the algorithm wants to know if a trial can resume another."""
    return "resumable" in inspect.signature(algorithm).parameters


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if (
        default is not None
        and default is not inspect.Parameter.empty
        and type(value) is not type(default)
    ):
        raise InvalidArgumentError(
            f"{name} = {value!r} must be of type {type(default).__name__}, as {default!r}"
        )
    return value
