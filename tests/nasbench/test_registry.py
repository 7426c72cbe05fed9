import re
import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from nasbench.errors import InvalidArgumentError, MissingExtraError, UnknownNameError
from nasbench.plugins import Plugin
from nasbench.registry import Registry, install, require
from nasbench.space import SearchSpace
from nasbench.spaces import SPACES

TOYS = Registry(
    "nasbench.toys",
    "toy",
    {
        "ordered_dict": "collections:OrderedDict",
        "counter": "collections:Counter",
        "no_attribute": "collections:Contuer",
        "heavy": "toy_that_needs_torch:Toy",
    },
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder; imports from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_registry_is_a_mapping_in_the_order_of_its_lines():
    assert list(TOYS) == ["ordered_dict", "counter", "no_attribute", "heavy"]
    assert len(TOYS) == 4
    assert "counter" in TOYS
    assert TOYS["counter"] == "collections:Counter"


def test_registry_does_not_change_with_the_dictionary_it_was_made_from():
    lines = {"counter": "collections:Counter"}
    registry = Registry("nasbench.toys", "toy", lines)
    lines.clear()
    assert list(registry) == ["counter"]


def test_load_returns_the_object():
    from collections import Counter

    assert TOYS.load("counter") is Counter


def test_a_mistyped_package_is_guessed(folder):
    registry = Registry("nasbench.toys", "toy", {}, rooms={"collections": "collections"})
    with pytest.raises(UnknownNameError, match="did you mean 'collections:Counter'"):
        registry.load("collection:Counter")
    with pytest.raises(UnknownNameError, match=r"in the current folder$"):
        registry.load("nothing_like_it:Counter")


def test_making_a_registry_imports_nothing():
    Registry("nasbench.toys", "toy", {"x": "no_such_module:X"})
    assert "no_such_module" not in sys.modules


def test_unknown_name_lists_the_possible_and_guesses():
    with pytest.raises(UnknownNameError) as caught:
        TOYS.load("conter")
    message = str(caught.value)
    assert "no toy is called 'conter'" in message
    assert "did you mean 'counter'?" in message
    assert "'ordered_dict'" in message


def test_unknown_name_is_a_lookup_error():
    with pytest.raises(LookupError):
        TOYS.load("")


def test_missing_attribute_guesses():
    with pytest.raises(UnknownNameError, match="no 'Contuer'; did you mean 'Counter'"):
        TOYS.load("no_attribute")


@pytest.mark.parametrize("target", [":Toy", "module:", ":"])
def test_half_a_target_is_refused(target):
    with pytest.raises(InvalidArgumentError, match="'module:attribute'"):
        TOYS.load(target)


def test_own_code_is_found_in_the_current_folder(folder):
    (folder / "my_own_toy.py").write_text("class Toy: pass\n")
    assert TOYS.load("my_own_toy:Toy").__name__ == "Toy"


def test_own_module_that_does_not_exist(folder):
    with pytest.raises(UnknownNameError, match=r"cannot import 'my_missing_toy' for the toy"):
        TOYS.load("my_missing_toy:Toy")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("./mine.py:Toy", "'./mine.py' is not the name of a module; did you mean 'mine:Toy'?"),
        ("mine.py:Toy", "did you mean 'mine:Toy'?"),
        ("./mine:Toy", "did you mean 'mine:Toy'?"),
        ("sub/other.py:Toy", "did you mean 'other:Toy' in the folder 'sub'?"),
        (".mine:Toy", "'.mine' is not the name of a module"),
        ("mine :Toy", "'mine ' is not the name of a module"),
    ],
)
def test_a_path_of_own_code_guesses_the_module(folder, target, expected):
    (folder / "mine.py").write_text("class Toy: pass\n")
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=re.escape(expected)):
        TOYS.load(target)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("class Toy", "SyntaxError: expected ':'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("from json import nothing", "ImportError: cannot import name 'nothing'"),
    ],
)
def test_own_code_that_fails_when_imported_says_how(folder, code, expected):
    (folder / "my_broken_toy.py").write_text(code)
    said = rf"cannot import 'my_broken_toy' for the toy 'my_broken_toy:Toy': {expected}"
    with pytest.raises(InvalidArgumentError, match=said):
        TOYS.load("my_broken_toy:Toy")


def test_own_module_without_the_attribute(folder):
    (folder / "my_other_toy.py").write_text("class Toy: pass\n")
    with pytest.raises(UnknownNameError, match="did you mean 'Toy'"):
        TOYS.load("my_other_toy:Toi")


def test_own_module_that_needs_a_package_names_that_package(folder):
    (folder / "my_needy_toy.py").write_text("import no_such_package\n")
    with pytest.raises(MissingExtraError, match="pip install no_such_package"):
        TOYS.load("my_needy_toy:Toy")


