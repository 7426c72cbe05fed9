"""``entry.json`` has one form, and no text in it can harm a page or a terminal."""

import json

import pytest

from leaderboard.entries.entry import About, Declared, Entry, check_about
from leaderboard.submissions.verify import verify
from nasbench.errors import RecordError


def fault(sent, **changes):
    """The fault of an entry with other values."""
    entry = sent.entry
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner:
            entry[part][inner] = value
        else:
            entry[part] = value
    sent.write(entry)
    report = verify(sent.folder)
    assert "files" not in report.faults  # nothing else was read
    (text,) = report.faults["entry"]
    return text


def test_reading_undoes_writing(sent):
    document = sent.entry
    assert Entry.decode(document).encode() == document


@pytest.mark.parametrize(
    "name",
    [
        "<b>bold</b>",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "",
        " a",
        ".",
        "a&amp;b",
        "a\nb",
        "a\u202eb",
        'a"b',
        "а",  # noqa: RUF001 (Cyrillic)
        "x" * 61,
        7,
        None,
    ],
)
def test_names_that_harm(sent, name):
    assert fault(sent, name=name).startswith("name ")


@pytest.mark.parametrize("name", ["A", "REA (ours)", "Bayes-opt v1.2 + TPE", "x" * 60])
def test_names_that_do_not(name):
    check_about(About(name=name, authors=("José Núñez-O'Neil Jr.", "Łukasz Ż.", "李雷")))


FAULTS = {
    "a script as author": ({"authors": ["<script>alert(1)</script>"]}, "an author is"),
    "no author": ({"authors": []}, "authors is empty"),
    "authors as a text": ({"authors": "Ann"}, "authors is no list"),
    "a script as paper": ({"paper": "javascript:alert(1)"}, "paper is 'javascript:alert(1)'"),
    "quotes in an address": ({"paper": 'https://a.org/"onclick="x'}, "paper is"),
    "code without commit": ({"code": {"url": "https://a.org"}}, "code lacks 'commit'"),
    "a branch as commit": ({"code": {"url": "https://a.org", "commit": "main"}}, "commit is"),
    "HTML in what is declared": ({"declared__tuning_budget": "<b>"}, "tuning_budget is '<b>'"),
    "HTML in data": ({"declared__trained_on": ["<b>"]}, "trained_on is '<b>'"),
    "another split": ({"declared__selected_on": "train"}, "possible are 'validation', 'test'"),
    "an unknown entry": ({"score": 0.1}, "the entry has 'score', which this version does not know"),
    "an unknown declaration": ({"declared__x": 1}, "declared has 'x'"),
    "a newer format": ({"format": 2}, "format is 2; this version of the suite reads 1"),
    "no records": ({"records": []}, "records is empty"),
    "records of another kind": ({"records": [7]}, "records[0] is no JSON object"),
    "HTML in a version": ({"environment": {"numpy": "<2>"}}, "environment: numpy is '<2>'"),
    "HTML in a package": ({"environment": {"<b>": "2"}}, "a name in environment is '<b>'"),
}


@pytest.mark.parametrize(("changes", "expected"), FAULTS.values(), ids=FAULTS)
def test_what_an_entry_must_not_say(sent, changes, expected):
    assert expected in fault(sent, **changes)


RECORD_FAULTS = {
    "a folder outside": ({"folder": "../../home"}, "the folder is '../../home'"),
    "a file outside": ({"files": {"../x": {"bytes": 1, "sha256": "0" * 64}}}, "'../x' is not"),
    "a size that is none": ({"files": {"a": {"bytes": -1, "sha256": "0" * 64}}}, "-1 bytes"),
    "a hash that is none": ({"files": {"a": {"bytes": 1, "sha256": "0"}}}, "sha256 is '0'"),
    "no files": ({"files": {}}, "files is no object with 1 to"),
    "a manifest that is none": ({"manifest": {}}, "is not a manifest"),
    "a long command": ({"command": "x" * 30_000}, "command is no text, or too long"),
}


@pytest.mark.parametrize(("changes", "expected"), RECORD_FAULTS.values(), ids=RECORD_FAULTS)
def test_what_an_entry_must_not_say_of_a_record(sent, changes, expected):
    records = sent.entry["records"]
    records[0] |= changes
    assert expected in fault(sent, records=records)


def test_a_record_twice(sent):
    records = sent.entry["records"]
    assert "is named twice" in fault(sent, records=[*records, records[0]])


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 10_000, '{"format": 1, "format": 1}', "\0"])
def test_what_is_no_entry(sent, text):
    (sent.folder / "entry.json").write_text(text)
    assert len(verify(sent.folder).faults["entry"]) == 1


def test_a_declaration_survives():
    declared = Declared(
        selected_on="test",
        tuning_budget="200 runs on nb201-cifar10 (2 GPU hours)",
        trained_on=("NAS-Bench-301", "nb201-cifar100@1"),
        warm_start="the 10 best of 3,000 by synflow",
    )
    about = About(
        name="A",
        authors=("B",),
        paper="https://arxiv.org/abs/2001.00326v2",
        code="https://github.com/a/b",
        commit="0123abc",
        declared=declared,
    )
    check_about(about)
    entry = Entry(about=about, suite="1.0", environment={}, records=())
    document = json.loads(json.dumps(entry.encode()))
    with pytest.raises(RecordError, match="records is empty"):
        Entry.decode(document)
    assert document["declared"]["warm_start"] == declared.warm_start
