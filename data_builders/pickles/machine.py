"""Parts of the machine that runs pickles: memo, instructions, and streaming of large dicts.

``data_builders.pickles.unpickle`` puts them together. Nothing here imports or calls a name from a
pickle.
"""

from array import array
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

from nasbench.errors import ArchiveError

GONE: Any = object()
_NUMBERS = 1 << 28
_VALUES = 1 << 22
_BYTES = 1 << 28
_SHORT = 4  # longer tuples are rows of numbers, which never occur again
_SLACK = 16
_ATOMS = frozenset((str, int, float, bool, bytes, type(None)))
_CONTAINERS = frozenset((dict, list, set, frozenset, bytearray, tuple))


class Memo:
    """Objects that a pickle may refer to again, by number.

    Texts, numbers, tuples of those, and stand-ins for names can be referred to even after they are
    forgotten: few of them differ, and four bytes per number record which one it is. Forgotten
    containers are released.

    Attributes:
        live: The objects that are not forgotten; appending an object gives it the next number.
    """

    def __init__(self) -> None:
        self.live: list[Any] = []
        self._old = array("I")
        self._values: list[Any] = [GONE]
        self._codes: dict[Hashable, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._old) + len(self.live)

    def __getitem__(self, number: int) -> Any:
        place = number - len(self._old)
        found = self.live[place] if place >= 0 else self._values[self._old[number]]
        if found is GONE:
            raise LookupError(f"object {number} was released or never existed")
        return found

    def __setitem__(self, number: int, value: Any) -> None:
        place = number - len(self._old)
        if place == len(self.live) + 1:  # some pickles number objects from 1
            self.live.append(GONE)
        if not 0 <= place <= len(self.live):
            raise ValueError(f"object {number} after {len(self)} objects")
        self.live[place : place + 1] = [value]

    def hide(self, value: Any) -> None:
        """Let nothing refer to an object any more."""
        self.live[:] = [GONE if other is value else other for other in self.live]

    def forget(self, count: int) -> None:
        """Release all objects numbered below ``count`` except immutable ones.

        Raises:
            ArchiveError: The pickle has more numbered objects or distinct values than any archive.
        """
        known = self._codes.get
        old = self.live[: max(0, count - len(self._old))]
        self._old.extend(
            [known(o) or self._code(o) if type(o) is str else self._code(o) for o in old]
        )
        del self.live[: len(old)]
        if len(self._old) > _NUMBERS or len(self._values) > _VALUES:
            raise ArchiveError(
                f"a pickle with {len(self._old)} numbered objects, {len(self._values)} of them "
                "different, is larger than any known archive"
            )
        if self._bytes > _BYTES:
            raise ArchiveError(
                f"a pickle that keeps {self._bytes} bytes of texts is larger than any known archive"
            )

    def _code(self, value: Any) -> int:
        key = _identity(value)
        if key is None:
            return 0
        code = self._codes.setdefault(key, len(self._values))
        if code == len(self._values):
            self._values.append(value)
            parts = value if type(value) is tuple else (value,)
            self._bytes += sum(len(part) for part in parts if type(part) in (str, bytes))
        return code


def _identity(value: Any) -> Hashable:
    """Return a key that is equal exactly for identical values; None for values to release."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is float:
        return kind, value.hex()
    if kind in _ATOMS:
        return kind, value
    if kind is tuple and len(value) <= _SHORT and all(type(part) in _ATOMS for part in value):
        return kind, *(part if type(part) is str else _identity(part) for part in value)
    if kind in _CONTAINERS or value is GONE:
        return None
    return kind, id(value)


class Giver:
    """Finds one large dict while it is built, and takes its items away.

    Keys and values lie in turn on a stack until an instruction puts a thousand of them into the
    dict. The top of the stack may still be incomplete, but items deep below are complete: a
    container begun there would need as many closing instructions as there are values above it.

    Args:
        of: Key of the dict in the outermost dict; None for the outermost dict itself.
        memo: Memo that forgets objects together with the items.

    Attributes:
        target: The dict, once items were taken from it.
    """

    def __init__(self, of: str | None, memo: Memo) -> None:
        self._of = of
        self._memo = memo
        self.target: Any = GONE
        self._level = -1
        self._heights: list[tuple[int, int]] = []

    def at_mark(self, stack: list[Any], below: list[list[Any]]) -> list[Any]:
        """Return the keys and values to take when a container begins on ``stack``."""
        if len(below) == self._level:
            self._heights.append((len(stack), len(self._memo)))
            if len(stack) > 2 * _SLACK:
                split = len(stack) - len(stack) % 2 - _SLACK
                taken = stack[:split]
                del stack[:split]
                self._memo.forget(max((n for h, n in self._heights if h <= split), default=0))
                self._heights = [(h - split, n) for h, n in self._heights if h > split]
                return taken
        elif self._begins(stack, below):
            if self.target is GONE:
                self.target, self._level = stack[-1], len(below) + 1
                self._memo.hide(self.target)
            elif self.target is not stack[-1]:
                raise ValueError(f"it holds {self._of!r} twice")
        return []

    def at_end(self, stack: list[Any], below: list[list[Any]]) -> bool:
        """Return whether the values above the last mark, already removed, are items to take."""
        if len(below) + 1 != self._level or stack[-1] is not self.target:
            return False
        self._memo.forget(len(self._memo))
        self._heights = []
        return True

    def _begins(self, stack: list[Any], below: list[list[Any]]) -> bool:
        """Return whether the dict seems to be on top: the outermost one, or an entry of it."""
        if len(below) > 1 or not stack or type(stack[-1]) is not dict:
            return False
        if self._of is None:
            return not below and len(stack) == 1
        if below:
            outermost, above = below[0], stack
        else:
            outermost, above = stack[:1], stack[1:]
        return (
            len(outermost) == 1
            and type(outermost[0]) is dict
            and len(above) > 1
            and type(above[-2]) is str
            and above[-2] == self._of
        )


def pairs(values: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Return pairs of keys and values that lie in turn."""
    keys = hashable(values[::2])
    return zip(keys, values[1::2], strict=True)


