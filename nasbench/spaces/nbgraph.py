"""The space of NAS-Bench-Graph (Qin et al., 2022, https://arxiv.org/abs/2206.09166).

Four computing nodes, each with one operation and one source, wired in one of nine patterns: 59,049
tuples, of which 59,040 are networks and 26,206 of these are different. They were trained on eight
graphs; on a ninth, proteins, only the 2,021 networks that use nothing but gcn, sage, arma, fc and
skip.

A network is a tree. Its root is the input (the features of the graph's nodes, on some graphs after
a linear layer). Every leaf feeds the output, where the features of all leaves are concatenated.
``skip`` passes its input on. According to the keys of the published files, two tuples are the same
network if their trees are equal after these steps:

- a ``skip`` that feeds other nodes is replaced by its source;
- a leaf ``skip`` that is the only node fed by its source is removed, so that the source becomes a
  leaf;
- a leaf ``skip`` of the input is removed: the output gets nothing directly from the input;
- any other leaf ``skip`` stays: it adds the features of its source to the concatenation.

Four skips leave nothing and are not a network. The published numbers of parameters, which are
linear in the operations and the number of leaves, are those of the resulting trees.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, Graph, SearchSpace

LINKS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
SKIP = OPERATIONS.index("skip")
CLASSES = 26_206

_NODES = 4
_SOURCES = tuple(tuple(map(int, link)) for link in LINKS)
_NUMBERINGS = {"".join(map(str, s)) for s in product(*[range(i + 1) for i in range(_NODES)])}
_EXAMPLE = "0012 gat-gcn-fc-skip"
_REPRESENTATIVES = "nbgraph-representatives.npy"

# The nodes that one source feeds, ascending. A node is a triple: minus the number of nodes of its
# subtree, its operation, and the nodes that it feeds.
_Nodes: TypeAlias = tuple[tuple[int, int, Any], ...]


class NBGraph(SearchSpace):
    """Networks of NAS-Bench-Graph: ``0012 gat-gcn-fc-skip``, sources and operations of four nodes.

    Source 0 is the input, source k the k-th node. A published key writes the same decisions as
    decimal digits, 30178 for the example. All tuples but the nine with four skips are legal.
    ``sample`` is uniform over them, so classes with several spellings are drawn more often.
    """

    name = "nbgraph"
    table_key = "class"
    decisions = (
        Decision("link pattern", LINKS),
        *(Decision(f"operation {i}", OPERATIONS) for i in range(1, _NODES + 1)),
    )

    def to_text(self, arch: Arch) -> str:
        return f"{LINKS[arch[0]]} {'-'.join([OPERATIONS[option] for option in arch[1:]])}"

    def from_text(self, text: str) -> Arch:
        """Read a network in the notation of :meth:`to_text`, or a published key in decimal digits.

        The nodes may be numbered differently from the nine patterns, as long as every source
        precedes the nodes it feeds: ``0121 gcn-gin-fc-cheb`` is read as ``0112 gcn-gin-cheb-fc``.

        Raises:
            IllegalArchError: The text is malformed, has an unknown operation, or has four skips.
        """
        words = text.split()
        if len(words) == 1 and re.fullmatch("[0-9]{5}|[1-9][0-9]{0,3}|0", words[0]):
            return from_key(int(words[0]))
        if len(words) != 2 or words[1].count("-") != _NODES - 1:
            raise IllegalArchError(
                f"{text!r:.200} is not a network of 'nbgraph': the sources of four nodes and their "
                f"operations are needed, as in {_EXAMPLE!r}, or a published key of digits 0 to 8"
            )
        link, operations = words[0], words[1].split("-")
        for operation in operations:
            if operation not in OPERATIONS:
                raise IllegalArchError(
                    f"{text!r:.200} has an unknown operation {operation!r:.80}"
                    f"{one_of(operation[:80], OPERATIONS)}"
                )
        if link not in _NUMBERINGS:
            raise IllegalArchError(
                f"{text!r:.200} has unknown sources {link!r:.80}{one_of(link[:80], LINKS)}"
            )
        options = [OPERATIONS.index(operation) for operation in operations]
        if link in LINKS:
            return self.check((LINKS.index(link), *options))
        return self.check(_numbered(_fed([int(source) for source in link], options)))

    def is_legal(self, arch: Arch) -> bool:
        """Return whether at least one operation is not a skip."""
        return arch[1:] != (SKIP,) * _NODES

    @cached_property
    def size(self) -> int:
        """Number of legal tuples."""
        return prod(self.options) - len(LINKS)

    def legal_many(self, archs: NDArray[np.integer]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (np.asarray(archs)[:, 1:] != SKIP).any(axis=1)
        return found

    def canonical(self, arch: Arch) -> Arch:
        """Return the tuple of the published key, see :func:`representative`."""
        return self.unrank(int(self._representatives[self.rank(arch)]))

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        ranks = self._representatives[self.rank_many(archs)]
        return np.stack(np.unravel_index(ranks, self.options), axis=1).astype(np.int64)

    @cached_property
    def _representatives(self) -> NDArray[np.uint16]:
        with files("nasbench.data").joinpath(_REPRESENTATIVES).open("rb") as file:
            array: NDArray[np.uint16] = np.load(file, allow_pickle=False)
        return array

    def graph(self, arch: Arch) -> Graph:
        """Return input, the four nodes as written, and output.

        A leaf that only passes the input on has no edge to the output; the published networks leave
        it out.
        """
        sources = _SOURCES[arch[0]]
        adjacency = np.zeros((_NODES + 2, _NODES + 2), dtype=np.bool_)
        raw = {0}  # nodes whose value is the input itself
        for node, (source, option) in enumerate(zip(sources, arch[1:], strict=True), start=1):
            adjacency[source, node] = True
            if option == SKIP and source in raw:
                raw.add(node)
            adjacency[node, -1] = node not in sources and node not in raw
        return Graph(adjacency, ("input", *[OPERATIONS[option] for option in arch[1:]], "output"))


def representative(arch: Arch) -> Arch:
    """Return the tuple of the published key, which puts unnecessary skips first, in a row.

    The other nodes are numbered by their distance from the input, then by the size of what they
    feed, largest first, then by their operations. The file that ``canonical`` reads holds the rank
    of the result for every rank; that of an illegal tuple is its own.
    """
    fed = _without_skips(_fed(_SOURCES[arch[0]], arch[1:]), at_input=True)
    for _ in range(_NODES + sum(node[0] for node in fed)):
        fed = (_node(SKIP, fed),)
    return _numbered(fed)


def from_key(key: int) -> Arch:
    """Return the network of a published key: five decimal digits, one per decision.

    Raises:
        IllegalArchError: The key has a digit other than 0..8, more than five digits, or four skips.
    """
    if not 0 <= key < 10 ** (_NODES + 1) or "9" in str(key):
        shown = key if abs(key) < 1e9 else "a larger number"
        raise IllegalArchError(
            f"{shown} is not a key of 'nbgraph': possible are five digits 0..8, a link pattern and "
            "four operations"
        )
    return NBGraph().check([int(digit) for digit in f"{key:05d}"])


def to_key(arch: Arch) -> int:
    """Return the decimal number whose digits are the decisions.

    The published files contain the keys of canonical tuples.
    """
    return int("".join(map(str, arch)))


def _node(option: int, fed: _Nodes) -> tuple[int, int, _Nodes]:
    return sum([node[0] for node in fed]) - 1, option, fed


def _fed(sources: Sequence[int], options: Sequence[int], source: int = 0) -> _Nodes:
    """Return the nodes that ``source`` feeds, as written."""
    nodes = [i for i, other in enumerate(sources) if other == source]
    return tuple(sorted([_node(options[i], _fed(sources, options, i + 1)) for i in nodes]))


def _without_skips(fed: _Nodes, *, at_input: bool) -> _Nodes:
    """Return the nodes that one source feeds after removing skips that change nothing."""
    leaf = _node(SKIP, ())
    kept: list[tuple[int, int, _Nodes]] = []
    for _, option, following in fed:
        following = _without_skips(following, at_input=False)
        kept += following if option == SKIP and following else (_node(option, following),)
    if at_input:
        kept = [node for node in kept if node != leaf]
    return () if kept == [leaf] else tuple(sorted(kept))


def _numbered(fed: _Nodes) -> Arch:
    """Return the tuple of a tree of four nodes."""
    link, options = "", []
    sources = [(0, fed)]
    for source, nodes in sources:  # grows, level by level
        for _, option, following in nodes:
            link += str(source)
            options.append(option)
            sources.append((len(options), following))
    return (LINKS.index(link), *options)
