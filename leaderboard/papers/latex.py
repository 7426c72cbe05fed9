"""Texts as LaTeX."""

import re
from collections.abc import Sequence

from leaderboard.papers.references import keys
from nasbench.errors import printable

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{DAGGER}": r"\textdagger{}",
    "\N{DOUBLE DAGGER}": r"\textdaggerdbl{}",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
}
_RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_PLAIN = str.maketrans(_RAISED, "-0123456789")


def escape(text: str) -> str:
    """A text without any command: LaTeX prints it as it is, wherever it comes from.

    Superscript digits become exponents; control characters are shown as escapes.
    """
    shown = printable(" ".join(text.split()))
    parts = re.split(f"([{_RAISED}]+)", shown)
    return "".join(
        f"$^{{{part.translate(_PLAIN)}}}$"
        if i % 2
        else "".join(_SPECIAL.get(letter, letter) for letter in part)
        for i, part in enumerate(parts)
    )


def number(text: str) -> str:
    """A number as text, with thousands commas that are no punctuation."""
    plain = escape(text)
    plain = re.sub(r"(?<=\d),(?=\d{3})", "{,}", plain)
    return re.sub(r"(?<![\w^{])-(?=\d)", "$-$", plain)


def cite(algorithm: str) -> str:
    r"""``"~\cite{…}"`` of the papers of an algorithm; empty where none is known."""
    found = keys(algorithm)
    return rf"~\cite{{{','.join(found)}}}" if found else ""


def label(parts: Sequence[str]) -> str:
    r"""Words as the argument of ``\label``."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")
