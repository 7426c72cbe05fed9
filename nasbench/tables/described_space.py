"""A space as a table describes it, where the package that defines the space is not installed.

>>> from nasbench.space import Decision
>>> from nasbench.tables.described_space import DescribedSpace
>>> depth = Decision("depth", ("2", "4", "8"), "numeric", (2.0, 4.0, 8.0))
>>> space = DescribedSpace("theirs", (Decision("block", ("conv", "pool")), depth))
>>> space.to_text((1, 2))
'block=pool; depth=8'
>>> space.from_text("block=pool; depth=8")
(1, 2)
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from nasbench.errors import IllegalArchError, SchemaError, listed
from nasbench.space import Arch, Decision, SearchSpace

_KINDS = ("categorical", "ordinal", "numeric")
_SEPARATOR = "; "


class DescribedSpace(SearchSpace):
    """The product of recorded decisions, written as ``name=label; name=label``.

    It knows neither the rules of the space nor which of its architectures are the same network, so
    every tuple is legal and its own representative. It has no graphs and no notation of a paper.

    Args:
        name: Name of the space.
        decisions: Its decisions.
    """

    def __init__(self, name: str, decisions: tuple[Decision, ...]) -> None:
        self.name = name  # type: ignore[misc]
        self.decisions = decisions  # type: ignore[misc]

    def to_text(self, arch: Arch) -> str:
        pairs = zip(self.decisions, arch, strict=True)
        return _SEPARATOR.join(f"{decision.name}={decision.labels[o]}" for decision, o in pairs)

    def from_text(self, text: str) -> Arch:
        whole = text.strip()
        read: dict[int, Arch] = {0: ()}  # by length: labels may hold the separator
        for number, decision in enumerate(self.decisions, start=1):
            end = _SEPARATOR if number < len(self.decisions) else ""
            further: dict[int, Arch] = {}
            for place, arch in read.items():
                for option, label in enumerate(decision.labels):
                    part = f"{decision.name}={label}{end}"
                    if whole.startswith(part, place):
                        further[place + len(part)] = (*arch, option)
            if not further or not (end or len(whole) in further):
                raise IllegalArchError(self._unreadable(text, decision))
            read = further
        return read[len(whole)]

    def _unreadable(self, text: str, decision: Decision) -> str:
        example = self.to_text((0,) * len(self.decisions))
        return (
            f"{text!r:.200} is not an architecture of {self.name!r}, at {decision.name!r}. Without "
            f"the package that defines the space, its form is {example!r:.300}; the options of "
            f"{decision.name!r} are {listed(decision.labels)}"
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DescribedSpace)
            and (self.name, self.decisions) == (other.name, other.decisions)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.name, self.decisions))

    def __repr__(self) -> str:
        return f"DescribedSpace({self.name!r}, {len(self.decisions)} decisions)"


def is_described(space: SearchSpace) -> bool:
    """Return whether a space, or the whole that it is a part or another form of, is described."""
    while space.whole is not None:
        space = space.whole
    return isinstance(space, DescribedSpace)


def encode_decisions(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return decisions as JSON objects; those that are not numeric have no ``values``."""
    return [
        {"name": d.name, "labels": [*d.labels], "kind": d.kind}
        | ({"values": [*map(float, d.values)]} if d.values else {})
        for d in decisions
    ]


def decode_decisions(document: Sequence[Any], where: str) -> tuple[Decision, ...]:
    """Read decisions; the inverse of :func:`encode_decisions`.

    Raises:
        SchemaError: They are not of the form in which they are written, or two have the same name.
    """
    try:
        decisions = tuple(_decision(**entry) for entry in document)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{where}: a decision of the space is impossible: {error}") from error
    names = [decision.name for decision in decisions]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise SchemaError(f"{where}: two decisions of the space are called {twice!r}")
    return decisions


def difference(recorded: Sequence[Decision], installed: SearchSpace) -> str:
    """Return what differs first between recorded decisions and those of a space; empty if none."""
    now = encode_decisions(installed.decisions)
    for old, new in zip(encode_decisions(recorded), now, strict=False):
        if old != new:
            key = next(key for key in (*old, *new) if old.get(key) != new.get(key))
            return f"the {key} of {old['name']!r}: {old.get(key)!r}, not {new.get(key)!r}"
    return "" if len(recorded) == len(now) else f"there are {len(recorded)}, not {len(now)}"


def _decision(*, name: Any, labels: Any, kind: Any, values: Any = ()) -> Decision:
    if not isinstance(name, str) or kind not in _KINDS:
        raise ValueError(f"{name!r:.100} of kind {kind!r:.100}")
    is_list = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    if not is_list or not labels or len(set(labels)) < len(labels):
        raise ValueError(f"{name!r:.100} needs a list of distinct labels")
    numbers = tuple(float(value) for value in values)
    if len(numbers) != len(labels) * (kind == "numeric") or not all(map(isfinite, numbers)):
        raise ValueError(
            f"{name!r:.100} needs a number for every label if it is numeric, else none"
        )
    return Decision(name, tuple(labels), kind, numbers)
