"""NAS-Bench-Graph (Qin et al., 2022, https://arxiv.org/abs/2206.09166).

The package nas-bench-graph holds one pickle for each of nine graphs, ``{30224: {"valid_perf": …,
"perf": …, "latency": …, "para": …}, …}``, with means of three trainings. The module ``curves``
reads the complete data, with the learning curves of each training.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.importer import Importer, Progress, silent
from data_builders.importers.arrays import arch_column, curve_column
from data_builders.importers.nbgraph import curves as nbgraph_curves
from data_builders.importers.nbgraph.graphs import DECIMALS, GRAPHS, TRAININGS, Graph, parameters
from data_builders.importers.nbgraph.records import (
    CITATION,
    COMPLETE_DATA,
    LONGEST,
    arch_columns,
    count,
    field,
    is_own_count,
    measured,
    networks,
    number,
    percent,
    performance,
    published_parameters,
)
from data_builders.importers.packages import NAS_BENCH_GRAPH, Content
from data_builders.importers.parts import alone, blocks_folder
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.errors import ArchiveError
from nasbench.space import Arch
from nasbench.spaces.nbgraph import CLASSES, NBGraph
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

FOLDER = "light"
FIELDS = ("valid_perf", "perf", "latency", "para")


@dataclass(frozen=True, slots=True)
class Means:
    """Means over the trainings of one network.

    Attributes:
        arch: The network.
        valid: Validation performance, 0..1.
        test: Test performance, 0..1.
        latency: Seconds.
        parameters: Number of parameters, as published.
    """

    arch: Arch
    valid: float
    test: float
    latency: float
    parameters: float


class NBGraphImporter(Importer):
    """The nine tables of nas-bench-graph 1.4.0, or those with curves of the complete data."""

    name = "nbgraph"
    ids = tuple(f"nbgraph-{graph.name}{kind}" for kind in ("", "-curves") for graph in GRAPHS)
    summary = (
        "NAS-Bench-Graph on nine graphs, from the installed package nas-bench-graph, its wheel or "
        "its folder, or learning curves from the complete data (cora0.bench, cora1.bench, …): "
        f"nbgraph-{{{','.join(graph.name for graph in GRAPHS)}}}[-curves]"
    )

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table per graph."""
        if any(nbgraph_curves.is_complete(path) for path in files):
            folder = blocks_folder(work, self.name)
            with alone(folder):
                yield from nbgraph_curves.tables(files, folder, progress)
            return
        digests = {f"{graph.name}.bench": graph.sha256 for graph in GRAPHS}
        found = []
        contents = NAS_BENCH_GRAPH.read(files, FOLDER, digests)
        for graph, content in zip(GRAPHS, contents, strict=True):
            found.append((graph, parse(content.data, graph, content.where), content))
            progress(len(found), len(GRAPHS))
        for graph, means, content in found:
            yield imported(means, graph, content)


def parse(data: bytes, graph: Graph, where: str) -> list[Means]:
    """Return the records of a file, sorted by architecture.

    Raises:
        ArchiveError: The file is not in the layout of the archive, or a number is impossible.
    """
    records = networks(BytesIO(data), where)
    found = [_means(arch, record, graph, place) for arch, record, place in records]
    return sorted(found, key=lambda means: means.arch)


def _means(arch: Arch, record: object, graph: Graph, where: str) -> Means:
    valid, test, latency, para = (field(record, name, FIELDS, where) for name in FIELDS)
    means = Means(
        arch=arch,
        valid=number(valid, "valid_perf", 1, where),
        test=number(test, "perf", 1, where),
        latency=number(latency, "latency", LONGEST, where),
        parameters=count(para, arch, graph, where),
    )
    _check_sum("valid_perf", means.valid, 10**DECIMALS, where)
    if graph.metric == "accuracy":
        _check_sum("perf", means.test, graph.nodes[2], where)
    return means


