"""The one place that opens foreign pickles.

A pickle is a program: it imports by name whatever it likes and calls it. Here a name stands for an
object that the importer put on a list, or it is refused before it can be called; nothing is ever
imported. (A hostile file can still crash the process, with a million nested tuples as a key.)
"""

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import IO, Any

from nasbench.errors import ArchiveError, NasbenchError, one_of

LIMIT = 1 << 26
_NOTHING: Mapping[str, Callable[..., Any]] = MappingProxyType({})
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
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    MemoryError,
)


def load(
    file: IO[bytes],
    *,
    allowed: Mapping[str, Callable[..., Any]] = _NOTHING,
    where: str,
    limit: int = LIMIT,
) -> Any:
    """The object in a pickle of built-in containers, texts and numbers, and of what is allowed.

    Args:
        file: Read from its position to its end.
        allowed: The names that may occur and what stands for each, which must bear being called
            with anything: ``{"collections.OrderedDict": dict}``.
        where: Name of the file, for messages.
        limit: Most bytes that are read, after decompression.

    Raises:
        ArchiveError: Larger than ``limit``, damaged, or it holds anything that is not allowed.
    """
    data = file.read(limit + 1)
    if len(data) > limit:
        raise ArchiveError(f"{where} is larger than the {limit} bytes that are read of a pickle")
    try:
        _inspect(data, where)
        return _Unpickler(data, allowed, where).load()
    except NasbenchError:
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"{where} is no pickle, or a damaged one: {error}") from error


def _inspect(data: bytes, where: str) -> None:
    """Read the program without running it: no instruction may reach outside the file."""
    end = 0
    for number, (opcode, argument, position) in enumerate(pickletools.genops(data)):
        end = (position or 0) + 1
        if opcode.name in _REFUSED:
            raise ArchiveError(f"{where} refers to {_REFUSED[opcode.name]}, which is not allowed")
        # The unpickler makes room for every slot up to the largest number that it meets.
        if "PUT" in opcode.name and argument is not None and not 0 <= argument <= number:
            raise ArchiveError(f"{where} is damaged: slot {argument} after {number} instructions")
    if end != len(data):
        raise ArchiveError(f"{where} is damaged: {len(data) - end} bytes follow the pickle")


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Mapping[str, Callable[..., Any]], where: str) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed = allowed
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in self._allowed:
            raise ArchiveError(
                f"{self._where} holds {full!r}, which is not allowed in it"
                f"{one_of(full, self._allowed)}"
            )
        return self._allowed[full]
