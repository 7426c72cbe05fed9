"""Where benchmarks are found: the user's folder, then the tables that ship with the package."""

import os
import re
from pathlib import Path

from nasbench.benchmarks.surrogate import DESCRIPTION
from nasbench.errors import InvalidArgumentError, UnknownNameError, UnreadableTableError, one_of
from nasbench.storage.files import expanded
from nasbench.tables.table import Table

SHIPPED = Path(__file__).parents[1] / "data"
"""The tables that come with the package."""


def folders() -> list[Path]:
    """Return the folders to search: ``NASBENCH_HOME`` or the user's data folder, then our own."""
    home = os.environ.get("NASBENCH_HOME")
    if not home:
        from platformdirs import user_data_dir

        home = user_data_dir("nasbench")
    return [expanded(home), SHIPPED]


def catalogue() -> dict[str, list[Path]]:
    """Return files of tables and folders of surrogates by id, in the order of the search."""
    found: dict[str, list[Path]] = {}
    for folder in folders():
        for path in _inside(folder):
            if path.name.startswith("."):  # sidecars of macOS, unfinished files
                continue
            if is_surrogate(path):
                found.setdefault(path.name.partition("@")[0], []).append(path)
            elif path.name.endswith(".parquet") and not path.name.endswith(".archs.parquet"):
                found.setdefault(path.stem.partition("@")[0], []).append(path)
    return dict(sorted(found.items()))


def is_surrogate(path: Path) -> bool:
    """Return whether a path is the folder of a surrogate."""
    return os.path.isfile(path / DESCRIPTION)  # False where it cannot be looked at


def require_file(path: Path) -> Path:
    """Return the path of a table, which must be a file that can be read.

    Raises:
        UnreadableTableError: It is a folder, a link to nothing, a pipe, whose reader would wait for
            ever, or not readable.
    """
    if not os.path.isfile(path):
        what = "a link to nothing" if path.is_symlink() and not os.path.exists(path) else "no file"
        raise UnreadableTableError(f"{path} is {what}, though it has the name of a table")
    if not os.access(path, os.R_OK):
        raise UnreadableTableError(f"cannot read {path}: permission denied")
    return path


def _inside(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it does not exist.

    Raises:
        InvalidArgumentError: It cannot be read.
    """
    try:
        return sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {folder}: {error.strerror or error}") from error


def find(id_or_path: str | Path) -> Path:
    """Return the file of a table or the folder of a surrogate.

    Args:
        id_or_path: An id (its newest version), ``id@version``, or a path.

    Raises:
        UnknownNameError: No benchmark has this id, version or path.
        TableError: One of several versions is a damaged table.
        SurrogateError: One of several versions is a damaged surrogate.
    """
    name = str(id_or_path)
    if name.endswith(".parquet") or os.sep in name:
        path = expanded(name)
        if not os.path.isfile(path) and not is_surrogate(path):
            raise UnknownNameError(f"there is no table file {name!r}, nor a surrogate")
        return path
    known = catalogue()
    id_, at, version = name.partition("@")
    if id_ not in known:
        raise UnknownNameError(f"no benchmark is called {id_!r}{one_of(id_, known)}")
    if not at and len(known[id_]) == 1:
        return known[id_][0]
    versions = {_version(path): path for path in reversed(known[id_])}
    if not at:
        return versions[max(versions)]
    if not re.fullmatch("[0-9]{1,9}", version) or int(version) not in versions:
        raise UnknownNameError(
            f"{id_!r} has no version {version!r}{one_of(version, sorted(versions))}"
        )
    return versions[int(version)]


def open_table(id_or_path: str | Path) -> Table:
    """Open a table.

    Args:
        id_or_path: An id (its newest version), ``id@version``, or a path.

    Raises:
        UnknownNameError: No table has this id, version or path.
        TableError: The file cannot be trusted, see :class:`Table`.
    """
    path = find(id_or_path)
    if is_surrogate(path):
        raise UnknownNameError(f"{str(id_or_path)!r} is a surrogate, not a table")
    return Table(require_file(path))


def _version(path: Path) -> int:
    if not is_surrogate(path):
        return Table(require_file(path)).metadata.version
    from nasbench.benchmarks.surrogate.folder import Description

    return Description.read(path).version
