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


@pytest.mark.parametrize(
    ("given", "names", "guess"),
    [
        ("rf", ["xgb", "random_forest", "gaussian_process"], "random_forest"),
        ("GP", ["xgb", "random_forest", "gaussian_process"], "gaussian_process"),
        ("nc", ["lite201-digits", "nb201-cifar10"], "nb201-cifar10"),
        ("rs", ["drnas", "random_search"], "random_search"),
        ("te", ["tournament_evolution", "tpe"], "tpe"),
        ("gbo", ["local_search", "gp_bo"], "gp_bo"),
        ("tounament", ["tournament_evolution", "tpe"], "tournament_evolution"),
    ],
)
def test_the_guess_is_a_slip_or_else_an_abbreviation_or_else_similar(given, names, guess):
    assert one_of(given, names).startswith(f"; did you mean {guess!r}? Possible: ")


@pytest.mark.parametrize("given", ["", "r", "rx"])
def test_what_abbreviates_and_resembles_nothing_has_no_guess(given):
    assert one_of(given, ["random_forest", "gin"]) == ". Possible: 'random_forest', 'gin'"


def test_the_first_line_of_an_error():
    assert first_line(OSError("\n one\ntwo")) == "one"
    assert first_line(OSError()) == "OSError"
