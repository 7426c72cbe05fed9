"""The complete data of NAS-Bench-Graph: learning curves, one file per training seed.

``cora0.bench`` is a pickle ``{30224: {"dur": [(…), …], "latency": …, "para": …, …}, …}``. For every
epoch, ``dur`` has the performance on training, validation and test nodes, the losses on them, and
the test performance after the epoch with the highest validation so far, in three decimals. A file
has hundreds of millions of bytes, so it is read record by record.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from reprlib import repr
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.archives.damage import PICKLE, check_kind, damage, reason
from data_builders.importer import Progress
from data_builders.importers.arrays import arch_column, curve_column
from data_builders.importers.nbgraph.graphs import GRAPHS, Graph, parameters
from data_builders.importers.nbgraph.records import (
    CITATION,
    COMPLETE_DATA,
    LONGEST,
    arch_columns,
    count,
    field,
    measured,
    networks,
    number,
    performance,
    published_parameters,
)
from data_builders.importers.parts import Parts
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.errors import ArchiveError, InvalidArgumentError, one_of
from nasbench.space import Arch
from nasbench.spaces.nbgraph import CLASSES, NBGraph
from nasbench.storage.files import file_digest
from nasbench.tables.columns import list_items, to_numpy
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

FIELDS = ("dur", "latency", "para")
LOSSES = ("train_loss", "valid_loss", "test_loss")
SPLITS: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")
CURVES = (*SPLITS, *LOSSES, "best")
LONGEST_TRAINING = 100_000
LAYOUT = 1
_NAME = re.compile(r"([a-z]+)([0-9]{1,3})\.bench")
_GRAPHS = {graph.name: graph for graph in GRAPHS}


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the complete data.

    Attributes:
        path: Path of the file.
        graph: The graph that its networks were trained on.
        seed: Seed in its name.
        sha256: SHA-256 of the file.
    """

    path: Path
    graph: Graph
    seed: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileSummary:
    """Content of a file that was read, without its curves.

    Attributes:
        source: The file.
        epochs: Length of every curve.
        archs: The networks, shape ``(n, 5)``.
        latency: Latencies in seconds.
        parameters: Numbers of parameters, as published.
        load: Reads the file's block again.
    """

    source: Source
    epochs: int
    archs: NDArray[np.uint8]
    latency: NDArray[np.float64]
    parameters: NDArray[np.float64]
    load: Callable[[], pa.Table]


def is_complete(path: Path) -> bool:
    """Return whether a file is one of the complete data, judging by its name."""
    return _NAME.fullmatch(path.name) is not None


def tables(files: Sequence[Path], folder: Path, progress: Progress) -> Iterator[Draft]:
    """Yield one table per graph among the files.

    Raises:
        InvalidArgumentError: Something else is among the files.
        ArchiveError: A file is damaged or not in the layout of the archive.
    """
    sources = _sources(files)
    parts = Parts(
        folder, {"layout": LAYOUT, "files": [[s.graph.name, s.seed, s.sha256] for s in sources]}
    )
    total = len(sources) * CLASSES
    found: dict[str, list[FileSummary]] = {}
    for number_, source in enumerate(sources):
        done = number_ * CLASSES
        make = partial(read, source, partial(_report, progress, done, total))
        load = partial(parts.get, number_, make)
        summary = _summary(source, load)
        others = found.setdefault(source.graph.name, [])
        for other in others[:1]:
            if other.epochs != summary.epochs:
                raise ArchiveError(
                    f"{source.path} has {summary.epochs} epochs, but {other.source.path} has "
                    f"{other.epochs}"
                )
        others.append(summary)
        progress(done + CLASSES, total)
    for summaries in found.values():
        yield imported(summaries)
    parts.remove()


