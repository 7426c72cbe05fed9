"""The topology space of NATS-Bench."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.compat.nats_bench.benchmark import NATSBench
from nasbench.compat.nats_bench.genotype_utils import parse
from nasbench.compat.nats_bench.records import TOPOLOGY
from nasbench.compat.nats_bench.report import print_information
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.spaces.nb201 import NB201, OPERATIONS, published_string

__all__ = ["ALL_BASE_NAMES", "NATStopology", "print_information"]

ALL_BASE_NAMES = [TOPOLOGY.archive]


class NATStopology(NATSBench):
    """The topology space: 15,625 cells of NAS-Bench-201."""

    family = TOPOLOGY

    def get_unique_str(self, arch: Any) -> str:
        """Return the string by which the authors tell cells apart.

        It does not identify equal networks: it splits some classes and merges others. Prefer
        ``NB201().canonical(arch)``. For a text that is not a cell (index -1), it is the string of
        the last cell.

        Args:
            arch: An index, a text, or an object with a method ``tostr``.
        """
        self._tell("get_unique_str", arch)
        return published_string(NB201().from_text(self.meta_archs[self._index(arch)]))

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """Return, for every node but the first, its incoming edges as (operation, source).

        Raises:
            InvalidArgumentError: The text does not have the form ``|op~0|+|op~0|op~1|``.
        """
        return parse(arch_str)

    @staticmethod
    def str2matrix(
        arch_str: str, search_space: tuple[str, ...] | list[str] = OPERATIONS
    ) -> NDArray[np.float64]:
        """Return the position in ``search_space`` of the operation on every edge.

        A missing edge and operation 0 (``none`` by default) look the same.

        Returns:
            Array of shape ``(n_nodes, n_nodes)``; row = target, column = source.

        Raises:
            InvalidArgumentError: The text has another form, or an operation is not in
                ``search_space``.
        """
        nodes = NATStopology.str2lists(arch_str)
        matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
        for target, edges in enumerate(nodes, start=1):
            for operation, source in edges:
                if operation not in search_space:
                    raise InvalidArgumentError(
                        f"{arch_str!r} has an unknown operation {operation!r}"
                        f"{one_of(operation, search_space)}"
                    )
                matrix[target, source] = search_space.index(operation)
        return matrix