def _check_sum(name: str, mean: float, parts: int, where: str) -> None:
    """Refuse a mean over the trainings that is not one of fractions with this denominator."""
    total = TRAININGS * parts * mean
    if abs(total - round(total)) > 1e-6:
        raise ArchiveError(
            f"{where}: {name} is {mean}, not a mean of {TRAININGS} multiples of 1/{parts}"
        )


def imported(found: Sequence[Means], graph: Graph, content: Content) -> Draft:
    """Return the table of one graph.

    Args:
        found: Means, sorted by architecture.
        graph: The graph.
        content: The file that the means come from.
    """
    archs = arch_column(np.array([means.arch for means in found]))
    runs = {
        "arch": archs,
        "schedule": pa.array([graph.epochs] * len(found), pa.int32()),
        "seed": pa.array([0] * len(found), pa.int32()),
        "status": pa.array(["finished"] * len(found)),
        f"valid_{graph.metric}": _curves([means.valid for means in found]),
        f"test_{graph.metric}": _curves([means.test for means in found]),
    }
    latency: NDArray[np.float32] = np.array([1e3 * means.latency for means in found], np.float32)
    columns = {
        "arch": archs,
        "parameters": pa.array([parameters(means.arch, graph) for means in found], pa.int64()),
        "latency_gpu_ms": pa.array(latency),
    }
    if graph.mixed:
        columns["published_parameters"] = pa.array([means.parameters for means in found])
    return Draft(
        metadata=_metadata(found, graph, content),
        runs=pa.table(runs),
        archs=pa.table(columns),
        columns=(*_columns(graph), *arch_columns()),
    )


def _curves(fractions: list[float]) -> object:
    return curve_column(percent(fractions)[:, None])


def _columns(graph: Graph) -> tuple[Column, ...]:
    _, valid, test = graph.nodes
    whole = ""
    if graph.metric == "accuracy":
        whole = f"; in single precision; times {TRAININGS * test} / 100 it is a whole number"
    columns = [
        performance(
            "valid",
            graph,
            f"{measured(graph)}, of {valid:,} nodes: mean of three trainings, each rounded to "
            "0.1 percent; apparently the highest of all epochs, which the "
            "published training code tracks (valid_perf)",
        ),
        performance(
            "test",
            graph,
            f"{measured(graph)}, of {test:,} nodes: mean of three trainings, each after the epoch "
            f"with the highest validation (perf){whole}",
        ),
    ]
    if graph.mixed:
        columns.append(published_parameters())
    return tuple(columns)


def _metadata(found: Sequence[Means], graph: Graph, content: Content) -> Metadata:
    notes = ["Good for ranking optimisers on small graph networks."]
    if graph.name == "proteins":
        notes.append(
            "Only the 2,021 networks of gcn, sage, arma, fc and skip were trained on this graph; a "
            "search sees these alone."
        )
    if graph.mixed:
        wrong = sum(not is_own_count(m.parameters, m.arch, graph) for m in found)
        notes.append(
            f"In {wrong:,} of the published records the number of parameters is not that of the "
            "network: some of their trainings are of other networks (see published_parameters)."
        )
    notes.append(
        "Not for methods that stop or resume trainings (no learning curves), nor for noise between "
        "trainings (means only). No training times: budgets are counted in trials."
    )
    files = " ".join(f"{graph.name}{seed}.bench" for seed in range(TRAININGS))
    return Metadata(
        id=f"nbgraph-{graph.name}",
        space=NBGraph.name,
        key="class",
        dataset=graph.name,
        epochs={graph.epochs: [graph.epochs]},
        complete=len(found) == CLASSES,
        default_objective=f"valid_{graph.metric}",
        title=f"NAS-Bench-Graph on {graph.title}: published means of three trainings",
        description=" ".join(notes),
        seeds="0 stands for the mean of three trainings, which the package does not keep apart",
        elsewhere=(
            f"learning curves of every training are in the complete data, {COMPLETE_DATA}: "
            f"nasbench import nbgraph {files}"
        ),
        recipe=with_digest(graph.recipe, content.release),
        source=content.source,
        licence="Apache-2.0",
        citation=CITATION,
    )