def _report(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _sources(files: Sequence[Path]) -> list[Source]:
    found: dict[tuple[str, int], Source] = {}
    for path in files:
        match = _NAME.fullmatch(path.name)
        if match is None or match[1] not in _GRAPHS or not path.is_file():
            raise InvalidArgumentError(
                f"{path} is not a file of the complete data of NAS-Bench-Graph ({COMPLETE_DATA}), "
                f"named <graph><seed>.bench{one_of(match[1] if match else path.stem, _GRAPHS)}"
            )
        source = Source(path, _GRAPHS[match[1]], int(match[2]), _digest(path))
        twin = found.setdefault((match[1], source.seed), source)
        if twin is not source:
            raise InvalidArgumentError(f"{twin.path} and {path} are the same graph and seed")
    return list(found.values())


def _digest(path: Path) -> str:
    check_kind(path, f"a file of {COMPLETE_DATA}", PICKLE)
    with damage(str(path)):
        return file_digest(path)


# Reading a file


def read(source: Source, progress: Callable[[int], None]) -> pa.Table:
    """Return one row per network: its curves, latency and number of parameters.

    Args:
        source: The file.
        progress: Called with the number of networks read so far.

    Raises:
        ArchiveError: The file is damaged or not in the layout of the archive.
    """
    try:
        with source.path.open("rb") as file:
            return _read(file, source, progress)
    except OSError as error:
        raise ArchiveError(f"{source.path} cannot be read: {reason(error)}") from error


def _read(file: IO[bytes], source: Source, progress: Callable[[int], None]) -> pa.Table:
    archs: list[Arch] = []
    latencies, counts = [], []
    curves: dict[str, NDArray[np.float32]] = {}
    for arch, record, place in networks(file, str(source.path)):
        dur, latency, para = (field(record, name, FIELDS, place) for name in FIELDS)
        values = _curves(dur, place)
        if not curves:
            shape = (CLASSES, len(values))
            curves = {name: np.empty(shape, np.float32) for name in CURVES}
        if len(values) != curves["valid"].shape[1]:
            raise ArchiveError(
                f"{place} has {len(values)} epochs, others have {curves['valid'].shape[1]}"
            )
        for name, column in zip(CURVES, values.T, strict=True):
            curves[name][len(archs)] = column
        archs.append(arch)
        latencies.append(number(latency, "latency", LONGEST, place))
        counts.append(count(para, arch, source.graph, place))
        progress(len(archs))
    columns = {name: _fixed_size_lists(values[: len(archs)]) for name, values in curves.items()}
    named = {"arch": arch_column(np.array(archs))}
    return pa.table(named | columns | {"latency": latencies, "parameters": counts})


def _fixed_size_lists(values: NDArray[np.float32]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _curves(dur: object, where: str) -> NDArray[np.float64]:
    """Return performances in percent and losses, ``(n_epochs, 7)``; NaN for an overflowing loss."""
    try:
        values = np.asarray(dur)
    except ValueError as error:
        raise ArchiveError(f"{where}: dur has rows of different lengths") from error
    if (
        values.dtype.kind not in "fiu"
        or values.ndim != 2
        or values.shape[1] != len(CURVES)
        or not 1 <= len(values) <= LONGEST_TRAINING
    ):
        raise ArchiveError(f"{where}: dur is {repr(dur):.80}, not rows of {len(CURVES)} numbers")
    values = values.astype(np.float64)
    for name, column in zip(CURVES, values.T, strict=True):
        highest = 1.0 if name not in LOSSES else np.inf
        if ((column < 0) | (column > highest)).any():
            wrong = column[(column < 0) | (column > highest)][0]
            raise ArchiveError(f"{where}: dur has {name} {wrong}, possible are 0..{highest:g}")
        if name in LOSSES:
            column[column > np.finfo(np.float32).max] = np.nan
        else:
            column *= 100
    return values


# The table


def _summary(source: Source, load: Callable[[], pa.Table]) -> FileSummary:
    block = load()
    summary = FileSummary(
        source=source,
        epochs=block.schema.field("valid").type.list_size,
        archs=_items(block, "arch").copy(),
        latency=to_numpy(block["latency"]).copy(),
        parameters=to_numpy(block["parameters"]).copy(),
        load=load,
    )
    del block
    pa.default_memory_pool().release_unused()
    return summary


def _items(block: pa.Table, name: str) -> NDArray[Any]:
    """Return a column of lists as an array with one row per list."""
    items: NDArray[Any] = list_items(block[name].combine_chunks())
    return items.reshape(len(block), -1)


def imported(summaries: Sequence[FileSummary]) -> Draft:
    """Return the table of one graph, from all its files."""
    graph, epochs = summaries[0].source.graph, summaries[0].epochs
    archs = np.concatenate([summary.archs for summary in summaries])
    sizes = [len(summary.archs) for summary in summaries]
    seeds = np.repeat(np.array([s.source.seed for s in summaries], np.int32), sizes)
    ranks = NBGraph().rank_many(archs)
    order = np.lexsort(np.stack([seeds, ranks]))
    curves = _sorted_curves(summaries, np.argsort(order))
    diverged = np.isnan(curves["valid"][:, -1])
    runs = {
        "arch": arch_column(archs[order]),
        "schedule": pa.array(np.full(len(order), epochs, np.int32)),
        "seed": pa.array(seeds[order]),
        "status": pa.array(np.where(diverged, "diverged", "finished").tolist()),
    }
    runs |= {_column_name(name, graph): curve_column(values) for name, values in curves.items()}
    if graph.mixed:
        counts = np.concatenate([summary.parameters for summary in summaries])
        runs["published_parameters"] = pa.array(counts[order])
    distinct, first, which = np.unique(ranks, return_index=True, return_inverse=True)
    latency = np.concatenate([summary.latency for summary in summaries])
    means = 1e3 * np.bincount(which, latency) / np.bincount(which)
    counted = [parameters(tuple(arch), graph) for arch in archs[first].tolist()]
    of_archs = {
        "arch": arch_column(archs[first]),
        "parameters": pa.array(counted, pa.int64()),
        "latency_gpu_ms": pa.array(means.astype(np.float32)),
    }
    return Draft(
        metadata=_metadata(summaries, complete=len(distinct) == CLASSES),
        runs=pa.table(runs),
        archs=pa.table(of_archs),
        columns=(*_columns(graph), *arch_columns()),
    )


def _sorted_curves(
    summaries: Sequence[FileSummary], places: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """Return the curves of all files, shape ``(n_runs, n_epochs)``; loads one file at a time.

    Args:
        summaries: The files.
        places: Row of every curve, file after file.
    """
    shape = (len(places), summaries[0].epochs)
    curves = {name: np.empty(shape, np.float32) for name in CURVES}
    begin = 0
    for summary in summaries:
        rows = places[begin : begin + len(summary.archs)]
        block = summary.load()
        for name, values in curves.items():
            values[rows] = _items(block, name)
        del block
        pa.default_memory_pool().release_unused()
        begin += len(rows)
    return curves


def _column_name(curve: str, graph: Graph) -> str:
    if curve in LOSSES:
        return curve
    return f"test_{graph.metric}_at_best_valid" if curve == "best" else f"{curve}_{graph.metric}"


def _columns(graph: Graph) -> tuple[Column, ...]:
    rounded = "after every epoch, in three decimals of the fraction (dur)"
    columns = []
    for split, nodes in zip(SPLITS, graph.nodes, strict=True):
        text = f"{measured(graph)}, of {nodes:,} nodes, {rounded}"
        columns.append(performance(split, graph, text))
        text = f"{graph.recipe['loss']} of {nodes:,} nodes, after every epoch, in three decimals"
        columns.append(Column.of(f"{split}_loss", f"{text}; NaN where it is no number (dur)"))
    test = performance(
        "test",
        graph,
        f"{measured(graph)}, of the test nodes, after the epoch with the highest "
        "validation so far (dur); at the last epoch what the package calls perf",
    )
    columns.append(replace(test, name=_column_name("best", graph)))
    if graph.mixed:
        columns.append(published_parameters())
    return tuple(columns)


def _metadata(summaries: Sequence[FileSummary], *, complete: bool) -> Metadata:
    sources = [summary.source for summary in summaries]
    epochs = summaries[0].epochs
    graph = sources[0].graph
    seeds = sorted(source.seed for source in sources)
    files = ", ".join(f"{source.path.name} (sha256 {source.sha256})" for source in sources)
    notes = [
        "Learning curves of every training: good for methods that stop or resume trainings and for "
        "noise between trainings. The package nas-bench-graph publishes the highest validation of "
        "a curve and the test value at that epoch; a query of this table gives the last epoch. No "
        "training times: budgets are counted in epochs."
    ]
    if graph.mixed:
        notes.append(
            "Some records are of another network: where published_parameters is not parameters."
        )
    return Metadata(
        id=f"nbgraph-{graph.name}-curves",
        space=NBGraph.name,
        key="class",
        dataset=graph.name,
        epochs={epochs: list(range(1, epochs + 1))},
        complete=complete,
        default_objective=f"valid_{graph.metric}",
        title=f"NAS-Bench-Graph on {graph.title}: learning curves of {len(seeds)} trainings",
        description=" ".join(notes),
        seeds=f"number in the name of the file: {', '.join(map(str, seeds))}",
        elsewhere=f"means of three trainings ship with this suite: nbgraph-{graph.name}",
        recipe=with_digest(
            graph.recipe | {"epochs": epochs},
            "complete data of NAS-Bench-Graph (figshare 20070371)",
        ),
        source=f"{COMPLETE_DATA}: {files}",
        licence="Apache-2.0",
        citation=CITATION,
    )
