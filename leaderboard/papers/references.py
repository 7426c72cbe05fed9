"""The papers of the algorithms, by registered name, as BibTeX; the facts are in references.bib."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("references.bib")
_OWN = re.compile(r"^  algorithms = \{(.*)\},\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reference:
    """One paper.

    Attributes:
        key: Its BibTeX key, such as ``"white2021bananas"``.
        algorithms: Registered names of the algorithms that follow it.
        families: The family of each: the folder of its module in ``algorithms``; empty for none.
        text: The BibTeX entry.
    """

    key: str
    algorithms: tuple[str, ...]
    families: tuple[str, ...]
    text: str


@cache
def references() -> tuple[Reference, ...]:
    """All papers, in the order of the registry of algorithms."""
    found = []
    for entry in re.split(r"\n(?=@)", _FILE.read_text(encoding="utf-8"))[1:]:
        head = re.match(r"@\w+\{(\w+),\n", entry)
        own = _OWN.search(entry)
        assert head is not None
        assert own is not None
        split = [name.strip().rpartition("/") for name in own[1].split(",")]
        found.append(
            Reference(
                key=head[1],
                algorithms=tuple(name for *_, name in split),
                families=tuple(family for family, *_ in split),
                text=_OWN.sub("", entry).strip(),
            )
        )
    return tuple(found)


def keys(algorithm: str) -> list[str]:
    """BibTeX keys of the papers of an algorithm; none for what is not ours."""
    return [reference.key for reference in references() if algorithm in reference.algorithms]


def family(algorithm: str) -> str | None:
    """Family of an algorithm, such as ``"evolution"``; empty for random search, None for others."""
    for reference in references():
        if algorithm in reference.algorithms:
            return reference.families[reference.algorithms.index(algorithm)]
    return None


def bibliography(algorithms: Iterable[str]) -> str:
    """BibTeX entries of the papers of some algorithms, each once."""
    wanted = set(algorithms)
    chosen = [reference.text for reference in references() if wanted & set(reference.algorithms)]
    return "\n\n".join(chosen)
