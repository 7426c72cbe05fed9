"""Tables that a drop-in makes of a published archive when it is given one for the first time.

They go into the user's folder of tables. An archive is known by its bytes, not by its name or
place; ``archives.json`` beside the tables remembers the digest of an archive that was not written
to since.
"""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nasbench.benchmarks.catalogue import folders
from nasbench.errors import InvalidArgumentError, listed
from nasbench.siblings import SIBLINGS
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic, writable_folder
from nasbench.storage.locks import locked
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

_DIGESTS = "archives.json"


def import_once(
    archive: Path, importer: str, ids: Sequence[str], *, needed: int, hint: str
) -> dict[str, Table]:
    """Return the tables made of an archive, importing it unless that was done before.

    If several threads or processes ask at once, one imports and the others wait for it.

    Args:
        archive: File or folder of the archive.
        importer: Registered name of its importer, which has a method ``digest``.
        ids: Ids of the tables that such archives give.
        needed: How many of them one archive gives.
        hint: How to open tables of another archive instead, for the message.

    Returns:
        Table by id.

    Raises:
        InvalidArgumentError: Tables of another archive would be replaced, the archive gives other
            tables, or the folder of tables cannot be written.
        ArchiveError: The archive is damaged.
        TableError: A table is damaged.
    """
    importing = _Import(archive, importer, tuple(ids), needed, hint)
    lock = importing.folder / f".{ids[0]}.lock"
    if not lock.exists() and (tables := importing.made()):
        return tables
    writable_folder(importing.folder)
    with locked(lock, importing.tell_waiting):
        return importing.made() or importing.make()


class _Import:
    """The import of an archive into the user's folder of tables."""

    def __init__(
        self, archive: Path, importer: str, ids: tuple[str, ...], needed: int, hint: str
    ) -> None:
        self.archive, self.ids = archive, ids
        self.folder = folders()[0]
        self._importer, self._needed, self._hint = importer, needed, hint
        self._stamp = _stamp(archive)

    def made(self) -> dict[str, Table]:
        """Return the tables made of the archive; none if some are missing.

        Raises:
            InvalidArgumentError: Tables of another archive are where they must go.
        """
        found = {id_: Table(path) for id_ in self.ids if (path := self._path(id_)).exists()}
        ours = {id_: table for id_, table in found.items() if self._is_source_of(table)}
        others = [id_ for id_ in found if id_ not in ours]
        if len(others) > len(self.ids) - self._needed:
            raise self._would_replace(others[0])
        return ours if len(ours) >= self._needed else {}

    def make(self) -> dict[str, Table]:
        """Import the archive."""
        print(
            f"Importing {self.archive} into {self.folder}; this takes minutes, but only once.",
            flush=True,
        )
        tables = {}
        reader = SIBLINGS.load("importers").load(self._importer)()
        for draft in reader.tables([self.archive], work=self.folder / "work"):
            id_ = draft.metadata.id
            if id_ not in self.ids:
                raise InvalidArgumentError(
                    f"{self.archive} gives the table {id_!r}, none of {listed(self.ids)}"
                )
            path = self._path(id_)
            if not path.exists():
                write_table(path, draft)
            elif not self._is_source_of(Table(path)):
                raise self._would_replace(id_)
            tables[id_] = Table(path)
        for table in tables.values():
            self._remember(_source_digest(table))
        return tables

    def tell_waiting(self) -> None:
        """Say that another process imports."""
        print(f"Waiting for another process, which imports into {self.folder}.", flush=True)

    def _path(self, id_: str) -> Path:
        return self.folder / f"{id_}.parquet"

    def _is_source_of(self, table: Table) -> bool:
        return _source_digest(table) == self._digest()

    def _digest(self) -> str:
        known = self._digests().get(str(self.archive.resolve()))
        match known:
            case [list(stamp), str(digest)] if stamp == self._stamp:
                return digest
        digest = str(SIBLINGS.load("importers").load(self._importer).digest(self.archive))
        self._remember(digest)
        return digest

    def _digests(self) -> dict[str, Any]:
        try:
            known = read_json(self.folder / _DIGESTS)
        except (OSError, ValueError):
            return {}
        is_ours = isinstance(known, dict) and all(map(_is_entry, known.values()))
        return known if is_ours else {}

    def _remember(self, digest: str | None) -> None:
        path, known = self.folder / _DIGESTS, self._digests()
        if os.path.lexists(path) and not known:
            return  # it is damaged, or of another program
        known |= {str(self.archive.resolve()): [self._stamp, digest]}
        with suppress(InvalidArgumentError), atomic(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1))

    def _would_replace(self, id_: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self._path(id_)} was made from another archive than {self.archive} and would be "
            f"replaced. {self._hint}, delete it, or run nasbench import {self._importer} "
            f"{self.archive} --out FOLDER and give what it makes"
        )


def _source_digest(table: Table) -> str | None:
    """Return the digest of the archive that a table was made of."""
    recorded = table.metadata.recipe.get("input")
    if isinstance(recorded, dict) and "sha256" in recorded:
        return str(recorded["sha256"])
    said = re.search("sha256 ([0-9a-f]{64})", table.metadata.source)  # NATS-Bench, version 1
    return said and said[1]


def _is_entry(entry: object) -> bool:
    match entry:
        case [[*_], str() | None]:
            return True
    return False


def _stamp(archive: Path) -> list[int]:
    """Return number, bytes and last change (in nanoseconds) of the files of an archive."""
    files = [file.stat() for file in (os.scandir(archive) if archive.is_dir() else [archive])]
    changed = max((file.st_mtime_ns for file in files), default=0)
    return [len(files), sum(file.st_size for file in files), changed]
