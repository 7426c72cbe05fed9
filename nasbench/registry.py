"""Registries: one line per thing, ``name -> "module:attribute"``, imported only on demand."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from nasbench.errors import (
    InvalidArgumentError,
    MissingExtraError,
    NasbenchError,
    UnknownNameError,
    first_line,
    one_of,
)
from nasbench.plugins import Plugin, plugins

EXTRAS = {
    "torch": "torch",
    "h5py": "importers",
    "pooch": "datasets",
    "google_crc32c": "importers",
    "xgboost": "surrogates",
    "optuna": "optuna",
    "jinja2": "leaderboard",
    "moocore": "leaderboard",
    "matplotlib": "papers",
    "ray": "ray",
    "dask": "dask",
    "distributed": "dask",
    "onnx": "export",
    "onnxscript": "export",
    "pymoo": "pymoo",
    "ConfigSpace": "smac",
    "smac": "smac",
    "nevergrad": "nevergrad",
    "syne_tune": "synetune",
    "huggingface_hub": "synetune",
    "fastparquet": "synetune",
    "optunahub": "optunahub",
    "gymnasium": "gymnasium",
    "dehb": "dehb",
    "cmaes": "optuna",
}
CPU_TORCH = "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
"""Installs PyTorch without CUDA, which the default wheel for Linux brings: gigabytes."""
_SIBLINGS = ("nasbench", "algorithms", "data_builders", "surrogates", "leaderboard")
_HOME = Path(__file__).resolve().parent.parent


class Registry(Mapping[str, str]):
    """An immutable mapping from names to ``"module:attribute"`` strings.

    Other distributions add to it through an entry-point group of the same name
    (``nasbench.algorithms``, ``nasbench.spaces``, …).

    Args:
        group: Name of the registry and of its entry-point group.
        kind: Word for one entry in messages, such as ``"algorithm"``.
        entries: Place by name, such as ``{"nb201": "nasbench.spaces.nb201:NB201"}``.
        base: Place of the class that every entry is derived from; empty if there is none.
        rooms: Modules, each by a word: ``"word:Name"`` is what the ``__getattr__`` of a module
            makes of the name.
    """

    def __init__(
        self,
        group: str,
        kind: str,
        entries: Mapping[str, str],
        *,
        base: str = "",
        rooms: Mapping[str, str] | None = None,
    ) -> None:
        self.group = group
        self.kind = kind
        self._entries = dict(entries)
        self._base = base
        self.rooms = dict(rooms or {})

    def __getitem__(self, name: str) -> str:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def plugins(self) -> dict[str, Plugin]:
        """What other distributions add, by name; a name of ours stays ours."""
        return {n: plugin for n, plugin in plugins(self.group).items() if n not in self._entries}

    def shadowed(self) -> dict[str, Plugin]:
        """What other distributions would add under names of ours; only its place reaches it."""
        return {n: plugin for n, plugin in plugins(self.group).items() if n in self._entries}

    def names(self) -> list[str]:
        """All names: ours, then those of plug-ins."""
        return [*self._entries, *self.plugins()]

    def load(self, name: str) -> Any:
        """Import and return the object with a given name.

        Args:
            name: A registered name, or ``"module:attribute"`` of the caller's own code. Own modules
                are also looked up in the current folder.

        Raises:
            UnknownNameError: There is no such name, module or attribute.
            InvalidArgumentError: The name holds a colon but is not of the form
                ``"module:attribute"``; or code that is not ours fails when it is imported, or is
                not derived from the base of the registry; or two plug-ins have the name.
            MissingExtraError: The object needs an optional package that is not installed.
        """
        what = f"the {self.kind} {name!r}"
        if name in self._entries:
            return _resolve(self._entries[name], what)
        if place := self.place(name):
            return self._checked(name, _resolve(place, what, made=True))
        word, colon, rest = name.partition(":")
        if colon:
            near = get_close_matches(word, self.rooms, n=1)
            found = _resolve(name, what, own=True, near=f"{near[0]}:{rest}" if near else "")
            return self._checked(name, found)
        if plugin := self.plugins().get(name):
            return self._checked(name, self._plugged(name, plugin))
        raise UnknownNameError(f"no {self.kind} is called {name!r}{one_of(name, self.names())}")

    def load_registered(self, name: str) -> Any:
        """Import and return the object with a registered name: what a file may name.

        Raises:
            UnknownNameError: There is no such name; one of the form ``"module:attribute"`` is none,
                since a file could make any module run.
            MissingExtraError: The object needs an optional package that is not installed.
        """
        self.check_registered(name)
        return self.load(name)

    def place(self, name: str) -> str | None:
        """Return where one of our entries or rooms has a name, ``"module:attribute"``; else None.

        Nothing is imported: a room may have no such attribute.
        """
        word, colon, rest = name.partition(":")
        if colon and word in self.rooms:
            return f"{self.rooms[word]}:{rest}"
        return self._entries.get(name)

    def is_registered(self, name: str) -> bool:
        """Return whether a name is ours or a plug-in's, without importing anything."""
        return self.place(name) is not None or name in self.plugins()

    def check_registered(self, name: str) -> None:
        """Refuse a name that is not registered, without importing anything.

        Raises:
            UnknownNameError: There is no such name.
        """
        if not self.is_registered(name):
            told = "; a file can name only what is registered" if ":" in name else ""
            raise UnknownNameError(
                f"no {self.kind} is called {name!r}{told}{one_of(name, self.names())}"
            )

    def _plugged(self, name: str, plugin: Plugin) -> Any:
        """What a plug-in adds; its errors name the distribution."""
        what = f"the {self.kind} {name!r} of {plugin.origin}"
        if plugin.problem:
            raise InvalidArgumentError(f"{what} cannot be used: {plugin.problem}")
        module = plugin.place.partition(":")[0]
        try:
            return _resolve(plugin.place, what)
        except UnknownNameError as error:
            raise InvalidArgumentError(f"{what} cannot be used: {error}") from error
        except MissingExtraError as error:
            absent = getattr(error.__cause__, "name", None) or ""
            if module == absent or module.startswith(f"{absent}."):
                raise InvalidArgumentError(
                    f"{what} cannot be used: there is no module {absent!r}; install its "
                    "distribution again"
                ) from error
            raise

    def _checked(self, name: str, found: Any) -> Any:
        """What is not ours, if it is of the right kind."""
        if not self._base:
            return found
        base = _resolve(self._base, self.kind)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise InvalidArgumentError(
                f"{name!r} is {found!r}, not a subclass of {self._base.replace(':', '.')}"
            )
        return found

    def name_of(self, thing: type) -> str:
        """Return the registered name of a class, or ``"module:Class"`` if it is not registered."""
        for word, module in self.rooms.items():
            if thing.__module__ == module:
                return f"{word}:{thing.__qualname__}"
        target = f"{thing.__module__}:{thing.__qualname__}"
        if target in self._entries.values():
            return next(name for name, place in self._entries.items() if place == target)
        added = self.plugins() if thing.__module__.partition(".")[0] not in _SIBLINGS else {}
        return next((n for n, p in added.items() if p.place == target and not p.problem), target)


