import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard.papers.latex import cite, escape, label, number

COMMANDS = re.compile(
    r"\\text(?:backslash|asciitilde|asciicircum|less|greater|bar|quotedbl|dagger|daggerdbl)\{\}"
    r"|\\dots\{\}|\$\\times\$|\$\^\{-?\d[-\d]*\}\$|\$\^\{-+\}\$|\\[{}&%$#_]"
)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_an_escaped_text_holds_no_command(text):
    rest = COMMANDS.sub("", escape(text))
    assert not set(rest) & set("\\{}&%$#_~^<>|\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local_search (population 50)", r"local\_search (population 50)"),
        ("95 %", r"95 \%"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("10⁻⁵ pp", "10$^{-5}$ pp"),
        ("a\nb\x1b", r"a b\textbackslash{}x1b"),
    ],
)
def test_texts_are_escaped(text, expected):
    assert escape(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5", "1{,}234.5"),
        ("-0.2", "$-$0.2"),
        ("[-0.1, 0.2]", "[$-$0.1, 0.2]"),
        ("3.1\N{MULTIPLICATION SIGN}10⁻⁵", r"3.1$\times$10$^{-5}$"),
    ],
)
def test_numbers_are_set_as_numbers(text, expected):
    assert number(text) == expected


def test_keys_and_labels():
    assert cite("ppo_lstm") == r"~\cite{zoph2018nasnet,schulman2017ppo}"
    assert cite("mine:Own") == ""
    assert label(["nb201-cifar10@1", "300 trials"]) == "nb201-cifar10-1-300-trials"
