"""The examples in docstrings of all packages are run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from nasbench.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nasbench", "data_builders", "surrogates", "algorithms", "leaderboard")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples():
    assert {"nasbench", "nasbench.space", "nasbench.runs.replay"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_show(module):
    try:
        imported = import_module(module)
    except MissingExtraError as error:
        pytest.skip(str(error))
    failed, attempted = doctest.testmod(imported)
    assert attempted > 0
    assert failed == 0
