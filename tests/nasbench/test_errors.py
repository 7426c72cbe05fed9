import pytest

from nasbench.errors import (
    LONGEST,
    NasbenchError,
    TableError,
    UnknownNameError,
    first_line,
    one_of,
    printable,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve Löwe 猫", "naïve Löwe 猫"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb\u200b", r"a\u202eb\u200b"),
        ("a\r\x00b", r"a\r\x00b"),
        ("\udc80", r"\udc80"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_messages_are_printable(text, shown):
    assert printable(text) == shown
    assert str(TableError(text)) == shown
    assert str(UnknownNameError(text)) == shown


def test_messages_are_short():
    text = str(NasbenchError("begin" + "x" * 10**7 + "end"))
    assert len(text) <= LONGEST
    assert text.startswith("begin")
    assert text.endswith("end")
    assert " … " in text


def test_an_endless_name_is_guessed_at_once():
    assert one_of("x" * 10**7, ["xx", "y"]) == ". Possible: 'xx', 'y'"


def test_the_first_line_of_an_error():
    assert first_line(OSError("\n one\ntwo")) == "one"
    assert first_line(OSError()) == "OSError"
