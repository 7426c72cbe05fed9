"""The only module that opens foreign pickles.

A pickle is a program that may import and call anything by name. Here a machine runs it that knows
only containers, texts and numbers. A name stands for an object that the importer put on a list;
any other name is refused before it can be called, and nothing is ever imported. The machine also
reads pickles larger than memory, by yielding the items of one large dict as they come.
"""

import pickle
import pickletools
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from reprlib import repr
from types import MappingProxyType
from typing import IO, Any

from data_builders.archives.damage import EMPTY, PICKLE, damage, kind_of, reason, shown
from data_builders.pickles.machine import CLOSING, GONE, SIMPLE, SIZED, Giver, Memo, expect, pairs
from nasbench.errors import ArchiveError, NasbenchError, one_of

LIMIT = 1 << 26
_NOTHING: Mapping[str, Callable[..., Any]] = MappingProxyType({})
_CONTAINERS = 1 << 20
_VALUES = 1 << 22
_MARKS = 1 << 10
_INTERNED = 1 << 18
_CHUNK = 1 << 20
_AHEAD = 640  # more bytes than any instruction without a sized argument has
_NAME = 255
_NAMES = {opcode.code: opcode.name for opcode in pickletools.opcodes}
_REFUSED = {
    "PERSID": "a persistent id",
    "BINPERSID": "a persistent id",
    "EXT1": "a class from the registry of extensions",
    "EXT2": "a class from the registry of extensions",
    "EXT4": "a class from the registry of extensions",
    "NEXT_BUFFER": "a buffer outside the file",
    "READONLY_BUFFER": "a buffer outside the file",
}
_DAMAGE = (
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    MemoryError,
    struct.error,
)
_FLOAT = struct.Struct(">d").unpack_from
_INT = struct.Struct("<i").unpack_from


def load(
    file: IO[bytes],
    *,
    allowed: Mapping[str, Callable[..., Any]] = _NOTHING,
    where: str,
    limit: int = LIMIT,
) -> Any:
    """Return the object in a file that holds one pickle; see :class:`Pickles`.

    Args:
        file: File, read from its position to its end.
        allowed: The names that may occur, and what stands for each.
        where: Name of the file, for messages.
        limit: Most bytes to read, after decompression.

    Raises:
        ArchiveError: The file is larger than ``limit``, damaged, or holds anything not allowed.
    """
    pickles = Pickles(file, allowed=allowed, where=where, limit=limit)
    content = pickles.load()
    pickles.finish()
    return content


