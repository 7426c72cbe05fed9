"""Pictures of all cells of a page: every wiring laid out once, and what is written on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, TypeAlias

from nasbench.drawing.layers import SUM
from nasbench.drawing.pictures import picture
from nasbench.space import Arch, Graph, SearchSpace

_MOST = 400
"""Wirings that are laid out although no cell of the page has them."""

Slot: TypeAlias = tuple[int, tuple[str | None, ...]]
"""A decision, and what a node shows for each of its options; None where another wiring follows."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """A wiring of one part of an architecture.

    Attributes:
        scene: Number of its scene.
        slots: For every node the decision that labels it, or None for a fixed label.
        labels: Labels of the nodes that no decision labels; empty for others.
    """

    scene: int
    slots: tuple[Slot | None, ...]
    labels: tuple[str, ...]


class Wirings:
    """Collects the wirings of architectures.

    Args:
        space: Their space.

    Attributes:
        titles: Titles of the parts of an architecture.
        scenes: Geometry, each once.
        wirings: The wirings, each once.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.titles: tuple[str, ...] = ()
        self.scenes: list[Any] = []
        self.wirings: list[Wiring] = []
        self._scene_of: dict[Any, int] = {}
        self._known: dict[tuple[int, bytes], list[int]] = {}
        self._last: dict[int, tuple[Slot | None, ...]] = {}

    def of(self, arch: Arch) -> list[int]:
        """Numbers of the wirings of an architecture, one for each part."""
        graphs = self._space.cells(arch)
        self.titles = tuple(graphs)
        found = []
        for part, graph in enumerate(graphs.values()):
            key = part, graph.adjacency.tobytes()
            numbers = self._known.setdefault(key, [])
            number = next((n for n in numbers if self._fits(n, arch, graph)), None)
            if number is None:
                number = len(self.wirings)
                self.wirings.append(self._wiring(arch, part, graph))
                numbers.append(number)
            found.append(number)
        return found

    def decisions(self, arch: Arch) -> list[list[int]]:
        """For each part the decisions that wire it and label nothing.

        Args:
            arch: Any architecture.
        """
        labelling = {slot[0] for wiring in self.wirings for slot in wiring.slots if slot}
        found: list[list[int]] = [[] for _ in self.titles]
        for j in (j for j in range(len(arch)) if j not in labelling):
            for part in range(len(self.titles)):
                seen = {
                    graph.adjacency.tobytes()
                    for option in range(self._space.options[j])
                    if (graph := self._graph((*arch[:j], option, *arch[j + 1 :]), part))
                }
                if len(seen) > 1:
                    found[part].append(j)
        return found

    def _fits(self, number: int, arch: Arch, graph: Graph) -> bool:
        wiring = self.wirings[number]
        return all(
            (fixed if slot is None else slot[1][arch[slot[0]]]) == label
            for slot, fixed, label in zip(wiring.slots, wiring.labels, graph.labels, strict=True)
        )

    def _wiring(self, arch: Arch, part: int, graph: Graph) -> Wiring:
        key = graph.adjacency.tobytes(), tuple(label == SUM for label in graph.labels)
        place = self._scene_of.setdefault(key, len(self.scenes))
        if place == len(self.scenes):
            scene = picture(self._space, graph).scene
            self.scenes.append(
                [
                    scene.width,
                    scene.height,
                    [list(box) for box in scene.boxes],
                    [list(line) for line in scene.lines],
                    graph.adjacency.astype(int).tolist(),
                ]
            )
        slots = self._slots(arch, part, graph)
        self._last[part] = slots
        labels = tuple(
            "" if slot is not None else label
            for slot, label in zip(slots, graph.labels, strict=True)
        )
        return Wiring(place, slots, labels)

    def _slots(self, arch: Arch, part: int, graph: Graph) -> tuple[Slot | None, ...]:
        """Which node each decision labels, found by changing one decision after the other."""
        last = self._last.get(part, ())
        if self._hold(last, arch, part, graph):
            return last
        slots: list[Slot | None] = [None] * len(graph.labels)
        for position, n in enumerate(self._space.options):
            shown: list[str | None] = []
            nodes: set[int] = set()
            for option in range(n):
                changed = (*arch[:position], option, *arch[position + 1 :])
                other = self._graph(changed, part)
                if other is None or other.adjacency.tobytes() != graph.adjacency.tobytes():
                    shown.append(None)
                    continue
                differ = _differences(graph.labels, other.labels)
                nodes |= differ
                shown.append(other.labels[min(differ)] if differ else "")
            if len(nodes) == 1:
                (node,) = nodes
                texts = [graph.labels[node] if text == "" else text for text in shown]
                slots[node] = position, tuple(texts)
        return tuple(slots)

    def _hold(self, slots: tuple[Slot | None, ...], arch: Arch, part: int, graph: Graph) -> bool:
        """Whether slots of another wiring say what is written on this one, for all other options.

        All decisions that label are changed at once, to every option that one of them has.
        """
        if not slots or len(slots) != len(graph.labels):
            return False
        labelling = [slot for slot in slots if slot is not None]
        for step in range(max((len(texts) for _, texts in labelling), default=0)):
            changed = list(arch)
            for position, texts in labelling:
                changed[position] = (arch[position] + step) % len(texts)
            other = self._graph(tuple(changed), part)
            if other is None or other.adjacency.tobytes() != graph.adjacency.tobytes():
                return False
            for slot, label, first in zip(slots, other.labels, graph.labels, strict=True):
                if label != (first if slot is None else slot[1][changed[slot[0]]]):
                    return False
        return True

    def _graph(self, arch: Arch, part: int) -> Graph | None:
        if not self._space.is_legal(arch):
            return None
        graphs = list(self._space.cells(arch).values())
        return graphs[part] if part < len(graphs) else None


def rewired(space: SearchSpace, arch: Arch, wires: Sequence[int]) -> Iterable[Arch]:
    """The architecture with all other options of some decisions, unless they are too many."""
    if prod(space.options[j] for j in wires) <= _MOST:
        for options in product(*(range(space.options[j]) for j in wires)):
            changed = list(arch)
            for j, option in zip(wires, options, strict=True):
                changed[j] = option
            if space.is_legal(tuple(changed)):
                yield tuple(changed)


def _differences(a: Sequence[str], b: Sequence[str]) -> set[int]:
    if len(a) != len(b):
        return set()
    return {i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y}
