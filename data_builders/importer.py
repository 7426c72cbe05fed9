"""The contract of an importer: it turns one kind of archive into tables of this suite."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from nasbench.tables.draft import Draft

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how much of how much is read, in a unit of the importer's choice."""


def silent(done: int, total: int) -> None:
    """The progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that an importer wants to be told: a keyword of its constructor.

    ``nasbench import NAME`` has an option for it.

    Attributes:
        keyword: Of the constructor.
        flag: How the option is written, as ``"--per-arch"``; of a switch, how both of its values
            are, as ``"--curve/--schedules"``.
        help: One line.
        kind: ``"text"``, ``"texts"`` (an option that is repeated), ``"number"`` (an integer) or
            ``"switch"``.
        metavar: What stands for the value in the help.
        is_required: Whether nothing can be imported without it.
    """

    keyword: str
    flag: str
    help: str
    kind: Literal["text", "texts", "number", "switch"] = "text"
    metavar: str = ""
    is_required: bool = False


class Importer(ABC):
    """Reads one kind of archive.

    Attributes:
        name: As registered.
        summary: One line: what is read, and which tables it gives.
        ids: Of the tables that it can give.
        options: What its constructor takes. One with the keyword ``id`` names the table.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    ids: ClassVar[tuple[str, ...]]
    options: ClassVar[tuple[Option, ...]] = ()

    @abstractmethod
    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """The tables in the archive, one after the other; the caller writes each at once.

        Args:
            files: Files or folders of the archive; none where a package that is installed holds it.
            work: Folder for the finished blocks of a long import, which goes on from there when it
                was stopped (see :class:`~data_builders.importers.parts.Parts`).
            progress: Told how far the reading is.

        Raises:
            InvalidArgumentError: The files are not what the importer reads.
            MissingExtraError: No file is given and no installed package holds the archive.
            ArchiveError: Damaged, another archive than the known one, or one that holds code.
        """
