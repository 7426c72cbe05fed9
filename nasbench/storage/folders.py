"""Folders that this suite makes: whole or not at all, and deleted only if it made all in them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nasbench.errors import InvalidArgumentError, NasbenchError
from nasbench.storage.files import writable_folder
from nasbench.storage.locks import locked
from nasbench.storage.temporary import delete_abandoned, temporary_folder


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of folder that this suite makes, and how one is told from folders of others.

    Attributes:
        what: What it is, such as ``"a surrogate"``.
        label: Name of the file that every such folder has.
        names: Returns which other files one has: a test of their paths relative to the folder,
            with ``/`` between the parts.
    """

    what: str
    label: str
    names: Callable[[Path], Callable[[str], bool]]

    def foreign(self, folder: Path) -> str | None:
        """Return what tells a folder from those of this kind, in words; None if nothing does.

        A link is never ours, wherever it leads.
        """
        if folder.is_symlink() or not folder.is_dir():
            return "no folder"
        if not _is_file(folder / self.label):
            return f"no {self.label} in it"
        try:
            is_ours = self.names(folder)
        except NasbenchError as error:
            return str(error)
        for file in _files(folder):
            name = file.relative_to(folder).as_posix()
            if not _is_file(file) or (name != self.label and not is_ours(name)):
                return f"{name} in it"
        return None

    def check(self, folder: Path) -> None:
        """Refuse to touch what is not ours.

        Raises:
            InvalidArgumentError: Something is there, and is no folder of this kind.
        """
        if os.path.lexists(folder) and (reason := self.foreign(folder)):
            raise InvalidArgumentError(
                f"{folder} is not {self.what} that this suite made ({reason}), and is never "
                "deleted: move it away, or choose another folder or id"
            )

    def clear(self, folder: Path) -> None:
        """Delete a folder if it is there, its label last, so that what a kill leaves is known.

        Raises:
            InvalidArgumentError: It is no folder of this kind, or cannot be deleted.
        """
        if not os.path.lexists(folder):
            return
        entries = sorted(folder.rglob("*"), reverse=True)  # what is inside a folder before it
        self.check(folder)  # so that nothing that is put there later is deleted
        label = folder / self.label
        try:
            for entry in entries:
                if entry.is_dir() and not entry.is_symlink():
                    entry.rmdir()
                elif entry != label:
                    entry.unlink()
            label.unlink()
            folder.rmdir()
        except OSError as error:
            raise InvalidArgumentError(
                f"cannot delete {folder}: {error.strerror or error}"
            ) from error


@contextmanager
def atomic_folder(path: Path, kind: Kind, check: Callable[[], None]) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` if the block succeeds and is deleted if not.

    A folder that is there is renamed to ``.<name>.old`` for the moment in which the new one takes
    its place. If a kill hits that moment, the next call puts it back. A parent that was made for it
    goes with what failed.

    Args:
        path: The folder to make.
        kind: Its kind.
        check: Called at the start, and again before the new folder takes its place. It raises an
            error if a folder that is there by then is not to be replaced.

    Raises:
        InvalidArgumentError: The folder cannot be made, or something else is there.
    """
    made = not path.parent.exists()
    home, old = writable_folder(path.parent), path.with_name(f".{path.name}.old")

    def make_room() -> None:
        kind.check(old)
        if old.exists() and not os.path.lexists(path):
            old.replace(path)
        kind.clear(old)
        kind.check(path)
        check()

    try:
        with locked(home / f".{path.name}.lock"):
            make_room()
        delete_abandoned(path)
        with temporary_folder(path) as temporary:
            whole = temporary / path.name
            whole.mkdir()
            yield whole
            for file in _files(whole):
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
            with locked(home / f".{path.name}.lock"):
                make_room()
                if path.exists():
                    path.replace(old)
                whole.replace(path)
                kind.clear(old)
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if made:
            with suppress(OSError):  # it holds what was made
                home.rmdir()


def _files(folder: Path) -> Iterator[Path]:
    """Everything in a folder but folders; links to folders too, which are not followed."""
    for entry in folder.rglob("*"):
        if entry.is_symlink() or not entry.is_dir():
            yield entry


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
