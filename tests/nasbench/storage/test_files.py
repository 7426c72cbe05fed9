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
