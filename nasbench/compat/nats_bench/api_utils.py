"""What scripts import from ``nats_bench.api_utils``."""

import os
from pathlib import Path
from typing import Any

from nasbench.compat.nats_bench.answers import remap_dataset_set_names
from nasbench.compat.nats_bench.arch_results import ArchResults
from nasbench.compat.nats_bench.architectures import time_string
from nasbench.compat.nats_bench.benchmark import NATSBench as NASBenchMetaAPI
from nasbench.compat.nats_bench.results_count import ResultsCount
from nasbench.compat.nats_bench.sources import PICKLE_EXT, get_torch_home
from nasbench.compat.nats_bench.trainings import mean
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.siblings import SIBLINGS

__all__ = [
    "PICKLE_EXT",
    "ArchResults",
    "NASBenchMetaAPI",
    "ResultsCount",
    "get_torch_home",
    "mean",
    "nats_is_dir",
    "nats_is_file",
    "pickle_load",
    "remap_dataset_set_names",
    "time_string",
]


def nats_is_dir(file_path: str | Path) -> bool:
    """Return whether a path is a folder."""
    return os.path.isdir(file_path)


def nats_is_file(file_path: str | Path) -> bool:
    """Return whether a path is a file."""
    return os.path.isfile(file_path)


def pickle_load(file_path: str | Path, ext: str = ".pbz2") -> Any:
    """Return the content of a file of the archive, such as ``000284.pickle.pbz2``.

    It is read without running the code that a pickle may name: containers, texts and numbers are
    all that it may hold. An ``OrderedDict`` becomes a dict.

    Args:
        file_path: The file, with or without ``ext``.
        ext: Added if there is no file of this name.

    Raises:
        InvalidArgumentError: There is no such file.
        ArchiveError: It is damaged, larger than the file of an architecture, or names something
            else.
    """
    path = next((p for p in (Path(file_path), Path(f"{file_path}{ext}")) if p.is_file()), None)
    if path is None:
        raise InvalidArgumentError(f"there is neither a file {file_path} nor {file_path}{ext}")
    try:
        return SIBLINGS.load("nats_pickle")(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error}") from error
