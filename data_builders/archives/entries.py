"""Files in a folder, zip or tar archive, listed together and read one by one without unpacking."""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from data_builders.archives.bounded import (
    COMPRESSED,
    Zip,
    check_names,
    decompressed,
    open_zip,
    read,
)
from data_builders.archives.damage import HEAD, JSON, TAR, check_kind, damage, kind_of, shown
from nasbench.errors import ArchiveError, InvalidArgumentError

_CHUNK = 1 << 20


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
                return read(file, limit, self.where)


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
                opened = open_zip(path, str(path), path.stat().st_size)
                found = list(_zip_entries(path, stack.enter_context(opened)))
            else:
                found = list(_tar_entries(path, stack.enter_context(_open_tar(path, wanted))))
        yield [entry for entry in found if not is_sidecar(entry.parts[-1])]


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


def _zip_entries(path: Path, archive: Zip) -> Iterator[Entry]:
    stamp = _stamp(path)
    for info in archive.files:
        parts = _safe_parts(info.filename, path)
        yield Entry(parts, f"{path}: {shown(info.filename)}", stamp, partial(archive.open, info))


@contextmanager
def _open_tar(path: Path, wanted: str) -> Iterator[tarfile.TarFile]:
    with decompressed(path, longest=_CHUNK) as stream:
        try:
            archive = tarfile.TarFile(fileobj=stream)
        except tarfile.ReadError as error:
            check_kind(path, "a folder, zip or tar archive", JSON, *COMPRESSED, TAR)
            with path.open("rb") as file:
                if kind_of(file.read(HEAD)) in COMPRESSED:
                    raise ArchiveError(f"{path} is damaged or holds no tar archive") from error
            raise InvalidArgumentError(
                f"{path} is not a folder, zip or tar archive: {wanted}"
            ) from error
        with archive:
            yield archive


def _tar_entries(path: Path, archive: tarfile.TarFile) -> Iterator[Entry]:
    stamp = _stamp(path)
    for number, info in enumerate(archive):
        check_names(str(path), number, len(info.name))
        if not info.isdir():
            parts = _safe_parts(info.name, path)
            open_ = partial(archive.extractfile, info) if info.isreg() else _no_file
            yield Entry(parts, f"{path}: {shown(info.name)}", stamp, open_)
    _check_end(archive, path)


def _check_end(archive: tarfile.TarFile, path: Path) -> None:
    """Read to the end: tar marks it with zeros, and the compression's checksum follows them."""
    file: Any = archive.fileobj
    file.seek(archive.offset)
    if not file.read(1):
        raise ArchiveError(f"{path} is truncated")
    while file.read(_CHUNK - 1):
        file.seek(file.tell())


def _no_file() -> None:
    return None


def _safe_parts(name: str, path: Path) -> tuple[str, ...]:
    """Split a name within an archive into its parts; refuse one that points outside."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if parts[:1] == ("/",) or ".." in parts or PureWindowsPath(name).drive:
        raise ArchiveError(f"{path}: {shown(name)!r} points outside the archive")
    return parts or (name,)


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"
