"""Files in a folder, zip or tar archive, listed together and read one by one without unpacking.

A download that failed is named as what it is: :func:`kind_of` looks at the first bytes of a file,
and :func:`reason` says what an error of a library means.
"""

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from nasbench.errors import ArchiveError, InvalidArgumentError, NasbenchError

HTML, XML, POINTER = "an HTML page", "an XML page", "a pointer of Git LFS"
EMPTY, ZEROS, JSON = "empty", "nothing but zeros", "a JSON text"
ZIP, TAR = "a zip archive", "a tar archive"
GZIP, BZ2, XZ = "a gzip file", "a bz2 file", "an xz file"
HDF5, PARQUET, PICKLE = "an HDF5 file", "a Parquet file", "a pickle"

_MAGIC = {
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,
    b"\x1f\x8b": GZIP,
    b"BZh": BZ2,
    b"\xfd7zXZ\0": XZ,
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"PAR1": PARQUET,
}
_TEXTS = {
    rb"<!doctype html|<html|<head|<body|<script": HTML,
    rb"<\?xml|<error": XML,
    rb"version https://git-lfs": POINTER,
    rb"[{\[]": JSON,
}
_FAILED = frozenset((HTML, XML, POINTER, EMPTY, ZEROS))
_HEAD = 1024
_COMPRESSED = (GZIP, BZ2, XZ)
_AGAIN = "download it again"
_CHUNK = 1 << 20
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a folder or an archive.

    Attributes:
        parts: Names of its folders, starting with the given folder itself, and of the file; at
            least one.
        where: Path, for messages.
        stamp: Size and modification time of the file or, in an archive, of the archive.
    """

    parts: tuple[str, ...]
    where: str
    stamp: str
    _open: Callable[[], IO[bytes] | None]

    def read(self, limit: int) -> bytes:
        """Return the bytes of the file.

        Raises:
            ArchiveError: The file is damaged, not a regular file, or larger than ``limit`` bytes.
        """
        with damage(self.where):
            file = self._open()
            if file is None:
                raise ArchiveError(f"{self.where} is a link or a device, not a file")
            with file:
                data = file.read(limit + 1)
        if len(data) > limit:
            raise ArchiveError(f"{self.where} is larger than {limit:,} bytes")
        return data


@contextmanager
def entries(path: Path, wanted: str) -> Iterator[list[Entry]]:
    """Yield every file in a folder (sorted by name) or an archive (in stored order), no sidecars.

    The entries can be read only inside the context.

    Args:
        path: The folder or archive.
        wanted: Advice for the error message if the path is neither.

    Raises:
        InvalidArgumentError: The path is neither a folder nor a zip or tar archive.
        ArchiveError: The archive is damaged or truncated, or a name points outside it.
    """
    if not path.exists():
        raise InvalidArgumentError(f"{path} does not exist: {wanted}")
    with ExitStack() as stack:
        with damage(str(path)):
            if path.is_dir():
                found = list(_folder_entries(path.resolve()))
            elif _is_zip(path):
                found = list(_zip_entries(path, stack.enter_context(zipfile.ZipFile(path))))
            else:
                found = list(_tar_entries(path, stack.enter_context(_open_tar(path, wanted))))
        yield [entry for entry in found if not is_sidecar(entry.parts[-1])]


def kind_of(head: bytes) -> str:
    """Return what the first bytes of a file say that it is; ``""`` if they say nothing.

    >>> kind_of(b"<!DOCTYPE html>"), kind_of(b"BZh91AY"), kind_of(b"cell,accuracy")
    ('an HTML page', 'a bz2 file', '')
    """
    if not head:
        return EMPTY
    if not head.strip(b"\0"):
        return ZEROS
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return TAR
    if re.match(rb"\x80[\2-\5][^\0]", head):
        return PICKLE
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"\0" not in head:
        for pattern, kind in _TEXTS.items():
            if re.match(pattern, text):
                return kind
    return ""


def check_kind(path: Path, wanted: str, *kinds: str) -> None:
    """Refuse a file that is evidently something else, as a page that was saved instead of it.

    Args:
        path: A file.
        wanted: What it must be, for the message.
        kinds: The kinds of :func:`kind_of` that it may have; without any, all but those of a
            download that failed. A file of no known kind passes.

    Raises:
        ArchiveError: It is of another kind, or cannot be read.
    """
    with damage(str(path)), path.open("rb") as file:
        kind = kind_of(file.read(_HEAD))
    if kind in _FAILED - {*kinds} or (kind and kinds and kind not in kinds):
        raise ArchiveError(f"{path} is {kind}, not {wanted}: {_AGAIN}")


def reason(error: Exception) -> str:
    """Return what the error of a library that reads files says about the file."""
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, EOFError | struct.error) or text == "index out of range":
        return f"it is cut, its end is missing: {_AGAIN}"
    if text == "File is not a zip file":
        return f"it is no zip archive, or its end is missing: {_AGAIN}"
    if text == "Invalid data stream" or isinstance(error, zlib.error | lzma.LZMAError):
        return f"its compressed bytes are damaged ({text}): {_AGAIN}"
    return text or type(error).__name__


@contextmanager
def damage(where: str) -> Iterator[None]:
    """Turn the errors of libraries that read a damaged file into errors that name it.

    Args:
        where: Name of the file, for messages.

    Raises:
        ArchiveError: The file is damaged or cannot be read.
    """
    try:
        yield
    except NasbenchError:
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"{where} cannot be read: {reason(error)}") from error


def is_sidecar(name: str) -> bool:
    """Return whether macOS made a file of this name beside or in place of others."""
    return name.startswith("._") or name == ".DS_Store"


def _folder_entries(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts = (folder.name, *path.relative_to(folder).parts)
            yield Entry(parts, str(path), _stamp(path), partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _zip_entries(path: Path, archive: zipfile.ZipFile) -> Iterator[Entry]:
    stamp = _stamp(path)
    for info in archive.infolist():
        if not info.filename.endswith("/"):
            parts = _safe_parts(info.filename, path)
            yield Entry(parts, f"{path}: {info.filename}", stamp, partial(archive.open, info))


def _open_tar(path: Path, wanted: str) -> tarfile.TarFile:
    try:
        return tarfile.open(path)
    except tarfile.ReadError as error:
        check_kind(path, "a folder, zip or tar archive", JSON, *_COMPRESSED, TAR)
        with path.open("rb") as file:
            if kind_of(file.read(_HEAD)) in _COMPRESSED:
                raise ArchiveError(f"{path} is damaged or holds no tar archive") from error
        raise InvalidArgumentError(
            f"{path} is not a folder, zip or tar archive: {wanted}"
        ) from error


def _tar_entries(path: Path, archive: tarfile.TarFile) -> Iterator[Entry]:
    stamp = _stamp(path)
    for info in archive:
        if not info.isdir():
            parts = _safe_parts(info.name, path)
            open_ = partial(archive.extractfile, info) if info.isreg() else _no_file
            yield Entry(parts, f"{path}: {info.name}", stamp, open_)
    _check_end(archive, path)


def _check_end(archive: tarfile.TarFile, path: Path) -> None:
    """Read to the end: tar marks it with zeros, and the compression's checksum follows them."""
    file: Any = archive.fileobj
    file.seek(archive.offset)
    if not file.read(1):
        raise ArchiveError(f"{path} is truncated")
    while file.read(_CHUNK):
        pass


def _no_file() -> None:
    return None


def _safe_parts(name: str, path: Path) -> tuple[str, ...]:
    """Split a name within an archive into its parts; refuse one that points outside."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if parts[:1] == ("/",) or ".." in parts or PureWindowsPath(name).drive:
        raise ArchiveError(f"{path}: {name!r:.80} points outside the archive")
    return parts or (name,)


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"
