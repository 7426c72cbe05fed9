"""Parts shared by the readers of NAS-Bench-Graph: keys, fields, columns, origin."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from reprlib import repr
from typing import IO, Any, Literal

import numpy as np

from data_builders.importers.nbgraph.graphs import Graph, parameters
from data_builders.pickles.numpy_numbers import NUMBERS
from data_builders.pickles.unpickle import Pickles
from nasbench.column import Column
from nasbench.errors import ArchiveError, IllegalArchError
from nasbench.space import Arch
from nasbench.spaces.nbgraph import NBGraph, from_key, to_key

COMPLETE_DATA = "https://figshare.com/articles/dataset/NAS-bench-Graph/20070371"
CITATION = (
    "Qin, Zhang, Wang, Zhang and Zhu (2022), NAS-Bench-Graph: Benchmarking Graph Neural "
    "Architecture Search, NeurIPS Datasets and Benchmarks, https://arxiv.org/abs/2206.09166"
)
MILLION = 1e6
LONGEST = 3600.0


def networks(file: IO[bytes], where: str) -> Iterator[tuple[Arch, Any, str]]:
    """Yield architecture, record and place of every entry of a file.

    Raises:
        ArchiveError: The file is damaged or is not a pickle of plain numbers, or a key is invalid,
            not that of its network, or repeated.
    """
    pickles = Pickles(file, allowed=NUMBERS, where=where)
    seen = set()
    for key, record in pickles.items():
        if type(key) is not int:
            raise ArchiveError(f"{where}: the key {repr(key):.80} is not an integer")
        try:
            arch = _network(key)
        except IllegalArchError as error:
            raise ArchiveError(f"{where}: {error}") from error
        if key in seen:
            raise ArchiveError(f"{where} has {key} twice")
        seen.add(key)
        yield arch, record, f"{where}, architecture {key}"
    pickles.finish()
    if not seen:
        raise ArchiveError(f"{where} holds no architecture")


@cache
def _network(key: int) -> Arch:
    """Return the network with this key; cached, since eight of the files have the same keys."""
    arch = from_key(key)
    if (representative := NBGraph().canonical(arch)) != arch:
        raise IllegalArchError(
            f"{key} is the network with the key {to_key(representative)}; a file has one record "
            "per network"
        )
    return arch


def field(record: Any, name: str, names: Iterable[str], where: str) -> Any:
    """Return a field of a record.

    Raises:
        ArchiveError: The value is not a record with this field.
    """
    if not isinstance(record, Mapping):
        raise ArchiveError(f"{where} is {repr(record):.80}, not a dict of {', '.join(names)}")
    if name not in record:
        raise ArchiveError(f"{where} has no {name!r}, only {repr(sorted(map(str, record))):.80}")
    return record[name]


def number(value: Any, name: str, highest: float, where: str) -> float:
    """Return a number from 0 to ``highest``.

    Raises:
        ArchiveError: The value is outside the range or is not a number.
    """
    if type(value) not in (float, int) or not 0 <= value <= highest:
        raise ArchiveError(f"{where}: {name} is {repr(value):.80}, not a number in 0..{highest:g}")
    return float(value)


def count(value: Any, arch: Arch, graph: Graph, where: str) -> float:
    """Return a number of parameters that is published in millions, of one training or as a mean.

    Raises:
        ArchiveError: It is not that of the network.
    """
    published = MILLION * number(value, "para", MILLION, where)
    if not graph.mixed and not is_own_count(published, arch, graph):
        raise ArchiveError(
            f"{where} has {published:.2f} parameters, but its layers have {parameters(arch, graph)}"
        )
    return published


def is_own_count(published: float, arch: Arch, graph: Graph) -> bool:
    """Return whether a number of parameters is that of the network, except for rounding."""
    return abs(published - parameters(arch, graph)) < 0.01


def performance(split: Literal["train", "valid", "test"], graph: Graph, description: str) -> Column:
    """Return the column of accuracies, or of ROC-AUC, of one part of the nodes."""
    column = Column.of(f"{split}_accuracy", description)
    return replace(column, name=f"{split}_{graph.metric}")


def measured(graph: Graph) -> str:
    """Return a description of the performance metric."""
    if graph.metric == "roc_auc":
        return f"ROC-AUC in percent, mean over the {graph.outputs} binary tasks"
    return "percent of right answers"


def percent(fractions: Any) -> Any:
    """Return fractions as percentages in single precision."""
    return (100 * np.asarray(fractions)).astype(np.float32)


def arch_columns() -> tuple[Column, ...]:
    """Return the columns of architectures."""
    return (
        Column.of(
            "parameters",
            "trainable parameters, counted from the layers: batch normalisation and all layers of "
            "the skeleton included, also a normalisation that is not used",
        ),
        Column.of(
            "latency_gpu_ms",
            "milliseconds of a forward pass over the whole graph after the last epoch, mean of "
            "the trainings; on an unnamed GPU, and the published code stops the clock without "
            "waiting for it, so that it is mostly the time to launch kernels",
        ),
    )


def published_parameters() -> Column:
    """Return the column of published numbers of parameters, for graphs where some are wrong."""
    return Column(
        "published_parameters",
        description="the published number (para, in millions) times a million, a mean where the "
        "trainings are not kept apart; where it is not the number in parameters, trainings of "
        "another network are in it",
    )
