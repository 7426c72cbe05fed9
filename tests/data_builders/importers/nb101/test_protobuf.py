"""The reader of the protobuf wire format against the package protobuf."""

from struct import pack
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st

from data_builders.importers.nb101.protobuf import fields
from nasbench.errors import ArchiveError

GROUPS = {3, 4}


def by_protobuf(data: bytes) -> list[tuple[int, int, Any]] | None:
    """Number, type and value of every field of a message; None for bytes that are none."""
    message = Empty()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return [(f.field_number, f.wire_type, f.data) for f in UnknownFieldSet(message)]


def by_us(data: bytes) -> list[tuple[int, int, Any]] | None:
    try:
        found = fields(data)
    except ArchiveError:
        return None
    numbers = {1, 5}
    return [
        (tag >> 3, tag & 7, int.from_bytes(v, "little") if tag & 7 in numbers else v)
        for tag, v in found
    ]


def varint(value: int) -> bytes:
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


numbers = st.one_of(st.integers(1, 20), st.integers(1, 2**29 - 1))
field = st.one_of(
    st.tuples(numbers, st.just(0), st.integers(0, 2**64 - 1).map(varint)),
    st.tuples(numbers, st.just(1), st.binary(min_size=8, max_size=8)),
    st.tuples(numbers, st.just(2), st.binary(max_size=200).map(lambda b: varint(len(b)) + b)),
    st.tuples(numbers, st.just(5), st.binary(min_size=4, max_size=4)),
).map(lambda f: varint(f[0] << 3 | f[1]) + f[2])


@given(st.lists(field, max_size=8).map(b"".join))
def test_fields_are_those_that_protobuf_reads(data: bytes) -> None:
    expected = by_protobuf(data)
    assert expected is not None
    assert by_us(data) == expected


@given(st.one_of(st.binary(max_size=40), st.lists(field, max_size=3).map(b"".join)), st.data())
def test_whatever_protobuf_can_read_is_read_and_the_rest_is_a_clear_error(
    data: bytes, draw: st.DataObject
) -> None:
    data = data[: draw.draw(st.integers(0, len(data)))]
    expected, found = by_protobuf(data), by_us(data)
    if expected is not None and not GROUPS & {kind for _, kind, _ in expected}:
        assert found == expected


@pytest.mark.parametrize("last", [b"\x01", b"\x7f"])
def test_a_varint_keeps_64_bits(last: bytes) -> None:
    data = b"\x08" + b"\xff" * 9 + last
    assert fields(data) == [(8, 2**64 - 1)]
    assert by_protobuf(data) in (None, [(1, 0, 2**64 - 1)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x09" + bytes(7), "ends within a field of 8"),
        (b"\x0a\x05abcd", "ends within a field of 5"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "ends within a field of 9223372036854775807"),
        (b"\x0d" + bytes(3), "ends within a field of 4"),
        (b"\x08\x80", "a varint without an end"),
        (b"\x08", "a varint without an end"),
        (b"\x08" + b"\x80" * 11, "a varint without an end"),
        (b"\x0b\x0c", "a field of type 3; possible: 0, 1, 2, 5"),
        (b"\x0e", "a field of type 6; possible: 0, 1, 2, 5"),
    ],
)
def test_damage_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        fields(data)


def test_a_message_keeps_the_order_of_its_fields() -> None:
    data = b"\x10\x07" + b"\x0a\x02hi" + b"\x10\x08" + b"\x19" + pack("<d", 0.5)
    assert fields(data) == [(0x10, 7), (0x0A, b"hi"), (0x10, 8), (0x19, pack("<d", 0.5))]
