"""The code of an algorithm: what changes its fingerprint, and what does not."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from algorithms import ALGORITHMS
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.spaces.nb201 import NB201

MINE = '''"""A search."""

from nasbench.algorithm import Algorithm, Proposal
from near import helper  # own code


class Mine(Algorithm):
    """Samples."""

    rate = 0.5

    def ask(self):
        return Proposal(helper(self))

    def tell(self, observation):
        pass
'''
HELPER = "from nearer import draw\n\ndef helper(search):\n    return draw(search)\n"
DRAW = "def draw(search):\n    return search.space.sample(search.rng)\n"
FILES = {"mine.py": MINE, "near.py": HELPER, "nearer.py": DRAW, "other.py": "x = 1\n"}
PACKAGE = {
    "own/__init__.py": "",
    "own/mine.py": MINE.replace("from near import", "from .parts.near import"),
    "own/parts/__init__.py": "",
    "own/parts/near.py": HELPER.replace("from nearer import", "from ..nearer import"),
    "own/nearer.py": DRAW,
    "own/other.py": "x = 1\n",
    "near.py": "x = 1\n",
}


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    """Write files, import the class ``Mine`` of a module, and give its fingerprint."""

    def fingerprint(files, module="mine", *, folder="code"):
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / folder)
            ours = {Path(name).parts[0].removesuffix(".py") for name in files}
            for name in [name for name in sys.modules if name.split(".")[0] in ours]:
                patch.delitem(sys.modules, name)  # of the same name, from another test
            before = set(sys.modules)
            mine = importlib.import_module(module).Mine
            found = code_fingerprint(mine)
            for name in set(sys.modules) - before:
                del sys.modules[name]
        return found

    yield fingerprint
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("# own code", "# another comment", True),
        ('"""Samples."""', '"""Samples,\n\n    and that is all.\n    """', True),
        ("\n", "\r\n", True),
        ("    ", "\t", True),
        ("Proposal(helper(self))", "Proposal(\n            helper(self),\n        )", True),
        ('    """Samples."""\n', "", True),
        ("rate = 0.5", "rate = 0.25", False),
        ("helper(self))", "helper(self), 3)", False),
        ("pass", "self.told = observation", False),
    ],
)
def test_code_counts_and_nothing_else(fingerprint, old, new, is_same):
    before = fingerprint(FILES, folder="before")
    edited = FILES | {"mine.py": MINE.replace(old, new)}
    assert edited != FILES
    assert (fingerprint(edited, folder="after") == before) == is_same


@pytest.mark.parametrize(
    ("files", "module", "edited", "is_same"),
    [
        (FILES, "mine", "near.py", False),
        (FILES, "mine", "nearer.py", False),
        (FILES, "mine", "other.py", True),
        (PACKAGE, "own.mine", "own/parts/near.py", False),
        (PACKAGE, "own.mine", "own/nearer.py", False),
        (PACKAGE, "own.mine", "own/other.py", True),
        (PACKAGE, "own.mine", "near.py", True),
    ],
)
def test_own_modules_count_if_they_are_imported(fingerprint, files, module, edited, is_same):
    before = fingerprint(files, module, folder="before")
    files = files | {edited: files[edited] + "changed = True\n"}
    assert (fingerprint(files, module, folder="after") == before) == is_same


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import own.parts.far", "own/parts/far.py"),
        ("import own.parts.far", "own/__init__.py"),
        ("import own.parts.far as far", "own/parts/far.py"),
        ("from own.parts import far", "own/parts/far.py"),
        ("from own.parts.far import *", "own/parts/far.py"),
        ("from .parts import far", "own/parts/far.py"),
        ("from . import parts", "own/parts/__init__.py"),
        ("def later():\n    from own.parts.far import x", "own/parts/far.py"),
    ],
)
def test_every_form_of_import_is_followed(fingerprint, statement, module):
    mine = f"{PACKAGE['own/mine.py']}\n{statement}\n"
    files = PACKAGE | {"own/parts/far.py": "x = 1\n", "own/mine.py": mine}
    before = fingerprint(files, "own.mine", folder="before")
    files[module] += "changed = True\n"
    assert fingerprint(files, "own.mine", folder="after") != before


def test_circular_imports_end(fingerprint):
    files = FILES | {"nearer.py": f"import near\n{DRAW}"}
    assert fingerprint(files, folder="before") != fingerprint(FILES, folder="after")


def test_a_module_beside_installed_packages_counts_alone(fingerprint):
    before = fingerprint(FILES, folder="a/site-packages")
    edited = FILES | {"near.py": f"{HELPER}x = 1\n"}
    assert fingerprint(edited, folder="b/site-packages") == before


def test_files_that_are_no_python_of_this_version_count_as_they_are(fingerprint):
    mine = MINE + "\ntry:\n    import old\nexcept SyntaxError:\n    pass\n"
    found = {
        fingerprint(FILES | {"mine.py": mine, "old.py": f"print {n}\n"}, folder=str(n))
        for n in (1, 2)
    }
    assert len(found) == 2


def test_a_base_class_counts(fingerprint):
    child = "import base\n\nclass Mine(base.Mine):\n    pass\n"
    files = {"base.py": MINE, "near.py": HELPER, "nearer.py": DRAW, "mine.py": child}
    before = fingerprint(files, folder="before")
    assert fingerprint(files | {"nearer.py": f"{DRAW}x = 1\n"}, folder="after") != before


def test_registered_algorithms_have_fingerprints_of_their_own():
    pytest.importorskip("torch")
    found = {code_fingerprint(ALGORITHMS.load(name)) for name in ALGORITHMS}
    assert len(found) == len(ALGORITHMS)


def test_our_algorithms_that_own_code_extends_count(fingerprint, monkeypatch):
    module, read = sys.modules["nasbench.runs.fingerprints.fingerprint"], []
    real = module._read
    monkeypatch.setattr(module, "_read", lambda path: (read.append(path.name), real(path))[1])
    text = "from algorithms.local.hill_climb import HillClimb\n\nclass Mine(HillClimb):\n    pass\n"
    fingerprint({"mine.py": text})
    assert read == ["mine.py", "hill_climb.py"]


def test_an_algorithm_that_runs_another_has_the_code_of_both():
    wrapper, inner = map(ALGORITHMS.load, ("mo_reward", "local_search"))
    made = wrapper(NB201(), fidelities=(1,), seed=0, search="local_search")
    assert made.inner_algorithms == (inner,)
    both = code_fingerprint(wrapper, inner)
    assert both not in (code_fingerprint(wrapper), code_fingerprint(inner))


IN_PLACE = "class Mine:\n    def ask(self):\n        return 1\n"


def test_files_are_read_again_if_the_class_was_changed_in_place(tmp_path, monkeypatch):
    """As IPython's autoreload changes it; an edit that is not loaded does not run."""
    path = tmp_path / "edited_in_place.py"
    path.write_text(IN_PLACE)
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module(path.stem).Mine
    before = code_fingerprint(mine)
    path.write_text(IN_PLACE.replace("1", "21"))
    assert code_fingerprint(mine) == before
    mine.ask = lambda self: 21
    assert code_fingerprint(mine) != before
    del sys.modules[path.stem]