def hashable(values: list[Any]) -> list[Any]:
    """Return the values if all are texts, numbers, bytes, None, or tuples of those.

    Nested tuples are refused: hashing one can take practically forever.
    """
    if not _ATOMS.issuperset(map(type, values)):
        for value in values:
            parts = value if type(value) is tuple else (value,)
            if not _ATOMS.issuperset(map(type, parts)):
                raise TypeError(f"a {type(value).__name__} as a key or a member of a set")
    return values


def expect(value: Any, kind: type) -> Any:
    """Return the value if it has exactly this type, not a subclass."""
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} for a {kind.__name__}")
    return value


def _set_items(stack: list[Any], values: list[Any]) -> None:
    expect(stack[-1], dict).update(pairs(values))


def _set_item(stack: list[Any]) -> None:
    values = [stack.pop(-2), stack.pop()]
    _set_items(stack, values)


def _append_all(stack: list[Any], values: list[Any]) -> None:
    expect(stack[-1], list).extend(values)


def _append(stack: list[Any]) -> None:
    value = stack.pop()
    _append_all(stack, [value])


def _add_items(stack: list[Any], values: list[Any]) -> None:
    expect(stack[-1], set).update(hashable(values))


def _build(stack: list[Any]) -> None:
    state = stack.pop()
    type(stack[-1]).__setstate__(stack[-1], state)


def _tuple_of(size: int) -> Callable[[list[Any]], None]:
    def make(stack: list[Any]) -> None:
        values = tuple(stack[-size:])
        if len(values) < size:
            raise IndexError("a tuple of nothing")
        stack[-size:] = [values]

    return make


def _push(make: Callable[[], Any]) -> Callable[[list[Any]], None]:
    return lambda stack: stack.append(make())


SIMPLE: Mapping[int, Callable[[list[Any]], Any]] = {
    0x29: _push(tuple),
    0x30: list.pop,
    0x4E: _push(lambda: None),
    0x5D: _push(list),
    0x61: _append,
    0x62: _build,
    0x73: _set_item,
    0x7D: _push(dict),
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    0x88: _push(lambda: True),
    0x89: _push(lambda: False),
    0x8F: _push(set),
}
"""What each instruction without an argument does to the stack."""

CLOSING: Mapping[int, Callable[[list[Any], list[Any]], Any]] = {
    0x31: lambda stack, values: None,
    0x65: _append_all,
    0x74: lambda stack, values: stack.append(tuple(values)),
    0x75: _set_items,
    0x90: _add_items,
    0x91: lambda stack, values: stack.append(frozenset(hashable(values))),
}
"""What each closing instruction does to the stack below the last mark and the values above it."""

SIZED: Mapping[int, tuple[int, Callable[[bytes], Any]]] = {
    0x42: (4, bytes),
    0x43: (1, bytes),
    0x54: (4, bytes),  # texts of Python 2
    0x55: (1, bytes),
    0x8A: (1, lambda raw: int.from_bytes(raw, "little", signed=True)),
    0x8D: (8, lambda raw: str(raw, "utf-8", "surrogatepass")),
    0x8E: (8, bytes),
    0x96: (8, bytearray),
}
"""For each instruction with a sized argument: bytes of the size, and the argument's meaning."""
