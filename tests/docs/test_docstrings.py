"""Examples in docstrings are doctests, and run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nasbench", "data_builders", "surrogates", "algorithms", "leaderboard")


def modules_with_examples() -> list[str]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
        if ">>> " in path.read_text(encoding="utf-8")
    ]
    assert names, "the facade has an example"
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_a_module(name):
    failed, tried = doctest.testmod(import_module(name))
    assert tried
    assert not failed
