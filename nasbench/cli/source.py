"""What the source of a class says, without importing the class.

So a list of forty algorithms is instant although some import PyTorch, and what needs a package that
is not installed is described all the same.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nasbench.registry import EXTRAS

_PACKAGES = ("algorithms", "data_builders", "surrogates")


class Source:
    """A class as its source says.

    Args:
        place: ``"module:Class"``. A module or class that is not found has no documentation.

    Attributes:
        place: As given.
        module: Name of the module.
        docstring: Of the class.
        paper: Docstring of the module.
        missing: Extras that bring what the module imports and is not installed.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.module, _, name = place.partition(":")
        tree = _tree(self.module)
        self._classes = list(_with_bases(self.module, name))
        self.docstring = (ast.get_docstring(self._classes[0]) or "") if self._classes else ""
        self.paper = ast.get_docstring(tree) or ""
        packages = _needed(self.module, set())
        self.missing = sorted({EXTRAS[p] for p in packages if find_spec(p) is None})

    def constant(self, name: str) -> Any:
        """Value of an attribute of the class or its bases; None if there is none, or no literal."""
        node = self._attribute(name)
        try:
            return None if node is None else ast.literal_eval(node)
        except ValueError:
            return None

    def keys(self, name: str) -> list[str]:
        """Keys of a dict that is an attribute, whatever its values are."""
        node = self._attribute(name)
        keys = node.keys if isinstance(node, ast.Dict) else ()
        return [str(key.value) for key in keys if isinstance(key, ast.Constant)]

    def _attribute(self, name: str) -> ast.expr | None:
        for node in (statement for found in self._classes for statement in found.body):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    return node.value
        return None


@cache
def _tree(module: str) -> ast.Module:
    """A module; an empty one if it is not found or cannot be read."""
    try:
        spec = find_spec(module)
        path = Path(str(spec and spec.origin))
        return ast.parse(path.read_bytes())
    except (Exception, SystemExit):  # the package around a module of a plug-in may fail in any way
        return ast.parse("")


def _with_bases(module: str, name: str) -> Iterator[ast.ClassDef]:
    """A class and, depth first, those of its bases that our packages define."""
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield node
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id != name:
                    yield from _with_bases(module, base.id)
        elif isinstance(node, ast.ImportFrom) and _is_ours(node.module or ""):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    yield from _with_bases(str(node.module), alias.name)


def _needed(module: str, seen: set[str]) -> set[str]:
    """Packages of extras that are imported with a module, also by those of ours that it imports."""
    found: set[str] = set()
    for node in _tree(module).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if (package := name.partition(".")[0]) in EXTRAS:
                found.add(package)
            elif _is_ours(name) and name not in seen:
                seen.add(name)
                found |= _needed(name, seen)
    return found


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _PACKAGES
