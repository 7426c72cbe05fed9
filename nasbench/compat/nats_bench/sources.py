"""Where the tables of NATS-Bench come from: the catalogue, a folder, or an imported archive."""

import os
from pathlib import Path

from nasbench.benchmarks.catalogue import catalogue, folders, open_table
from nasbench.compat.nats_bench.records import SIZE, TABLES, TOPOLOGY, Family
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.files import writable_folder
from nasbench.siblings import SIBLINGS
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

_IMPORTER = "nats"


def open_tables(source: str | Path | None, family: Family) -> dict[str, Table]:
    """Open the tables of a search space, importing an archive if necessary.

    Args:
        source: A folder of tables; the published archive (a folder or a file), whose tables are
            made in the user's folder on first use; the beginning of the ids of tables, such as
            ``"nats-tss"``; or None for the published ids.
        family: The search space.

    Returns:
        Table by training set.

    Raises:
        InvalidArgumentError: There is no such file, or its tables would replace others.
        UnknownNameError: There are no such tables.
        ArchiveError: The archive is damaged.
    """
    if source is not None and Path(source).exists():
        path = Path(source)
        tables = _in_folder(path, family) if path.is_dir() else {}
        return tables or _imported(path, family)
    prefix = family.prefix if source is None else str(source)
    known = catalogue()
    found = {
        dataset: open_table(f"{prefix}-{end}")
        for dataset, end in TABLES.items()
        if f"{prefix}-{end}" in known
    }
    if found:
        return found
    if source is None:
        raise UnknownNameError(
            f"there are no tables {prefix}-… in {folders()[0]}. Import the published folder or "
            f"file once: nasbench import {_IMPORTER} {family.archive}-simple"
        )
    raise InvalidArgumentError(
        f"{prefix!r} is neither a file nor a folder, and no id of a table begins with it"
        f"{one_of(f'{prefix}-cifar10', known)}"
    )


def _in_folder(folder: Path, family: Family) -> dict[str, Table]:
    files = {name: folder / f"{family.prefix}-{end}.parquet" for name, end in TABLES.items()}
    return {name: Table(file) for name, file in files.items() if file.exists()}


def _imported(archive: Path, family: Family) -> dict[str, Table]:
    """Return the tables of an archive, importing it unless that was done before."""
    others = [other for other in (TOPOLOGY, SIZE) if other != family]
    if any(other.archive.partition("-v")[0] in archive.name for other in others):
        raise _of_another_space(archive, family)
    folder = writable_folder(folders()[0])
    tables = _in_folder(folder, family)
    given = _name_and_size(archive)
    if not all(_is_made_from(table, given) for table in tables.values()):
        raise InvalidArgumentError(
            f"the tables {family.prefix}-… in {folder} seem to be made from another archive than "
            f"{archive} and would be replaced. Give None to use them, or delete them, "
            f"or run nasbench import {_IMPORTER} {archive} --out FOLDER and give that folder"
        )
    if len(tables) == len(TABLES):  # otherwise, the import was interrupted
        return tables
    importer = SIBLINGS.load("importers").load(_IMPORTER)()
    print(f"Importing {archive} into {folder}; this takes minutes, but only once.", flush=True)
    for made in importer.tables([archive], work=folder / "work"):
        if not made.metadata.id.startswith(family.prefix):
            raise _of_another_space(archive, family)
        path = folder / f"{made.metadata.id}.parquet"
        write_table(path, made)
    return _in_folder(folder, family)


def _of_another_space(archive: Path, family: Family) -> InvalidArgumentError:
    return InvalidArgumentError(f"{archive} is not an archive of the {family.name} space")


def _name_and_size(archive: Path) -> dict[str, object]:
    """Return what a table notes about its archive, to recognise it without reading it."""
    files = os.scandir(archive) if archive.is_dir() else [archive]
    size = sum(file.stat().st_size for file in files if file.name.endswith(".pbz2"))
    return {"name": archive.name, "bytes": size}


def _is_made_from(table: Table, archive: dict[str, object]) -> bool:
    recorded = table.metadata.recipe.get("input")
    return isinstance(recorded, dict) and archive.items() <= recorded.items()
