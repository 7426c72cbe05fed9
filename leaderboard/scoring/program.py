"""The class to score: found in a file, a module or the registry."""

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from leaderboard.scoring.target import split
from nasbench.algorithm import Algorithm
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.runs.setup import load_algorithm

_MODULE = "scored_program"
_OURS = ("algorithms", "nasbench", "surrogates", "data_builders", "leaderboard")


def folder(target: str) -> str | None:
    """Return the folder that holds a program's code; None for a registered algorithm."""
    found = split(target)
    if found is not None:
        return str(Path(found[0]).resolve().parent)
    module, colon, _ = target.partition(":")
    name = module.partition(".")[0]
    if not colon or name in _OURS:
        return None
    sys.path.insert(0, str(Path.cwd()))
    spec = find_spec(name) if name.isidentifier() else None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).resolve())
    return None if spec.origin is None else str(Path(spec.origin).resolve().parent)


def load(target: str) -> type[Algorithm]:
    """Import the class of a target, see :mod:`leaderboard.scoring.target`.

    Raises:
        UnknownNameError: There is no such file, class or registered name.
        InvalidArgumentError: The class is no algorithm, or not one of ours fails when imported.
        Exception: Whatever a file raises when it is imported.
    """
    found = split(target)
    if found is None:
        return load_algorithm(target)
    file, name = found
    module = _imported(file)
    if name:
        if not hasattr(module, name):
            raise UnknownNameError(f"{file} has no class {name!r}{one_of(name, _public(module))}")
        return load_algorithm(getattr(module, name))
    own = [kind for kind in _algorithms(module) if not kind.__abstractmethods__]
    if len(own) != 1:
        names = sorted(kind.__name__ for kind in own)
        raise InvalidArgumentError(
            f"{file} defines {len(own)} algorithms, {names}: name one as {file}:Class"
            if own
            else f"{file} defines no subclass of nasbench.algorithm.Algorithm with ask and tell"
        )
    return own[0]


def _imported(file: str) -> ModuleType:
    path = Path(file).resolve()
    sys.path.append(str(path.parent))
    spec = spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise InvalidArgumentError(f"{file} cannot be imported as a module")
    module = module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


def _algorithms(module: ModuleType) -> list[type[Algorithm]]:
    values: list[Any] = list(vars(module).values())
    return [
        value
        for value in dict.fromkeys(each for each in values if isinstance(each, type))
        if issubclass(value, Algorithm) and value.__module__ == module.__name__
    ]


def _public(module: ModuleType) -> list[str]:
    return [kind.__name__ for kind in _algorithms(module)]
