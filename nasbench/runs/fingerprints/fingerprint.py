"""Fingerprints of code: whether two runs were made by the same algorithm.

A fingerprint is a digest of syntax trees (:mod:`nasbench.runs.fingerprints.syntax`). It covers the
file of the class, and of the modules that the file imports those of its own package, or of its own
folder where there is no package, and those of :mod:`algorithms`; and so on for the files found.
Modules that are imported by a computed name are not seen. An algorithm names the classes of
algorithms and of regressors that it was given; the latter are followed within :mod:`surrogates`.

Of a script only the statements that the class depends on count: a script that asks for more seeds
holds the same algorithm. A class without a file, as of a notebook, is known by its compiled code
(:mod:`nasbench.runs.fingerprints.compiled_code`), and so is one whose file was edited after it was
imported.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from nasbench.errors import InvalidArgumentError
from nasbench.runs.fingerprints.compiled_code import (
    codes_inside,
    functions_of,
    instructions,
    read_compiled,
)
from nasbench.runs.fingerprints.syntax import Source, read_definition, read_source
from nasbench.storage.files import json_digest

_COLLECTION = "algorithms"
_SUITE = ("nasbench", "data_builders", "surrogates", "leaderboard")
_SHARED_FOLDERS = ("site-packages", "dist-packages")


class _Place(NamedTuple):
    """Where modules lie that belong to an algorithm.

    Attributes:
        folder: Folder of a package, or of modules without one.
        package: The only package, or module, that counts; empty for all modules of the folder.
    """

    folder: Path
    package: str

    def file(self, module: str) -> Path | None:
        """Return the file of a module; None if it does not belong to the algorithm."""
        names = module.split(".")
        is_closed = names[0] in _SUITE and names[0] != self.package
        if not names[0] or is_closed or self.package not in ("", names[0]):
            return None
        path = self.folder.joinpath(*names)
        files = (path.with_name(f"{names[-1]}.py"), path / "__init__.py")
        return next((file for file in files if file.is_file()), None)


def code_fingerprint(*classes: type) -> str:
    """Return the fingerprint of the code of algorithms.

    Files are read when a class is first asked about, and not again: what was edited since does not
    run. A class that was made anew, or changed in place, is read again.

    Args:
        classes: Class of an algorithm, and classes of the algorithms that it runs and of the
            regressors that it fits.

    Returns:
        64 hex digits.

    Raises:
        InvalidArgumentError: A file cannot be read.
    """
    return json_digest(sorted(set(code_files(*classes).values())))


def code_files(*classes: type) -> dict[Path, str]:
    """Return the files that :func:`code_fingerprint` covers, each with the digest of its code."""
    found: dict[Path, str] = {}
    for kind in classes:
        found |= _read_files(kind, tuple(_codes(kind))) or _read_live(kind)
    return found


def _codes(kind: type) -> Iterator[CodeType]:
    """Yield the code of a class, of its bases, and of what it uses of its own module."""
    beside = vars(sys.modules[kind.__module__]) if kind.__module__ in sys.modules else {}
    waiting = [member for owner in kind.__mro__ for member in vars(owner).values()]
    seen: set[int] = set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type) and thing.__module__ == kind.__module__:
            waiting += vars(thing).values()
        for function in functions_of(thing):
            yield function.__code__
            if function.__module__ == kind.__module__:
                used = {name for code in codes_inside(function.__code__) for name in code.co_names}
                waiting += [beside[name] for name in sorted(used & beside.keys())]


@cache
def _read_files(kind: type, codes: tuple[CodeType, ...]) -> dict[Path, str]:
    """Return the files that belong to a class; none if no file holds what runs.

    Args:
        kind: The class.
        codes: What :func:`_codes` yields; it tells apart versions of a class that is changed in
            place.
    """
    module = sys.modules.get(kind.__module__)
    path = Path(getattr(module, "__file__", None) or "")
    if not path.is_file() or not _is_current(codes, path):
        return {}
    spec = getattr(module, "__spec__", None)
    name = path.stem if spec is None else spec.name
    source: Source | None = _read(path)
    if kind.__module__ == "__main__":
        source = read_definition(path.read_bytes(), kind.__qualname__.split(".")[0])
    return {} if source is None else _with_bases(kind, source, name, path)


def _is_current(codes: Sequence[CodeType], path: Path) -> bool:
    """Return whether a file still holds the functions that were imported from it."""
    try:
        module = compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):  # compiled code does not change while it is in use
        return path.suffix != ".py"
    written: dict[str, list[list[str]]] = {}
    for code in codes_inside(module):
        written.setdefault(code.co_qualname, []).append(instructions(code))
    own = (code for code in codes if code.co_filename == str(path))
    return all(
        code.co_qualname not in written or instructions(code) in written[code.co_qualname]
        for code in own
    )


def _read_live(kind: type) -> dict[Path, str]:
    """Return the files that belong to a class, with its compiled code as one of them."""
    return _with_bases(kind, read_compiled(kind), "__main__", Path.cwd() / "__main__.py")


def _with_bases(kind: type, source: Source, name: str, path: Path) -> dict[Path, str]:
    bases = tuple((base.__module__,) for base in kind.__mro__[1:])
    collection = _Place(Path(__file__).resolve().parents[3], _COLLECTION)
    places = (_place(name, path), collection)
    return _collected(Source(source.digest, (*source.imports, *bases)), name, path, places)


def _place(module: str, path: Path) -> _Place:
    """Return where the modules lie that belong to a module."""
    is_package = path.name == "__init__.py"
    root = path.parent if is_package else path.with_suffix("")
    names = module.split(".")
    if root.parts[-len(names) :] != tuple(names):  # loaded under another name
        names = [root.name]
    folder = root.parents[len(names) - 1]
    is_alone = len(names) == 1 and not is_package and folder.name not in _SHARED_FOLDERS
    return _Place(folder, "" if is_alone else names[0])


def _collected(
    source: Source, name: str, path: Path, places: tuple[_Place, ...]
) -> dict[Path, str]:
    """Return the file of a module and those of all that it imports, directly or not."""
    digests = {path: source.digest}
    waiting = [(source, name, path)]
    while waiting:
        source, name, path = waiting.pop()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for group in source.imports:
            for imported in (_absolute(one, package) for one in group):
                file = next(filter(None, (place.file(imported) for place in places)), None)
                if file is not None:
                    break
            else:
                continue
            if file not in digests:
                read = _read(file)
                digests[file] = read.digest
                waiting.append((read, imported, file))
    return digests


def _absolute(name: str, package: str) -> str:
    """Return the full name of a module that a module of ``package`` imports."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    packages = package.split(".")
    return ".".join([*packages[: len(packages) - level + 1], *filter(None, [name[level:]])])


def _read(path: Path) -> Source:
    try:
        stat = path.stat()
        return _read_once(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error


@cache
def _read_once(path: Path, mtime: int, size: int) -> Source:
    """Read a file, once for each of its states."""
    return read_source(path.read_bytes())
