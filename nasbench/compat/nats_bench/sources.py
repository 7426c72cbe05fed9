"""Where the tables of NATS-Bench come from: the catalogue, a folder, or an imported archive."""

import os
from pathlib import Path

from nasbench.benchmarks.catalogue import catalogue, folders, open_table
from nasbench.compat.imports import import_once
from nasbench.compat.nats_bench.records import SIZE, TABLES, TOPOLOGY, Family
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.tables.table import Table

PICKLE_EXT = "pickle.pbz2"
_IMPORTER = "nats"


def open_tables(source: str | Path | None, family: Family) -> dict[str, Table]:
    """Open the tables of a search space, importing an archive if necessary.

    Args:
        source: A folder of tables; the published archive (a folder or a file), whose tables are
            made in the user's folder on first use; the beginning of the ids of tables, such as
            ``"nats-tss"``; or None for the published ids and, if there are none, for the archive
            in :func:`get_torch_home`.
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
        home = Path(get_torch_home())
        names = f"{family.archive}-simple", f"{family.archive}.{PICKLE_EXT}"
        for path in (home / name for name in names):
            if path.exists():
                return _imported(path, family)
        raise UnknownNameError(
            f"there are no tables {prefix}-… in {folders()[0]}, and neither {' nor '.join(names)} "
            f"in {home} (TORCH_HOME). Import the published folder or file once: nasbench import "
            f"{_IMPORTER} {names[0]}"
        )
    raise InvalidArgumentError(
        f"{prefix!r} is neither a file nor a folder, and no id of a table begins with it"
        f"{one_of(f'{prefix}-cifar10', known)}"
    )


def get_torch_home() -> str:
    """Return the folder ``TORCH_HOME`` in which NATS-Bench looks for archives, or ``~/.torch``."""
    return os.environ.get("TORCH_HOME") or os.path.join(os.path.expanduser("~"), ".torch")


def _in_folder(folder: Path, family: Family) -> dict[str, Table]:
    files = {name: folder / f"{family.prefix}-{end}.parquet" for name, end in TABLES.items()}
    return {name: Table(file) for name, file in files.items() if file.exists()}


def _imported(archive: Path, family: Family) -> dict[str, Table]:
    """Return the tables of an archive, importing it unless that was done before."""
    others = [other for other in (TOPOLOGY, SIZE) if other != family]
    if any(other.archive.partition("-v")[0] in archive.name for other in others):
        raise InvalidArgumentError(f"{archive} is not an archive of the {family.name} space")
    ids = {f"{family.prefix}-{end}": dataset for dataset, end in TABLES.items()}
    hint = "Give None to use it"
    made = import_once(archive, _IMPORTER, tuple(ids), needed=len(ids), hint=hint)
    return {ids[id_]: table for id_, table in made.items()}
