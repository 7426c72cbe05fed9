"""Weisfeiler-Lehman features: how often each neighbourhood occurs in a graph.

From Shervashidze et al. (2011), https://jmlr.org/papers/v12/shervashidze11a.html; used for search
by Ru et al. (2021), "Interpretable Neural Architecture Search via Bayesian Optimisation with
Weisfeiler-Lehman Kernels", https://arxiv.org/abs/2006.07556.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


def wl_vocabulary(
    space: SearchSpace, archs: NDArray[np.integer], iterations: int
) -> NDArray[np.uint64]:
    """Labels that occur in at least two of the architectures, ascending.

    Args:
        space: A search space with graphs.
        archs: Legal architectures, shape ``(n, d)``.
        iterations: Number of refinements of the labels.

    Raises:
        InvalidArgumentError: The space has no graphs.
    """
    graphs = Counter(label for arch in _tuples(archs) for label in _labels(space, arch, iterations))
    return np.array(sorted(label for label, n in graphs.items() if n > 1), dtype=np.uint64)


def wl_features(
    space: SearchSpace,
    archs: NDArray[np.integer],
    iterations: int,
    vocabulary: NDArray[np.uint64],
) -> NDArray[np.float64]:
    """Number of nodes with each label of a vocabulary; other labels are ignored.

    The initial label of a node is its operation. Each refined label encodes the previous label and
    those of all direct predecessors and of all direct successors. Labels of every iteration count,
    the initial ones included. Labels are 64-bit hashes that are equal in every process.

    Args:
        space: A search space with graphs.
        archs: Legal architectures, shape ``(n, d)``.
        iterations: Number of refinements of the labels.
        vocabulary: From :func:`wl_vocabulary` with the same ``iterations``, shape ``(n_labels,)``.

    Returns:
        Whole numbers of shape ``(n, n_labels)``.

    Raises:
        InvalidArgumentError: The space has no graphs.
    """
    column = {label: i for i, label in enumerate(vocabulary.tolist())}
    counts = np.zeros((len(archs), len(column)))
    for row, arch in zip(counts, _tuples(archs), strict=True):
        for label, n in _labels(space, arch, iterations).items():
            if label in column:
                row[column[label]] = n
    return counts


def _tuples(archs: NDArray[np.integer]) -> Iterable[Arch]:
    return map(tuple, archs.tolist())


@lru_cache(maxsize=2**16)
def _labels(space: SearchSpace, arch: Arch, iterations: int) -> Counter[int]:
    graph = space.graph(arch)
    if graph is None:
        raise InvalidArgumentError(
            f"{space.name!r} has no graph form, which Weisfeiler-Lehman features need"
        )
    nodes = range(len(graph.labels))
    before = [np.flatnonzero(graph.adjacency[:, node]).tolist() for node in nodes]
    after = [np.flatnonzero(graph.adjacency[node]).tolist() for node in nodes]
    labels = [_hash(name) for name in graph.labels]
    found = Counter(labels)
    for _ in range(iterations):
        labels = [
            _hash((labels[v], sorted(labels[u] for u in into), sorted(labels[u] for u in out)))
            for v, into, out in zip(nodes, before, after, strict=True)
        ]
        found.update(labels)
    return found


def _hash(content: str | tuple[int, list[int], list[int]]) -> int:
    return int.from_bytes(blake2b(repr(content).encode(), digest_size=8).digest())
