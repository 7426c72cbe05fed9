"""Cells of NATS-Bench as lists of nodes with their incoming edges."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from nasbench.errors import InvalidArgumentError

Edge: TypeAlias = tuple[str, int]
"""Operation and source; node 0 is the input."""


class TopologyStructure:
    """A cell.

    Args:
        genotype: For every node but the first, its incoming edges as (operation, source).

    Attributes:
        node_num: Number of nodes.
        nodes: The edges, for every node but the first.
        node_N: Number of incoming edges, for every node but the first.

    Raises:
        InvalidArgumentError: A node has no edge, or one that does not come from an earlier node.
    """

    def __init__(self, genotype: Sequence[Sequence[Sequence[Any]]]) -> None:
        self.nodes: list[tuple[Any, ...]] = []
        for target, edges in enumerate(genotype, start=1):
            if not edges or any(len(edge) != 2 or not 0 <= edge[1] < target for edge in edges):
                raise InvalidArgumentError(
                    f"node {target} has the edges {edges!r}; it needs pairs of an operation and a "
                    f"source in 0..{target - 1}"
                )
            self.nodes.append(tuple(edges))
        self.node_num = len(self.nodes) + 1
        self.node_N = [len(edges) for edges in self.nodes]

    def __len__(self) -> int:
        return self.node_num

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.nodes[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.node_num} nodes with {self.tostr()})"

    def node(self, index: int) -> tuple[Any, ...]:
        """Return ``nodes[index]``, the edges into node ``index + 1``.

        Raises:
            InvalidArgumentError: ``index`` is not in 1..len(self) - 2.
        """
        if not 0 < index < len(self.nodes):
            raise InvalidArgumentError(
                f"index = {index!r} must be in 1..{len(self.nodes) - 1}, as in the original"
            )
        return self.nodes[index]

    def tolist(self, remove_str: str | None) -> tuple[list[tuple[Any, ...]] | None, bool]:
        """Return the edges by source, without those of one operation.

        Args:
            remove_str: The operation to leave out.

        Returns:
            The edges and True; or, if a node keeps none, None and False.
        """
        kept = [
            tuple(sorted((e for e in edges if e[0] != remove_str), key=lambda e: (e[1], e[0])))
            for edges in self.nodes
        ]
        return (kept, True) if all(kept) else (None, False)

    def tostr(self) -> str:
        """Return the cell as text, such as ``|op~0|+|op~0|op~1|``."""
        texts = ("|".join(f"{operation}~{source}" for operation, source in e) for e in self.nodes)
        return "+".join(f"|{text}|" for text in texts)

    def check_valid(self) -> bool:
        """Return whether a path without ``none`` leads from the first to the last node."""
        reached = [True]
        for edges in self.nodes:
            reached.append(any(op != "none" and reached[source] for op, source in edges))
        return reached[-1]

    def to_unique_str(self, consider_zero: bool | None = False) -> str:
        """Return a text that is equal for some cells that are the same network.

        Prefer ``NB201().canonical(arch)``, which is equal for all of them and for no others.

        Args:
            consider_zero: True: ``none`` and skip connections count as such; False: only skip
                connections do; None: neither.
        """
        texts = ["0"]
        for edges in self.nodes:
            incoming = []
            for operation, source in edges:
                if consider_zero and (operation == "none" or texts[source] == "#"):
                    incoming.append("#")
                elif consider_zero is not None and operation == "skip_connect":
                    incoming.append(texts[source])
                else:
                    incoming.append(f"({texts[source]})@{operation}")
            texts.append("+".join(sorted(incoming)))
        return texts[-1]

    def check_valid_op(self, op_names: Sequence[str]) -> bool:
        """Return whether every operation is one of some names."""
        return all(operation in op_names for edges in self.nodes for operation, _ in edges)

    @staticmethod
    def str2structure(xstr: Any) -> "TopologyStructure":
        """Return the cell of a text; a cell as it is.

        Raises:
            InvalidArgumentError: It does not have the form ``|op~0|+|op~0|op~1|``.
        """
        return xstr if isinstance(xstr, TopologyStructure) else TopologyStructure(parse(xstr))

    @staticmethod
    def str2fullstructure(xstr: str, default_name: str = "none") -> "TopologyStructure":
        """Return the cell of a text with an operation on the edges that it leaves out.

        As in the original, the edge from the node just before is not added.

        Raises:
            InvalidArgumentError: The text has another form.
        """
        nodes = []
        for last, edges in enumerate(parse(xstr)):
            sources = [source for _, source in edges]
            added = [(default_name, source) for source in range(last) if source not in sources]
            nodes.append(tuple(sorted([*edges, *added], key=lambda edge: (edge[1], edge[0]))))
        return TopologyStructure(nodes)


def topology_str2structure(xstr: Any) -> TopologyStructure:
    """Call :meth:`TopologyStructure.str2structure`."""
    return TopologyStructure.str2structure(xstr)


def parse(text: Any) -> list[tuple[Edge, ...]]:
    """Return the incoming edges of every node but the first.

    Raises:
        InvalidArgumentError: The text does not have the form ``|op~0|+|op~0|op~1|``.
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{text!r:.200} is not a text")
    return [tuple(map(_edge, filter(None, node.split("|")))) for node in text.split("+")]


def _edge(text: str) -> Edge:
    operation, separator, source = text.partition("~")
    if not separator or not source.isdecimal():
        raise InvalidArgumentError(f"{text!r} is not of the form 'operation~source'")
    return operation, int(source)
