"""Cells that methods of weight sharing choose: operations, depth and width, for ``oneshot.py``.

Depth and width are those of Shu, Wang and Cai (2020), https://arxiv.org/abs/1909.09569, of the
representative of a cell: of the cells that are the same network, the first with the fewest live
edges.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pages import markdown_table

from data_builders.builds.shards import all_classes
from data_builders.networks.lite201 import Lite201
from data_builders.supernets.shared201 import Shared201
from leaderboard.labels import labels
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.runs.records import Records
from nasbench.space import Arch
from nasbench.spaces.nb201 import EDGES, OPERATIONS, live_edges

BEST = 50
"""Classes with the best test accuracy, which are shown beside what methods choose."""
WEIGHTED = np.array(Shared201.has_weights)


def depth(cell: Arch) -> int:
    """Edges on the longest live path from the input to the output; 0 without any."""
    longest = {0: 0}
    for live, (source, target) in zip(live_edges(cell), EDGES, strict=True):
        if live:
            longest[target] = max(longest.get(target, 0), longest[source] + 1)
    return longest.get(3, 0)


def width(cell: Arch) -> float:
    """Nodes that hear from the input, each as the share of its live edges that come from there.

    The output is such a node as well, since the input may feed it.
    """
    sources: dict[int, list[int]] = {}
    for live, (source, target) in zip(live_edges(cell), EDGES, strict=True):
        if live:
            sources.setdefault(target, []).append(source)
    return sum(heard.count(0) / len(heard) for heard in sources.values())


def first_proposals(record: Records) -> NDArray[np.int64]:
    """First proposals of all seeds, shape ``(n_seeds, 6)``."""
    return np.array([run.archs[0] for run in record.runs()])


def without_weights(cells: NDArray[np.int64]) -> float:
    """Share of decisions whose option has no weights, in percent."""
    return float(100 * (~WEIGHTED[cells]).mean())


def cells(records: Sequence[Records], benchmark: TableBenchmark) -> str:
    """What first proposals are made of, in percent of the decisions, and their mean shapes.

    The last rows have representatives of the best classes of the table and of all classes, and all
    cells: what chance gives.
    """
    space = benchmark.space
    every = np.array(list(space.archs()))
    classes = np.array(all_classes(Lite201))
    best = np.argsort(-benchmark.query_many(classes, "test_accuracy"), kind="stable")[:BEST]
    names = [f"`{label}`" for label in labels([record.manifest for record in records])]
    groups = dict(zip(names, map(first_proposals, records), strict=True))
    groups |= {f"{BEST} best classes": classes[best], "all classes": classes, "all cells": every}
    lines = []
    for name, chosen in groups.items():
        shares = [100 * float(np.mean(chosen == option)) for option in range(len(OPERATIONS))]
        shapes = [tuple(cell) for cell in space.canonical_many(chosen).tolist()]
        lines.append(
            [
                name,
                *(f"{share:.0f}" for share in [*shares, without_weights(chosen)]),
                f"{np.mean([depth(cell) for cell in shapes]):.2f}",
                f"{np.mean([width(cell) for cell in shapes]):.2f}",
            ]
        )
    head = ["method", *(f"`{name}`" for name in OPERATIONS), "without weights", "depth", "width"]
    return markdown_table(head, lines)
