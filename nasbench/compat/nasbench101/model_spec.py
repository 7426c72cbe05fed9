"""A cell in the form of google-research/nasbench: matrix and operations, pruned."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, InvalidArgumentError, NasbenchError, NotRecordedError
from nasbench.registry import require
from nasbench.spaces.nb101 import prune
from nasbench.spaces.nb101_hash import module_hash


class OutOfDomainError(NasbenchError):
    """A cell is not in the space, or a number of epochs was not trained."""


class UnknownModuleError(NotRecordedError, KeyError):
    """A module has no recorded trainings; a KeyError as in the original."""

    __str__ = Exception.__str__


class ModelSpec:
    """A pruned cell.

    Args:
        matrix: Upper triangular adjacency of 0 and 1, row = source; an array or nested lists.
        ops: Operation of every vertex, the first ``"input"`` and the last ``"output"``.
        data_format: Kept, but not used.

    Attributes:
        original_matrix: The given matrix as an array.
        original_ops: The given operations.
        matrix: The matrix without vertices that are on no path from input to output; None if there
            is no path.
        ops: Operations of the remaining vertices; None if there is no path.
        valid_spec: Whether there is a path. Size and operations are checked by
            :meth:`NASBench.is_valid`.
        data_format: As given.

    Raises:
        InvalidArgumentError: The matrix is not square, not upper triangular, or does not fit
            ``ops``; a ``ValueError`` as in the original.
    """

    def __init__(self, matrix: Any, ops: Sequence[str], data_format: str = "channels_last") -> None:
        given: NDArray[Any] = np.array(matrix)
        n = given.shape[0] if given.ndim else 0
        if given.shape != (n, n):
            raise InvalidArgumentError(f"matrix has shape {given.shape} and must be square")
        if n != len(ops):
            raise InvalidArgumentError(f"{len(ops)} ops do not fit a matrix of {n} vertices")
        backwards = np.argwhere(np.tril(given)).tolist()
        if backwards:
            x, y = backwards[0]
            raise InvalidArgumentError(
                f"matrix must be upper triangular, but matrix[{x}, {y}] is {given[x, y]}"
            )
        self.original_matrix = given
        self.original_ops = copy.deepcopy(ops)
        self.matrix: NDArray[Any] | None = None
        self.ops: list[str] | None = None
        try:
            kept = prune(given.tolist(), range(n))[1]
        except IllegalArchError:
            self.valid_spec = False
        else:
            self.valid_spec = True
            self.matrix = given[np.ix_(kept, kept)]
            self.ops = [ops[v] for v in kept]
        self.data_format = data_format

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """Return the name of the pruned cell in the published file.

        Args:
            canonical_ops: All operations; the published names need the order
                ``["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]``.

        Raises:
            OutOfDomainError: No path leads from input to output.
            IllegalArchError: An operation is not in ``canonical_ops``; a ``ValueError`` as in the
                original.
        """
        if self.matrix is None or self.ops is None:
            raise OutOfDomainError("no path leads from the input to the output of this spec")
        return module_hash(self.matrix.tolist(), self.ops, canonical_ops)

    def visualize(self) -> Any:
        """Return a drawing of the pruned cell, a ``graphviz.Digraph``, which notebooks show.

        Raises:
            OutOfDomainError: No path leads from input to output.
            MissingExtraError: The package graphviz is not installed.
        """
        if self.matrix is None or self.ops is None:
            raise OutOfDomainError("no path leads from the input to the output of this spec")
        drawing = require("graphviz", "ModelSpec.visualize").Digraph()
        for vertex, operation in enumerate(["input", *self.ops[1:-1], "output"]):
            drawing.node(str(vertex), operation)
        for source, target in np.argwhere(self.matrix).tolist():
            drawing.edge(str(source), str(target))
        return drawing


def is_upper_triangular(matrix: Any) -> bool:
    """Return whether a matrix is 0 on its diagonal and below."""
    return not np.tril(matrix).any()