BESIDE = "\n\ndef helper():\n    return 3\n"
PROPERTY = "\n    @property\n    def rate(self):\n        return 5 + helper()\n"


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("return 1", "return 21", False),
        ("return 3", "return 23", False),
        ("return 5", "return 25", False),
        ("class", "# a comment\nclass", True),
    ],
)
def test_a_file_that_was_edited_after_it_was_imported_is_not_what_runs(
    tmp_path, monkeypatch, old, new, is_same
):
    found, text = {}, IN_PLACE + PROPERTY + BESIDE
    for folder in ("edited", "later"):
        path = tmp_path / folder / "edited_after_import.py"
        path.parent.mkdir()
        path.write_text(text if folder == "edited" else text.replace(old, new))
        with monkeypatch.context() as patch:
            patch.syspath_prepend(path.parent)
            mine = importlib.import_module(path.stem).Mine
            if folder == "edited":
                path.write_text(text.replace(old, new))
            found[folder] = code_fingerprint(mine)
            del sys.modules[path.stem]
    assert (found["edited"] == found["later"]) == is_same


# Scripts and notebooks

SCRIPT = '''import nasbench
from nasbench.algorithm import Algorithm, Proposal

RATE = 0.5
UNUSED = 1

def sample(search):
    return search.space.sample(search.rng) if RATE else None

class Mine(Algorithm):
    """Samples."""

    def ask(self):
        return Proposal(sample(self))

    def tell(self, observation):
        pass

if __name__ == "__main__":
    runs = nasbench.search(Mine, "nb201-cifar10", seeds=range(10), out="runs")
    print(runs)
'''
EDITS = [
    ("range(10)", "range(20)", True),
    ("UNUSED = 1", "UNUSED = 2", True),
    ('"""Samples."""', '"""Samples at random."""', True),
    ("RATE = 0.5", "RATE = 0.25", False),
    ("RATE = 0.5", "RATE = 0.5\nRATE += 1", False),
    ("search.rng) if", "search.rng) if not", False),
    ("pass\n", "self.told = observation\n", False),
]


