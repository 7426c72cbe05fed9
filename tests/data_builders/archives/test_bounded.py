import gzip
import io

import pytest

from data_builders.archives.bounded import (
    FREE,
    RATIO,
    Bounded,
    Budget,
    check_names,
    decompressed,
    read,
)
from data_builders.archives.damage import shown
from nasbench.errors import ArchiveError


def test_a_budget_grows_with_the_file():
    Budget("a", 0).spend(FREE)
    with pytest.raises(ArchiveError, match=r"^a becomes larger than 67,108,864 bytes"):
        Budget("a", 0).spend(FREE + 1)
    Budget("a", FREE).spend(RATIO * FREE)


def test_what_is_read_or_skipped_is_counted():
    budget = Budget("a", 0)
    stream = Bounded(io.BytesIO(bytes(100)), "a", budget)
    budget.spend(FREE - 60)
    assert len(stream.read(20)) == len(stream.read1(20)) == 20
    assert stream.seek(50) == stream.tell() == 50
    assert len(stream.read(10)) == 10
    with pytest.raises(ArchiveError, match="becomes larger"):
        stream.seek(0) or stream.read(1)
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(0, io.SEEK_END)


def test_headers_are_bounded_between_two_positions():
    stream = Bounded(io.BytesIO(bytes(100)), "a", None, 40)
    for position in (0, 40, 80):
        stream.seek(position)
        stream.read(40)
    with pytest.raises(ArchiveError, match="a has a name or header of more than 40 bytes"):
        stream.read(1)


def test_all_bytes_of_a_file_up_to_a_limit():
    data = bytes(range(256)) * 9000
    assert read(io.BytesIO(data), len(data), "a") == data
    assert read(io.BytesIO(), 0, "a") == b""
    with pytest.raises(ArchiveError, match="a is larger than 2,303,999 bytes"):
        read(io.BytesIO(data), len(data) - 1, "a")


def test_a_file_is_decompressed_by_its_content(tmp_path):
    for content in (b"plain", gzip.compress(b"plain")):
        (tmp_path / "a").write_bytes(content)
        with decompressed(tmp_path / "a") as file:
            assert file.read() == b"plain"


def test_archives_with_too_many_files_or_too_long_names():
    check_names("a", 1 << 18, 1 << 10)
    with pytest.raises(ArchiveError, match="a has more than 262,144 files"):
        check_names("a", (1 << 18) + 1, 1)
    with pytest.raises(ArchiveError, match="whose name has 1,025 characters"):
        check_names("a", 1, 1025)


def test_texts_of_files_are_printable_and_short():
    assert shown("é\x1b[2J\r\n\u202e\ud800") == "é\\x1b[2J\\r\\n\\u202e\\ud800"
    assert len(shown("m" * 10**7)) == 80
