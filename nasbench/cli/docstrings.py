"""Docstrings as plain text, and their parts."""

import inspect
import re

_ROLE = re.compile(r":[a-z]+:`(~?)([^`<]*?)(?:\s*<[^`]*>)?`")
_SECTIONS = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example)s?:", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+)(?: \([^)]*\))?: ", re.MULTILINE)


def plain(text: str) -> str:
    """Text without the markup of documentation, in one line.

    ````x```` becomes ``x``, and ``:class:`~a.b.C``` becomes ``C``.
    """

    def name(role: re.Match[str]) -> str:
        return role[2].rpartition(".")[2] if role[1] else role[2]

    return " ".join(_ROLE.sub(name, text).replace("``", "").replace("`", "").split())


def summary(docstring: str | None) -> str:
    """First paragraph as plain text."""
    return plain(inspect.cleandoc(docstring or "").partition("\n\n")[0])


def paragraphs(docstring: str | None) -> list[str]:
    """Paragraphs but examples as plain text, up to the first section such as ``Args:``."""
    text = _SECTIONS.split(inspect.cleandoc(docstring or ""), maxsplit=1)[0]
    parts = [part.strip() for part in text.split("\n\n")]
    return [plain(part) for part in parts if part and not part.startswith(">>>")]


def arguments(docstring: str | None) -> dict[str, str]:
    """Meaning of every argument in the section ``Args:``, as plain text."""
    _, section, rest = inspect.cleandoc(docstring or "").partition("\nArgs:\n")
    if not section:
        return {}
    rest = re.split(r"^\S", rest, maxsplit=1, flags=re.MULTILINE)[0]
    names, texts = _ARGUMENT.findall(rest), _ARGUMENT.split(rest)[2::2]
    return {name: plain(text) for name, text in zip(names, texts, strict=True)}
