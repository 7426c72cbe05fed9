"""Search spaces: an architecture is a tuple of integers, one chosen option per decision.

A space says which tuples are legal and which of them are the same trainable network. It samples,
mutates and enumerates architectures, and translates them from and to the notation of its paper.

>>> import random
>>> from nasbench.spaces.nb201 import NB201
>>> space = NB201()
>>> arch = (3, 0, 1, 0, 0, 4)
>>> space.to_text(arch)
'|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|'
>>> space.decisions[0].name, space.decisions[0].labels[3]
('edge 0->1', 'nor_conv_3x3')
>>> space.size, space.rank(arch)
(15625, 9504)
>>> len(list(space.neighbors(arch)))
24
>>> space.sample(random.Random(0)) in space
True
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import cycle, islice, repeat, starmap
from math import floor, prod
from operator import mul
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, shown
from nasbench.languages import AnyArch as AnyArch
from nasbench.languages import Decision as Decision
from nasbench.languages import Languages, Reading

Arch: TypeAlias = tuple[int, ...]
"""An architecture: the number of the chosen option for every decision, counted from 0."""

_MAX_COUNTED = 1_000_000  # a space with rules is counted by enumeration up to this many tuples
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph with labelled nodes in topological order.

    Attributes:
        adjacency: Boolean array of shape ``(n, n)``; ``adjacency[i, j]`` says whether an edge leads
            from node i to node j.
        labels: Label of each of the ``n`` nodes; the first node is the input, the last the output.
        drawn: Where drawings put the operations: on nodes, or on the edges of the cell.
    """

    adjacency: NDArray[np.bool_]
    labels: tuple[str, ...]
    drawn: Literal["nodes", "edges"] = "nodes"


