"""The table behind the drop-in: by id, by path, or imported from the published file."""

from pathlib import Path

from nasbench.benchmarks.catalogue import folders, open_table
from nasbench.errors import InvalidArgumentError, SchemaError
from nasbench.files import writable_folder
from nasbench.siblings import SIBLINGS
from nasbench.spaces.nb101 import NB101
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

_IMPORTER = "nb101"
METRICS = {
    "training_time": "seconds",
    "train_accuracy": "train_accuracy",
    "validation_accuracy": "valid_accuracy",
    "test_accuracy": "test_accuracy",
}
"""Columns of a table by the names that the original gives them."""

TEXTS = ("module_hash", "module_adjacency", "module_operations")


def open_cells(dataset_file: Path) -> Table:
    """The table of NAS-Bench-101 that a file, a path or an id means.

    Raises:
        SchemaError: A table of another space or without the columns of the published file.
        NasbenchError: It cannot be found, read or imported.
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
    """The table made of a published file, now or earlier."""
    if not archive.is_file():
        raise InvalidArgumentError(f"there is no file {archive}")
    importer = SIBLINGS.load("importers").load(_IMPORTER)
    folder = writable_folder(folders()[0])
    for path in (folder / f"{id_}.parquet" for id_ in importer.ids):
        if path.exists() and _is_made_of(table := Table(path), archive):
            return table
    work = folder / "work"
    print(f"Importing {archive} into {folder}: this takes minutes, once.", flush=True)
    for made in importer().tables([archive], work=work):
        path = folder / f"{made.metadata.id}.parquet"
        if path.exists():
            raise InvalidArgumentError(
                f"{path} was made of another file and would be replaced. Delete it, or run "
                f"nasbench import {_IMPORTER} {archive} --work {work} --out FOLDER and give the "
                "path of the new table"
            )
        write_table(path, made)
    return Table(path)


def _is_made_of(table: Table, archive: Path) -> bool:
    """Whether name and size are those of the file that a table was imported from."""
    recorded = table.metadata.recipe.get("input")
    found = {"name": archive.name, "bytes": archive.stat().st_size}
    return isinstance(recorded, dict) and found.items() <= recorded.items()
