"""The code of classes without a file, as those of notebooks: compiled, as it runs.

What counts are the methods and values of the class, and the functions, classes and plain values of
its module that they name. The instructions differ between versions of Python, and so do the
digests. Docstrings of methods count, as part of what is compiled.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, cached_property, partial, partialmethod
from types import CodeType, FunctionType, ModuleType
from typing import Any

from nasbench.runs.fingerprints.syntax import Source

_CONTAINERS = (list, tuple, dict)
_DECORATED = (
    *(staticmethod, classmethod, property, cached_property, partial, partialmethod),
    type(cache(len)),
)
_INSIDE = ("__wrapped__", "fget", "fset", "fdel", "func", "args", "keywords")
_MADE_BY_PYTHON = ("__dict__", "__weakref__", "__firstlineno__", "__static_attributes__")


def read_compiled(kind: type) -> Source:
    """Read a class.

    Args:
        kind: The class.

    Returns:
        Its code, and the other modules whose functions, classes or names it uses.
    """
    code = _Code(kind.__module__)
    code.add(kind)
    digest = hashlib.sha256("\n".join(code.parts).encode()).hexdigest()
    return Source(digest, tuple((module,) for module in code.modules))


class _Code:
    """Code of one module, as texts.

    Args:
        module: Name of the module.

    Attributes:
        parts: What was added.
        modules: Names of the other modules that it uses.
    """

    def __init__(self, module: str) -> None:
        self.parts: list[str] = []
        self.modules: dict[str, None] = {}
        self._module = module
        self._seen: set[int] = set()

    def add(self, thing: Any) -> None:
        """Add a class, a function or a value, and what they use; those of other modules by name."""
        if isinstance(thing, ModuleType):
            self.modules[thing.__name__] = None
            self.parts.append(thing.__name__)
        elif isinstance(thing, type | FunctionType):
            module = thing.__module__ or ""
            self.parts.append(f"{module}:{thing.__qualname__}")
            if module != self._module:
                self.modules[module] = None
            elif id(thing) not in self._seen:
                self._seen.add(id(thing))
                self._add_class(thing) if isinstance(thing, type) else self._add_function(thing)
        elif isinstance(thing, _DECORATED):
            self.parts.append(type(thing).__name__)
            for inner in _inside(thing):
                self.add(inner)
        else:
            self.parts.append(_text(thing))
            for member in _members(thing):
                self.add(member)

    def _add_class(self, kind: type) -> None:
        for base in kind.__bases__:
            self.add(base)
        for name, member in vars(kind).items():
            if name not in ("__doc__", *_MADE_BY_PYTHON):
                self.parts.append(name)
                self.add(member)

    def _add_function(self, function: FunctionType) -> None:
        names: dict[str, None] = {}
        for code in codes_inside(function.__code__):
            names |= dict.fromkeys(code.co_names)
        self.parts += instructions(function.__code__)
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.add(value)
        for cell in function.__closure__ or ():
            with suppress(ValueError):  # empty
                self.add(cell.cell_contents)
        for name in names:
            if name in function.__globals__:
                self.add(function.__globals__[name])


def functions_of(thing: object) -> Iterator[FunctionType]:
    """Yield a function, or those that a decorator of the standard library holds."""
    if isinstance(thing, FunctionType):
        yield thing
    elif isinstance(thing, _DECORATED):
        for inner in _inside(thing):
            yield from functions_of(inner)


def _inside(thing: object) -> list[Any]:
    """Return what a decorator of the standard library holds."""
    return [inner for name in _INSIDE if (inner := getattr(thing, name, None)) is not None]


def _members(thing: object) -> list[Any]:
    """Return the members of a container whose code counts, or whose members' code does."""
    members = thing.values() if isinstance(thing, dict) else thing
    if not isinstance(members, Iterable) or not isinstance(thing, _CONTAINERS):
        return []
    kinds = (FunctionType, type, *_CONTAINERS, *_DECORATED)
    return [member for member in members if isinstance(member, kinds)]


def codes_inside(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_inside(constant)


def instructions(code: CodeType) -> list[str]:
    """Return what code does, without names of files and numbers of lines."""
    return [
        text
        for part in codes_inside(code)
        for text in (
            part.co_code.hex(),
            *part.co_names,
            *part.co_varnames,
            *part.co_freevars,
            *map(_text, part.co_consts),
        )
    ]


def _text(value: object) -> str:
    """Write a plain value; of anything else only its type."""
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_text(k)}: {_text(v)}' for k, v in value.items())}}}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return ascii(value)
    return type(value).__name__