def test_missing_extra_is_named(folder, monkeypatch):
    (folder / "toy_that_needs_torch.py").write_text("import torch.nn\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install -e "\.\[torch\]".*/whl/cpu'):
        TOYS.load("heavy")


def test_entry_points_of_other_distributions_are_asked(monkeypatch):
    point = EntryPoint("theirs", "collections:deque", "nasbench.toys")
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [point] if group == "nasbench.toys" else []
    )
    assert TOYS.load("theirs").__name__ == "deque"
    with pytest.raises(UnknownNameError):
        Registry("nasbench.others", "other", {}).load("theirs")


def test_own_code_of_another_kind_is_refused(folder):
    registry = Registry("nasbench.toys", "toy", {}, base="collections:OrderedDict")
    (folder / "my_kinds.py").write_text(
        "from collections import OrderedDict\nclass Toy(OrderedDict): pass\nclass Other: pass\n"
    )
    assert registry.load("my_kinds:Toy").__name__ == "Toy"
    for wrong in ("my_kinds:Other", "os:sep", "os:path"):
        with pytest.raises(InvalidArgumentError, match="not a subclass of collections"):
            registry.load(wrong)


def test_plug_ins_are_told_with_their_origin_and_guessed(folder, monkeypatch):
    about = folder / "toy_nas-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: toy-nas\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(
        "[nasbench.toys]\ntheirs = collections:deque\ncounter = collections:deque\n"
    )
    monkeypatch.syspath_prepend(folder)
    assert TOYS.plugins() == {"theirs": Plugin("collections:deque", "toy-nas 1.2")}
    assert TOYS.names() == [*TOYS, "theirs"]
    with pytest.raises(UnknownNameError, match=r"did you mean 'theirs'\? Possible: .*'theirs'"):
        TOYS.load("theris")


@pytest.mark.parametrize(
    ("extras", "command"),
    [
        (["surrogates"], 'python -m pip install -e ".[surrogates]"'),
        (["torch", "datasets"], 'python -m pip install -e ".[datasets,torch]"'),
    ],
)
def test_extras_are_installed_from_the_sources_and_torch_without_cuda(extras, command):
    told = install(extras)
    assert told.startswith(f"in the folder of the sources, run {command}")
    assert ("--index-url https://download.pytorch.org/whl/cpu" in told) == ("torch" in extras)


def test_a_line_of_ours_wins_over_an_entry_point(monkeypatch):
    point = EntryPoint("counter", "collections:deque", "nasbench.toys")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    assert TOYS.load("counter").__name__ == "Counter"


def test_a_foreign_package_of_one_of_our_names_is_refused(tmp_path, monkeypatch):
    foreign = ModuleType("surrogates")
    foreign.__file__ = str(tmp_path / "surrogates" / "__init__.py")
    foreign.Forest = object
    monkeypatch.setitem(sys.modules, "surrogates", foreign)
    registry = Registry("nasbench.regressors", "regressor", {"forest": "surrogates:Forest"})
    with pytest.raises(MissingExtraError, match="shadows ours") as caught:
        registry.load("forest")
    assert str(tmp_path) in str(caught.value)


def test_require_returns_the_module_or_names_the_extra(monkeypatch):
    assert require("json", "this") is sys.modules["json"]
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r'reading it needs .h5py.*-e "\.\[importers\]"$'):
        require("h5py", "reading it")


@pytest.mark.parametrize("name", SPACES)
def test_every_space_is_called_as_it_is_registered(name):
    space = SPACES.load(name)
    assert issubclass(space, SearchSpace)
    assert space.name == name


def test_unknown_space_is_guessed():
    with pytest.raises(UnknownNameError, match="no search space is called 'nb202'; did you mean"):
        SPACES.load("nb202")


def test_a_file_names_only_what_is_registered(folder):
    from collections import Counter

    (folder / "intruder.py").write_text("raise SystemExit('imported')")
    assert TOYS.load_registered("counter") is Counter
    message = "no toy is called 'intruder:Toy'; a file can name only what is registered. Possible:"
    with pytest.raises(UnknownNameError, match=message):
        TOYS.load_registered("intruder:Toy")
    with pytest.raises(UnknownNameError, match="did you mean 'counter'"):
        TOYS.check_registered("countr")


def test_a_room_gives_only_what_its_module_makes():
    pytest.importorskip("optuna", reason="needs the extra optuna")
    from algorithms import ALGORITHMS

    for name in ("OptunaSearch", "Adapter", "_pruner", "np", "__name__"):
        with pytest.raises(UnknownNameError, match="samplers has no"):
            ALGORITHMS.load(f"optuna:{name}")
