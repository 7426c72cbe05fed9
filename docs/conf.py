"""Configuration of the site: ``python -m sphinx -W --keep-going -b html docs site-docs``.

Nothing is fetched while it is built, and the pages fetch nothing when they are read.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from docutils.nodes import Element
from pygments.lexers.shell import BashLexer
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode
from typer.main import get_command

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TRITON_INTERPRET", "1")  # else triton's kernels need a GPU to be imported

from nasbench import cli  # noqa: E402 - from this folder, whatever is installed

# General

project = "nasbench"
author = "The nasbench developers"
copyright = author
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
version = release
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.duration",
]
exclude_patterns = ["scripts", "extending"]
templates_path = ["_templates"]
highlight_language = "text"
maximum_signature_line_length = 80

# Pages

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# Reference

PACKAGES = ("nasbench", "algorithms", "data_builders", "surrogates", "leaderboard")
LEFT_OUT = ("nasbench.cli", "nasbench.data")
autodoc_default_options = {"members": True, "ignore-module-all": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_mock_imports = ["carps"]  # needs an environment of its own
autodoc_typehints_format = "short"
autosummary_generate = False
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True
nitpicky = True
nitpick_ignore_regex = [
    ("py:attr", ".*"),  # instances have attributes that no import shows
    ("py:class", "Booster|RandomForestRegressor"),  # imported for type checkers alone
    ("py:class", r"carps\..*"),  # cannot be installed beside the tests
]

# Output

html_theme = "furo"
html_title = f"nasbench {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False


def say_needs(app: Sphinx, docname: str, source: list[str]) -> None:
    """Show below its title what the examples of a page need, as its front matter says."""
    found = re.match(r"---\nneeds: (.+)\n---\n\n(# .+\n)", source[0])
    if found:
        note = f":::{{note}}\nThe examples on this page need {found[1]}.\n:::\n"
        source[0] = f"{found[2]}\n{note}{source[0][found.end() :]}"


MADE_HERE = ".. made by conf.py\n\n"


def write_reference(app: Sphinx) -> None:
    """Write a page for every folder of the packages, with its modules, and one for the commands."""
    out = Path(app.srcdir) / "api"
    out.mkdir(exist_ok=True)
    folders = [
        folder.parent
        for package in PACKAGES
        for folder in sorted((ROOT / package).rglob("__init__.py"))
        if not dotted(folder.parent).startswith(LEFT_OUT)
    ]
    pages = {f"{dotted(folder)}.rst": reference_page(folder, folders) for folder in folders}
    pages["commands.rst"] = commands_page()
    pages = {name: MADE_HERE + text for name, text in pages.items()}
    for name, text in pages.items():
        if not (out / name).exists() or (out / name).read_text(encoding="utf-8") != text:
            (out / name).write_text(text, encoding="utf-8")
    for path in out.glob("*.rst"):
        if path.name not in pages and path.read_text(encoding="utf-8").startswith(MADE_HERE):
            path.unlink()


def reference_page(folder: Path, folders: list[Path]) -> str:
    """A folder's own docstring, its folders, and a section for each of its modules."""
    inner = [dotted(each) for each in folders if each.parent == folder]
    files = [path for path in sorted(folder.glob("*.py")) if path.stem[0] != "_"]
    modules = [dotted(path) for path in files if dotted(path) not in LEFT_OUT]
    parts = [titled(dotted(folder), "="), f".. automodule:: {dotted(folder)}"]
    if inner:
        parts += [directive("toctree", inner, maxdepth=1)]
    if modules:
        parts += [directive("autosummary", [name.rpartition(".")[2] for name in modules])]
    for module in modules:
        parts += [titled(module, "-"), f".. automodule:: {module}"]
    return "\n\n".join(parts) + "\n"


def commands_page() -> str:
    """The help of every command."""
    parts = [titled("Command line", "=")]
    for name, text in command_helps(get_command(cli.app), "nasbench"):
        lines = "\n".join(f"   {line}".rstrip() for line in text.splitlines())
        parts += [titled(name, "-"), f".. code-block:: text\n\n{lines}"]
    return "\n\n".join(parts) + "\n"


def command_helps(command: Any, name: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """Full name and help of a command, and of those below it."""
    last = name.rpartition(" ")[2]
    context = command.make_context(
        last, [], parent=parent, resilient_parsing=True, terminal_width=88
    )
    yield name, command.get_help(context)
    for inner in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from command_helps(command.get_command(context, inner), f"{name} {inner}", context)


def dotted(path: Path) -> str:
    """The import path of a file or folder."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def titled(text: str, line: str) -> str:
    """A heading of reStructuredText."""
    return f"{text}\n{line * len(text)}"


def directive(name: str, lines: list[str], **options: int) -> str:
    """A directive with one entry a line."""
    head = [f".. {name}::", *(f"   :{key}: {value}" for key, value in options.items())]
    return "\n".join([*head, "", *(f"   {line}" for line in lines)])


def read_as_prose(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon and docutils from reading more into a docstring than it says.

    ``|x|`` is an absolute value, not a substitution; and types stand in annotations alone, so that
    words before a colon are none: those of a property, and of what a function returns.
    """
    for i, line in enumerate(lines):
        prose = line.split("``")
        prose[::2] = [part.replace("|", r"\|") for part in prose[::2]]
        lines[i] = "``".join(prose)
        if i == 0 and what in ("attribute", "data", "property"):
            lines[i] = f": {lines[i]}"
        elif i and lines[i - 1].strip() in ("Returns:", "Yields:"):
            indent = len(line) - len(line.lstrip())
            lines[i] = f"{line[:indent]}: {lines[i][indent:]}"


def name_defaults(
    app: Sphinx,
    what: str,
    name: str,
    thing: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """A default that is made for every instance is no Python: show an ellipsis."""
    return signature and signature.replace("<factory>", "..."), returns


def drop_object(app: Sphinx, domain: str, kind: str, content: Element) -> None:
    """Name the bases of a class that has some besides ``object``."""
    if content.children and content.children[0].astext() == "Bases: object":
        content.pop(0)


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: Element
) -> Element | None:
    """Resolve a reference as Python would in the module of the docstring, else by its last names.

    What exists and is documented here becomes a link, what exists elsewhere stays text, and what
    does not exist, or in several places, stays a broken reference.
    """
    if node.get("refdomain") != "py":
        return None
    documented = env.domains.python_domain.objects
    target, module = node["reftarget"], node.get("py:module")
    for place in filter(None, [module and f"{module}:{target}", target, f"builtins:{target}"]):
        with suppress(ImportError, AttributeError, ValueError):
            thing = resolve_name(place)
            name = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
            if name not in documented:
                return text
            break
    else:
        found = [name for name in documented if name.endswith(f".{target}")]
        if len(found) != 1:
            return None
        (name,) = found
    entry = documented[name]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, text)


def setup(app: Sphinx) -> None:
    """Register the hooks, and colour ``console`` blocks as the shell commands that they hold."""
    app.add_lexer("console", BashLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("builder-inited", write_reference)
    app.connect("source-read", say_needs)
    app.connect("autodoc-process-docstring", read_as_prose, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", name_defaults)
    app.connect("object-description-transform", drop_object)
    app.connect("missing-reference", resolve)
