"""A few hundred cases of two programs in this folder, each of which has a command for more."""

import warnings
from functools import partial

import pytest
from fuzz import documents, surrogate_folders
from fuzz.harness import REFUSED, tried

SURROGATE_CASES, DOCUMENT_CASES = 30, 60


@pytest.mark.parametrize("name", surrogate_folders.LIGHT)
def test_a_resealed_surrogate_answers_or_is_refused(name, tmp_path):
    source = surrogate_folders.make(tmp_path, name)
    assert surrogate_folders.ask(source) == "answer"
    with warnings.catch_warnings(action="ignore"):
        found = {
            number: surrogate_folders.case([source], 0, number, tmp_path / "cases")
            for number in range(SURROGATE_CASES)
        }
    faults = {n: outcome for n, outcome in found.items() if outcome not in ("answer", "refused")}
    assert not faults
    assert "refused" in found.values()


@pytest.mark.parametrize("kind", documents.READERS)
def test_a_mutated_document_is_read_or_refused(kind, tmp_path):
    report = tried(partial(documents.case_of, kind), range(DOCUMENT_CASES), tmp_path)
    assert report.failures == []
    assert 0 < report.counts[REFUSED] < DOCUMENT_CASES
