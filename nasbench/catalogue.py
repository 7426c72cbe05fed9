"""Where tables lie: in the user's folder, then among those that ship with the package."""

import os
from pathlib import Path

from nasbench.errors import UnknownNameError, one_of
from nasbench.table import Table

_SHIPPED = Path(__file__).parent / "data"


def folders() -> list[Path]:
    """Where tables are looked up: ``NASBENCH_HOME`` or the user's data folder, then ours."""
    home = os.environ.get("NASBENCH_HOME")
    if not home:
        from platformdirs import user_data_dir

        home = user_data_dir("nasbench")
    return [Path(home), _SHIPPED]


def catalogue() -> dict[str, list[Path]]:
    """Files of every table by id, versions in the order in which they are found."""
    found: dict[str, list[Path]] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
            if not path.name.endswith(".archs.parquet"):
                found.setdefault(path.stem.partition("@")[0], []).append(path)
    return dict(sorted(found.items()))


def open_table(id_or_path: str | Path) -> Table:
    """Open a table by id (the newest version), by ``id@version`` or by path.

    Raises:
        UnknownNameError: No table has this id, version or path.
        TableError: The file cannot be trusted; see :class:`Table`.
    """
    name = str(id_or_path)
    if name.endswith(".parquet") or os.sep in name:
        if not Path(name).is_file():
            raise UnknownNameError(f"there is no table file {name!r}")
        return Table(Path(name))
    known = catalogue()
    id_, at, version = name.partition("@")
    if id_ not in known:
        raise UnknownNameError(f"no benchmark is called {id_!r}{one_of(id_, known)}")
    tables = (
        [Table(path) for path in known[id_]]
        if at or len(known[id_]) > 1
        else [Table(known[id_][0])]
    )
    versions = {table.metadata.version: table for table in reversed(tables)}
    if not at:
        return versions[max(versions)]
    if not version.isdecimal() or int(version) not in versions:
        raise UnknownNameError(
            f"{id_!r} has no version {version!r}{one_of(version, sorted(versions))}"
        )
    return versions[int(version)]
