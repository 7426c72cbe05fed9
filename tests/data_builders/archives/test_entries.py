"""Files in folders and archives, listed together."""

import pytest
from containers import PAGE, tarred, zipped

from data_builders.archives.entries import entries, is_sidecar
from nasbench.errors import ArchiveError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PAGE, "is an HTML page, not a folder, zip or tar archive: download it again"),
        (b"", "is empty, not"),
        (zipped()[:-9], "its end is missing"),
        (tarred("w:gz")[:-9], "cut, its end is missing|compressed bytes are damaged"),
    ],
    ids=["page", "empty", "cut zip", "cut tar.gz"],
)
def test_an_archive_that_is_none_is_named(tmp_path, content, message):
    path = tmp_path / "archive.zip"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=message), entries(path, "give an archive"):
        pass


NAMES = ("a/._x.json", "a/x.json", "a/.DS_Store", "__MACOSX/a/._x.json")


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_sidecars_of_macos_are_not_there(tmp_path, kind):
    path = tmp_path / "archive"
    if kind == "folder":
        for name in NAMES:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(b"{}")
    else:
        path.write_bytes(zipped(*NAMES) if kind == "zip" else tarred("w", *NAMES))
    with entries(path, "give an archive") as found:
        assert [entry.parts[-1] for entry in found] == ["x.json"]
    assert is_sidecar("._000001.pickle.pbz2")
    assert not is_sidecar(".a")
