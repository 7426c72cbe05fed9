"""Importers of published archives, one a file: each turns an archive into tables of this suite."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from nasbench.schema import Column, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A table before it is written: the arguments of :func:`nasbench.table.write_table`.

    Attributes:
        metadata: What the table says of itself.
        runs: One row a training.
        archs: One row an architecture; None where the archive has no numbers without a training.
        columns: Meaning of columns for which the naming rules do not say enough.
    """

    metadata: Metadata
    runs: pa.Table
    archs: pa.Table | None = None
    columns: tuple[Column, ...] = ()


class Importer(ABC):
    """Reads one kind of archive.

    Attributes:
        name: As registered.
        summary: One line: what is read, and which tables it gives.
    """

    name: ClassVar[str]
    summary: ClassVar[str]

    @abstractmethod
    def tables(self, files: Sequence[Path]) -> Iterator[Imported]:
        """The tables in the archive, one after the other.

        Args:
            files: Files or folders of the archive; none where a package that is installed holds it.

        Raises:
            InvalidArgumentError: The files are not what the importer reads.
            MissingExtraError: No file is given and no installed package holds the archive.
            ArchiveError: Damaged, another archive than the known one, or one that holds code.
        """
