"""Read TFRecord files, https://www.tensorflow.org/tutorials/load_data/tfrecord, by ourselves.

A record is the length of its payload (uint64), a checksum of these eight bytes, the payload, and a
checksum of the payload, all little-endian. A checksum is a CRC-32C (RFC 3720), rotated and shifted
so that it differs from the CRC of data that contain CRCs.
"""

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

from data_builders.archives.damage import kind_of
from nasbench.errors import ArchiveError
from nasbench.registry import require

LONGEST = 1 << 20
_HEAD = 1024
_HEADER = Struct("<QI")
_CHECKSUM = Struct("<I")


def records(file: BinaryIO, where: str, *, longest: int = LONGEST) -> Iterator[tuple[int, bytes]]:
    """Yield the payloads from the current position to the end of a file.

    Args:
        file: A buffered file.
        where: Name of the file, for messages.
        longest: Most bytes of a payload; no more are ever held.

    Yields:
        The position after a record, and its payload.

    Raises:
        MissingExtraError: google-crc32c is not installed.
        ArchiveError: The file ends within a record, a checksum is wrong, or a payload is too long.
    """
    crc32c = require("google_crc32c", "reading TFRecord files").value
    position = file.tell()
    while header := file.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise ArchiveError(_truncated(where, position))
        length, checksum = _HEADER.unpack(header)
        if _mask(crc32c(header[:8])) != checksum:
            if not position and (kind := kind_of(header + file.read(_HEAD))):
                raise ArchiveError(f"{where} is {kind}, not a TFRecord file: download it again")
            raise ArchiveError(
                f"{where} is damaged: the length of the record at byte {position} does not match "
                "its checksum"
            )
        if length > longest:
            raise ArchiveError(
                f"{where}: the record at byte {position} has {length} bytes, at most {longest} are "
                "possible"
            )
        rest = file.read(length + _CHECKSUM.size)
        if len(rest) < length + _CHECKSUM.size:
            raise ArchiveError(_truncated(where, position))
        payload = rest[:length]
        if _mask(crc32c(payload)) != _CHECKSUM.unpack_from(rest, length)[0]:
            raise ArchiveError(
                f"{where} is damaged: the record at byte {position} does not match its checksum"
            )
        position += _HEADER.size + len(rest)
        yield position, payload


def _mask(crc: int) -> int:
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF


def _truncated(where: str, position: int) -> str:
    return f"{where} is truncated: it ends within the record at byte {position}"