def in_main(monkeypatch, text, path=None):
    """The fingerprint of the class ``Mine`` of a script, or of a notebook without a file."""
    main = ModuleType("__main__")
    main.__spec__ = None
    if path is not None:
        path.write_text(text)
        main.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "__main__", main)
    vars(main)["nasbench"] = None
    exec(text.partition("if __name__")[0], vars(main))
    return code_fingerprint(main.Mine)


@pytest.mark.parametrize("kind", ["script", "notebook"])
@pytest.mark.parametrize(("old", "new", "is_same"), EDITS)
def test_of_a_script_or_notebook_what_the_class_uses_counts(
    monkeypatch, tmp_path, kind, old, new, is_same
):
    paths = [tmp_path / "a.py", tmp_path / "b.py"] if kind == "script" else [None, None]
    edited = SCRIPT.replace(old, new)
    assert edited != SCRIPT
    before = in_main(monkeypatch, SCRIPT, paths[0])
    assert (in_main(monkeypatch, edited, paths[1]) == before) == is_same


def test_what_the_class_of_a_notebook_uses_counts_as_it_is_now(monkeypatch):
    before = in_main(monkeypatch, SCRIPT)
    main = sys.modules["__main__"]
    main.UNUSED = 2
    assert code_fingerprint(main.Mine) == before
    main.RATE = 0.25
    assert code_fingerprint(main.Mine) != before


@pytest.mark.parametrize(
    "member",
    [
        "@property\n    def rate(self): return 1",
        "@staticmethod\n    def rate(): return 1",
        "@functools.cached_property\n    def rate(self): return 1",
        "@functools.cache\n    def rate(self): return 1",
        "rate = functools.partialmethod(lambda self, x: x, 1)",
        "rate = functools.partialmethod(lambda self, x: x + 1, 7)",
        "rates = {'a': [lambda: 1]}",
    ],
)
def test_whatever_decorates_or_holds_the_functions_of_a_notebook_they_count(monkeypatch, member):
    notebook = SCRIPT.replace("pass\n", f"pass\n\n    {member}\n")
    notebook = notebook.replace("RATE =", "import functools\nRATE =")
    edited = notebook.replace(member, member.replace("1", "21"))
    assert in_main(monkeypatch, edited) != in_main(monkeypatch, notebook)


def test_modules_beside_a_notebook_count(fingerprint, tmp_path, monkeypatch):
    found = set()
    for number, text in enumerate((DRAW, DRAW, f"{DRAW}x = 1\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "nearer.py").write_text(text)
        monkeypatch.chdir(folder)
        notebook = SCRIPT.replace("def sample", "import nearer\n\ndef sample")
        monkeypatch.syspath_prepend(folder)
        found.add(in_main(monkeypatch, notebook.replace("search.space.sample", "nearer.draw")))
        del sys.modules["nearer"]
    assert len(found) == 2


def test_sets_of_a_notebook_count_in_any_order():
    """As their order in memory differs from process to process."""
    program = (
        "from nasbench.runs.fingerprints.fingerprint import code_fingerprint\n"
        "class Mine:\n    def ask(self): return self in {'a', 'b', 'c', 'd'}\n"
        "print(code_fingerprint(Mine))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_class_that_its_script_does_not_define_is_read_as_compiled(monkeypatch, tmp_path):
    found = set()
    for n in (1, 2):
        main = ModuleType("__main__")
        main.__spec__, main.__file__ = None, str(tmp_path / "a.py")
        Path(main.__file__).write_text("x = 1\n")
        monkeypatch.setitem(sys.modules, "__main__", main)
        exec(f"class Mine:\n    def ask(self):\n        return {n}\n", vars(main))
        found.add(code_fingerprint(main.Mine))
    assert len(found) == 2
