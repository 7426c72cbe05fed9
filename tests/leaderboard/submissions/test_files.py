"""Archives that mean harm are refused before anything large or outside is written."""

import io
import os
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from leaderboard.submissions import files
from leaderboard.submissions.files import list_files, unpack
from leaderboard.submissions.verify import verify
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.testing.hostile_files import hostile_files


def zipped(path, entries):
    """An archive of pairs of a name, or its description, and a content."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def refused(path, tmp_path):
    """Message of a refusal; nothing is left behind but what is inside the folder."""
    out = tmp_path / "out"
    out.mkdir()
    before = set(tmp_path.rglob("*"))
    with pytest.raises(RecordError) as caught:
        unpack(path, out)
    assert set(tmp_path.rglob("*")) - before <= set(out.rglob("*"))
    return str(caught.value)


@pytest.mark.parametrize("inside", ["", "submission/"])
def test_an_honest_archive_passes(honest, tmp_path, inside):
    paths = [path for path in honest.rglob("*") if path.is_file()]
    entries = [(f"{inside}{path.relative_to(honest)}", path.read_bytes()) for path in paths]
    report = verify(zipped(tmp_path / "sent.zip", entries))
    assert report.is_sound, report.listed()


@pytest.mark.parametrize(
    "name", ["../entry.json", "/etc/passwd", "a/../../b", "a//b", "C:\\x", ".git/config", "con"]
)
def test_a_path_out_of_the_folder(tmp_path, name):
    path = zipped(tmp_path / "a.zip", [(name, b"{}")])
    assert "is no path inside a submission" in refused(path, tmp_path)


def test_a_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILE_BYTES", 2**22)
    bomb = [("entry.json", b"{}"), ("zeros", bytes(files.MOST_FILE_BYTES + 1))]
    path = zipped(tmp_path / "a.zip", bomb)
    assert path.stat().st_size < files.MOST_FILE_BYTES / 500
    text = refused(path, tmp_path)
    assert "becomes larger than a submission can be: zeros has 4.0 MiB" in text
    assert not any((tmp_path / "out").iterdir())


def test_a_zip_bomb_of_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 10_000)
    path = zipped(tmp_path / "a.zip", [(f"a{i}", bytes(1000)) for i in range(20)])
    assert "all up to it" in refused(path, tmp_path)


def test_a_zip_bomb_that_lies_about_its_size(tmp_path):
    path = zipped(tmp_path / "a.zip", [("zeros", bytes(10**6))])
    content = path.read_bytes().replace(struct.pack("<L", 10**6), struct.pack("<L", 10))
    path.write_bytes(content)
    assert "is no undamaged zip archive" in refused(path, tmp_path)
    assert sum(list_files(tmp_path / "out").values()) <= 10


def test_a_list_of_too_many_files(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", [(f"a{i}", b"") for i in range(30)])
    monkeypatch.setattr(files, "MOST_FILES", 20)
    assert "lists 30 files" in refused(path, tmp_path)


@pytest.mark.parametrize("comment", [b"", b"x" * 0xFFFF])
def test_a_zip64_archive(tmp_path, comment):
    """Its own end says how much it lists, whatever the usual end says."""
    path = zipped(tmp_path / "a.zip", [(f"a{i}", b"") for i in range(30)])
    content = path.read_bytes()
    end = content.rfind(b"PK\5\6")
    _, _, _, _, count, length, start, _ = struct.unpack("<4s4H2LH", content[end:])
    ends = [
        struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start),
        struct.pack("<4sLQL", b"PK\6\7", 0, end, 1),
        struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 100, start, len(comment)),
    ]
    path.write_bytes(content[:end] + b"".join(ends) + comment)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 30
    assert "a.zip is a zip64 archive, which no submission needs" in refused(path, tmp_path)


def test_an_archive_that_lists_more_than_it_says(tmp_path):
    path = zipped(tmp_path / "a.zip", [(f"a{i}", b"") for i in range(30)])
    content = bytearray(path.read_bytes())
    end = content.rfind(b"PK\5\6")
    content[end + 8 : end + 12] = struct.pack("<2H", 1, 1)
    path.write_bytes(content)
    assert "says that it lists 1 files, but lists 30" in refused(path, tmp_path)


def test_an_archive_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_ARCHIVE_BYTES", 100)
    path = zipped(tmp_path / "a.zip", [("a", os.urandom(200))])
    assert "a.zip has 0.0 MiB; at most" in refused(path, tmp_path)


def test_a_link_in_an_archive(tmp_path):
    link = zipfile.ZipInfo("runs")
    link.external_attr = 0o120777 << 16
    path = zipped(tmp_path / "a.zip", [(link, b"/etc")])
    assert "runs is a link or a device" in refused(path, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "A")])
def test_a_file_twice(tmp_path, names):
    path = zipped(tmp_path / "a.zip", [(name, b"") for name in names])
    assert "is there twice" in refused(path, tmp_path)


def test_a_file_that_is_a_folder_too(tmp_path):
    path = zipped(tmp_path / "a.zip", [("a", b""), ("a/b", b"")])
    assert "is no undamaged zip archive" in refused(path, tmp_path)


def test_other_ways_of_compression(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"1")
    assert "compressed by other than deflate" in refused(path, tmp_path)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_archive(tmp_path, share):
    path = zipped(tmp_path / "a.zip", [("entry.json", os.urandom(5000))])
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "its end is missing" in refused(path, tmp_path)


def test_a_damaged_archive(tmp_path):
    path = zipped(tmp_path / "a.zip", [("entry.json", b"x" * 5000)])
    content = bytearray(path.read_bytes())
    content[45] ^= 0xFF
    path.write_bytes(content)
    assert "is no undamaged zip archive" in refused(path, tmp_path)


def test_whatever_else_a_file_is(tmp_path):
    mark = tmp_path / "mark"
    for i, content in enumerate(hostile_files(mark).values()):
        path = tmp_path / f"{i}.zip"
        path.write_bytes(content)
        try:
            report = verify(path)
        except InvalidArgumentError:
            continue
        assert not report.is_sound
    assert not mark.exists()


def test_faults_of_archives_are_reported(tmp_path):
    report = verify(zipped(tmp_path / "a.zip", [("../x", b"")]))
    assert list(report.faults) == ["files"]
    assert report.level == ""
    assert str(tmp_path) not in report.faults["files"][0]


# Folders


def test_too_many_files_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 3)
    for i in range(4):
        (tmp_path / f"a{i}").touch()
    with pytest.raises(RecordError, match="there are more than 3 files"):
        list_files(tmp_path)


def test_a_sparse_file_is_not_read(tmp_path):
    with (tmp_path / "entry.json").open("wb") as file:
        file.truncate(2**40)
    report = verify(tmp_path)
    assert "entry.json has 1,048,576.0 MiB; at most 128.0 MiB" in report.faults["files"][0]


@pytest.mark.parametrize("name", ["a b", "<b>", ".hidden", "é"])
def test_names_in_other_letters(honest, tmp_path, name):
    folder = shutil.copytree(honest, tmp_path / "sent")
    Path(folder, name).touch()
    assert "is no name in a submission" in verify(folder).faults["files"][0]


def test_a_zip_inside_is_a_foreign_file(honest, tmp_path):
    folder = shutil.copytree(honest, tmp_path / "sent")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a", b"")
    (folder / "inner.zip").write_bytes(inner.getvalue())
    assert verify(folder).faults["files"] == ["inner.zip is not listed in entry.json"]
