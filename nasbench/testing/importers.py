"""Check that an importer of archives keeps its contract."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Protocol

from nasbench.errors import ArchiveError, InvalidArgumentError, TableError
from nasbench.tables.draft import Draft
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing.hostile_files import hostile_files
from nasbench.testing.requirements import require, require_error

_REFUSED = (InvalidArgumentError, ArchiveError)


class Importer(Protocol):
    """What :class:`data_builders.importer.Importer` asks for."""

    name: str
    summary: str
    ids: tuple[str, ...]

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Callable[[int, int], None] = ...
    ) -> Iterator[Draft]:
        """The tables in an archive, one after the other."""
        ...


def check_importer(
    importer: Importer, files: Sequence[Path] | None, *, work: Path, names: Iterable[str] = ()
) -> None:
    """Check that an importer keeps its contract.

    - *Description*: a name, one line of summary, distinct ``ids``.
    - *Refusals*: what is missing, empty, damaged, or holds code raises ``InvalidArgumentError`` or
      ``ArchiveError`` with a message, and nothing is run.
    - *Tables* are valid, and their ids among ``ids``; the same archive gives the same tables and
      is not changed. ``progress`` rises and ends at its total.
    - *Stopped imports*: an import that was stopped anywhere gives the same tables when it is
      repeated with the same folder, and leaves nothing there.

    Args:
        importer: The importer.
        files: A small archive that it reads; none where an installed package holds it. None to
            check only what can be checked without one.
        work: An empty folder.
        names: More names of files that may lead the importer to read them.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    _check_description(importer)
    given = [path for file in files or () for path in (sorted(file.rglob("*")) or [file])]
    all_names = dict.fromkeys(["archive", *names, *(path.name for path in given if path.is_file())])
    _check_missing(importer, work / "missing")
    _check_hostile(importer, work / "hostile", list(all_names))
    if files is not None:
        _check_tables(importer, files, work / "tables")


def _check_description(importer: Importer) -> None:
    name, summary, ids = importer.name, importer.summary, importer.ids
    require(isinstance(name, str) and bool(name), f"the importer is called {name!r}")
    require(
        isinstance(summary, str) and bool(summary) and "\n" not in summary,
        f"summary of {name} is not one line: {summary!r}",
    )
    require(
        isinstance(ids, tuple) and len(set(ids)) == len(ids),
        f"ids of {name} are {ids!r}, not a tuple of distinct ids",
    )


def _check_missing(importer: Importer, folder: Path) -> None:
    (folder / "empty").mkdir(parents=True)
    for path in (folder / "nothing", folder / "empty"):
        message = _refuse(importer, path, folder / "work")
        require(str(path) in message, f"the error about {path} does not name it: {message}")


def _check_hostile(importer: Importer, folder: Path, names: Sequence[str]) -> None:
    mark, given = folder / "mark", folder / "given"
    given.mkdir(parents=True)
    for what, content in hostile_files(mark).items():
        for name in names:
            path = given / name
            path.write_bytes(content)
            for read in (path, given):
                message = _refuse(importer, read, folder / "work", f", which is {what}")
                require(bool(message), f"{importer.name} refuses {name}, {what}, without a message")
            require(not mark.exists(), f"{importer.name} runs code: {what} called {name}")
            path.unlink()


def _refuse(importer: Importer, path: Path, work: Path, what: str = "") -> str:
    def read() -> list[Draft]:
        return list(importer.tables([path], work=work))

    return str(require_error(f"{importer.name} of {path.name}{what}", _REFUSED, read))


def _check_tables(importer: Importer, files: Sequence[Path], folder: Path) -> None:
    before = _content(files)
    told: list[tuple[int, int]] = []
    hashes = _write(importer, files, folder / "first", lambda *step: told.append(step))
    name = importer.name
    require(bool(hashes), f"{name} gives no table")
    require(
        not importer.ids or set(hashes) <= set(importer.ids),
        f"{name} gives {sorted(hashes)}, ids are {importer.ids}",
    )
    require(
        not told or (told == sorted(told) and told[-1][0] <= told[-1][1]),
        f"{name} tells a progress that falls or exceeds its total: {told}",
    )
    for number in sorted({1, (len(told) + 1) // 2}) if told else ():
        out = folder / f"stopped {number}"
        try:
            _write(importer, files, out, _stop_at(number))
        except _Stopped:
            pass
        else:
            raise AssertionError(f"{name} goes on although progress raised an exception")
        again = _write(importer, files, out)
        require(again == hashes, f"{name} gives other tables after a stop at step {number}")
    first = importer.tables(files, work=folder / "closed" / "work")
    next(first)
    getattr(first, "close", lambda: None)()
    again = _write(importer, files, folder / "closed")
    require(again == hashes, f"{name} gives other tables after a stop behind the first")
    require(_content(files) == before, f"{name} changes the archive")


def _write(
    importer: Importer,
    files: Sequence[Path],
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, str]:
    """Import as the command line does; content hashes by id."""
    found: dict[str, str] = {}
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    for draft in importer.tables(files, work=work, progress=progress):
        id_ = draft.metadata.id
        require(id_ not in found, f"{importer.name} gives {id_!r} twice")
        path = folder / f"{id_}.parquet"
        try:
            write_table(path, draft)
            Table(path).check()
        except TableError as error:
            raise AssertionError(
                f"{importer.name} gives a table that is not valid: {error}"
            ) from error
        found[id_] = Table(path).metadata.content_hash
    left = sorted(path.name for path in work.rglob("*") if path.is_file())
    require(not left, f"{importer.name} leaves {left} in its folder")
    return found


def _content(files: Sequence[Path]) -> dict[Path, bytes]:
    inside = [path for file in files for path in (file, *file.rglob("*"))]
    return {path: path.read_bytes() for path in inside if path.is_file()}


class _Stopped(KeyboardInterrupt):
    """What stops an import in the middle."""


def _stop_at(number: int) -> Callable[[int, int], None]:
    """A progress that raises when it is told for the ``number``-th time."""
    steps = count(1)

    def progress(done: int, total: int) -> None:
        if next(steps) == number:
            raise _Stopped

    return progress
