"""What the command line makes of plug-ins that fail, and of names that several things have."""

import json
import sys

import pytest

from nasbench.cli.options import described_names

FINE = '''
"""Fine things."""
from nasbench.algorithm import Algorithm
from nasbench.space import Decision, SearchSpace


class Fine(SearchSpace):
    """Two of two, written ab."""

    name = "fine"
    decisions = (Decision("one", ("a", "b")), Decision("two", ("a", "b")))

    def to_text(self, arch):
        return "".join("ab"[option] for option in arch)

    def from_text(self, text):
        return self.check(["ab".find(letter) for letter in text])


class Failing(Fine):
    """Fails when it is made."""

    def __init__(self):
        raise KeyError("no reason")


class Mine(Algorithm):
    """Does nothing."""

    def ask(self): ...
    def tell(self, observation): ...
'''
POINTS = """
[nasbench.spaces]
fine = fine_module:Fine
failing = fine_module:Failing
gone = gone_module:Space
crash = crash_module:Space
malformed = fine_module
nb201 = fine_module:Fine
[nasbench.algorithms]
mine = fine_module:Mine
crash_algorithm = crash_module:Mine
nb101 = fine_module:Mine
wrong_kind = fine_module:Fine
[nasbench.importers]
crash_importer = crash_module:Importer
[nasbench.regressors]
crash_regressor = crash_module:Regressor
[nasbench.networks]
crash_network = crash_module:Network
"""


@pytest.fixture(autouse=True)
def plug_ins(tmp_path, monkeypatch):
    site = tmp_path / "site"
    about = site / "toy_nas-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-nas\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(POINTS)
    (site / "fine_module.py").write_text(FINE)
    (site / "crash_module.py").write_text("raise SystemExit('I leave')")
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("fine_module", None)


REASONS = {
    ("spaces", "failing"): "it fails when it is described: KeyError: 'no reason'",
    ("spaces", "gone"): "there is no module 'gone_module'; install its distribution again",
    ("spaces", "crash"): "SystemExit: I leave",
    ("spaces", "malformed"): "'fine_module', which is not 'module:Class'",
    ("algorithms", "crash_algorithm"): "SystemExit: I leave",
    ("algorithms", "wrong_kind"): "not a subclass of nasbench.algorithm.Algorithm",
    ("importers", "crash_importer"): "SystemExit: I leave",
    ("regressors", "crash_regressor"): "SystemExit: I leave",
    ("networks", "crash_network"): "SystemExit: I leave",
}


@pytest.mark.parametrize(("kind", "name"), REASONS)
def test_a_plug_in_that_fails_is_listed_with_the_reason(nasbench, kind, name):
    code, out, error = nasbench("list", kind, "--json")
    assert (code, error) == (0, "")
    things = json.loads(out)
    assert REASONS[kind, name] in things[name]["error"]
    assert things[name]["origin"] == "toy-nas 1.2"
    code, out, error = nasbench("list", kind)
    assert code == 0
    assert not error or (kind == "algorithms" and error.startswith("Also those of dehb"))
    assert REASONS[kind, name] in out


@pytest.mark.parametrize(("kind", "name"), [k for k in REASONS if k[0] == "spaces"])
def test_info_of_it_says_why_and_of_others_is_untouched(refused, nasbench, kind, name):
    error = refused("info", name)
    assert REASONS[kind, name] in error
    assert "toy-nas 1.2" in error
    assert nasbench("info", "fine")[0] == nasbench("info", "nbmacro")[0] == 0


def test_what_works_is_described_with_its_origin(nasbench):
    out = nasbench("info", "fine")[1]
    assert "from           toy-nas 1.2\n" in out
    assert json.loads(nasbench("list", "spaces", "--json")[1])["fine"]["architectures"] == 4
    assert "from           toy-nas 1.2" in nasbench("info", "mine")[1]


def test_a_name_of_ours_stays_ours_and_says_so(nasbench):
    out = nasbench("info", "nb201")[1]
    assert "class          nasbench.spaces.nb201:NB201\n" in out
    assert "that of toy-nas 1.2, which is reached as 'fine_module:Fine' only" in out
    listed = json.loads(nasbench("list", "spaces", "--json")[1])["nb201"]
    assert listed["architectures"] == 15_625
    assert "'fine_module:Fine'" in listed["shadowed"]


def test_a_name_in_two_registries_shows_ours_and_names_the_other(nasbench):
    out = nasbench("info", "nb101")[1]
    assert "class          nasbench.spaces.nb101:NB101\n" in out
    assert "the algorithm fine_module:Mine of toy-nas 1.2" in out


def test_all_names_are_completed_and_guessed(refused):
    assert {"fine", "mine", "crash", "malformed", "crash_regressor"} <= {*described_names()}
    assert "did you mean 'mine'" in refused("run", "mime", "nb201-cifar10", "--trials", "1")
    assert "SystemExit: I leave" in refused("import", "crash_importer", "x.csv")


def test_an_architecture_is_drawn_whatever_else_fails(nasbench):
    code, out, error = nasbench("draw", "ab")
    assert (code, error) == (0, "")
    assert "<svg" in out


def test_the_help_of_import_lists_what_fails(nasbench):
    code, out, _ = nasbench("import", "--help")
    assert code == 0
    assert "crash_importer" in out
