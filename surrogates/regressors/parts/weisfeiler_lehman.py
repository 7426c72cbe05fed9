"""Weisfeiler-Lehman features: how often every neighbourhood occurs in a graph.

From Shervashidze et al. (2011), https://jmlr.org/papers/v12/shervashidze11a.html, and used for
search by Ru et al. (2021), "Interpretable Neural Architecture Search via Bayesian Optimisation with
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
    """Labels that nodes of at least two of the architectures have, ascending.

    Args:
        space: A space with a graph form.
        archs: Legal architectures, shape ``(n, d)``.
        iterations: How often labels are refined.

    Raises:
        InvalidArgumentError: The space has no graph form.
    """
    graphs = Counter(label for arch in _tuples(archs) for label in _labels(space, arch, iterations))
    return np.array(sorted(label for label, n in graphs.items() if n > 1), dtype=np.uint64)


def wl_features(
    space: SearchSpace,
    archs: NDArray[np.integer],
    iterations: int,
    vocabulary: NDArray[np.uint64],
) -> NDArray[np.float64]:
    """How many nodes have each label of a vocabulary; other labels are left out.

    The first label of a node is its operation. A refined one stands for the label before and those
    of all nodes with an edge to it and of all with an edge from it. Labels are kept from every
    iteration, the first included, as 64-bit hashes, which are equal in every process.

    Args:
        space: A space with a graph form.
        archs: Legal architectures, shape ``(n, d)``.
        iterations: How often labels are refined.
        vocabulary: From :func:`wl_vocabulary` with as many iterations, shape ``(n_labels,)``.

    Returns:
        Whole numbers of shape ``(n, n_labels)``.

    Raises:
        InvalidArgumentError: The space has no graph form.
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
