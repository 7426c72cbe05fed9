"""Files that anybody may have sent: listed without following a link, bounded before they are read.

Everything here is checked from names, sizes, the directory of an archive and the footers of Parquet
files, so that nothing large is ever decompressed.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboard.entries import ENTRY
from nasbench.errors import InvalidArgumentError, RecordError, first_line
from nasbench.runs.parts import BLOCK
from nasbench.storage.names import is_inside

MOST_FILES = 20_000
"""Files and folders of a submission."""
MOST_BYTES = 2**30
"""Bytes of all files of a submission, and of one Parquet file after decompression."""
MOST_FILE_BYTES = 2**27
"""Bytes of a file."""
MOST_ARCHIVE_BYTES = 2**28
"""Bytes of a zip archive."""
MOST_ROWS = BLOCK * 100_000
"""Rows of a Parquet file: 100,000 trials of each of its seeds."""
MOST_WIDTH = 10_000
"""Numbers in a cell of a Parquet file."""
MOST_NUMBERS = 2**26
"""Numbers in a Parquet file."""
MOST_NUMBERS_IN_ALL = 2**29
"""Numbers in all Parquet files of a submission."""

_MOST_DIRECTORY = 2**23
_END = struct.Struct("<4s4H2LH")
_LOCATOR = 20  # bytes of what leads to the end of a zip64 archive, before the usual end
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_CHUNK = 2**20
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    ValueError,
    RuntimeError,
    EOFError,
)
_MOST_TEXT = 2**22


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Give the folder of a submission; that of a zip archive is deleted afterwards.

    Args:
        path: A folder or a zip archive.

    Raises:
        InvalidArgumentError: There is neither, or no ``entry.json`` in it.
        RecordError: The archive is damaged, too large, or holds what no submission holds.
    """
    if path.is_dir():
        yield _checked(path, path)
    elif path.is_file():
        with TemporaryDirectory(prefix="nasbench-submission-") as made:
            root = Path(made)
            unpack(path, root)
            inside = list(root.iterdir())
            if not (root / ENTRY).exists() and len(inside) == 1 and inside[0].is_dir():
                root = inside[0]
            yield _checked(root, path)
    else:
        raise InvalidArgumentError(f"there is no submission {path}: neither a folder nor a file")


