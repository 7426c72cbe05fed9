"""Read the wire format of protocol buffers, https://protobuf.dev/programming-guides/encoding/."""

from typing import Any

from nasbench.errors import ArchiveError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def fields(message: bytes) -> list[tuple[int, Any]]:
    """Return the fields of a message in order; nested messages are left to the caller.

    Args:
        message: One message without its length.

    Returns:
        Tag and value of every field. A tag is ``number << 3 | type``. Type 0 is a varint, whose
        value is a 64-bit integer. Types 1, 2 and 5 are eight bytes, bytes of any length and four
        bytes; their values are bytes.

    Raises:
        ArchiveError: The message ends within a field, or holds an impossible tag.
    """
    found: list[tuple[int, Any]] = []
    position, end = 0, len(message)
    while position < end:
        tag = message[position]
        position += 1
        if tag > 127:
            tag, position = _varint(message, position - 1)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            found.append((tag, value))
            continue
        if kind == _FIXED64:
            length = 8
        elif kind == _BYTES:
            length, position = _varint(message, position)
        elif kind == _FIXED32:
            length = 4
        else:
            raise ArchiveError(f"the message holds a field of type {kind}; possible: 0, 1, 2, 5")
        start, position = position, position + length
        if position > end:
            raise ArchiveError(f"the message of {end} bytes ends within a field of {length}")
        found.append((tag, message[start:position]))
    return found


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the value of the varint at a position, and the position after it."""
    value = 0
    for shift, byte in enumerate(message[position : position + _LONGEST_VARINT]):
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            return value & (1 << 64) - 1, position + shift + 1
    raise ArchiveError(f"the message of {len(message)} bytes has a varint without an end")
