"""Search spaces: an architecture is a tuple of integers, one chosen option per decision."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle, repeat, starmap
from math import floor, prod
from operator import mul
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError

Arch: TypeAlias = tuple[int, ...]

_LISTABLE = 1_000_000
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Decision:
    """One choice of an architecture.

    Attributes:
        name: What is chosen ("edge 0->1").
        labels: Text of every option, in the order of their numbers.
        kind: ``"categorical"``, ``"ordinal"`` (the order of the options means something) or
            ``"numeric"``.
        values: The options as numbers where ``kind`` is ``"numeric"``, else empty.
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["categorical", "ordinal", "numeric"] = "categorical"
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph with labelled nodes, in topological order.

    Attributes:
        adjacency: Boolean array of shape ``(n, n)``; ``adjacency[i, j]`` is an edge from node i to
            node j.
        labels: ``n`` texts; the first is the input, the last the output.
    """

    adjacency: NDArray[np.bool_]
    labels: tuple[str, ...]


class SearchSpace(ABC):
    """An immutable set of architectures.

    A subclass sets ``name``, ``decisions`` and the text form; everything else is derived and may be
    overridden. Random methods take a ``random.Random`` and use its ``random()`` only, the one
    stream that Python keeps.
    """

    name: ClassVar[str]
    decisions: ClassVar[tuple[Decision, ...]]

    @abstractmethod
    def to_text(self, arch: Arch) -> str:
        """The notation of the paper that introduced the space."""

    @abstractmethod
    def from_text(self, text: str) -> Arch:
        """The architecture that ``text`` denotes.

        Raises:
            IllegalArchError: The text is malformed or names an unknown option.
        """

    def is_legal(self, arch: Arch) -> bool:
        """Whether rules beyond the ranges of the decisions hold."""
        return True

    def canonical(self, arch: Arch) -> Arch:
        """The representative of the class of architectures that are the same trainable network."""
        return arch

    def graph(self, arch: Arch) -> Graph | None:
        """The architecture with operations on nodes, where the space has such a form."""
        return None

    @cached_property
    def options(self) -> tuple[int, ...]:
        """Number of options of each decision."""
        return tuple(len(decision.labels) for decision in self.decisions)

    @cached_property
    def size(self) -> int | None:
        """Number of legal tuples; None where they cannot be counted."""
        total = prod(self.options)
        if not self.has_rules:
            return total
        return sum(1 for _ in self.archs()) if total <= _LISTABLE else None

    @cached_property
    def _weights(self) -> tuple[int, ...]:
        return tuple(prod(self.options[i + 1 :]) for i in range(len(self.options)))

    def rank(self, arch: Arch) -> int:
        """Position of the tuple in mixed-radix order, the first decision most significant."""
        return sum(weight * option for weight, option in zip(self._weights, arch, strict=True))

    def unrank(self, rank: int) -> Arch:
        """Inverse of :meth:`rank`.

        Raises:
            IllegalArchError: No tuple has this rank.
        """
        if not 0 <= rank < prod(self.options):
            raise IllegalArchError(
                f"rank {rank} is outside 0..{prod(self.options) - 1} of {self.name!r}"
            )
        arch = []
        for weight in self._weights:
            option, rank = divmod(rank, weight)
            arch.append(option)
        return tuple(arch)

    def rank_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Ranks of an ``(n, d)`` array, shape ``(n,)``; for spaces of fewer than 2**63 tuples."""
        archs, weights = np.asarray(archs), np.array(self._weights, dtype=np.int64)
        ranks = np.empty(len(archs), dtype=np.int64)
        for first in range(0, len(archs), _BLOCK):  # a copy in int64 may be far larger than archs
            block = slice(first, first + _BLOCK)
            ranks[block] = archs[block].astype(np.int64) @ weights
        return ranks

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """:meth:`canonical` of an ``(n, d)`` array of tuples; same shape."""
        rows = [self.canonical(tuple(row)) for row in np.asarray(archs).tolist()]
        return np.array(rows, dtype=np.int64).reshape(np.shape(archs))

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self.options)
            and all(map(_is_option, arch, self.options))
            and self.is_legal(arch)
        )

    def check(self, arch: Sequence[int]) -> Arch:
        """The architecture as a tuple of plain integers.

        Raises:
            IllegalArchError: Wrong length, an option out of range, or a broken rule of the space.
        """
        try:
            checked = tuple(int(option) for option in arch)
        except (TypeError, ValueError, OverflowError):
            checked = ()
        if len(checked) != len(self.options):
            raise IllegalArchError(
                f"{arch!r} is no architecture of {self.name!r}: "
                f"{len(self.options)} integers are needed"
            )
        for option, given, n, decision in zip(
            checked, arch, self.options, self.decisions, strict=True
        ):
            if option != given or not 0 <= option < n:
                raise IllegalArchError(
                    f"{arch!r} is no architecture of {self.name!r}: "
                    f"{decision.name!r} is {given!r}, possible are 0..{n - 1}"
                )
        if not self.is_legal(checked):
            raise IllegalArchError(
                f"{arch!r} breaks a rule of {self.name!r}: {self.to_text(checked)}"
            )
        return checked

    def legal_options(self, prefix: Arch) -> tuple[int, ...]:
        """Options of the next decision with which ``prefix`` can still be completed."""
        options = range(self.options[len(prefix)])
        if not self.has_rules:
            return tuple(options)
        return tuple(o for o in options if next(self._completions((*prefix, o)), None) is not None)

    def _completions(self, prefix: Arch) -> Iterator[Arch]:
        if len(prefix) == len(self.options):
            if self.is_legal(prefix):
                yield prefix
            return
        for option in range(self.options[len(prefix)]):
            yield from self._completions((*prefix, option))

    def archs(self) -> Iterator[Arch]:
        """All legal architectures in the order of their ranks."""
        return self._completions(())

    def sample(self, rng: random.Random) -> Arch:
        """A legal tuple, uniform over the legal tuples."""
        draw = rng.random
        while True:
            arch = tuple([floor(draw() * n) for n in self.options])
            if not self.has_rules or self.is_legal(arch):
                return arch

    def check_many(self, archs: NDArray[np.integer]) -> NDArray[np.integer]:
        """An ``(n, d)`` array of architectures, every option in its range; rules are not asked.

        Raises:
            IllegalArchError: Another shape, no integers, or an option out of range.
        """
        archs, options = np.asarray(archs), np.array(self.options)
        if archs.ndim != 2 or archs.shape[1] != len(options) or archs.dtype.kind not in "iu":
            raise IllegalArchError(
                f"archs has shape {archs.shape} and type {archs.dtype}; integers of shape "
                f"(n, {len(options)}) are needed for {self.name!r}"
            )
        if len(archs) and ((archs.max(axis=0) >= options).any() or archs.min() < 0):
            row = int(np.flatnonzero(((archs < 0) | (archs >= options)).any(axis=1))[0])
            self.check(archs[row].tolist())
        return archs

    def samples(self, rng: random.Random) -> Iterator[Arch]:
        """What calls of :meth:`sample` give, without end; in a space without rules, faster."""
        if self.has_rules or type(self).sample is not SearchSpace.sample:
            return iter(partial(self.sample, rng), None)
        draws = starmap(rng.random, repeat(()))
        options = map(floor, map(mul, draws, cycle(self.options)))
        return zip(*[options] * len(self.options), strict=True)

    @cached_property
    def has_rules(self) -> bool:
        """Whether some tuples within the ranges of the decisions are illegal."""
        return type(self).is_legal is not SearchSpace.is_legal

    @cached_property
    def _mutable(self) -> tuple[tuple[int, int], ...]:
        return tuple((i, n - 1) for i, n in enumerate(self.options) if n > 1)

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        """A legal tuple with another option, uniformly chosen, in a uniformly chosen decision.

        In a space with rules, illegal results are drawn again; an architecture without legal
        neighbours is returned as it is.
        """
        draw = rng.random
        mutable = self._mutable
        for _ in range(64 if mutable else 0):
            position, others = mutable[floor(draw() * len(mutable))]
            option = floor(draw() * others)
            changed = list(arch)
            changed[position] = option + (option >= arch[position])
            mutant = tuple(changed)
            if not self.has_rules or self.is_legal(mutant):
                return mutant
        neighbors = list(self.neighbors(arch))
        return neighbors[floor(draw() * len(neighbors))] if neighbors else arch

    def neighbors(self, arch: Arch) -> Iterator[Arch]:
        """All legal tuples that differ in one decision, in order of position and option."""
        for position, n in enumerate(self.options):
            for option in range(n):
                if option != arch[position]:
                    neighbor = (*arch[:position], option, *arch[position + 1 :])
                    if self.is_legal(neighbor):
                        yield neighbor

    def crossover(self, a: Arch, b: Arch, rng: random.Random) -> Arch:
        """A legal mix of ``a`` and ``b``, options with equal chance; ``a`` if none is found."""
        draw = rng.random
        for _ in range(64):
            child = tuple([x if draw() < 0.5 else y for x, y in zip(a, b, strict=True)])
            if self.is_legal(child):
                return child
        return a

    def edits(self, arch: Arch) -> Iterable[tuple[Arch, str]]:
        """Edited architectures and the kind of each; by default neighbours, all ``"replace"``."""
        return ((neighbor, "replace") for neighbor in self.neighbors(arch))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _is_option(option: Any, n: int) -> bool:
    try:
        return bool(0 <= option < n and option == int(option))
    except (TypeError, ValueError):
        return False
