import errno
import os
from pathlib import Path

import pytest

from nasbench.storage.files import atomic


def test_the_first_writer_of_a_file_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part"
    with atomic(path, first=True) as late:
        with atomic(path, first=True) as early:
            early.write_text("early")
        late.write_text("late")
    assert path.read_text() == "early"
    assert list(tmp_path.iterdir()) == [path]

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with atomic(tmp_path / "other", first=True) as temporary:
        temporary.write_text("without links")
    assert (tmp_path / "other").read_text() == "without links"
    with pytest.raises(UnicodeEncodeError), atomic(tmp_path / "none", first=True) as temporary:
        temporary.write_text("half \udc80")
    assert {path.name for path in tmp_path.iterdir()} == {"part", "other"}


@pytest.mark.skipif(os.name == "nt", reason="no masks")
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_the_mask_of_the_user_says_who_may_read_a_file(
    tmp_path: Path, first: bool, mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        with atomic(tmp_path / "part", first=first):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "part").stat().st_mode & 0o777 == mode
