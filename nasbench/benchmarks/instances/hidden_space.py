"""A relabelled space that says nothing of where it comes from but what a search needs."""

from collections.abc import Iterable
from functools import cached_property

from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.encodings.paths import NO_OPERATION
from nasbench.errors import IllegalArchError
from nasbench.space import Arch, Decision, Graph, SearchSpace
from nasbench.splitmix import key, permutation

_KEPT = ("input", "output", NO_OPERATION)


class HiddenSpace(SearchSpace):
    """A space with other places of decisions and options, and without its names.

    What is told is what honest methods use: kinds, numbers of options, graphs, which tuples are
    legal and which the same network. Labels are neutral; equal ones stay equal, between decisions
    and in graphs, where input, output and ``none`` keep theirs. Numbers of a numeric decision whose
    options are reversed are their reciprocals, or mirrored if one is not positive, so that their
    order says nothing.

    Random methods draw in this space: the same generator leads to other architectures than in the
    whole one, so a lucky seed is of no use.

    Args:
        whole: The space.
        seed: Seed of the orders and labels.
    """

    def __init__(self, whole: SearchSpace, seed: int) -> None:
        self.name = "hidden"  # type: ignore[misc]
        self._inner = RelabelledSpace(whole, seed)
        labels = sorted({label for decision in whole.decisions for label in decision.labels})
        order = permutation(key("labels", seed), len(labels)).tolist()
        self._labels = {label: f"option {n}" for n, label in zip(order, labels, strict=True)}
        self._labels |= {label: label for label in _KEPT}
        self.decisions = tuple(  # type: ignore[misc]
            Decision(
                f"decision {number}",
                tuple([self._labels[label] for label in decision.labels]),
                decision.kind,
                _ascending(decision.values),
            )
            for number, decision in enumerate(self._inner.decisions)
        )

    def shares(self) -> list[dict[int, int]]:
        """Return what each option adds to the rank in the whole, by place of the decision."""
        return self._inner.shares()

    def rare_graphs(self) -> Iterable[Arch]:
        return self._inner.rare_graphs()

    def to_text(self, arch: Arch) -> str:
        return self._inner.to_text(arch)

    def from_text(self, text: str) -> Arch:
        try:
            return self.check([int(part) for part in text.split("-")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}") from error

    def is_legal(self, arch: Arch) -> bool:
        return self._inner.is_legal(arch)

    def canonical(self, arch: Arch) -> Arch:
        return self._inner.canonical(arch)

    def function(self, arch: Arch) -> Arch:
        return self._inner.function(arch)

    def graph(self, arch: Arch) -> Graph | None:
        graph = self._inner.graph(arch)
        if graph is None:
            return None
        labels = tuple([self._labels[label] for label in graph.labels])
        return Graph(graph.adjacency, labels, graph.drawn)

    @cached_property
    def size(self) -> int | None:
        """Number of legal tuples; None if the whole does not know."""
        return self._inner.size

    @cached_property
    def has_rules(self) -> bool:
        """Whether some tuples with all options in range are illegal."""
        return self._inner.has_rules

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HiddenSpace) and self._inner == other._inner

    def __hash__(self) -> int:
        return hash(self._inner)


def _ascending(values: Iterable[float]) -> tuple[float, ...]:
    """Return the numbers of a numeric decision in a form that hides whether they were reversed."""
    given = tuple(values)
    if len(given) < 2 or given[0] < given[-1]:
        return given
    if min(given) > 0:
        return tuple([1 / value for value in given])
    ends = given[0] + given[-1]
    return tuple([ends - value for value in given])