class Pickles:
    """Consecutive pickles of protocols 2 to 5 in a file.

    They may hold dicts, lists, tuples, sets, texts (those of Python 2 become bytes), bytes,
    numbers, and what is allowed besides. A key of a dict or a member of a set must be a text, a
    number, bytes, None, or a tuple of those.

    Args:
        file: File, read from its position.
        allowed: The names that may occur, and what stands for each, such as
            ``{"collections.OrderedDict": standins.ordered_dict}``. These objects must be safe to
            call with any arguments.
        where: Name of the file, for messages.
        limit: Most bytes, after decompression, of one pickle; in :meth:`items`, of a few items.

    Attributes:
        others: After :meth:`items`, the other entries of the outermost dict.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        allowed: Mapping[str, Callable[..., Any]] = _NOTHING,
        where: str,
        limit: int = LIMIT,
    ) -> None:
        self.others: dict[Any, Any] = {}
        self._file = file
        self._allowed = allowed
        self._where = where
        self._limit = limit
        self._data = b""
        self._ended = False
        self._begun = False
        self._fresh = 0
        self._containers = 0
        self._texts: dict[bytes, str] = {}

    def load(self) -> Any:
        """Return the next object.

        Raises:
            ArchiveError: See :func:`load`.
        """
        with self._damage():
            ((_, content),) = self._run(Memo(), None)
            return content

    def items(self, of: str | None = None) -> Iterator[tuple[Any, Any]]:
        """Yield the items of one dict, which is never in memory as a whole.

        The next object must be this dict, or a dict with it as an entry. Items are yielded one by
        one and then released. A repeated key is yielded again.

        Args:
            of: Key of the large dict; after its last item, :attr:`others` holds the other entries.
                None for the object itself.

        Raises:
            ArchiveError: See :func:`load`; or the object holds no such dict, an item lies in more
                than seven nested containers of one element each, or shares a container with
                another item.
        """
        memo = Memo()
        giver = Giver(of, memo)
        with self._damage():
            content: Any = None
            for key, content in self._run(memo, giver):
                if key is not GONE:
                    yield key, content
            others = {None: content} if of is None else content
            last = others.pop(of, None) if isinstance(others, dict) else None
            if not isinstance(last, dict) or not any(
                giver.target is large for large in (GONE, last)
            ):
                wanted = "a dict" if of is None else f"a dict with a dict {of!r}"
                raise ArchiveError(f"{self._where} holds {repr(content)}, not {wanted}")
            self.others = others
            yield from last.items()

    def finish(self) -> None:
        """Check that nothing follows the last pickle.

        Raises:
            ArchiveError: Something follows it.
        """
        self._reset_counts(len(self._data))
        self._fill(0, 1)
        if self._data:
            raise ArchiveError(
                f"{self._where} is damaged: at least {len(self._data)} bytes follow the pickle"
            )

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except NasbenchError:
            raise
        except _DAMAGE as error:
            raise ArchiveError(
                f"{self._where} is not a pickle, or is damaged: {reason(error)}"
            ) from error

    def _reset_counts(self, ahead: int) -> None:
        """Restart the counts of bytes read (starting with those ahead) and containers made."""
        self._fresh = min(ahead, self._limit)
        self._containers = 0

    def _fill(self, at: int, need: int) -> int:
        """Drop the bytes before ``at``, then read until ``need`` bytes are there or the file ends.

        Returns:
            The position up to which instructions can be read without checking for the end.
        """
        parts = [self._data[at:]]
        size = len(parts[0])
        while size < need and not self._ended:
            with damage(self._where):
                part = self._file.read(min(_CHUNK, self._limit + 1 - self._fresh))
            self._ended = not part
            self._fresh += len(part)
            if self._fresh > self._limit:
                raise ArchiveError(
                    f"{self._where} holds an object larger than {self._limit} bytes, the most read"
                )
            parts.append(part)
            size += len(part)
        self._data = b"".join(parts)
        if not self._begun:
            self._begun = True
            if (kind := kind_of(self._data)) not in ("", EMPTY, PICKLE):
                raise ArchiveError(
                    f"{self._where} is not a pickle, or is damaged: it is {kind}; download it again"
                )
        return size - 1 if self._ended else size - _AHEAD

    def _run(self, memo: Memo, giver: Giver | None) -> Iterator[tuple[Any, Any]]:
        """Run a program; yield items if there is a giver, and finally GONE with the object.

        The most frequent instructions come first.
        """
        self._reset_counts(len(self._data))
        remember = memo.live.append
        texts, data = self._texts, self._data
        stack: list[Any] = []
        below: list[list[Any]] = []  # the stacks below this one, one per mark
        push = stack.append
        at, safe = 0, -1
        while True:
            if at > safe:
                self._check_sizes(stack, below, memo)
                safe = self._fill(at, _AHEAD)
                data, at = self._data, 0
                if not data:
                    raise EOFError("it ends early")
            op = data[at]
            if op == 0x47:  # BINFLOAT
                push(_FLOAT(data, at + 1)[0])
                at += 9
            elif op == 0x8C:  # SHORT_BINUNICODE, and the MEMOIZE after it
                end = at + 2 + data[at + 1]
                raw = data[at + 2 : end]
                text = texts.get(raw) or self._text(raw)
                push(text)
                at = end
                if data[at] == 0x94:
                    remember(text)
                    at += 1
            elif op == 0x4B:  # BININT1
                push(data[at + 1])
                at += 2
            elif op == 0x58:  # BINUNICODE
                size = 5 + int.from_bytes(data[at + 1 : at + 5], "little")
                if at + size > len(data):
                    safe = self._fill(at, size)
                    data, at = self._data, 0
                raw = data[at + 5 : at + size]
                push(texts.get(raw) or self._text(raw))
                at += size
            elif op == 0x72:  # LONG_BINPUT
                memo[int.from_bytes(data[at + 1 : at + 5], "little")] = stack[-1]
                at += 5
            elif op == 0x68:  # BINGET
                push(memo[data[at + 1]])
                at += 2
            elif op == 0x6A:  # LONG_BINGET
                push(memo[int.from_bytes(data[at + 1 : at + 5], "little")])
                at += 5
            elif op == 0x94:  # MEMOIZE
                remember(stack[-1])
                at += 1
            elif op == 0x28:  # MARK
                if giver and (items := giver.at_mark(stack, below)):
                    yield from pairs(items)
                    self._reset_counts(len(data) - at)
                below.append(stack)
                stack = []
                push = stack.append
                at += 1
            elif op in CLOSING:
                values, stack = stack, below.pop()
                push = stack.append
                if op == 0x75 and giver and giver.at_end(stack, below):  # SETITEMS
                    yield from pairs(values)
                    self._reset_counts(len(data) - at)
                else:
                    CLOSING[op](stack, values)
                    self._count_container()
                at += 1
            elif op in SIMPLE:
                SIMPLE[op](stack)
                self._count_container()
                at += 1
            elif op == 0x4D:  # BININT2
                push(int.from_bytes(data[at + 1 : at + 3], "little"))
                at += 3
            elif op == 0x4A:  # BININT
                push(_INT(data, at + 1)[0])
                at += 5
            elif op == 0x71:  # BINPUT
                memo[data[at + 1]] = stack[-1]
                at += 2
            elif op in SIZED:
                width, make = SIZED[op]
                start = at + 1 + width
                size = int.from_bytes(data[at + 1 : start], "little")
                if start + size > len(data):
                    safe = self._fill(at, 1 + width + size)
                    data, at, start = self._data, 0, 1 + width
                raw = data[start : start + size]
                if len(raw) < size:
                    raise EOFError("it ends early")
                push(make(raw))
                at = start + size
            elif op == 0x52:  # REDUCE
                arguments, function = stack.pop(), stack.pop()
                push(self._call(function, arguments))
                self._count_container()
                at += 1
            elif op == 0x93:  # STACK_GLOBAL
                name, module = stack.pop(), stack.pop()
                push(self._find(expect(module, str), expect(name, str)))
                at += 1
            elif op == 0x63:  # GLOBAL
                middle = data.index(b"\n", at, at + _NAME)
                end = data.index(b"\n", middle + 1, middle + _NAME)
                push(
                    self._find(
                        str(data[at + 1 : middle], "utf-8"), str(data[middle + 1 : end], "utf-8")
                    )
                )
                at = end + 1
            elif op == 0x95:  # FRAME
                at += 9
            elif op == 0x80:  # PROTO
                if data[at + 1] > pickle.HIGHEST_PROTOCOL:
                    raise ValueError(f"protocol {data[at + 1]} is unknown")
                at += 2
            elif op == 0x2E:  # STOP
                if below:
                    raise ValueError("it stops inside a container")
                self._data = data[at + 1 :]
                (content,) = stack
                yield GONE, content
                return
            else:
                self._raise_forbidden(data[at : at + _NAME])

    def _check_sizes(self, stack: list[Any], below: list[list[Any]], memo: Memo) -> None:
        """Refuse what grows while a program runs, once a chunk of it, so that it is bounded."""
        if len(below) > _MARKS:
            raise ArchiveError(
                f"{self._where} holds more than {_MARKS} containers inside each other, the most "
                "read"
            )
        if max(len(stack) + sum(map(len, below)), len(memo.live)) > _VALUES:
            raise ArchiveError(
                f"{self._where} holds more than {_VALUES:,} values at a time, the most read"
            )

    def _text(self, raw: bytes) -> str:
        text = str(raw, "utf-8", "surrogatepass")
        if len(raw) <= _NAME and len(self._texts) < _INTERNED:
            self._texts[raw] = text
        return text

    def _count_container(self) -> None:
        self._containers += 1
        if self._containers > _CONTAINERS:
            raise ArchiveError(
                f"{self._where} holds more than {_CONTAINERS} containers, the most read"
            )

    def _find(self, module: str, name: str) -> Any:
        full = f"{shown(module)}.{shown(name)}"
        if full not in self._allowed:
            raise ArchiveError(
                f"{self._where} holds {full!r}, which is not allowed here"
                f"{one_of(full, self._allowed)}"
            )
        return self._allowed[full]

    def _call(self, function: Any, arguments: Any) -> Any:
        if not any(function is known for known in self._allowed.values()):
            raise TypeError(f"a {type(function).__name__} is called")
        return function(*expect(arguments, tuple))

    def _raise_forbidden(self, rest: bytes) -> None:
        """Raise an error that says which forbidden or unknown instruction this is."""
        name = _NAMES.get(chr(rest[0]), "")
        if name == "INST":
            module, _, called = str(rest[1:], "utf-8", "replace").partition("\n")
            self._find(module, called.partition("\n")[0])
        if name in _REFUSED and (name != "PERSID" or b"\n" in rest):
            raise ArchiveError(f"{self._where} refers to {_REFUSED[name]}, which is not allowed")
        raise ValueError(f"{name or rest[:1]!r} is not an instruction of plain data")
