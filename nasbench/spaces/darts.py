"""The cell space of DARTS (Liu et al., 2019, https://arxiv.org/abs/1806.09055).

An architecture is a normal and a reduction cell of four nodes; each node is the sum of two
operations on earlier nodes or on the outputs of the two cells before. There are 1,037,664,180
cells, of which 382,128,166 are different networks, and 1.08e18 pairs of cells. NAS-Bench-301 (Zela
et al., 2022, https://arxiv.org/abs/2008.09777) and NAS-Bench-x11 (Yan et al., 2021,
https://arxiv.org/abs/2111.03602) are surrogate benchmarks of this space on CIFAR-10.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, permutations
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, Graph, SearchSpace

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
CELLS = ("normal", "reduce")
Cell: TypeAlias = list[tuple[str, int]]

_NODES = (2, 3, 4, 5)
_PAIRS = {node: tuple(combinations(range(node), 2)) for node in _NODES}
_LENGTH = 11  # decisions of a cell; the operations of node n are at 3n - 6 and 3n - 5
_PAIR_AT = {3: 2, 4: 5, 5: 8}
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")


def _bracketed(content: str) -> str:
    return rf"(?:\( {content}\)|\[ {content}\])"


# Regular expressions for texts with one space between any two tokens
_PAIR = _bracketed(r"(?:' \w+ '|\" \w+ \") , [0-9]{1,9} (?:, )?")
_PAIRS_LIST = re.compile(_bracketed(rf"(?:{_PAIR} , )*(?:{_PAIR} (?:, )?)?"))
_CONCAT = re.compile(_bracketed("2 , 3 , 4 , 5 (?:, )?") + r"|range \( 2 , 6 \)")
_CALL = re.compile(r"Genotype \( (\w+ = .*?)(?: ,)? \)")
_EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), … 8 pairs], "
    "normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=[2, 3, 4, 5])"
)


def _decisions(cell: str) -> list[Decision]:
    decisions = []
    for node in _NODES:
        where = f"{cell} node {node}"
        if node > 2:
            pairs = tuple(f"{first}_{second}" for first, second in _PAIRS[node])
            decisions.append(Decision(f"{where}: inputs", pairs))
        decisions.append(Decision(f"{where}: operation on the first input", OPERATIONS))
        decisions.append(Decision(f"{where}: operation on the second input", OPERATIONS))
    return decisions


class Darts(SearchSpace):
    """Genotypes of DARTS: ``Genotype(normal=[('sep_conv_3x3', 0), …], normal_concat=[2, …], …)``.

    In each cell, input 0 is the output of the cell before the previous one and input 1 that of the
    previous cell. Nodes 2 to 5 each add two operations on two different earlier inputs or nodes,
    and are concatenated. A tuple holds the two inputs of a node in ascending order. All tuples are
    legal and ``sample`` is uniform over them: over the pairs of inputs of every node, and over the
    operations.

    Two tuples are the same trainable network if renumbering nodes 2 to 5 turns the cells of one
    into those of the other: concatenating nodes in another order permutes channels, which permutes
    weights of the layers that follow. Equal sums of nothing but skips are not searched for.
    """

    name = "darts"
    decisions = tuple(decision for cell in CELLS for decision in _decisions(cell))

    def to_text(self, arch: Arch) -> str:
        normal, reduce = to_genotype(arch)
        concat = list(_NODES)
        return (
            f"Genotype(normal={normal}, normal_concat={concat}, "
            f"reduce={reduce}, reduce_concat={concat})"
        )

    def from_text(self, text: str) -> Arch:
        """Read a genotype.

        Lists and tuples are alike, as are spaces and line breaks, and single and double quotes. The
        four fields may come in any order, and the two pairs of a node in either order.
        ``range(2, 6)`` is also read as a concatenation.

        Raises:
            IllegalArchError: The text is malformed, concatenates other nodes, or has the faults
                listed in :func:`from_genotype`.
        """
        fields = _fields(text)
        for cell in CELLS:
            concat = fields[f"{cell}_concat"]
            if not _CONCAT.fullmatch(concat):
                raise IllegalArchError(
                    f"{cell}_concat is {concat!r:.80}; in 'darts' it is [2, 3, 4, 5], all nodes"
                )
        normal, reduce = [_pairs(fields[cell], cell) for cell in CELLS]
        return from_genotype(normal, reduce)

    def canonical(self, arch: Arch) -> Arch:
        """Return the smallest tuple of the class."""
        return _smallest(arch[:_LENGTH]) + _smallest(arch[_LENGTH:])

    def graph(self, arch: Arch) -> Graph:
        """Return both cells side by side between one input and one output; operations are nodes.

        Each cell contributes its two inputs (such as ``normal input 0``), then its eight
        operations, two per node. An operation feeds the output and all operations that take the
        node it is added to. So a path is an input of a cell and one to four operations:
        ``4 * (7 + 7**2 + 7**3 + 7**4)`` = 11,200 paths.
        """
        labels, edges = ["input"], []
        for name, pairs in zip(CELLS, to_genotype(arch), strict=True):
            first = len(labels)
            makers = {0: [first], 1: [first + 1]}  # nodes of the graph that form a node of the cell
            edges += [(0, first), (0, first + 1)]
            labels += [f"{name} input 0", f"{name} input 1"]
            for number, (operation, source) in enumerate(pairs):
                edges += [(maker, len(labels)) for maker in makers[source]]
                makers.setdefault(2 + number // 2, []).append(len(labels))
                labels.append(operation)
            edges += [(maker, -1) for node in _NODES for maker in makers[node]]
        n = len(labels) + 1
        adjacency = np.zeros((n, n), dtype=np.bool_)
        adjacency[tuple(np.array(edges).T)] = True
        return Graph(adjacency, (*labels, "output"))

    def cells(self, arch: Arch) -> dict[str, Graph]:
        """Return the two cells with a node of its own, labelled ``sum``, for every node 2 to 5."""
        genotype = zip(("normal cell", "reduction cell"), to_genotype(arch), strict=True)
        return {name: _drawn(pairs) for name, pairs in genotype}


def from_genotype(normal: Sequence[tuple[str, int]], reduce: Sequence[tuple[str, int]]) -> Arch:
    """Return the architecture of two cells.

    Args:
        normal: The cell that keeps the resolution: eight pairs (operation, input), two per node
            from node 2 on, the two pairs of a node in either order.
        reduce: The cell that halves the resolution, likewise.

    Raises:
        IllegalArchError: There are not eight pairs, an operation is unknown, or a node takes an
            impossible input or the same input twice.
    """
    return _options(normal, "normal") + _options(reduce, "reduce")


def to_genotype(arch: Arch) -> tuple[Cell, Cell]:
    """Return the eight pairs (operation, input) of the normal and of the reduction cell."""
    normal, reduce = _cell(arch[:_LENGTH]), _cell(arch[_LENGTH:])
    return normal, reduce


def _drawn(pairs: Cell) -> Graph:
    labels, edges = ["cell k-2", "cell k-1"], []
    made = [0, 1]
    for number, (operation, source) in enumerate(pairs):
        edges.append((made[source], len(labels)))
        labels.append(operation)
        if number % 2:
            made.append(len(labels))
            edges += [(made[-1] - 2, made[-1]), (made[-1] - 1, made[-1]), (made[-1], -1)]
            labels.append("sum")
    adjacency = np.zeros((len(labels) + 1,) * 2, dtype=np.bool_)
    adjacency[tuple(np.array(edges).T)] = True
    return Graph(adjacency, (*labels, "output"))


def _cell(options: Arch) -> Cell:
    pairs = []
    for node in _NODES:
        first, second = _inputs(options, node)
        pairs.append((OPERATIONS[options[3 * node - 6]], first))
        pairs.append((OPERATIONS[options[3 * node - 5]], second))
    return pairs


def _inputs(options: Arch, node: int) -> tuple[int, int]:
    return _PAIRS[node][options[_PAIR_AT[node]] if node > 2 else 0]


def _options(pairs: Sequence[Any], cell: str) -> Arch:
    given = [_pair(pair, cell) for pair in pairs]
    if len(given) != 2 * len(_NODES):
        raise IllegalArchError(
            f"{cell} has {len(given)} pairs (operation, input); 8 are needed: two for each of the "
            "nodes 2, 3, 4, 5"
        )
    options: list[int] = []
    for node in _NODES:
        where = f"node {node} of {cell}"
        both = sorted([(source, name) for name, source in given[2 * node - 4 : 2 * node - 2]])
        for source, name in both:
            if name not in OPERATIONS:
                raise IllegalArchError(
                    f"{where} has an unknown operation {name!r:.80}{one_of(name[:80], OPERATIONS)}"
                )
            if not 0 <= source < node:
                raise IllegalArchError(
                    f"{where} takes input {source!r:.80}; possible are 0..{node - 1}: the outputs "
                    "of the two cells before (0, 1) and earlier nodes"
                )
        sources = tuple([source for source, _ in both])
        if sources not in _PAIRS[node]:
            raise IllegalArchError(
                f"{where} takes input {sources[0]} twice; a node of 'darts' has two different "
                "inputs"
            )
        options += [_PAIRS[node].index(sources)] if node > 2 else []
        options += [OPERATIONS.index(name) for _, name in both]
    return tuple(options)


def _pair(pair: Any, cell: str) -> tuple[str, int]:
    try:
        name, source = pair
        if isinstance(name, str) and source == int(source):
            return name, int(source)
    except (TypeError, ValueError, OverflowError):
        pass
    raise IllegalArchError(
        f"{cell} has {pair!r:.80}; pairs (operation, input) are needed, such as ('sep_conv_3x3', 0)"
    )


def _fields(text: str) -> dict[str, str]:
    """Return the value of every field by name, with one space between any two tokens."""
    call = _CALL.fullmatch(" ".join(re.findall(r"\w+|[^\w\s]", text)))
    _, *parts = re.split(r"(?:^|, )(\w+) = ", call[1] if call else "")
    names, values = parts[::2], parts[1::2]
    if sorted(names) != sorted(_FIELDS):
        raise IllegalArchError(
            f"{text!r:.400} is not an architecture of 'darts': its form is {_EXAMPLE}"
        )
    return {name: value.strip() for name, value in zip(names, values, strict=True)}


def _pairs(text: str, cell: str) -> list[tuple[str, int]]:
    """Read the pairs of a list in the form that :func:`_fields` returns."""
    if not _PAIRS_LIST.fullmatch(text):
        raise IllegalArchError(
            f"{cell} is {text!r:.200}, but must be a list of pairs such as ('sep_conv_3x3', 0)"
        )
    return [(name, int(source)) for name, source in re.findall(r"(\w+) \S , ([0-9]+)", text)]


def _smallest(cell: Arch) -> Arch:
    """Return the smallest options of a cell over all renumberings of its nodes."""
    extended = cell + tuple(range(len(_PAIRS[5])))
    return min([renumbered(extended) for renumbered in _renumberings(cell[2], cell[5], cell[8])])


@cache
def _renumberings(*pairs: int) -> tuple[Callable[[Arch], Arch], ...]:
    """Return one function per renumbering of the nodes that keeps inputs before their nodes.

    Args:
        pairs: Options of the inputs of nodes 3, 4 and 5.

    Returns:
        Functions from the options of the cell, followed by 0, 1, … 9, to the renumbered options.
    """
    sources = {2: (0, 1)} | {node: _PAIRS[node][pairs[node - 3]] for node in _NODES[1:]}
    found = []
    for order in permutations(_NODES):  # old numbers in their new order
        new = {0: 0, 1: 1} | {old: number for number, old in enumerate(order, start=2)}
        if any(new[source] > new[node] for node in _NODES for source in sources[node]):
            continue
        positions = []
        for node, old in zip(_NODES, order, strict=True):
            both = sorted([(new[source], 3 * old - 6 + i) for i, source in enumerate(sources[old])])
            if node > 2:
                inputs = (both[0][0], both[1][0])
                positions.append(_LENGTH + _PAIRS[node].index(inputs))
            positions += [position for _, position in both]
        found.append(itemgetter(*positions))
    return tuple(found)
