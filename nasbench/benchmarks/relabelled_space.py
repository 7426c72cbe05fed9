"""A space whose decisions and options have other places, so that no architecture keeps its name."""

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError
from nasbench.space import Arch, Decision, Graph, SearchSpace
from nasbench.splitmix import key, permutation


class RelabelledSpace(SearchSpace):
    """A space with its decisions in another order, and the options of each in another order.

    An architecture of this space stands for one of the whole, with the same graph and the same
    class of identical networks. Names of decisions and options move along, and so does what an
    ordinal option means: the options of ordinal and numeric decisions are reversed or left as they
    are. The text of an architecture is its numbers. Random methods do what those of the whole do
    with the same numbers.

    The decisions keep their order where a space has rules and is too large to be listed, since its
    ``legal_options`` depends on it.

    Args:
        whole: The space.
        seed: Seed of the orders.

    Attributes:
        whole: As given.
    """

    whole: SearchSpace

    def __init__(self, whole: SearchSpace, seed: int) -> None:
        n = len(whole.options)
        self.name = f"relabelled-{whole.name}"  # type: ignore[misc]
        self.whole = whole
        self._is_moved = not whole.has_rules or whole.size is not None
        self._order = list(range(n))
        if self._is_moved:
            self._order = permutation(key("decisions", seed), n).tolist()
        self._options = [_reordered(whole.decisions[i], key("options", seed, i)) for i in range(n)]
        self.decisions = tuple(  # type: ignore[misc]
            _moved(whole.decisions[i], self._options[i]) for i in self._order
        )

    @cached_property
    def _to_whole(self) -> list[tuple[int, dict[int, int]]]:
        place = {decision: position for position, decision in enumerate(self._order)}
        return [(place[i], dict(enumerate(options))) for i, options in enumerate(self._options)]

    @cached_property
    def _from_whole(self) -> list[tuple[int, dict[int, int]]]:
        return [(i, {old: new for new, old in enumerate(self._options[i])}) for i in self._order]

    def rare_graphs(self) -> Iterator[Arch]:
        return map(self.from_whole, self.whole.rare_graphs())

    def to_whole(self, arch: Arch) -> Arch:
        """Return the architecture of the whole that one of this space stands for."""
        return tuple([options[arch[position]] for position, options in self._to_whole])

    def from_whole(self, arch: Arch) -> Arch:
        """Return the architecture of this space that stands for one of the whole."""
        return tuple([options[arch[decision]] for decision, options in self._from_whole])

    def to_whole_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return :meth:`to_whole` of many architectures, shape ``(n, d)``."""
        found = np.empty(np.shape(archs), dtype=np.int64)
        for decision, (position, _) in enumerate(self._to_whole):
            found[:, decision] = np.array(self._options[decision])[archs[:, position]]
        return found

    def shares(self) -> list[dict[int, int]]:
        """Return what each option adds to the rank in the whole, by place of the decision."""
        weights = self.whole.rank_weights
        return [
            {new: weights[i] * old for new, old in enumerate(self._options[i])} for i in self._order
        ]

    def to_text(self, arch: Arch) -> str:
        return "-".join(map(str, arch))

    def from_text(self, text: str) -> Arch:
        try:
            return self.check([int(part) for part in text.split("-")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}") from error

    def is_legal(self, arch: Arch) -> bool:
        return self.whole.is_legal(self.to_whole(arch))

    def canonical(self, arch: Arch) -> Arch:
        return self.from_whole(self.whole.canonical(self.to_whole(arch)))

    def function(self, arch: Arch) -> Arch:
        return self.from_whole(self.whole.function(self.to_whole(arch)))

    def graph(self, arch: Arch) -> Graph | None:
        return self.whole.graph(self.to_whole(arch))

    @cached_property
    def size(self) -> int | None:
        """Number of legal tuples; None if the whole does not know."""
        return self.whole.size

    @cached_property
    def has_rules(self) -> bool:
        """Whether some tuples with all options in range are illegal."""
        return self.whole.has_rules

    def legal_options(self, prefix: Arch) -> tuple[int, ...]:
        if self._is_moved:
            return super().legal_options(prefix)
        before = zip(prefix, self._options, strict=False)
        possible = self.whole.legal_options(tuple(options[new] for new, options in before))
        return tuple(sorted(map(self._options[len(prefix)].index, possible)))

    def _completions(self, prefix: Arch) -> Iterator[Arch]:
        if self._is_moved or len(prefix) == len(self.options):
            yield from super()._completions(prefix)
            return
        for option in self.legal_options(prefix):
            yield from self._completions((*prefix, option))

    def sample(self, rng: random.Random) -> Arch:
        return self.from_whole(self.whole.sample(rng))

    def mutate(self, arch: Arch, rng: random.Random) -> Arch:
        return self.from_whole(self.whole.mutate(self.to_whole(arch), rng))

    def neighbors(self, arch: Arch) -> Iterator[Arch]:
        """Iterate over the legal tuples that differ in one decision, in the order of the whole."""
        return map(self.from_whole, self.whole.neighbors(self.to_whole(arch)))

    def crossover(self, a: Arch, b: Arch, rng: random.Random) -> Arch:
        return self.from_whole(self.whole.crossover(self.to_whole(a), self.to_whole(b), rng))

    def edits(self, arch: Arch) -> Iterable[tuple[Arch, str]]:
        for edited, kind in self.whole.edits(self.to_whole(arch)):
            yield self.from_whole(edited), kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RelabelledSpace) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        return self.whole, tuple(self._order), tuple(self._options)

    def __repr__(self) -> str:
        return f"RelabelledSpace({self.whole!r})"


def _reordered(decision: Decision, seed: int) -> tuple[int, ...]:
    """Return the options of a decision in their new order."""
    n = len(decision.labels)
    if decision.kind == "categorical":
        return tuple(permutation(seed, n).tolist())
    return tuple(range(n))[:: -1 if seed & 1 else 1]


def _moved(decision: Decision, options: Sequence[int]) -> Decision:
    values = tuple(decision.values[i] for i in options) if decision.values else ()
    return Decision(
        decision.name, tuple(decision.labels[i] for i in options), decision.kind, values
    )
