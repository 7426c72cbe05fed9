"""Labels tell records apart, are visible, and end."""

from dataclasses import replace

import pytest

from leaderboard.labels import LONGEST, labels, plain, shortened, some_of, visible
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest

HIDDEN = "\x00\x1b\x7f\x9f\n\t\u00ad\u061c\u200b\u200f\u202e\u2028\u2066\u3164\ufe0f\ufeff\ud800"
"""Controls, what turns text around, what has no shape, and half of a letter."""


def manifest(algorithm="evolution", preset=None, fidelities=(2,), known=(), **hyperparameters):
    return Manifest(
        algorithm=algorithm,
        preset=preset,
        hyperparameters=hyperparameters,
        benchmark="toy",
        version=1,
        content_hash="",
        objectives=("valid_accuracy",),
        known=known,
        budget=Budget(trials=1),
        workers=1,
        replicate="draw",
        fidelities=fidelities,
    )


def test_label_of_the_only_record_is_its_algorithm():
    records = [manifest(population=50), manifest("random", replacement=True)]
    assert labels(records) == ["evolution", "random"]


def test_labels_say_what_differs():
    records = [
        manifest(population=50, sample=10),
        manifest(population=50, sample=20),
        manifest(preset="nats", population=10, sample=3),
        manifest("random", replacement=True),
        manifest("random", replacement=False),
        manifest("asha", fidelities=(1, 2), known=("macs",)),
        manifest("asha", fidelities=(2,)),
    ]
    assert labels(records) == [
        "evolution (sample 10)",
        "evolution (sample 20)",
        "evolution (nats)",
        "random (replacement yes)",
        "random (replacement no)",
        "asha (fidelities 1 2, known macs)",
        "asha (fidelities 2)",
    ]


def test_labels_say_the_code_where_nothing_else_differs():
    records = [
        manifest(population=50),
        replace(manifest(population=50), code="0123456789abcdef"),
        replace(manifest(population=20), code="0123456789abcdef"),
    ]
    assert labels(records) == [
        "evolution (population 50, code unknown)",
        "evolution (population 50, code 01234567)",
        "evolution (population 20)",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), (None, "none"), (0.5, "0.5"), ("one", "one"), ([1, 2], "1 2")],
)
def test_settings_read_as_text(value, text):
    assert plain(value) == text


@pytest.mark.parametrize("letter", HIDDEN, ids=ascii)
def test_what_no_reader_sees_is_an_escape(letter):
    expected = ascii(letter)[1:-1]
    assert visible(f"a{letter}b") == f"a{expected}b"
    found = labels([manifest(x=f"a{letter}b"), manifest(x="ab"), manifest(**{f"y{letter}": 1})])
    assert found[0] == f"evolution (x a{expected}b)"
    assert found[2] == f"evolution (y{expected} 1)"
    assert plain([f"{letter}"]) == expected
    assert labels([manifest(preset=letter), manifest()])[0] == f"evolution ({expected})"


def test_what_a_reader_sees_is_kept():
    for text in ("population 5", "größer", "Δ ≤ 10⁻⁵", "שלום", "{a: 'b'}", "$x$"):
        assert visible(text) == text


def test_long_settings_are_short_and_differ():
    ends = ("A" * 3_000_000, "A" * 3_000_000 + "B", "A" * 40)
    found = labels([manifest(x=end) for end in ends])
    assert len(set(found)) == 3
    assert {len(label) for label in found[:2]} == {len("evolution ()") + LONGEST}
    assert all("\N{HORIZONTAL ELLIPSIS} " in label for label in found[:2])
    assert found[2] == f"evolution (x {'A' * 40})"
    assert labels([manifest(x=end) for end in ends[::-1]]) == found[::-1]
    assert shortened("a" * 20, 20) == "a" * 20
    assert len(shortened("a" * 21, 20)) == 20


def test_settings_that_read_the_same_are_told_apart_by_the_record():
    same = [manifest(x=1), manifest(x="1"), manifest(x="a\n"), manifest(x="a\\n"), manifest(x=2)]
    found = labels(same)
    assert len(set(found)) == len(same)
    assert found[0] == f"evolution (x 1, code unknown, record {same[0].digest[:8]})"
    assert found[-1] == "evolution (x 2)"


def test_settings_that_imitate_a_label_do_not_take_it():
    one, other = manifest(x=1), manifest(x="1")
    false = manifest(x=f"1, code unknown, record {one.digest[:8]}")
    assert len(set(labels([one, other, false]))) == 3


def test_names_are_listed_as_far_as_a_reader_reads():
    assert some_of(["a"]) == "a"
    assert some_of(["a", "b"]) == "a and b"
    assert some_of(list("abcd")) == "a, b, c and 1 other"
    assert some_of(list("abcde")) == "a, b, c and 2 others"
