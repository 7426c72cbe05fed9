"""``docs/architecture.md`` says how the packages are built: rooms, floors and journeys are true."""

import ast
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PACKAGES = ("nasbench", "data_builders", "surrogates", "algorithms", "leaderboard")
HELD = {"nasbench/data", "leaderboard/shipped/records"}
"""Folders whose own folders hold data, not code."""


def sections(text: str, level: str) -> dict[str, str]:
    """Text of a page by heading of one level."""
    parts = re.split(rf"^{level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def journeys() -> dict[str, list[str]]:
    """The files of every journey, in their order."""
    found = sections(sections(PAGE, "##")["Journeys"], "###")
    return {
        name: re.findall(r"^\d+\. `([^`]+)`:", text, re.MULTILINE) for name, text in found.items()
    }


def module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(path: str) -> set[str]:
    """Modules that a file imports by itself, at its top or inside its functions."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def registered(path: str) -> set[str]:
    """Modules that a file names as ``"module:attribute"``."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return {name.partition(":")[0] for name in re.findall(r'"([a-z_][\w.]*:\w+)"', text)}


def rooms() -> list[str]:
    """Folders in the tree of the page, by the indentation of their lines."""
    (tree,) = re.findall(r"```text\n(nasbench/.*?)```", PAGE, re.DOTALL)
    found: list[str] = []
    above: list[str] = []
    for line in tree.splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        above[depth:] = [name.rstrip("/")]
        found.append("/".join(above))
    return found


def folders() -> list[str]:
    paths = (p for package in PACKAGES for p in [ROOT / package, *(ROOT / package).rglob("*/")])
    names = [str(p.relative_to(ROOT)) for p in paths if p.is_dir() and p.name != "__pycache__"]
    return [n for n in names if not any(n.startswith(f"{held}/") for held in HELD)]


def test_every_folder_has_a_line_in_the_tree():
    assert sorted(rooms()) == sorted(folders())


def test_floors_are_those_of_the_contracts():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = {c["containers"][0]: c["layers"] for c in contracts if "containers" in c}
    (drawn,) = re.findall(r"```text\n(nasbench\n.*?)```", PAGE, re.DOTALL)
    shown: dict[str, list[str]] = {}
    for line in drawn.splitlines():
        if line.startswith(" "):
            shown[list(shown)[-1]].append(line.strip())
        else:
            shown[line] = []
    assert shown == layers


def test_there_are_six_journeys_of_some_length():
    assert len(journeys()) == 6
    assert all(len(files) >= 10 for files in journeys().values())


@pytest.mark.parametrize("name", journeys())
def test_files_of_a_journey_exist(name):
    assert [path for path in journeys()[name] if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", journeys())
def test_a_journey_goes_down(name):
    files = journeys()[name]
    upward = [
        (path, above)
        for i, path in enumerate(files)
        for above in files[:i]
        if module(above) in imported(path)
    ]
    assert upward == []


@pytest.mark.parametrize("name", journeys())
def test_a_journey_has_no_gap(name):
    files = journeys()[name]
    lost = [
        path
        for i, path in enumerate(files[1:], 1)
        if not any(module(path) in imported(a) | registered(a) for a in files[:i])
    ]
    assert lost == []


def test_a_step_upward_would_be_found():
    upward = {
        below
        for files in journeys().values()
        for below, above in pairwise(files[::-1])
        if module(below) in imported(above)
    }
    assert upward, "reversed, the journeys have steps upward"
