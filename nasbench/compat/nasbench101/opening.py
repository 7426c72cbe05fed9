"""Opening the table behind the drop-in: by id, by path, or from the published file."""

from pathlib import Path

from nasbench.benchmarks.catalogue import open_table
from nasbench.compat.imports import import_once
from nasbench.errors import InvalidArgumentError, SchemaError
from nasbench.siblings import SIBLINGS
from nasbench.spaces.nb101 import NB101
from nasbench.tables.table import Table

_IMPORTER = "nb101"
METRICS = {
    "training_time": "seconds",
    "train_accuracy": "train_accuracy",
    "validation_accuracy": "valid_accuracy",
    "test_accuracy": "test_accuracy",
}
"""Name of a metric in the original -> column of the table."""

TEXTS = ("module_hash", "module_adjacency", "module_operations")


def open_cells(dataset_file: Path) -> Table:
    """Open a table of NAS-Bench-101, importing the published file if necessary.

    Args:
        dataset_file: Path of the published file, or path or id of a table.

    Raises:
        SchemaError: The table is of another space or lacks columns of the published file.
        NasbenchError: The table or file cannot be found, read or imported.
    """
    archive = dataset_file.suffix == ".tfrecord" or (
        dataset_file.suffix != ".parquet" and dataset_file.is_file()
    )
    table = _imported(dataset_file) if archive else open_table(dataset_file)
    if table.space != NB101():
        raise SchemaError(f"{table.path} is a table of {table.space.name!r}, not of 'nb101'")
    columns = {*table.columns, *table.arch_columns}
    missing = [*({*METRICS.values(), *TEXTS, "parameters"} - columns)]
    if missing:
        raise SchemaError(
            f"{table.path} has no column {', '.join(sorted(missing))}: nasbench.api needs a table "
            f"made by nasbench import {_IMPORTER}"
        )
    for epochs in table.schedules:
        for name in METRICS.values():
            if table.epochs(name, epochs) != [epochs // 2, epochs]:
                raise SchemaError(
                    f"{table.path} records {name} of the training of {epochs} epochs after "
                    f"{table.epochs(name, epochs)}, not half-way and at the end"
                )
    return table


def _imported(archive: Path) -> Table:
    """Return the table made from a published file, importing it if there is none yet."""
    if not archive.is_file():
        raise InvalidArgumentError(f"there is no file {archive}")
    ids = SIBLINGS.load("importers").load(_IMPORTER).ids
    made = import_once(archive, _IMPORTER, ids, needed=1, hint="Give its id to use it")
    return next(iter(made.values()))