def require(module: str, purpose: str) -> Any:
    """Import an optional package.

    Raises:
        MissingExtraError: The package is not installed; the message says which extra brings it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise _missing_extra(error, purpose) from error


def install(extras: Iterable[str]) -> str:
    """How to install extras: nasbench comes as sources, not from a package index."""
    names = sorted(extras)
    told = f'in the folder of the sources, run python -m pip install -e ".[{",".join(names)}]"'
    return f"{told}; without a GPU, first run {CPU_TORCH}" if "torch" in names else told


def _resolve(
    target: str, what: str, *, own: bool = False, made: bool = False, near: str = ""
) -> Any:
    """Import what a target names.

    Args:
        target: The module, a colon and the name in it.
        what: What it is, for messages.
        own: Whether the module may lie in the current folder.
        made: Whether the ``__getattr__`` of the module makes it.
        near: What may have been meant if there is no such module; empty for nothing.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise InvalidArgumentError(f"{target!r} is not of the form 'module:attribute'")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise InvalidArgumentError(
            f"{module_name!r} is not the name of a module{as_module(module_name, attribute)}"
        )
    if own and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if own and error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            raise UnknownNameError(
                f"cannot import {module_name!r} for {what}: no such module on the "
                f"Python path or in the current folder"
                f"{f'; did you mean {near!r}?' if near else as_module(module_name, attribute)}"
            ) from error
        raise _missing_extra(error, what) from error
    except NasbenchError:
        raise
    except (Exception, SystemExit) as error:  # what is imported may do anything
        if module_name.split(".")[0] in _SIBLINGS:
            raise
        raise InvalidArgumentError(
            f"cannot import {module_name!r} for {what}: {type(error).__name__}: {first_line(error)}"
        ) from error
    _refuse_intruder(module_name)
    try:
        found: Any = module.__getattr__(attribute) if made else getattr(module, attribute)
        return found
    except AttributeError as error:
        if "__getattr__" in vars(module):  # it knows best what it has
            raise UnknownNameError(first_line(error)) from error
        public = [name for name in vars(module) if not name.startswith("_")]
        raise UnknownNameError(
            f"module {module_name!r} has no {attribute!r}{one_of(attribute, public)}"
        ) from error


def as_module(file: str, attribute: str) -> str:
    """Return what to write instead of the path of a Python file; empty where it is none."""
    path = Path(file)
    if path.suffix != ".py" and not (path.name != file and path.with_suffix(".py").is_file()):
        return ""
    folder = "" if path.parent == Path() else f" in the folder {str(path.parent)!r}"
    return f"; did you mean '{path.stem}:{attribute}'{folder}?"


def _missing_extra(error: ModuleNotFoundError, purpose: str) -> MissingExtraError:
    package = (error.name or "").split(".")[0]
    extra = EXTRAS.get(package)
    command = install([extra]) if extra else f"python -m pip install {package}"
    return MissingExtraError(f"{purpose} needs {package!r}, which is not installed: {command}")


def _refuse_intruder(module_name: str) -> None:
    """Refuse another project's package that shadows one of ours, whose names are generic."""
    package = module_name.split(".")[0]
    found = getattr(sys.modules.get(package), "__file__", None)
    if package in _SIBLINGS and found and Path(found).resolve().parent.parent != _HOME:
        raise MissingExtraError(
            f"{package!r} was imported from {found}, another project's package that shadows ours "
            f"in {_HOME / package}: install the suite into an environment of its own"
        )
