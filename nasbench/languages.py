"""Decisions of a search space, in its own words and in the languages of other packages.

>>> from nasbench.spaces.fcnet import FCNet
>>> space = FCNet()
>>> configuration = space.to_configuration((1, 0, 0, 2, 1, 3, 0, 5, 1))
>>> configuration["activation_fn_1"], configuration["batch_size"], configuration["n_units_1"]
('tanh', 8, 512)
>>> space.from_configuration(configuration)
(1, 0, 0, 2, 1, 3, 0, 5, 1)

Every language describes the product of the options; none can say which tuples a space with rules
allows. :meth:`Languages.from_configuration` refuses an illegal one, or repairs it if it is told to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import isclose
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from nasbench.errors import IllegalArchError, one_of, shown
from nasbench.registry import require

_Arch: TypeAlias = tuple[int, ...]
AnyArch: TypeAlias = Any
"""What :meth:`Reading.read` takes: a tuple, list or array of option numbers; a mapping from the
names of decisions to labels or numbers; a text; an official index."""

_INDEX = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a space.

    Attributes:
        name: What is decided, such as ``"edge 0->1"``.
        labels: Name of every option; the option with number ``k`` is ``labels[k]``.
        kind: ``"categorical"``, ``"ordinal"`` (the order of the options has a meaning) or
            ``"numeric"``.
        values: The options as numbers if ``kind`` is ``"numeric"``; otherwise empty.
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["categorical", "ordinal", "numeric"] = "categorical"
    values: tuple[float, ...] = ()


class Languages:
    """The part of a search space that translates it; see :class:`nasbench.space.SearchSpace`.

    A configuration is a mapping from the names of all decisions to the chosen options: the label of
    a categorical or ordinal one, the number of a numeric one.
    """

    name: ClassVar[str]
    decisions: ClassVar[tuple[Decision, ...]]

    def legal_options(self, prefix: _Arch) -> tuple[int, ...]:
        """Return the options of the next decision that leave a legal completion of ``prefix``."""
        raise NotImplementedError

    def is_legal(self, arch: _Arch) -> bool:
        """Return whether a tuple with all options in range obeys the rules of the space."""
        raise NotImplementedError

    def check_options(self, arch: Sequence[int]) -> _Arch:
        """Return a tuple of plain integers that may break the rules of the space."""
        raise NotImplementedError

    def to_configuration(self, arch: _Arch) -> dict[str, Any]:
        """Return the options of an architecture by the names of the decisions."""
        pairs = zip(self.decisions, arch, strict=True)
        return {decision.name: _choices(decision)[option] for decision, option in pairs}

    def from_configuration(
        self, configuration: Mapping[str, Any], *, repair: bool = False
    ) -> _Arch:
        """Return the architecture that has the given options.

        Args:
            configuration: The option of every decision, by its name: a label, or the number of a
                numeric option up to round-off. So are a configuration of ConfigSpace, the
                parameters of a trial of Optuna, the variables of a solution of pymoo, and the
                arguments of a candidate of Nevergrad.
            repair: Whether an illegal tuple becomes the legal one of :meth:`repair`.

        Raises:
            IllegalArchError: A decision is missing or unknown, an option is none of its options, or
                the tuple breaks a rule of the space.
        """
        try:
            given = dict(configuration)
        except Exception as error:  # a thing of another package may raise anything
            raise IllegalArchError(
                f"{shown(configuration)} is no mapping from the decisions of {self.name!r} to "
                "options"
            ) from error
        names = [decision.name for decision in self.decisions]
        for name in given:
            if name not in names:
                raise IllegalArchError(
                    f"{self.name!r} has no decision {shown(name)}{one_of(name, names)}"
                )
        if missing := [name for name in names if name not in given]:
            raise IllegalArchError(f"{self.name!r} needs an option for {missing[0]!r}")
        arch = tuple(_option(decision, given[decision.name]) for decision in self.decisions)
        if self.is_legal(arch):
            return arch
        if repair:
            return self.repair(arch)
        raise IllegalArchError(f"{shown(given, 300)} breaks a rule of {self.name!r}")

    def repair(self, arch: _Arch) -> _Arch:
        """Return a legal architecture near a tuple that has all options in range.

        Decision by decision, an option stays if what was kept so far and this option can be
        completed; else the nearest option by number that can, the smaller of two. So a legal
        architecture stays as it is.

        Raises:
            IllegalArchError: ``arch`` has the wrong length, or an option out of range.
        """
        kept: _Arch = ()
        for option in self.check_options(arch):
            possible = self.legal_options(kept)
            kept = (*kept, min(possible, key=lambda other: (abs(other - option), other)))
        return kept

    def to_configspace(self, seed: int | None = None) -> Any:
        """Return the space as a ``ConfigSpace.ConfigurationSpace``.

        Categorical decisions are categorical, ordinal and numeric ones ordinal hyperparameters,
        decisions with one option constants.

        Args:
            seed: Seed of the samples that ConfigSpace draws.

        Raises:
            MissingExtraError: ConfigSpace is not installed.
        """
        package = require("ConfigSpace", "a space of ConfigSpace")
        space = package.ConfigurationSpace(name=self.name, seed=seed)
        for decision in self.decisions:
            choices = _choices(decision)
            if len(choices) == 1:
                space.add(package.Constant(decision.name, choices[0]))
            elif decision.kind == "categorical":
                space.add(package.CategoricalHyperparameter(decision.name, choices))
            else:
                space.add(package.OrdinalHyperparameter(decision.name, choices))
        return space

    def to_optuna(self) -> dict[str, Any]:
        """Return a distribution of Optuna for every decision, for ``Study.ask`` and samplers.

        Numeric options at equal steps are integer or float distributions with that step. All others
        are categorical, since Optuna has no ordered choices.

        Raises:
            MissingExtraError: Optuna is not installed.
        """
        package = require("optuna.distributions", "a space of Optuna")
        found = {}
        for decision in self.decisions:
            choices = _choices(decision)
            step = _step(choices) if decision.kind == "numeric" else None
            if step is None:
                found[decision.name] = package.CategoricalDistribution(choices)
            elif all(type(choice) is int for choice in choices):
                found[decision.name] = package.IntDistribution(choices[0], choices[-1], step=step)
            else:
                found[decision.name] = package.FloatDistribution(choices[0], choices[-1], step=step)
        return found

    def to_pymoo(self) -> dict[str, Any]:
        """Return the ``vars`` of a mixed-variable ``pymoo.core.problem.Problem``: a choice each.

        Raises:
            MissingExtraError: pymoo is not installed.
        """
        package = require("pymoo.core.variable", "variables of pymoo")
        return {d.name: package.Choice(options=list(_choices(d))) for d in self.decisions}

    def to_nevergrad(self) -> Any:
        """Return the space as a ``nevergrad.p.Dict``.

        Categorical decisions are choices, ordinal and numeric ones choices with transitions to
        neighbours.

        Raises:
            MissingExtraError: Nevergrad is not installed.
        """
        package = require("nevergrad", "a parametrization of Nevergrad").p
        found = {}
        for decision in self.decisions:
            is_ordered = decision.kind != "categorical"
            kind = package.TransitionChoice if is_ordered else package.Choice
            found[decision.name] = kind(_choices(decision))
        return package.Dict(**found)

    def to_synetune(self) -> dict[str, Any]:
        """Return the space as a ``config_space`` of Syne Tune.

        Categorical decisions are choices, ordinal and numeric ones ordinals of equal steps,
        decisions with one option constants.

        Raises:
            MissingExtraError: Syne Tune is not installed.
        """
        package = require("syne_tune.config_space", "a space of Syne Tune")
        found: dict[str, Any] = {}
        for decision in self.decisions:
            choices = list(_choices(decision))
            if len(choices) == 1:
                found[decision.name] = choices[0]
            elif decision.kind == "categorical":
                found[decision.name] = package.choice(choices)
            else:
                found[decision.name] = package.ordinal(choices, kind="equal")
        return found


class Reading:
    """The part of a search space that reads whatever stands for an architecture.

    >>> import numpy as np
    >>> from nasbench.spaces.nb201 import NB201
    >>> space = NB201()
    >>> arch = (3, 0, 1, 0, 0, 4)
    >>> things = [arch, [*arch], np.array(arch), space.to_text(arch), space.to_configuration(arch)]
    >>> {space.read(thing) for thing in [*things, space.to_index(arch)]}
    {(3, 0, 1, 0, 0, 4)}
    """

    name: ClassVar[str]

    def check(self, arch: Sequence[int]) -> _Arch:
        """Return the architecture as a tuple of plain integers."""
        raise NotImplementedError

    def rank(self, arch: _Arch) -> int:
        """Return the position of a tuple in mixed-radix order."""
        raise NotImplementedError

    def unrank(self, rank: int) -> _Arch:
        """Return the tuple with a given rank."""
        raise NotImplementedError

    def from_text(self, text: str) -> _Arch:
        """Read an architecture in the notation of the space."""
        raise NotImplementedError

    def from_configuration(self, configuration: Mapping[str, Any]) -> _Arch:
        """Return the architecture that has the given options."""
        raise NotImplementedError

    def read(self, thing: AnyArch) -> _Arch:
        """Return the architecture that something stands for.

        Args:
            thing: Option numbers as a tuple, list or array; options by the names of their
                decisions, as for :meth:`from_configuration`; the text of ``to_text``; or, in a
                space that has them, an official index, as an integer or its digits.

        Raises:
            IllegalArchError: It is none of these, or not in the space.
        """
        if isinstance(thing, str):
            if self.official_order is not None and _INDEX.fullmatch(thing.strip()):
                return self.from_index(int(thing))
            return self.check(self.from_text(thing))
        if isinstance(thing, int | np.integer) and not isinstance(thing, bool):
            return self.from_index(int(thing))
        if isinstance(thing, Mapping):
            return self.from_configuration(thing)
        return self.check(thing)

    @property
    def official_order(self) -> Sequence[int] | None:
        """Rank of the architecture of every official index; None if the space has no such order."""
        return None

    def from_index(self, index: int) -> _Arch:
        """Return the architecture with an index of the files in which the space was published.

        This is not its rank: see ``unrank`` for that, which every space has.

        Raises:
            IllegalArchError: There is no such index, or the space has no official order.
        """
        order = self._numbered(index)
        if not isinstance(index, int | np.integer) or isinstance(index, bool):
            raise IllegalArchError(f"{shown(index)} is no index of {self.name!r}, an integer")
        if not 0 <= index < len(order):
            raise IllegalArchError(
                f"index {shown(index)} is outside 0..{len(order) - 1} of {self.name!r}"
            )
        return self.unrank(order[index])

    def to_index(self, arch: _Arch) -> int:
        """Return the official index of an architecture; the inverse of :meth:`from_index`.

        Raises:
            IllegalArchError: It is not in the space, or the space has no official order.
        """
        self._numbered(arch)
        return self._indices[self.rank(self.check(arch))]

    def _numbered(self, thing: object) -> Sequence[int]:
        if self.official_order is None:
            raise IllegalArchError(
                f"{shown(thing)}: {self.name!r} has no official order of its architectures, and so "
                "no index; rank and unrank number its tuples"
            )
        return self.official_order

    @cached_property
    def _indices(self) -> dict[int, int]:
        return {rank: index for index, rank in enumerate(self.official_order or ())}


def _choices(decision: Decision) -> Sequence[Any]:
    """Return the options of a decision as a configuration writes them."""
    if decision.kind != "numeric":
        return decision.labels
    if all(float(value).is_integer() for value in decision.values):
        return tuple(map(int, decision.values))
    return tuple(map(float, decision.values))


def _option(decision: Decision, given: Any) -> int:
    """Return the number of an option.

    Raises:
        IllegalArchError: There is no such option.
    """
    if isinstance(given, str):  # also numpy.str_
        if given in decision.labels:
            return decision.labels.index(given)
    elif decision.kind == "numeric" and not isinstance(given, bool):
        for option, value in enumerate(decision.values):
            try:
                if isclose(given, value, rel_tol=1e-9, abs_tol=1e-12):
                    return option
            except Exception:  # no number, or one beyond a float
                break
    raise IllegalArchError(
        f"{decision.name!r} has no option {shown(given)}{one_of(given, decision.labels)}"
    )


def _step(choices: Sequence[Any]) -> Any:
    """Return the step between numbers at equal distances, or None."""
    if len(choices) < 2:
        return None
    written = [Decimal(str(choice)) for choice in choices]  # Optuna counts in decimals, too
    step = written[1] - written[0]
    even = all(place == written[0] + n * step for n, place in enumerate(written))
    return type(choices[1])(step) if even and step > 0 else None
