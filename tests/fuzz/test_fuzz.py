"""A few damaged inputs of every kind; many more by the commands in :mod:`fuzz.harness`."""

import random

import pytest
from fuzz import archives, records, tables
from fuzz.harness import REFUSED, RIGHT, TRACEBACK, WRONG, outcome, tried

from nasbench.errors import TableError

KINDS = {
    "tables": (tables.case, 300),
    "records": (records.case, 200),
    "archives": (archives.case, 1000),
}


def broken():
    raise KeyError("x")


def told():
    raise TableError("damaged")


@pytest.mark.parametrize("name", KINDS)
def test_damage_is_refused_or_changes_nothing(name, tmp_path):
    kind, cases = KINDS[name]
    report = tried(kind, range(cases), tmp_path)
    assert report.failures == []
    assert report.counts[REFUSED] > cases / 4


@pytest.mark.parametrize(
    ("use", "end"),
    [(lambda: True, RIGHT), (lambda: False, WRONG), (broken, TRACEBACK), (told, REFUSED)],
    ids=[RIGHT, WRONG, TRACEBACK, REFUSED],
)
def test_outcomes_are_told_apart(use, end):
    assert outcome(use)[0] == end


def test_a_case_is_its_number(tmp_path):
    def made(folder):
        folder.mkdir()
        name, _ = tables.case(random.Random(7), folder)
        return name, [path.read_bytes() for path in sorted(folder.iterdir())]

    assert made(tmp_path / "a") == made(tmp_path / "b")
