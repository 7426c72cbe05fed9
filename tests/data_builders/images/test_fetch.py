"""Downloads, from a server on this machine."""

import hashlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_builders.images import fetch as module
from data_builders.images.fetch import fetch
from data_builders.images.published import PUBLISHED, Download
from nasbench.errors import (
    ArchiveError,
    InvalidArgumentError,
    MissingExtraError,
    UnknownNameError,
)

FILES = {"a.gz": b"first", "b.gz": b"second" * 1000}


class Handler(SimpleHTTPRequestHandler):
    requests: list[str]

    def log_message(self, format: str, *args: object) -> None:
        self.requests.append(self.path)


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a server is asked for that has the files of the set ``toy``, in a folder ``served``."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    served = tmp_path / "served"
    served.mkdir()
    for name, data in FILES.items():
        (served / name).write_bytes(data)
    Handler.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        known = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
        download = Download(f"http://127.0.0.1:{server.server_port}/", known, "toy")
        toy = replace(PUBLISHED["cifar10"], download=download)
        monkeypatch.setattr(module, "PUBLISHED", {"toy": toy})
        yield Handler.requests
        server.shutdown()
        thread.join()


def test_files_are_downloaded_once(requests: list[str], tmp_path: Path) -> None:
    paths = fetch("toy")
    assert paths == [tmp_path / "data/toy" / name for name in FILES]
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o644}
    assert requests == ["/a.gz", "/b.gz"]
    paths[0].unlink()
    paths[1].chmod(0o640)
    fetch("toy")
    assert requests == ["/a.gz", "/b.gz", "/a.gz"]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o644, 0o640]


def refused(tmp_path: Path) -> str:
    with pytest.raises(ArchiveError) as error:
        fetch("toy")
    text = str(error.value)
    assert "\n" not in text
    assert "put a.gz, b.gz from http://127.0.0.1:" in text
    assert f" into {tmp_path / 'data/toy'}" in text
    return text


def test_another_file_than_the_known_one_is_not_kept(requests: list[str], tmp_path: Path) -> None:
    (tmp_path / "served/b.gz").write_bytes(b"changed")
    assert "/b.gz (SHA256 hash of downloaded file (b.gz) does not match" in refused(tmp_path)
    assert [path.name for path in (tmp_path / "data/toy").iterdir()] == ["a.gz"]


def test_a_file_that_the_server_lacks_is_named(requests: list[str], tmp_path: Path) -> None:
    (tmp_path / "served/a.gz").unlink()
    assert "/a.gz (404 Client Error: File not found" in refused(tmp_path)


def test_without_a_network_it_is_said_what_to_do(
    requests: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = module.PUBLISHED["toy"]
    nowhere = replace(toy.download, url="http://127.0.0.1:1/")
    monkeypatch.setattr(module, "PUBLISHED", {"toy": replace(toy, download=nowhere)})
    assert "cannot download http://127.0.0.1:1/a.gz (" in (text := refused(tmp_path))
    assert "Connection refused): put" in text
    assert requests == []
    assert not (tmp_path / "data/toy").exists()


def test_an_unknown_set_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"'cifar'.* mean 'cifar10'.*'fashion_mnist'"):
        fetch("cifar")


def test_pooch_is_needed_for_downloads_only(
    requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"downloading toy needs 'pooch'.*pip install"):
        fetch("toy")


def test_a_folder_that_cannot_be_written_is_named(
    requests: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "file"))
    with pytest.raises(InvalidArgumentError, match=r"cannot write to .*file/toy"):
        fetch("toy")


def test_a_file_of_this_name_that_is_another_is_kept(requests: list[str], tmp_path: Path) -> None:
    mine = tmp_path / "data/toy/b.gz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert "b.gz is not the published file: its sha256 is" in (text := refused(tmp_path))
    assert "move it away" in text
    assert mine.read_bytes() == b"mine"


def test_a_folder_that_was_there_is_kept(requests: list[str], tmp_path: Path) -> None:
    (tmp_path / "data/toy").mkdir(parents=True)
    (tmp_path / "served/a.gz").unlink()
    refused(tmp_path)
    assert (tmp_path / "data/toy").exists()


def test_what_a_killed_download_left_is_deleted(requests: list[str], tmp_path: Path) -> None:
    left = tmp_path / "data/toy/.a.gz.k2_x.nasbench-tmp"
    left.mkdir(parents=True)
    (left / "tmp123").write_bytes(b"fir")
    fetch("toy")
    assert sorted(path.name for path in left.parent.iterdir()) == ["a.gz", "b.gz"]
