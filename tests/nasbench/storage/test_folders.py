import signal
import subprocess
import sys
import time

import pytest

from nasbench.errors import InvalidArgumentError
from nasbench.storage.files import atomic
from nasbench.storage.folders import Kind, atomic_folder

KIND = Kind("a drawer", "label", lambda folder: lambda name: name.endswith(".txt"))
WRITE_FOREVER = """
import sys, time
from pathlib import Path
from nasbench.storage.files import atomic
from nasbench.storage.folders import Kind, atomic_folder

home = Path(sys.argv[1])
kind = Kind("a drawer", "label", lambda folder: lambda name: name.endswith(".txt"))
with atomic(home / "a.txt"), atomic_folder(home / "drawer", kind, lambda: None) as folder:
    (folder / "label").write_text("")
    print("begun", flush=True)
    time.sleep(60)
"""


class Full:
    """A text that cannot be written."""

    def __str__(self):
        raise OSError("full")


def drawer(path, *names):
    for name in ("label", *names):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


def fill(folder, text, check=lambda: None):
    with atomic_folder(folder, KIND, check) as made:
        (made / "label").write_text("")
        (made / "a.txt").write_text(str(text))


def content(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_our_folders_are_cleared(tmp_path):
    KIND.clear(tmp_path / "absent")
    KIND.clear(drawer(tmp_path / "drawer", "a.txt", "inner/b.txt"))
    assert content(tmp_path) == set()


@pytest.mark.parametrize("left", ["thesis.tex", "inner/thesis.tex", ".git/config"])
def test_folders_with_anything_else_stay_as_they_are(tmp_path, left):
    folder = drawer(tmp_path / "drawer", "a.txt", left)
    before = content(folder)
    with pytest.raises(InvalidArgumentError, match=rf"a drawer .*\({left} in it\).*never deleted"):
        KIND.clear(folder)
    assert content(folder) == before


def test_folders_without_our_label_stay_as_they_are(tmp_path):
    folder = drawer(tmp_path / "drawer", "a.txt")
    (folder / "label").unlink()
    with pytest.raises(InvalidArgumentError, match="no label in it"):
        KIND.clear(folder)
    assert content(folder) == {"a.txt"}


def test_links_are_not_followed(tmp_path):
    kept = drawer(tmp_path / "kept", "a.txt")
    link = tmp_path / "link"
    link.symlink_to(kept, target_is_directory=True)
    with pytest.raises(InvalidArgumentError, match="no folder"):
        KIND.clear(link)
    folder = drawer(tmp_path / "drawer")
    for name, target in (("inner.txt", kept), ("b.txt", kept / "a.txt"), ("c.txt", "nowhere")):
        (folder / name).symlink_to(target)
        with pytest.raises(InvalidArgumentError, match=f"{name} in it"):
            KIND.clear(folder)
        (folder / name).unlink()
    assert content(kept) == {"label", "a.txt"}


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"cannot write .*full"):
        fill(tmp_path / "home" / "a", Full())
    assert content(tmp_path) == set()
    with pytest.raises(InvalidArgumentError, match=r"cannot write .*full"):
        fill(tmp_path / "a", Full())
    assert content(tmp_path) == set()
    fill(tmp_path / "a", "old")
    fill(tmp_path / "a", "new")
    assert (tmp_path / "a" / "a.txt").read_text() == "new"
    assert content(tmp_path) == {"a", "a/a.txt", "a/label"}


def test_what_is_there_is_checked_before_and_after(tmp_path):
    fill(tmp_path / "a", "old")
    calls = []

    def refuse():
        calls.append(None)
        if len(calls) == 2:
            raise InvalidArgumentError("taken by then")

    with pytest.raises(InvalidArgumentError, match="taken by then"):
        fill(tmp_path / "a", "new", refuse)
    assert (tmp_path / "a" / "a.txt").read_text() == "old"
    (tmp_path / "b").write_text("a file")
    with pytest.raises(InvalidArgumentError, match="no folder"):
        fill(tmp_path / "b", "new")
    assert content(tmp_path) == {"a", "a/a.txt", "a/label", "b"}


def test_a_kill_between_the_renames_is_made_good(tmp_path):
    fill(tmp_path / "a", "old")
    (tmp_path / "a").rename(tmp_path / ".a.old")
    with pytest.raises(InvalidArgumentError, match=r"cannot write .*full"):
        fill(tmp_path / "a", Full())
    assert (tmp_path / "a" / "a.txt").read_text() == "old"
    drawer(tmp_path / ".a.old", "a.txt")  # a kill after both
    fill(tmp_path / "a", "new")
    assert content(tmp_path) == {"a", "a/a.txt", "a/label"}


def test_a_folder_of_others_with_the_name_of_an_old_one_stays_there(tmp_path):
    kept = tmp_path / ".a.old" / "thesis.tex"
    kept.parent.mkdir()
    kept.write_text("years of work")
    with pytest.raises(InvalidArgumentError, match=r"\.a\.old is not a drawer .*no label in it"):
        fill(tmp_path / "a", "new")
    assert content(tmp_path) == {".a.old", ".a.old/thesis.tex"}


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_next_writer_deletes_what_a_killed_one_left(tmp_path):
    command = [sys.executable, "-c", WRITE_FOREVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "begun\n"
        with atomic(tmp_path / "a.txt") as temporary:
            temporary.write_text("of another, meanwhile")
        held = content(tmp_path)
        assert len([name for name in held if name.endswith(".nasbench-tmp")]) == 2
        writer.send_signal(signal.SIGKILL)
    for _ in range(100):
        if writer.poll() is not None:
            break
        time.sleep(0.01)
    with atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    fill(tmp_path / "drawer", "new")
    assert content(tmp_path) == {"a.txt", "drawer", "drawer/a.txt", "drawer/label"}
