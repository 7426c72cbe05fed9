import re
from pathlib import Path

import pytest

from algorithms import ALGORITHMS
from leaderboard.papers.references import bibliography, family, keys, references
from leaderboard.papers.styles import FAMILIES

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_PAPER: set[str] = set()
"""Registered algorithms that follow no paper."""


def source(name):
    module, _, _ = ALGORITHMS[name].partition(":")
    return module, (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


def test_every_registered_algorithm_has_a_paper_or_is_listed():
    assert {name for name in ALGORITHMS if not keys(name)} == WITHOUT_PAPER
    named = [name for reference in references() for name in reference.algorithms]
    assert set(named) <= set(ALGORITHMS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_addresses_and_families_are_those_of_the_sources(name):
    module, text = source(name)
    for reference in references():
        if name in reference.algorithms:
            (address,) = re.findall(r"url = \{https?://(.*)\}", reference.text) or [""]
            year = re.search(r"year = \{(\d{4})\}", reference.text)[1]
            assert address in text
            assert 1980 <= int(year) <= 2026
    folders = module.split(".")[1:-1]
    assert family(name) == (folders[0] if folders else "")
    assert family(name) in FAMILIES


def test_entries_are_whole_and_keys_are_unique():
    assert len({reference.key for reference in references()}) == len(references())
    for reference in references():
        assert reference.text.count("{") == reference.text.count("}")
        assert {"author", "title", "year"} <= set(re.findall(r"^  (\w+) = ", reference.text, re.M))
        assert "algorithms" not in re.findall(r"^  (\w+) = ", reference.text, re.M)


def test_a_bibliography_has_each_paper_once_and_no_other():
    text = bibliography(["asha", "async_hyperband", "ppo_lstm", "module:Mine"])
    assert re.findall(r"@\w+\{(\w+),", text) == ["zoph2018nasnet", "schulman2017ppo", "li2020asha"]
    assert (keys("module:Mine"), family("module:Mine")) == ([], None)
