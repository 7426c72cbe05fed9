"""What is made of a compressed file is bounded, whoever made the file.

A small file may become a huge one when it is decompressed. Here a single read gives no more than
was asked for, and all reads together no more than a multiple of the file's size.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from data_builders.archives.damage import BZ2, GZIP, HEAD, XZ, kind_of, shown
from nasbench.errors import ArchiveError

RATIO = 256
"""Most bytes made of one byte of a compressed file; of published archives, fewer than 20 are."""
FREE = 1 << 26
"""Bytes that may be made of any file, however small."""
LONGEST_NAME = 1 << 10
"""Characters of a file's name in an archive."""
MOST_FILES = 1 << 18
"""Files in an archive; the largest published one has about 60,000."""

_CHUNK = 1 << 20
COMPRESSED: Mapping[str, Callable[[Any], Any]] = {
    GZIP: lambda raw: gzip.GzipFile(fileobj=raw),
    BZ2: bz2.BZ2File,
    XZ: lzma.LZMAFile,
}
"""What decompresses a file, by its kind."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NAMES = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "lzma"}
_ENCRYPTED = 0x1
_SAID_BEHIND = 0x8
_LONG = 0xFFFFFFFF
_ZIP_FILE = struct.Struct("<6xH6x3L4x")
_ZIP_END = struct.Struct("<4s4H2LH")
_MAX_COMMENT = 0xFFFF


def read(file: IO[bytes], limit: int, where: str) -> bytes:
    """Return all bytes of a buffered file, from its position.

    Raises:
        ArchiveError: They are more than ``limit``.
    """
    parts, left, is_more = [], limit + 1, True
    while left and is_more:
        asked = min(left, _CHUNK)
        parts.append(file.read(asked))
        left -= len(parts[-1])
        is_more = len(parts[-1]) == asked
    if not left:
        raise ArchiveError(f"{where} is larger than {limit:,} bytes")
    return b"".join(parts)


class Budget:
    """Counts the bytes that are made of a compressed file.

    Args:
        where: Name of the file, for messages.
        size: Size of the file.
    """

    def __init__(self, where: str, size: int) -> None:
        self._where = where
        self._most = self._left = max(FREE, RATIO * size)

    def spend(self, count: int) -> None:
        """Count bytes.

        Raises:
            ArchiveError: They are more than can be meant.
        """
        self._left -= count
        if self._left < 0:
            raise ArchiveError(
                f"{self._where} becomes larger than {self._most:,} bytes when it is decompressed, "
                f"and at most {RATIO} times its size is read"
            )


class Bounded(io.BufferedIOBase):
    """A stream of decompressed bytes that is read within a budget.

    Args:
        file: The stream; to seek in it decompresses what is before.
        where: Its name, for messages.
        budget: What is read or skipped is taken from it. None for bytes that were not compressed.
        longest: Most bytes to read between two changes of the position: of the names and headers
            of an archive, which libraries read at once.
    """

    def __init__(
        self, file: Any, where: str, budget: Budget | None, longest: int | None = None
    ) -> None:
        self._file = file
        self._where = where
        self._budget = budget
        self._longest = longest
        self._since = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether the position can be changed."""
        return bool(self._file.seekable())

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, at most ``size``; without it, all.

        Raises:
            ArchiveError: They are more than the budget.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        self._since += size
        if self._longest is not None and self._since > self._longest:
            raise ArchiveError(
                f"{self._where} has a name or header of more than {self._longest:,} bytes"
            )
        data: bytes = self._file.read(size)
        if self._budget is not None:
            self._budget.spend(len(data))
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """Return some of the next bytes, at most ``size``; see :meth:`read`."""
        data: bytes = self._file.read1(_CHUNK if size < 0 else size)
        self._spend(len(data))
        return data

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position, counted from the beginning.

        Raises:
            ArchiveError: It is beyond the budget.
        """
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("seek from another place than the beginning")
        self._since = 0
        now = self._file.tell()
        self._spend(position - now if position >= now else position)
        return int(self._file.seek(position))

    def tell(self) -> int:
        """Return the position."""
        return int(self._file.tell())

    def close(self) -> None:
        """Close the stream."""
        self._file.close()
        super().close()

    def _spend(self, count: int) -> None:
        if self._budget is not None:
            self._budget.spend(count)


@contextmanager
def decompressed(path: Path, *, longest: int | None = None) -> Iterator[IO[bytes]]:
    """Open a file and read it decompressed, if it is compressed by gzip, bz2 or xz.

    What libraries raise where the file is damaged is left to
    :func:`data_builders.archives.damage.damage`.

    Args:
        path: The file.
        longest: Most bytes to read between two changes of the position.

    Raises:
        ArchiveError: On reading, more bytes are made than can be meant.
    """
    with path.open("rb") as raw:
        kind = kind_of(raw.read(HEAD))
        raw.seek(0)
        if kind not in COMPRESSED:
            plain: Any = Bounded(raw, str(path), None, longest)
            yield plain
            return
        with COMPRESSED[kind](raw) as file:
            budget = Budget(str(path), path.stat().st_size)
            bounded: Any = Bounded(file, str(path), budget, longest)
            yield bounded


class Zip:
    """An open zip archive whose files are read within a budget.

    Args:
        archive: The archive.
        where: Name of the archive, for messages.
        size: Size of the archive.

    Raises:
        ArchiveError: It has too many files, a name is too long, or a folder is none.
    """

    def __init__(self, archive: zipfile.ZipFile, where: str, size: int) -> None:
        self._archive = archive
        self._where = where
        self._budget = Budget(where, size)
        self.files = [info for info in archive.infolist() if not info.filename.endswith("/")]
        if any(info.file_size for info in archive.infolist() if info.filename.endswith("/")):
            raise ArchiveError(f"{where} is damaged: a folder in it has content")
        check_names(where, len(self.files), max((len(i.filename) for i in self.files), default=0))

    def open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """Open a file of the archive.

        Raises:
            ArchiveError: It is encrypted, or compressed in another way than by deflate, or the
                archive says two things of it.
        """
        where = f"{self._where}: {shown(info.filename)}"
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{where} is encrypted: decrypt the archive first")
        if info.compress_type not in _METHODS:
            method = _NAMES.get(info.compress_type, info.compress_type)
            raise ArchiveError(
                f"{where} is compressed by method {method}, only deflate is read: zip the files "
                "again"
            )
        if not self._is_told_twice(info):
            raise ArchiveError(f"{where} is damaged: its size or checksum is not the one listed")
        opened: Any = Bounded(self._archive.open(info), where, self._budget)
        return cast(IO[bytes], opened)

    def _is_told_twice(self, info: zipfile.ZipInfo) -> bool:
        """Return whether checksum and sizes stand before a file as in the list of files.

        They may follow the file instead, or be long.
        """
        file: Any = self._archive.fp
        file.seek(info.header_offset)
        flags, *said = _ZIP_FILE.unpack(file.read(_ZIP_FILE.size))
        listed = [info.CRC, info.compress_size, info.file_size]
        return bool(flags & _SAID_BEHIND) or _LONG in said or said == listed


@contextmanager
def open_zip(file: Path | IO[bytes], where: str, size: int) -> Iterator[Zip]:
    """Open a zip archive.

    Args:
        file: The archive.
        where: Its name, for messages.
        size: Its size.

    Raises:
        ArchiveError: It has too many files, or not as many as it says, or a name is too long.
    """
    with zipfile.ZipFile(file) as archive:
        if not _is_listed_whole(archive):
            raise ArchiveError(f"{where} is damaged: it does not list its files as it says")
        yield Zip(archive, where, size)


def _is_listed_whole(archive: zipfile.ZipFile) -> bool:
    """Return whether the end of a zip archive tells number and place of the files that are listed.

    A damaged byte may hide files from zipfile, which lists those that it finds. Long archives,
    whose end is elsewhere, are believed.
    """
    file: Any = archive.fp
    file.seek(0, os.SEEK_END)
    first = max(0, file.tell() - _ZIP_END.size - _MAX_COMMENT)
    file.seek(first)
    end = file.read()
    at = end.rfind(b"PK\5\6")
    _, _, _, here, total, size, offset, _ = _ZIP_END.unpack_from(end, at)
    if total == 0xFFFF or _LONG in (size, offset):
        return True
    file.seek(offset + size)
    follows = file.read(4) in (b"PK\5\6", b"PK\6\6")  # the end, or that of long archives first
    return bool(here == total == len(archive.filelist) and follows)


def check_names(where: str, files: int, longest: int) -> None:
    """Refuse an archive with more files or longer names than any that is known.

    Raises:
        ArchiveError: It has.
    """
    if files > MOST_FILES:
        raise ArchiveError(f"{where} has more than {MOST_FILES:,} files")
    if longest > LONGEST_NAME:
        raise ArchiveError(
            f"{where} has a file whose name has {longest:,} characters, most are {LONGEST_NAME:,}"
        )
