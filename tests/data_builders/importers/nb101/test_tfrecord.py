"""The reader of TFRecord files against a framing written here, with a CRC of its own."""

import io
import sys
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_builders.importers.nb101.tfrecord import LONGEST, records
from nasbench.errors import ArchiveError, MissingExtraError

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def checksum(data: bytes) -> int:
    """Masked CRC-32C, bit by bit as in RFC 3720."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15) + (crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


def framed(payload: bytes) -> bytes:
    length = pack("<Q", len(payload))
    return length + pack("<I", checksum(length)) + payload + pack("<I", checksum(payload))


def read(data: bytes, **options: Any) -> list[tuple[int, bytes]]:
    return list(records(io.BytesIO(data), "some.tfrecord", **options))


def test_the_crc_of_this_test_is_the_one_of_the_standard() -> None:
    # RFC 3720, B.4: 32 bytes of zeros, and the ascending bytes 0..31.
    for data, crc in ((bytes(32), 0x8A9136AA), (bytes(range(32)), 0x46DD794E)):
        unmasked = checksum(data) - 0xA282EAD8 & 0xFFFFFFFF
        assert (unmasked << 15 | unmasked >> 17) & 0xFFFFFFFF == crc


@given(st.lists(st.binary(max_size=300)))
def test_what_was_framed_is_read_with_the_position_behind_it(payloads: list[bytes]) -> None:
    data, expected = b"", []
    for payload in payloads:
        data += framed(payload)
        expected.append((len(data), payload))
    assert read(data) == expected


def test_reading_goes_on_from_the_position_of_the_file() -> None:
    first, second = framed(b"first"), framed(b"second")
    file = io.BytesIO(first + second)
    file.seek(len(first))
    assert list(records(file, "f")) == [(len(first + second), b"second")]


def test_what_precedes_the_damage_is_given_before_the_error() -> None:
    found = records(io.BytesIO(framed(b"good") + b"bad"), "f")
    assert next(found) == (20, b"good")
    with pytest.raises(ArchiveError, match="byte 20"):
        next(found)


def test_a_file_that_ends_anywhere_within_a_record_is_truncated() -> None:
    start, whole = len(framed(b"first")), framed(b"first") + framed(b"the second")
    for end in range(start + 1, len(whole)):
        with pytest.raises(ArchiveError, match=rf"some\.tfrecord is truncated.*byte {start}$"):
            read(whole[:end])


def test_any_flipped_bit_is_found() -> None:
    whole = framed(b"first") + framed(b"the second")
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ArchiveError, match=r"some\.tfrecord is damaged"):
            read(bytes(data))


def test_each_checksum_has_its_message() -> None:
    data = bytearray(framed(b"payload"))
    data[9] ^= 1
    with pytest.raises(ArchiveError, match="the length of the record at byte 0"):
        read(bytes(data))
    data[9] ^= 1
    data[-1] ^= 1
    with pytest.raises(ArchiveError, match="the record at byte 0 does not match"):
        read(bytes(data))


@pytest.mark.parametrize("length", [LONGEST + 1, 1 << 32, 1 << 60, (1 << 64) - 1])
def test_no_more_than_a_possible_length_is_read(length: int) -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 <= size <= 12
            return super().read(size)

    header = pack("<Q", length)
    file = Endless(header + pack("<I", checksum(header)) + bytes(100))
    with pytest.raises(ArchiveError, match=f"{length} bytes, at most {LONGEST} are possible"):
        list(records(file, "f"))


def test_the_longest_payload_is_read() -> None:
    assert read(framed(bytes(50)), longest=50) == [(66, bytes(50))]
    with pytest.raises(ArchiveError, match="51 bytes, at most 50"):
        read(framed(bytes(51)), longest=50)


def test_without_the_crc_library_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e \"\.\[importers\]\""):
        read(framed(b"payload"))
