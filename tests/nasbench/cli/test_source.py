"""What a source says is what the imported class says."""

import subprocess
import sys

import pytest

from nasbench.cli.source import Source
from nasbench.siblings import SIBLINGS

REGISTERED = [
    (kind, name)
    for kind in ("algorithms", "regressors", "networks")
    for name in SIBLINGS.load(kind)
]


@pytest.mark.parametrize(("kind", "name"), REGISTERED)
def test_the_source_says_what_the_class_says(kind, name):
    registry = SIBLINGS.load(kind)
    source, found = Source(registry[name]), registry.load(name)
    assert source.docstring
    assert " ".join(source.docstring.split()) == " ".join(found.__doc__.split())
    assert source.paper
    assert source.keys("presets") == [*getattr(found, "presets", ())]
    assert source.constant("family") == getattr(found, "family", None)
    assert source.constant("space") == getattr(found, "space", None)
    assert source.missing == []


def test_presets_are_read_with_their_values():
    registry = SIBLINGS.load("algorithms")
    for name in registry:
        presets = Source(registry[name]).constant("presets")
        assert (presets or {}) == registry.load(name).presets


def test_nothing_is_imported():
    code = (
        "import sys\nfrom nasbench.cli.source import Source\n"
        "from nasbench.siblings import SIBLINGS\n"
        "for kind in ('algorithms', 'regressors', 'networks'):\n"
        "    for place in SIBLINGS.load(kind).values(): Source(place).missing\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'xgboost', 'pandas'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("place", "extras"),
    [
        ("algorithms.reinforcement.ppo_lstm:PPOLSTM", ["torch"]),
        ("algorithms.reinforcement.reinforce_lstm:ReinforceLSTM", ["torch"]),
        ("surrogates.regressors.xgb:XGB", ["surrogates"]),
        ("surrogates.regressors.gin:GIN", ["torch"]),
        ("algorithms.random_search:RandomSearch", []),
    ],
)
def test_missing_extras_are_found(monkeypatch, place, extras):
    for package in ("torch", "xgboost"):
        monkeypatch.setitem(sys.modules, package, None)
    assert Source(place).missing == extras


@pytest.mark.parametrize("place", ["nowhere.at.all:X", "algorithms.random_search:X", "algorithms:"])
def test_what_is_not_found_has_no_documentation(place):
    source = Source(place)
    assert (source.docstring, source.constant("presets"), source.keys("presets")) == ("", None, [])
