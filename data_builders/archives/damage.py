"""What is wrong with a file, in words: a failed download, damage, something else than it should be.

:func:`kind_of` looks at the first bytes of a file, :func:`reason` says what an error of a library
means, and :func:`damage` makes one line of it that names the file.
"""

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.errors import ArchiveError, NasbenchError

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
HEAD = 1024
"""First bytes of a file that say what it is."""
_AGAIN = "download it again"
_SHOWN = 80
_REASON = 300
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


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
        kind = kind_of(file.read(HEAD))
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
        return f"its compressed bytes are damaged ({shown(text)}): {_AGAIN}"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, RecursionError):
        return "its lists or objects are nested too deep"
    return shown(text, _REASON) or type(error).__name__


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


def shown(text: object, most: int = _SHOWN) -> str:
    r"""Return a text from a file for a message: on one line, printable, shortened in its middle.

    >>> shown("a\x1b[31m\n"), shown("results_" * 99, 24)
    ('a\\x1b[31m\\n', 'results_resu…ts_results_')
    """
    found = str(text)
    if len(found) > most:
        found = f"{found[: most // 2]}…{found[len(found) - (most - 1) // 2 :]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in found)
