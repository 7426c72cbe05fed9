"""A file that is not what its name says is named as what it is."""

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from containers import PAGE, tarred, zipped

from data_builders.archives.damage import check_kind, damage, kind_of
from nasbench.errors import ArchiveError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n"


def parquet():
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file)
    return file.getvalue()


KINDS = {
    "an HTML page": [PAGE, b"<HTML>", b"\n <head>", b"<body>Virus scan warning"],
    "an XML page": [b"<?xml version='1.0'?><Error><Code>AccessDenied", b"<Error><Code>NoSuchKey"],
    "a pointer of Git LFS": [POINTER],
    "empty": [b""],
    "nothing but zeros": [bytes(1), bytes(4096)],
    "a JSON text": [b'{"message": "Not Found"}', b" [1, 2]"],
    "a zip archive": [zipped()],
    "a tar archive": [tarred()],
    "a gzip file": [gzip.compress(b"a"), tarred("w:gz")],
    "a bz2 file": [bz2.compress(b"a")],
    "an xz file": [lzma.compress(b"a")],
    "an HDF5 file": [b"\x89HDF\r\n\x1a\n\0\0"],
    "a Parquet file": [parquet()],
    "a pickle": [pickle.dumps({"a": 1}, protocol) for protocol in (2, 3, 4, 5)],
    # lengths of TFRecords: 640 and 123 bytes begin like a pickle and like JSON
    "": [b"cell,accuracy\n", struct.pack("<QI", 640, 7), struct.pack("<QI", 123, 7), b"noise"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_first_bytes_say_what_a_file_is(kind):
    assert [kind_of(content[:1024]) for content in KINDS[kind]] == [kind] * len(KINDS[kind])


def test_a_page_that_was_saved_in_place_of_a_file_is_named(tmp_path):
    path = tmp_path / "archive.pth"
    path.write_bytes(PAGE)
    with pytest.raises(ArchiveError, match=r"archive\.pth is an HTML page, not a box: download it"):
        check_kind(path, "a box", "a zip archive")
    check_kind(path, "a page", "an HTML page")
    path.write_bytes(b"unknown")
    check_kind(path, "a box", "a zip archive")
    with pytest.raises(ArchiveError, match=r"cannot be read: .*No such file"):
        check_kind(tmp_path / "missing", "a box")


@pytest.mark.parametrize(
    ("content", "read", "message"),
    [
        (bz2.compress(bytes(9999))[:-9], bz2.open, "it is cut, its end is missing: download it"),
        (gzip.compress(bytes(9999))[:-9], gzip.open, "it is cut, its end is missing: download it"),
        (lzma.compress(bytes(9999))[:-9], lzma.open, "it is cut, its end is missing: download it"),
        (b"BZh91AY\0\0", bz2.open, "compressed bytes are damaged .Invalid data stream.: download"),
        (zipped()[:-9], zipfile.ZipFile, "it is no zip archive, or its end is missing: download"),
    ],
    ids=["cut bz2", "cut gz", "cut xz", "bad bz2", "cut zip"],
)
def test_errors_of_libraries_are_explained(content, read, message):
    with pytest.raises(ArchiveError, match=f"archive cannot be read: .*{message}"):  # noqa: SIM117
        with damage("archive"), read(io.BytesIO(content)) as file:
            file.read()
