"""What a Python file says, whatever its formatting: digest of its code, and its imports.

The digest is made from the syntax tree without comments, docstrings and positions, in a form on
which Python 3.11 to 3.13 agree.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple, TypeAlias

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Source(NamedTuple):
    """Code of a module.

    Attributes:
        digest: Digest of the code.
        imports: Modules that it imports. Of each group the first that exists is meant: ``from a
            import b`` is the module ``a.b``, or else ``a``. Relative names begin with dots.
    """

    digest: str
    imports: tuple[tuple[str, ...], ...]


def read_source(content: bytes) -> Source:
    """Read a module; of what is not Python of this version, the bytes are the code."""
    try:
        return _read(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError):
        return Source(hashlib.sha256(content).hexdigest(), ())


def read_definition(content: bytes, name: str) -> Source | None:
    """Read the statements of a module that define a name, and those that they depend on.

    Returns:
        The source; None if the module does not define the name.
    """
    try:
        tree = ast.parse(content)
        tree.body = _needed(tree.body, name)
        return _read(tree) if tree.body else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def _read(tree: ast.Module) -> Source:
    parts: list[str] = []
    imports: list[tuple[str, ...]] = []
    _write(tree, parts, imports)
    return Source(hashlib.sha256("\n".join(parts).encode()).hexdigest(), tuple(imports))


def _write(node: ast.AST, parts: list[str], imports: list[tuple[str, ...]]) -> None:
    """Write a tree, without empty fields, of which later versions of Python have more."""
    parts.append(type(node).__name__)
    if isinstance(node, ast.Constant):
        parts.append(ascii(node.value))
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        imports += _groups(node)
    for name, value in ast.iter_fields(node):
        if value is None or value == []:
            continue
        parts.append(name)
        if isinstance(value, ast.AST):
            _write(value, parts, imports)
        elif isinstance(value, list):
            for item in _joined(value) if isinstance(node, ast.JoinedStr) else value:
                if not isinstance(item, ast.AST):
                    parts.append(ascii(item))
                elif not _is_text(item):
                    _write(item, parts, imports)
        else:
            parts.append(ascii(value))
    parts.append("end")


def _is_text(node: ast.AST) -> bool:
    """Return whether a node is a docstring, or another text that does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _joined(values: Sequence[ast.expr]) -> list[ast.expr]:
    """Return the parts of an f-string, neighbouring texts as one: versions cut them differently."""
    joined: list[ast.expr] = []
    for value in values:
        last = joined[-1] if joined else None
        if not isinstance(value, ast.Constant):
            joined.append(value)
        elif isinstance(last, ast.Constant):
            joined[-1] = ast.Constant(str(last.value) + str(value.value))
        elif value.value:
            joined.append(value)
    return joined


def _groups(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, ...]]:
    """Yield the modules that a statement imports, as groups of names."""
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        dot = "." if node.module else ""
        yield from ((f"{module}{dot}{alias.name}", module) for alias in node.names)
        return
    for alias in node.names:
        yield (alias.name,)
        if alias.asname is None:  # this binds the first package, and all below can be used
            names = alias.name.split(".")
            yield from ((".".join(names[:n]),) for n in range(1, len(names)))


def _needed(statements: Sequence[ast.stmt], wanted: str) -> list[ast.stmt]:
    """Return the statements that define a name, and all that these depend on."""
    bound = [_bound(statement) for statement in statements]
    if not any(wanted in names for names in bound):
        return []
    ours = _ours(statements)
    effects = {s.name: _changed(s) & ours for s in statements if isinstance(s, _Definition)}
    bound = [
        names | _changed_by(statement, effects, ours)
        for names, statement in zip(bound, statements, strict=True)
    ]
    names = {wanted, "*"}
    needed: set[int] = set()
    before = -1
    while len(needed) > before:
        before = len(needed)
        for place, statement in enumerate(statements):
            if place not in needed and bound[place] & names:
                needed.add(place)
                names |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return [statements[place] for place in sorted(needed)]


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines, or whose parts it assigns."""
    if isinstance(statement, _Definition):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, _Definition):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            found |= set() if isinstance(node.ctx, ast.Load) else {_owner(node)}
    return found


def _ours(statements: Sequence[ast.stmt]) -> set[str]:
    """Return the names that a module defines otherwise than by an import."""
    own = (s for s in statements if not isinstance(s, ast.Import | ast.ImportFrom))
    return set().union(*map(_bound, own))


def _changed_by(statement: ast.stmt, effects: Mapping[str, Set[str]], ours: Set[str]) -> set[str]:
    """Return the names whose things a statement of a module may change when it runs.

    Args:
        statement: The statement.
        effects: What the functions and classes of the module may change when they are called.
        ours: Names that the module defines.
    """
    ran: Sequence[ast.AST] = [statement]
    called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    if isinstance(statement, _Definition):  # only its decorators run
        ran = called = statement.decorator_list
    found = set[str]().union(*map(_changed, ran)) & ours
    return found.union(*(effects.get(_owner(function), ()) for function in called))


def _changed(tree: ast.AST) -> set[str]:
    """Return the names whose things code may change, by assignment or by a method."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            found |= set() if isinstance(node.ctx, ast.Load) else {_owner(node)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(_owner(node.func))
        elif isinstance(node, ast.Call) and _owner(node.func) in ("setattr", "delattr"):
            found.update(map(_owner, node.args[:1]))
    return found


def _owner(expression: ast.expr) -> str:
    """Return the name that an expression such as ``a.b[c](d)`` begins with; empty for none."""
    while isinstance(expression, ast.Attribute | ast.Subscript | ast.Call):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return expression.id if isinstance(expression, ast.Name) else ""