class SearchSpace(Languages, Reading, ABC):
    """Base class of all search spaces; an immutable set of architectures.

    A subclass sets ``name`` and ``decisions`` and implements :meth:`to_text` and :meth:`from_text`.
    The other methods are derived from these; override :meth:`is_legal`, :meth:`canonical`,
    :meth:`function` and :meth:`graph` where the space has rules, identical networks, different
    networks that compute the same function, or graphs, and any other method for speed. Random
    methods take a ``random.Random`` and call only its ``random()``, whose stream Python promises to
    keep.

    Except for ``in``, :meth:`check` and :meth:`check_many`, methods do not check the architectures
    they are given.

    Attributes:
        name: Registered name of the space.
        decisions: Its decisions, in the order of the positions of an architecture.
        table_key: What a table of the space is keyed by unless it says otherwise: ``"class"`` where
            published numbers belong to a network however it is written, else ``"arch"``.
        whole: The space that this one is a part of, or writes in another way; else None.
    """

    name: ClassVar[str]
    decisions: ClassVar[tuple[Decision, ...]]
    table_key: ClassVar[Literal["arch", "class"]] = "arch"
    whole: "SearchSpace | None" = None

    @abstractmethod
    def to_text(self, arch: Arch) -> str:
        """Write an architecture in the notation of the paper that introduced the space."""

    @abstractmethod
    def from_text(self, text: str) -> Arch:
        """Read an architecture in the notation of :meth:`to_text`.

        Raises:
            IllegalArchError: The text is malformed or names an unknown option.
        """

    def is_legal(self, arch: Arch) -> bool:
        """Return whether a tuple with all options in range obeys the rules of the space."""
        return True

    def legal_many(self, archs: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return :meth:`is_legal` of ``(n, d)`` tuples with all options in range."""
        rows = np.asarray(archs).tolist()
        return np.array([self.is_legal(tuple(row)) for row in rows], dtype=np.bool_)

    def canonical(self, arch: Arch) -> Arch:
        """Return the representative of all architectures that are the same trainable network."""
        return arch

    def key(self, arch: Arch) -> Arch:
        """Return what results of an architecture belong to, as ``table_key`` says.

        A search that is not to train anything twice asks whether it has seen the key.
        """
        return self.canonical(arch) if self.table_key == "class" else arch

    def function(self, arch: Arch) -> Arch:
        """Return the representative of all architectures that compute the same function.

        Two networks compute the same function if, with copied weights, outputs and gradients agree
        on every input up to round-off. Such networks may be built and trained as different graphs:
        a function is one class of :meth:`canonical`, as by default, or several. Tables are keyed by
        class; group by function what must not see the same network twice, such as the two sides of
        a split.
        """
        return self.canonical(arch)

    def graph(self, arch: Arch) -> Graph | None:
        """Return the graph of an architecture, operations on nodes; None if the space has none."""
        return None

    def rare_graphs(self) -> Iterable[Arch]:
        """Return architectures whose graphs have what those of random ones rarely have."""
        return ()

    def cells(self, arch: Arch) -> dict[str, Graph]:
        """Return what a drawing shows, by title: the graph, or none, or parts that repeat."""
        graph = self.graph(arch)
        return {} if graph is None else {"": graph}

    @cached_property
    def options(self) -> tuple[int, ...]:
        """Number of options of each decision."""
        return tuple(len(decision.labels) for decision in self.decisions)

    @cached_property
    def size(self) -> int | None:
        """Number of legal tuples; None for a space with rules that is too large to enumerate."""
        total = prod(self.options)
        if not self.has_rules:
            return total
        return sum(1 for _ in self.archs()) if total <= _MAX_COUNTED else None

    @cached_property
    def rank_weights(self) -> tuple[int, ...]:
        """What one step of each decision adds to the rank."""
        return tuple(prod(self.options[i + 1 :]) for i in range(len(self.options)))

    def rank(self, arch: Arch) -> int:
        """Return the position of a tuple in mixed-radix order; the first decision counts most."""
        return sum(weight * option for weight, option in zip(self.rank_weights, arch, strict=True))

    def unrank(self, rank: int) -> Arch:
        """Return the tuple with a given rank; the inverse of :meth:`rank`.

        Raises:
            IllegalArchError: No tuple has this rank.
        """
        if not 0 <= rank < prod(self.options):
            raise IllegalArchError(
                f"rank {rank} is outside 0..{prod(self.options) - 1} of {self.name!r}"
            )
        arch = []
        for weight in self.rank_weights:
            option, rank = divmod(rank, weight)
            arch.append(option)
        return tuple(arch)

    def rank_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the ranks of many architectures; the space must have fewer than 2**63 tuples.

        Args:
            archs: Integers of shape ``(n, d)`` for a space of ``d`` decisions.

        Returns:
            Ranks of shape ``(n,)``.
        """
        archs, weights = np.asarray(archs), np.array(self.rank_weights, dtype=np.int64)
        ranks = np.empty(len(archs), dtype=np.int64)
        for first in range(0, len(archs), _BLOCK):  # a copy in int64 may be far larger than archs
            block = slice(first, first + _BLOCK)
            ranks[block] = archs[block].astype(np.int64) @ weights
        return ranks

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return :meth:`canonical` of many architectures.

        Args:
            archs: Integers of shape ``(n, d)``.

        Returns:
            Representatives of shape ``(n, d)``.
        """
        rows = [self.canonical(tuple(row)) for row in np.asarray(archs).tolist()]
        return np.array(rows, dtype=np.int64).reshape(np.shape(archs))

    def function_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return :meth:`function` of many architectures, as :meth:`canonical_many` does."""
        if type(self).function is SearchSpace.function:
            return self.canonical_many(archs)
        rows = [self.function(tuple(row)) for row in np.asarray(archs).tolist()]
        return np.array(rows, dtype=np.int64).reshape(np.shape(archs))

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self.options)
            and all(map(_is_option, arch, self.options))
            and self.is_legal(arch)
        )

    def check(self, arch: Sequence[int]) -> Arch:
        """Return the architecture as a tuple of plain integers.

        Raises:
            IllegalArchError: ``arch`` has the wrong length, an option out of range, or breaks a
                rule of the space.
        """
        checked = self.check_options(arch)
        if not self.is_legal(checked):
            raise IllegalArchError(
                f"{shown(arch, 400)} breaks a rule of {self.name!r}: {self.to_text(checked)}"
            )
        return checked

    def check_options(self, arch: Sequence[int]) -> Arch:
        """Return a tuple of plain integers that may break the rules of the space.

        Raises:
            IllegalArchError: ``arch`` has the wrong length, or an option out of range.
        """
        try:
            given = tuple(islice(arch, len(self.options) + 1))
            checked = tuple(map(int, given))
        except Exception:  # a thing of another package may raise anything
            given = checked = ()
        d = len(self.options)
        if len(checked) != d:
            raise IllegalArchError(
                f"{shown(arch)} is not an architecture of {self.name!r}: {d} integers are needed"
            )
        rows = zip(checked, given, self.options, self.decisions, strict=True)
        for option, same, n, decision in rows:
            if option != same or not 0 <= option < n:
                raise IllegalArchError(
                    f"{shown(arch, 400)} is not an architecture of {self.name!r}: "
                    f"{decision.name!r} is {shown(same)}, possible are 0..{n - 1}"
                )
        return checked

    def legal_options(self, prefix: Arch) -> tuple[int, ...]:
        """Return the options of the next decision that leave a legal completion of ``prefix``.

        Args:
            prefix: Options of the first decisions; fewer than there are decisions.
        """
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
        """Iterate over all legal architectures in the order of their ranks."""
        return self._completions(())

    def sample(self, rng: random.Random) -> Arch:
        """Draw a legal tuple uniformly from all legal tuples."""
        draw = rng.random
        while True:
            arch = tuple([floor(draw() * n) for n in self.options])
            if not self.has_rules or self.is_legal(arch):
                return arch

    def check_many(self, archs: NDArray[np.integer]) -> NDArray[np.integer]:
        """Check the shape, type and ranges of many architectures, but not the rules of the space.

        Args:
            archs: Integers of shape ``(n, d)``.

        Returns:
            The array.

        Raises:
            IllegalArchError: The shape is wrong, the numbers are not integers, or an option is out
                of range.
        """
        archs, options = np.asarray(archs), np.array(self.options)
        if archs.ndim != 2 or archs.shape[1] != len(options) or archs.dtype.kind not in "iu":
            raise IllegalArchError(
                f"archs has shape {archs.shape} and type {archs.dtype}; {self.name!r} needs "
                f"integers of shape (n, {len(options)})"
            )
        if len(archs) and ((archs.max(axis=0) >= options).any() or archs.min() < 0):
            row = int(np.flatnonzero(((archs < 0) | (archs >= options)).any(axis=1))[0])
            self.check(archs[row].tolist())
        return archs

    def samples(self, rng: random.Random) -> Iterator[Arch]:
        """Draw without end, the same sequence as repeated calls of :meth:`sample`.

        In a space without rules this is faster than those calls.
        """
        if self.has_rules or type(self).sample is not SearchSpace.sample:
            return iter(partial(self.sample, rng), None)
        draws = starmap(rng.random, repeat(()))
        options = map(floor, map(mul, draws, cycle(self.options)))
        return zip(*[options] * len(self.options), strict=True)

    @cached_property
    def has_rules(self) -> bool:
        """Whether some tuples with all options in range are illegal."""
        return type(self).is_legal is not SearchSpace.is_legal

    @cached_property
    def _mutable(self) -> tuple[tuple[int, int], ...]:
        return tuple((i, n - 1) for i, n in enumerate(self.options) if n > 1)

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        """Change one decision, both the decision and its new option chosen uniformly.

        In a space with rules, illegal results are drawn again. An architecture without legal
        neighbours is returned unchanged.
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
        """Iterate over all legal tuples that differ in one decision, by position and option."""
        for position, n in enumerate(self.options):
            for option in range(n):
                if option != arch[position]:
                    neighbor = (*arch[:position], option, *arch[position + 1 :])
                    if self.is_legal(neighbor):
                        yield neighbor

    def crossover(self, a: Arch, b: Arch, rng: random.Random) -> Arch:
        """Take every option from ``a`` or ``b`` with equal chance, until the result is legal.

        Returns:
            The child; ``a`` if 64 draws give no legal one.
        """
        draw = rng.random
        for _ in range(64):
            child = tuple([x if draw() < 0.5 else y for x, y in zip(a, b, strict=True)])
            if self.is_legal(child):
                return child
        return a

    def edits(self, arch: Arch) -> Iterable[tuple[Arch, str]]:
        """Iterate over edits and their kinds: by default all neighbours, of kind ``"replace"``."""
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
