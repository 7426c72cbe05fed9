"""A drop-in for the package ``nats-bench`` 1.8 that answers from tables.

Scripts only change the import: ``from nasbench.compat.nats_bench import create`` (Dong et al.,
2021, https://arxiv.org/abs/2009.00437, https://github.com/D-X-Y/NATS-Bench). Answers equal those of
the original to the last digit, including its surprises; the docstrings of :class:`NATSBench` point
these out and say what to use instead. New code should use :func:`nasbench.load`, whose answers
depend only on the question.

Modules of the original that scripts import are here under their names: ``api_utils``,
``api_topology``, ``api_size``, ``genotype_utils``. Several threads may use one object.

Differences: results are read-only; :func:`pickle_load` runs no code, and nothing writes pickles;
the lines printed with ``verbose=True`` have other words; a training whose loss became NaN has no
numbers from that epoch on, and ``find_best`` passes over its architecture. Where the original fails
by accident, the obvious is done: ``show(-1)``, NumPy integers as indices, trainings that disagree
where none has seed 888, the best architecture of an incomplete archive.
"""

from pathlib import Path
from typing import Any

from nasbench.compat.nats_bench.api_size import NATSsize
from nasbench.compat.nats_bench.api_topology import NATStopology
from nasbench.compat.nats_bench.api_utils import pickle_load
from nasbench.compat.nats_bench.arch_results import ArchResults
from nasbench.compat.nats_bench.benchmark import NATSBench
from nasbench.compat.nats_bench.results_count import ResultsCount
from nasbench.compat.nats_bench.trainings import NoAnswerError
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.spaces.nats_size import CHANNELS
from nasbench.spaces.nb201 import OPERATIONS

NATS_BENCH_TSS_NAMEs = ("tss", "topology")
NATS_BENCH_SSS_NAMEs = ("sss", "size")


def create(
    file_path_or_dict: str | Path | None,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
) -> NATStopology | NATSsize:
    """Open the benchmark of one search space.

    Args:
        file_path_or_dict: The published archive (a folder or a single file), which is imported into
            the user's folder of tables on first use; a folder of tables; the beginning of the ids
            of tables; or None for the tables made by ``nasbench import nats`` and, if there are
            none, for the archive in the folder ``TORCH_HOME`` (default: ``~/.torch``). A dict is
            refused, since its records would first have to be written to tables.
        search_space: ``"tss"`` or ``"topology"``, ``"sss"`` or ``"size"``.
        fast_mode: Whether architectures count as loaded (``evaluated_indexes``) only after the
            first question about them. In both modes, all can be asked at once.
        verbose: Whether to print a line about every call.

    Raises:
        InvalidArgumentError: There is no such search space, file or folder.
        UnknownNameError: There are no tables.
        TableError: A table is damaged, or is not one of NATS-Bench.
        ArchiveError: The archive is damaged.
    """
    if search_space in NATS_BENCH_TSS_NAMEs:
        return NATStopology(file_path_or_dict, fast_mode, verbose)
    if search_space in NATS_BENCH_SSS_NAMEs:
        return NATSsize(file_path_or_dict, fast_mode, verbose)
    possible = (*NATS_BENCH_TSS_NAMEs, *NATS_BENCH_SSS_NAMEs)
    raise InvalidArgumentError(
        f"there is no search space {search_space!r}{one_of(search_space, possible)}"
    )


def version() -> str:
    """Return the version of the original whose behaviour is reproduced."""
    return "v1.8"


def search_space_info(main_tag: str, aux_tag: str | None) -> dict[str, Any]:
    """Return the decisions of a search space.

    Args:
        main_tag: ``"nats-bench"``, or ``"nas-bench-201"`` with ``aux_tag=None``.
        aux_tag: The search space, as in :func:`create`.

    Raises:
        InvalidArgumentError: There is no such search space.
    """
    if main_tag == "nats-bench" and aux_tag in NATS_BENCH_SSS_NAMEs:
        return {"candidates": list(CHANNELS), "num_layers": 5}
    if (main_tag, aux_tag) in [("nas-bench-201", None)] + [
        ("nats-bench", name) for name in NATS_BENCH_TSS_NAMEs
    ]:
        return {"op_names": list(OPERATIONS), "num_nodes": 4}
    raise InvalidArgumentError(
        f"there is no search space {main_tag!r}, {aux_tag!r}; possible: 'nats-bench' and one of "
        f"{', '.join(map(repr, (*NATS_BENCH_TSS_NAMEs, *NATS_BENCH_SSS_NAMEs)))}, or "
        "'nas-bench-201' and None"
    )


__all__ = [
    "ArchResults",
    "NATSBench",
    "NATS_BENCH_SSS_NAMEs",
    "NATS_BENCH_TSS_NAMEs",
    "NATSsize",
    "NATStopology",
    "NoAnswerError",
    "ResultsCount",
    "create",
    "pickle_load",
    "search_space_info",
    "version",
]
