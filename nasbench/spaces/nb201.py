"""The cell space of NAS-Bench-201.

Dong and Yang (2020), https://openreview.net/forum?id=HJxyZkBKDr. Four nodes and six edges with one
of five operations each: 15,625 cells, which are 5,260 graphs once what carries no signal is
removed. As functions they are 5,044, because average pooling is linear: pooling a sum is the sum of
poolings. Trainings belong to graphs (``canonical``); ``function`` joins the twins among them.

>>> from nasbench.spaces.nb201 import NB201
>>> space = NB201()
>>> space.from_text("|none~0|+|nor_conv_3x3~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|")
(0, 3, 0, 3, 0, 1)
>>> space.canonical((0, 3, 0, 3, 0, 1)) == space.canonical((0, 3, 4, 3, 4, 1))  # dead edges
True
>>> pooled_sum, sum_of_poolings = (3, 1, 1, 0, 0, 4), (3, 4, 0, 0, 4, 1)
>>> space.canonical(pooled_sum) == space.canonical(sum_of_poolings)
False
>>> space.function(pooled_sum) == space.function(sum_of_poolings)
True
"""

import random
import re
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.resources import files
from itertools import permutations, product
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, Graph, SearchSpace

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_INCOMING = {node: [(e, i) for e, (i, j) in enumerate(EDGES) if j == node] for node in (1, 2, 3)}
_EXAMPLE = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"
_SHUFFLED_WITH = 88
_REPRESENTATIVES = "nb201-representatives.npy"


class NB201(SearchSpace):
    """Cells of NAS-Bench-201: ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

    The text lists, for nodes 1 to 3, the operation and the source of every incoming edge. A node is
    the sum of its incoming edges.

    Two cells are the same trainable network if they become equal after three steps: remove every
    edge that no signal enters or whose output reaches nothing (zero propagates), replace every skip
    by its source, rename kernels; see :func:`trainable_form`. They compute the same function if
    they become equal once pooling is distributed over sums as well.
    """

    name = "nb201"
    decisions = tuple(Decision(f"edge {i}->{j}", OPERATIONS) for i, j in EDGES)

    def to_text(self, arch: Arch) -> str:
        nodes = (
            "".join(f"|{OPERATIONS[arch[e]]}~{i}" for e, i in _INCOMING[node]) for node in (1, 2, 3)
        )
        return "+".join(f"{node}|" for node in nodes)

    def from_text(self, text: str) -> Arch:
        nodes = [re.findall(r"(?<![^|~])([^|~]+)~(\d+)", node) for node in text.strip().split("+")]
        sources = [[source for _, source in node] for node in nodes]
        names = [name for node in nodes for name, _ in node]
        if sources != [["0"], ["0", "1"], ["0", "1", "2"]]:
            raise IllegalArchError(f"{text!r} is not a cell of 'nb201': its form is {_EXAMPLE}")
        for name in names:
            if name not in OPERATIONS:
                raise IllegalArchError(
                    f"{text!r} has an unknown operation {name!r}{one_of(name, OPERATIONS)}"
                )
        arch = tuple(OPERATIONS.index(name) for name in names)
        if self.to_text(arch) != text.strip():
            raise IllegalArchError(
                f"{text!r} is not a cell of 'nb201'; did you mean {self.to_text(arch)!r}?"
            )
        return arch

    def canonical(self, arch: Arch) -> Arch:
        """Return the smallest tuple among the members of the class with the fewest live edges."""
        return self.unrank(int(self._representatives[self.rank(arch)]))

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        return self._unrank_many(self._representatives[self.rank_many(archs)])

    def function(self, arch: Arch) -> Arch:
        """Return the canonical cell of the function with the fewest live edges, then smallest."""
        return self.unrank(int(functions()[self._representatives[self.rank(arch)]]))

    def function_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        return self._unrank_many(functions()[self._representatives[self.rank_many(archs)]])

    def _unrank_many(self, ranks: NDArray[np.integer]) -> NDArray[np.int64]:
        return np.stack(np.unravel_index(ranks, self.options), axis=1).astype(np.int64)

    @cached_property
    def official_order(self) -> list[int]:
        """Rank of the cell of every index of NAS-Bench-201 and NATS-Bench.

        Their authors shuffled the cells by ``random.Random(88)``.
        """
        order = list(range(prod(self.options)))
        random.Random(_SHUFFLED_WITH).shuffle(order)
        return order

    @cached_property
    def _representatives(self) -> NDArray[np.uint16]:
        with files("nasbench.data").joinpath(_REPRESENTATIVES).open("rb") as file:
            array: NDArray[np.uint16] = np.load(file, allow_pickle=False)
        return array

    def graph(self, arch: Arch) -> Graph:
        """Return input, one node per edge of the cell, and output.

        An edge of the cell feeds the edges that leave its target.
        """
        n = len(EDGES) + 2
        adjacency = np.zeros((n, n), dtype=np.bool_)
        for e, (i, j) in enumerate(EDGES):
            adjacency[0, e + 1] = i == 0
            adjacency[e + 1, n - 1] = j == 3
            for f, (k, _) in enumerate(EDGES):
                adjacency[e + 1, f + 1] = k == j
        return Graph(adjacency, ("input", *(OPERATIONS[o] for o in arch), "output"), "edges")


