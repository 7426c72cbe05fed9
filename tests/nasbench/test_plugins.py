import sys

import pytest

from nasbench.errors import InvalidArgumentError, MissingExtraError, UnknownNameError
from nasbench.plugins import Plugin, plugins
from nasbench.registry import Registry

TOYS = Registry("nasbench.toys", "toy", {"counter": "collections:Counter"})


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """``distribution(name, text, **modules)`` is installed, first on the Python path."""

    def install(name, points, **modules):
        site = tmp_path / name
        about = site / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_bytes(points.encode("latin-1"))
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(site)

    before = set(sys.modules)
    yield install
    for module in set(sys.modules) - before:
        del sys.modules[module]


def test_plug_ins_are_found_with_their_origin(distribution):
    distribution("alice", "[nasbench.toys]\ndeque = collections:deque [extra]\n")
    assert plugins("nasbench.toys") == {"deque": Plugin("collections:deque", "alice 1.0")}
    assert plugins("nasbench.others") == {}
    assert TOYS.load("deque").__name__ == "deque"
    assert TOYS.names() == ["counter", "deque"]


def test_two_plug_ins_of_one_name_are_both_named_and_neither_is_loaded(distribution):
    distribution("alice", "[nasbench.toys]\nx = collections:deque\nsame = collections:deque\n")
    distribution("bob", "[nasbench.toys]\nx = collections:OrderedDict\nsame = collections:deque\n")
    with pytest.raises(InvalidArgumentError) as caught:
        TOYS.load("x")
    for part in ("alice 1.0", "bob 1.0", "'collections:deque'", "'collections:OrderedDict'"):
        assert part in str(caught.value)
    assert TOYS.load("same").__name__ == "deque"
    assert TOYS.plugins()["same"].origin == "bob 1.0 and alice 1.0"


@pytest.mark.parametrize("order", [("ladder", "nas-ladder"), ("nas-ladder", "ladder")])
def test_a_distribution_whose_name_is_a_part_of_another_is_another(distribution, order):
    places = {"ladder": "collections:deque", "nas-ladder": "collections:OrderedDict"}
    for name in order:
        distribution(name, f"[nasbench.toys]\nx = {places[name]}\n")
    with pytest.raises(InvalidArgumentError, match=r"both add a 'x'"):
        TOYS.load("x")


def test_a_plug_in_with_a_name_of_ours_is_told_and_reached_by_its_place(distribution):
    distribution("alice", "[nasbench.toys]\ncounter = collections:deque\n")
    assert TOYS.load("counter").__name__ == "Counter"
    assert TOYS.plugins() == {}
    assert TOYS.shadowed() == {"counter": Plugin("collections:deque", "alice 1.0")}


@pytest.mark.parametrize("place", ["deque", "", "a b:C", "collections:", ":deque", "a:b:c", "1:c"])
def test_a_malformed_place_is_said(distribution, place):
    distribution("alice", f"[nasbench.toys]\nx = {place}\n")
    with pytest.raises(InvalidArgumentError, match=r"alice 1\.0 .*is not 'module:Class'"):
        TOYS.load("x")


def test_a_name_with_a_colon_means_a_module(distribution):
    distribution("alice", "[nasbench.toys]\nx:y = collections:deque\n")
    problem = TOYS.plugins()
    assert [plugin.problem for plugin in problem.values()] != [""]


@pytest.mark.parametrize(
    "damage", ["[nasbench.toys]\nno equals sign\n", "[nasbench.toys]\n\xff=a:b"]
)
def test_a_damaged_list_of_entry_points_hides_no_other(distribution, damage):
    distribution("alice", "[nasbench.toys]\ndeque = collections:deque\n")
    distribution("mallory", f"[nasbench.toys]\n{damage}\n")
    distribution("stranger", "[console_scripts]\nno equals sign\n")
    found = TOYS.plugins()
    assert found["deque"] == Plugin("collections:deque", "alice 1.0")
    assert found.keys() == {"deque", "mallory"}
    assert TOYS.load("deque").__name__ == "deque"
    with pytest.raises(InvalidArgumentError, match=r"mallory 1\.0 has a damaged entry_points\.txt"):
        TOYS.load("mallory")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("1 / 0", InvalidArgumentError, "alice 1.0: ZeroDivisionError"),
        ("raise SystemExit(3)", InvalidArgumentError, "SystemExit: 3"),
        ("def broken(", InvalidArgumentError, "SyntaxError"),
        ("Other = 1", InvalidArgumentError, "has no 'Toy'"),
        ("import no_such_package", MissingExtraError, "pip install no_such_package"),
    ],
)
def test_a_plug_in_that_fails_says_why(distribution, source, error, message):
    distribution("alice", "[nasbench.toys]\nx = toy_module:Toy\n", toy_module=source)
    with pytest.raises(error, match=message):
        TOYS.load("x")


def test_a_plug_in_whose_module_is_gone_is_to_be_installed_again(distribution):
    distribution("alice", "[nasbench.toys]\nx = gone.inside:Toy\n")
    with pytest.raises(InvalidArgumentError, match=r"no module 'gone'; install its dist"):
        TOYS.load("x")


def test_a_class_of_a_plug_in_has_its_registered_name(distribution):
    points = "[nasbench.toys]\nx = toy_module:Toy\n"
    distribution("alice", points, toy_module="class Toy: pass\nclass Other: pass\n")
    toy = TOYS.load("x")
    assert TOYS.name_of(toy) == "x"
    assert TOYS.name_of(sys.modules["toy_module"].Other) == "toy_module:Other"
    with pytest.raises(UnknownNameError, match="did you mean 'counter'"):
        TOYS.load("countr")
