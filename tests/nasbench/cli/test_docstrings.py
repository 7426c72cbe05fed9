"""Docstrings as plain text."""

import pytest

from nasbench.cli.docstrings import arguments, paragraphs, plain, summary

DOCSTRING = """First line
    of two with ``code``.

    Second paragraph.

    Third.

    Args:
        one: A :class:`~a.b.Class` and
            another line: with a colon.
        two: ``"x"``: a choice; ``"y"``: another.

            And a paragraph.

    Raises:
        three: Never.
    """


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("``a`` of `b`", "a of b"),
        (":class:`~a.b.C`, :func:`a.b.f` and :data:`CELL`", "C, a.b.f and CELL"),
        (":class:`a class <a.b.C>`", "a class"),
        ("two\n  lines", "two lines"),
        ("``|op~0|+|op~0|op~1|``; `x`", "|op~0|+|op~0|op~1|; x"),
        ("http://a:b/c", "http://a:b/c"),
    ],
)
def test_markup_becomes_plain_text(text, expected):
    assert plain(text) == expected


def test_parts():
    assert summary(DOCSTRING) == "First line of two with code."
    assert paragraphs(DOCSTRING) == [
        "First line of two with code.",
        "Second paragraph.",
        "Third.",
    ]
    assert arguments(DOCSTRING) == {
        "one": "A Class and another line: with a colon.",
        "two": '"x": a choice; "y": another. And a paragraph.',
    }


@pytest.mark.parametrize("docstring", [None, "", "One.", "One.\n\nArgs: see :class:`Two`."])
def test_nothing_is_said_of_arguments(docstring):
    assert arguments(docstring) == {}
    assert paragraphs(docstring) == ([docstring.partition("\n")[0]] if docstring else [])
