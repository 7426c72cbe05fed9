"""The shape of the packages: few modules in a folder, imports that go one way, short files.

    python tests/test_structure.py

prints it for every package. A *floor* is a step of the longest chain of imports between the
modules and folders directly below a package; a *room* is one of these.
"""

import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nasbench", "data_builders", "surrogates", "algorithms", "leaderboard")
MOST_MODULES, MOST_LINES = 16, 400
MOST_FLOORS = {"data_builders": 7, "nasbench": 9}


def import_graph() -> grimp.ImportGraph:
    """All imports between our modules, those under ``TYPE_CHECKING`` too."""
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)


def below(folder: str, module: str) -> str | None:
    """The room of ``folder`` in which a module lies; None outside of it and for the folder."""
    rest = module.removeprefix(f"{folder}.")
    return None if rest == module else f"{folder}.{rest.partition('.')[0]}"


def room_imports(graph: grimp.ImportGraph, folder: str) -> dict[str, set[str]]:
    """Which rooms of a folder import which others of it."""
    rooms: dict[str, set[str]] = {room: set() for room in sorted(graph.find_children(folder))}
    for module in graph.find_descendants(folder):
        room = below(folder, module)
        for imported in graph.find_modules_directly_imported_by(module):
            other = below(folder, imported)
            if other not in (None, room):
                rooms[room].add(other)
    return rooms


def floors(imports: dict[str, set[str]]) -> int | list[str]:
    """Length of the longest chain of imports; or a circle, if there is one."""
    heights: dict[str, int] = {}

    def height(room: str, path: tuple[str, ...]) -> int | list[str]:
        if room in path:
            return [*path[path.index(room) :], room]
        if room not in heights:
            highest = 0
            for other in sorted(imports[room]):
                found = height(other, (*path, room))
                if isinstance(found, list):
                    return found
                highest = max(highest, found)
            heights[room] = highest + 1
        return heights[room]

    found = [height(room, ()) for room in imports]
    circle = next((each for each in found if isinstance(each, list)), None)
    return circle or max((each for each in found if isinstance(each, int)), default=0)


def folders() -> list[str]:
    """Every folder with modules of the five packages, as a package name."""
    found = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    return sorted(".".join(path.relative_to(ROOT).parts) for path in found)


def modules(folder: str) -> list[str]:
    """Modules directly in a folder, without ``__init__`` and ``__main__``."""
    path = ROOT.joinpath(*folder.split("."))
    return sorted(file.stem for file in path.glob("*.py") if not file.stem.startswith("__"))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return import_graph()


@pytest.mark.parametrize("folder", folders())
def test_a_folder_can_be_taken_in_at_a_glance(folder):
    assert len(modules(folder)) <= MOST_MODULES, modules(folder)


@pytest.mark.parametrize("folder", folders())
def test_imports_between_rooms_go_one_way(graph, folder):
    found = floors(room_imports(graph, folder))
    assert not isinstance(found, list), " -> ".join(found)
    assert found <= MOST_FLOORS.get(folder, found)


def test_no_module_imports_in_a_circle(graph):
    imports = {
        module: graph.find_modules_directly_imported_by(module) - {module}
        for module in graph.modules
    }
    found = floors(imports)
    assert not isinstance(found, list), " -> ".join(found)


def test_files_are_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_a_circle_is_found():
    assert floors({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert floors({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == 3


def report() -> str:
    """What the tests above judge, in numbers."""
    graph = import_graph()
    lines = [f"{'package':<14} rooms  floors  most modules in a folder  longest file"]
    for package in PACKAGES:
        rooms = room_imports(graph, package)
        height = floors(rooms)
        inside = [name for name in folders() if name == package or below(package, name)]
        fullest = max(inside, key=lambda name: len(modules(name)))
        longest = max(
            (len(path.read_text().splitlines()), path.name)
            for path in (ROOT / package).rglob("*.py")
        )
        told = " -> ".join(height) if isinstance(height, list) else str(height)
        lines.append(
            f"{package:<14} {len(rooms):>5}  {told:>6}  {len(modules(fullest)):>3} {fullest:<22}"
            f"{longest[0]:>6} {longest[1]}"
        )
    return "\n".join(lines)


def test_slow_tests_start_first(request: pytest.FixtureRequest) -> None:
    quick = [item.get_closest_marker("slow") is None for item in request.session.items]
    assert quick == sorted(quick)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