def _checked(folder: Path, given: Path) -> Path:
    if not os.path.lexists(folder / ENTRY):
        raise InvalidArgumentError(
            f"{given} is no submission: there is no {ENTRY}; 'nasbench leaderboard submit' makes "
            "one of records"
        )
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into an empty folder.

    Raises:
        RecordError: It is damaged, too large, or holds a path out of the folder, a link, or a file
            twice.
    """
    size = archive.stat().st_size
    if size > MOST_ARCHIVE_BYTES:
        raise RecordError(f"{archive.name} has {_mib(size)}; at most {_mib(MOST_ARCHIVE_BYTES)}")
    try:
        count = _check_directory(archive, size)
        with zipfile.ZipFile(archive) as opened:
            if len(opened.infolist()) != count:
                raise RecordError(
                    f"{archive.name} says that it lists {count:,} files, but lists "
                    f"{len(opened.infolist()):,}"
                )
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _check_entries(archive.name, entries)
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as source, target.open("xb") as file:
                    left = entry.file_size
                    while chunk := source.read(_CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise RecordError(
                                f"{archive.name}: {entry.filename} is larger than the archive says"
                            )
                        file.write(chunk)
    except RecordError:
        raise
    except _DAMAGE as error:
        raise RecordError(
            f"{archive.name} is no undamaged zip archive: {first_line(error)}"
        ) from error


def _check_directory(archive: Path, size: int) -> int:
    """Check how much an archive lists, before Python reads the list; returns how many files."""
    with archive.open("rb") as file:
        file.seek(max(0, size - _LOCATOR - _END.size - 0xFFFF))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise RecordError(f"{archive.name} is no zip archive, or its end is missing")
    if tail[max(0, at - _LOCATOR) : at].startswith(b"PK\6\7"):
        raise RecordError(f"{archive.name} is a zip64 archive, which no submission needs")
    _, _, _, _, count, length, _, _ = _END.unpack_from(tail, at)
    if count > MOST_FILES or length > _MOST_DIRECTORY:
        raise RecordError(
            f"{archive.name} lists {count:,} files in {_mib(length)}; at most {MOST_FILES:,} in "
            f"{_mib(_MOST_DIRECTORY)}"
        )
    return int(count)


def _check_entries(name: str, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    total = 0
    for entry in entries:
        path = entry.filename
        if not is_inside(path):
            raise RecordError(
                f"{name}: {path!r:.200} is no path inside a submission: possible are parts of "
                "letters, digits, '-', '_' and '.', with '/' between them"
            )
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise RecordError(f"{name}: {path} is a link or a device, not a file")
        if path.casefold() in seen:
            raise RecordError(f"{name}: {path} is there twice")
        seen.add(path.casefold())
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise RecordError(f"{name}: {path} is encrypted, or compressed by other than deflate")
        total += entry.file_size
        if entry.file_size > MOST_FILE_BYTES or total > MOST_BYTES:
            raise RecordError(
                f"{name} becomes larger than a submission can be: {path} has "
                f"{_mib(entry.file_size)} of at most {_mib(MOST_FILE_BYTES)}, and all up to it "
                f"{_mib(total)} of at most {_mib(MOST_BYTES)}"
            )


def list_files(folder: Path) -> dict[str, int]:
    """Return the sizes of all files below a folder, by their paths in it.

    Raises:
        RecordError: There is a link or a device, a name with other letters, or too much.
    """
    found: dict[str, int] = {}
    waiting = [folder]
    n = total = 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                path = Path(entry.path).relative_to(folder).as_posix()
                n += 1
                if entry.is_symlink():
                    raise RecordError(f"{path} is a link, which is never followed")
                if not is_inside(path):
                    raise RecordError(
                        f"{path!r:.200} is no name in a submission: possible are letters, digits, "
                        "'-', '_' and '.', the first not '.'"
                    )
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    found[path] = entry.stat(follow_symlinks=False).st_size
                    total += found[path]
                else:
                    raise RecordError(f"{path} is a pipe or a device, not a file")
                if found.get(path, 0) > MOST_FILE_BYTES:
                    raise RecordError(
                        f"{path} has {_mib(found[path])}; at most {_mib(MOST_FILE_BYTES)}"
                    )
                if n > MOST_FILES or total > MOST_BYTES:
                    raise RecordError(
                        f"there are more than {MOST_FILES:,} files, or more than {_mib(MOST_BYTES)}"
                    )
    return dict(sorted(found.items()))


def check_parquet(path: Path) -> int:
    """Check the size of a Parquet file from its footer alone.

    Returns:
        How many numbers it holds.

    Raises:
        RecordError: It is cut or damaged, or larger than a record can be.
    """
    try:
        with pq.ParquetFile(
            path, thrift_string_size_limit=_MOST_TEXT, thrift_container_size_limit=MOST_FILES
        ) as file:
            about = file.metadata
            rows: int = about.num_rows
            if not 0 <= rows <= MOST_ROWS:
                raise RecordError(
                    f"{path.name} says that it has {rows:,} rows; at most {MOST_ROWS:,} are read"
                )
            numbers = rows * sum(_check_column(field, path.name) for field in file.schema_arrow)
            total = stated = 0
            for i in range(about.num_row_groups):
                group = about.row_group(i)
                for j in range(group.num_columns):
                    column = group.column(j)
                    stated += column.num_values
                    total += column.total_uncompressed_size
    except RecordError:
        raise
    except (OSError, UnicodeDecodeError, ValueError, pa.ArrowException) as error:
        raise RecordError(f"{path.name} is cut or damaged: {first_line(error)}") from error
    numbers = max(numbers, stated)
    if total > MOST_BYTES or numbers > MOST_NUMBERS:
        raise RecordError(
            f"{path.name} says that it becomes {_mib(total)} with {numbers:,} numbers; at most "
            f"{_mib(MOST_BYTES)} and {MOST_NUMBERS:,} are read"
        )
    return numbers


def _check_column(field: pa.Field, where: str) -> int:
    """Check that a column holds numbers; returns how many are in a cell.

    A column of texts could become huge: each is stored once, however often it is there.
    """
    kind, width = field.type, 1
    if pa.types.is_fixed_size_list(kind):
        kind, width = kind.value_type, kind.list_size
    elif pa.types.is_list(kind):  # as in compact records: its numbers are counted by the footer
        kind = kind.value_type
    if not pa.types.is_primitive(kind):
        raise RecordError(f"{where}: column {field.name!r:.80} has type {field.type!s:.80}")
    if not 0 < width <= MOST_WIDTH:
        raise RecordError(
            f"{where}: a cell of {field.name!r:.80} has {width:,} numbers; at most {MOST_WIDTH:,}"
        )
    return width


def _mib(n: int) -> str:
    return f"{n / 2**20:,.1f} MiB"
