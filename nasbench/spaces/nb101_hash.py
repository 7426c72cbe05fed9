"""The official names of the cells of NAS-Bench-101."""

import hashlib
from collections.abc import Sequence

from nasbench.spaces.nb101 import OPERATIONS, operation_number


def module_hash(
    matrix: Sequence[Sequence[int]],
    operations: Sequence[str],
    vocabulary: Sequence[str] = OPERATIONS,
) -> str:
    """Return the official name of a cell, equal for isomorphic graphs and unique among all 423,624.

    Args:
        matrix: Upper triangular adjacency, already pruned, row = source.
        operations: One per vertex; the first and the last are ignored.
        vocabulary: All operations; the published hashes need the default order.

    Returns:
        32 hexadecimal digits.

    Raises:
        IllegalArchError: An operation is not in the vocabulary.
    """
    inner = [operation_number(operation, vocabulary) for operation in operations[1:-1]]
    return graph_hash(matrix, [-1, *inner, -2])


def graph_hash(matrix: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """Return a hash that is equal for isomorphic graphs with labels.

    Args:
        matrix: Adjacency, row = source.
        labels: One per vertex.

    Returns:
        32 hexadecimal digits.
    """
    n = len(labels)
    sources = [[x for x in range(n) if matrix[x][y]] for y in range(n)]
    targets = [[y for y in range(n) if matrix[x][y]] for x in range(n)]
    hashes = [
        _md5(str((len(after), len(before), label)))
        for after, before, label in zip(targets, sources, labels, strict=True)
    ]
    for _ in range(n):
        joined = [
            ["".join(sorted([hashes[v] for v in vertices])) for vertices in neighbours]
            for neighbours in (sources, targets)
        ]
        hashes = [_md5("|".join(parts)) for parts in zip(*joined, hashes, strict=True)]
    return _md5(str(sorted(hashes)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