def live_edges(arch: Arch) -> tuple[bool, ...]:
    """Return for each of the six edges whether it carries a signal from node 0 to node 3."""
    reached = {0}
    for (i, j), operation in zip(EDGES, arch, strict=True):
        if operation != NONE and i in reached:
            reached.add(j)
    useful = {3}
    for (i, j), operation in reversed(list(zip(EDGES, arch, strict=True))):
        if operation != NONE and j in useful:
            useful.add(i)
    return tuple(
        o != NONE and i in reached and j in useful for (i, j), o in zip(EDGES, arch, strict=True)
    )


def trainable_form(
    arch: Arch, pooling: Literal["of sums", "of terms"] = "of sums"
) -> tuple[Any, ...]:
    """Return the symbolic output of a cell, equal exactly for cells that are the same network.

    The value of a node is a multiset of terms: the cell's input, or (operation, kernel, value of
    its source). ``skip_connect`` contributes the terms of its source, and every convolution edge
    owns one kernel. The result is the smallest form over all renamings of kernels of the same type.

    Args:
        arch: The cell.
        pooling: ``"of terms"`` distributes pooling over the terms of its source; then forms are
            equal exactly for cells that compute the same function.
    """
    live = live_edges(arch)
    kernels = [[e for e in range(6) if live[e] and arch[e] == conv] for conv in (CONV1, CONV3)]
    forms = []
    for orders in product(*(permutations(edges) for edges in kernels)):
        name = {edge: number for order in orders for number, edge in enumerate(order)}
        nodes: dict[int, tuple[Any, ...]] = {0: ((0,),)}
        for node in (1, 2, 3):
            terms: list[tuple[Any, ...]] = []
            for e, source in _INCOMING[node]:
                if live[e]:
                    if arch[e] == SKIP:
                        terms += nodes[source]
                    elif arch[e] == POOL and pooling == "of terms":
                        terms += [(POOL, 0, (term,)) for term in nodes[source]]
                    else:
                        terms.append((arch[e], name.get(e, 0), nodes[source]))
            nodes[node] = tuple(sorted(terms))
        forms.append(nodes[3])
    return min(forms)


def published_string(arch: Arch, zeros: Literal["keep", "propagate"] = "propagate") -> str:
    """Return the string by which the authors count 6,466 cells (12,751 with ``zeros="keep"``).

    It splits some classes of :func:`trainable_form` and merges others, so nothing here uses it as a
    key.
    """
    nodes = {0: "0"}
    for node in (1, 2, 3):
        terms = []
        for e, source in _INCOMING[node]:
            if zeros == "propagate" and (arch[e] == NONE or nodes[source] == "#"):
                terms.append("#")
            elif arch[e] == SKIP:
                terms.append(nodes[source])
            else:
                terms.append(f"({nodes[source]})@{OPERATIONS[arch[e]]}")
        nodes[node] = "+".join(sorted(terms))
    return nodes[3]


@cache
def classes() -> dict[Arch, tuple[Arch, ...]]:
    """Return every class as representative -> members, both in the order of their ranks."""
    members: dict[tuple[Any, ...], list[Arch]] = {}
    for arch in NB201().archs():
        members.setdefault(trainable_form(arch), []).append(arch)
    groups = (
        (min(group, key=lambda a: (sum(live_edges(a)), a)), tuple(group))
        for group in members.values()
    )
    return dict(sorted(groups))


@cache
def functions() -> NDArray[np.uint16]:
    """Return the rank of the function's representative, by the rank of a canonical cell.

    Of the 15,625 values, those at ranks of other cells are 0.
    """
    space = NB201()
    cells = np.array(list(space.archs()), dtype=np.uint8)
    members: dict[tuple[Any, ...], list[Arch]] = {}
    for row in cells[(space.canonical_many(cells) == cells).all(axis=1)].tolist():
        cell = tuple(row)
        form = trainable_form(cell, pooling="of terms") if POOL in cell else cell
        members.setdefault(form, []).append(cell)
    ranks = np.zeros(len(cells), dtype=np.uint16)
    for group in members.values():
        chosen = space.rank(min(group, key=lambda a: (sum(live_edges(a)), a)))
        ranks[[space.rank(cell) for cell in group]] = chosen
    ranks.flags.writeable = False
    return ranks


def representative_ranks() -> Iterator[int]:
    """Iterate over the ranks of the representatives of all cells, in the cells' order."""
    space = NB201()
    of = {arch: representative for representative, group in classes().items() for arch in group}
    return (space.rank(of[arch]) for arch in space.archs())


if __name__ == "__main__":
    np.save(
        f"nasbench/data/{_REPRESENTATIVES}", np.fromiter(representative_ranks(), dtype=np.uint16)
    )
