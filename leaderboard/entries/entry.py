"""``entry.json``: what a submission says of itself.

A JSON object with exactly these entries:

- ``format``: 1.
- ``name``, ``authors`` (a list), ``paper`` (an address or null), ``code`` (an object with ``url``
  and ``commit``, or null).
- ``declared``: ``selected_on``, the split by which anything was chosen, ``"validation"`` or
  ``"test"``; ``tuning_budget``, what the choice of hyperparameters cost, as a text or null;
  ``trained_on``, tables and data sets that the method learned from before, a list of texts;
  ``warm_start``, what searches start from, as a text or null.
- ``suite``: version of nasbench. ``environment``: versions of Python and of packages by name.
- ``records``: one object for every record. ``folder``: its place in the submission.
  ``manifest``: a copy of its manifest (:mod:`nasbench.runs.manifest`): benchmark id, version and
  content hash, algorithm, every hyperparameter, fingerprint of the code, budget, workers,
  replicate policy. ``seeds``: such as ``"0:100"``. ``command``: the command that makes it again.
  ``files``: size in ``bytes`` and ``sha256`` of each of its files, by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from leaderboard.entries import ENTRY, RUNS
from leaderboard.entries.texts import (
    COMMIT,
    DIGEST,
    NAME,
    PERSON,
    TEXT,
    URL,
    VERSION,
    checked,
)
from nasbench.errors import NasbenchError, RecordError, first_line, listed
from nasbench.runs.manifest import Manifest
from nasbench.storage.documents import parse_json
from nasbench.storage.files import file_digest
from nasbench.storage.names import is_inside

FORMAT = 1
"""Version of the schema."""
MOST_BYTES = 2**24
"""Size of the file."""
SPLITS = ("validation", "test")
"""Splits by which choices are made."""
MOST_AUTHORS = 100
"""Authors of a submission."""
MOST_RECORDS = 1_000
"""Records of a submission."""
_MOST_FILES = 1_000
_LONGEST_COMMAND = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What only the authors can know.

    Attributes:
        selected_on: Split by which anything was chosen, one of :data:`SPLITS`.
        tuning_budget: What the choice of hyperparameters cost; None if nothing is said.
        trained_on: Tables and data sets that the method learned from before its searches.
        warm_start: What the searches start from, None for nothing.
    """

    selected_on: str = "validation"
    tuning_budget: str | None = None
    trained_on: tuple[str, ...] = ()
    warm_start: str | None = None


NOTHING = Declared()
"""What is declared of records that nobody sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Who sends a submission, and what it is.

    Attributes:
        name: Name of the entry.
        authors: Its authors.
        paper: Address of the paper, or None.
        code: Address of the code, or None.
        commit: Commit of that code, or None.
        declared: What only the authors can know.
    """

    name: str
    authors: tuple[str, ...]
    paper: str | None = None
    code: str | None = None
    commit: str | None = None
    declared: Declared = NOTHING


@dataclass(frozen=True, slots=True)
class File:
    """A file of a record: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What ``entry.json`` says of a record.

    Attributes:
        folder: Its folder in the submission, with ``/`` between the parts.
        manifest: Its manifest.
        seeds: Its seeds in the syntax of the command line.
        command: The command that makes it again.
        files: Its files by name.
    """

    folder: str
    manifest: Manifest
    seeds: str
    command: str
    files: Mapping[str, File]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a submission says of itself.

    Attributes:
        about: Who sends it, and what it is.
        suite: Version of nasbench.
        environment: Versions by name of the software.
        records: Its records.
    """

    about: About
    suite: str
    environment: Mapping[str, str]
    records: tuple[Said, ...]

    def encode(self) -> dict[str, Any]:
        """Return the entry as a JSON object."""
        about = self.about
        return {
            "format": FORMAT,
            "name": about.name,
            "authors": list(about.authors),
            "paper": about.paper,
            "code": None if about.code is None else {"url": about.code, "commit": about.commit},
            "declared": {
                "selected_on": about.declared.selected_on,
                "tuning_budget": about.declared.tuning_budget,
                "trained_on": list(about.declared.trained_on),
                "warm_start": about.declared.warm_start,
            },
            "suite": self.suite,
            "environment": dict(self.environment),
            "records": [
                {
                    "folder": said.folder,
                    "manifest": said.manifest.encode(),
                    "seeds": said.seeds,
                    "command": said.command,
                    "files": {
                        name: {"bytes": file.bytes, "sha256": file.sha256}
                        for name, file in said.files.items()
                    },
                }
                for said in self.records
            ],
        }

    @classmethod
    def decode(cls, document: Any) -> Self:
        """Read an entry; the inverse of :meth:`encode`.

        Raises:
            RecordError: The document is not an entry, or a text in it has letters that it must
                not have.
        """
        if isinstance(document, dict) and document.get("format", FORMAT) != FORMAT:
            raise RecordError(
                f"format is {document['format']!r:.40}; this version of the suite reads {FORMAT}"
            )
        said = _fields(
            document,
            "the entry",
            "format name authors paper code declared suite environment records",
        )
        declared = _fields(
            said["declared"], "declared", "selected_on tuning_budget trained_on warm_start"
        )
        code = said["code"]
        if code is not None:
            code = _fields(code, "code", "url commit")
        environment = said["environment"]
        if not isinstance(environment, dict) or len(environment) > 100:
            raise RecordError("environment is no object with the versions of packages")
        about = About(
            name=said["name"],
            authors=_listed(said["authors"], "authors", MOST_AUTHORS),
            paper=said["paper"],
            code=None if code is None else code["url"],
            commit=None if code is None else code["commit"],
            declared=Declared(
                selected_on=declared["selected_on"],
                tuning_budget=declared["tuning_budget"],
                trained_on=_listed(declared["trained_on"], "trained_on", MOST_AUTHORS),
                warm_start=declared["warm_start"],
            ),
        )
        check_about(about)
        records = _listed(said["records"], "records", MOST_RECORDS)
        if not records:
            raise RecordError("records is empty")
        entry = cls(
            about=about,
            suite=checked(said["suite"], VERSION, "suite"),
            environment={
                checked(name, VERSION, "a name in environment"): checked(
                    version, VERSION, f"environment: {name}"
                )
                for name, version in environment.items()
            },
            records=tuple(_record(record, f"records[{i}]") for i, record in enumerate(records)),
        )
        folders = [record.folder for record in entry.records]
        if doubled := sorted({folder for folder in folders if folders.count(folder) > 1}):
            raise RecordError(f"the folder {doubled[0]!r} is named twice")
        return entry


def read_entry(folder: Path) -> Entry:
    """Read the entry of a submission.

    Args:
        folder: Folder of the submission.

    Raises:
        RecordError: The file is not there, too large, or no entry.
    """
    try:
        size = (folder / ENTRY).stat().st_size
        if size > MOST_BYTES:
            raise RecordError(f"{ENTRY} has {size:,} bytes; at most {MOST_BYTES:,}")
        return Entry.decode(parse_json((folder / ENTRY).read_bytes()))
    except OSError as error:
        raise RecordError(f"{ENTRY} cannot be read: {error.strerror or error}") from error
    except (NasbenchError, ValueError) as error:
        raise RecordError(first_line(error)) from error


def entry_of(record: Path) -> Entry | None:
    """Read the entry of the submission in which a record lies; None if it lies in none.

    Args:
        record: Folder of the record.

    Raises:
        RecordError: The entry cannot be read.
    """
    folder = _submission(record)
    return None if folder is None else _read_once(folder, _changed(folder))


def entry_digest(record: Path) -> str:
    """Return the SHA-256 of the ``entry.json`` of the submission in which a record lies.

    Args:
        record: Folder of the record.

    Returns:
        Hexadecimal digits; empty if it lies in none.
    """
    folder = _submission(record)
    return "" if folder is None else _hashed_once(folder, _changed(folder))


def _submission(record: Path) -> Path | None:
    """Return the folder of the submission in which a record lies; None if it lies in none."""
    home = record.absolute().parents
    if len(home) < 3 or home[1].name != RUNS or not (home[2] / ENTRY).is_file():
        return None
    return home[2]


def _changed(folder: Path) -> int:
    """Return when the entry of a submission was last changed, in nanoseconds."""
    return (folder / ENTRY).stat().st_mtime_ns


@lru_cache(maxsize=256)
def _read_once(folder: Path, _: int) -> Entry:
    return read_entry(folder)


@lru_cache(maxsize=256)
def _hashed_once(folder: Path, _: int) -> str:
    return file_digest(folder / ENTRY)


def check_about(about: About) -> None:
    """Check what a sender says.

    Raises:
        RecordError: A text has letters that it must not have, or something is missing.
    """
    checked(about.name, NAME, "name")
    if not about.authors:
        raise RecordError("authors is empty: name at least one")
    for author in about.authors:
        checked(author, PERSON, "an author")
    for what, address in (("paper", about.paper), ("code", about.code)):
        if address is not None:
            checked(address, URL, what)
    if (about.code is None) != (about.commit is None):
        raise RecordError("code needs an address and a commit: give both or neither")
    if about.commit is not None:
        checked(about.commit, COMMIT, "commit")
    declared = about.declared
    if declared.selected_on not in SPLITS:
        raise RecordError(
            f"selected_on is {declared.selected_on!r:.80}: possible are {listed(SPLITS)}"
        )
    for what, text in (
        ("tuning_budget", declared.tuning_budget),
        ("warm_start", declared.warm_start),
    ):
        if text is not None:
            checked(text, TEXT, what)
    for text in declared.trained_on:
        checked(text, TEXT, "trained_on")


def _record(document: Any, where: str) -> Said:
    said = _fields(document, where, "folder manifest seeds command files")
    manifest = Manifest.decode(said["manifest"], f"{where}: manifest")
    folder = f"{RUNS}/{manifest.benchmark}/{manifest.folder_name}"
    if said["folder"] != folder:
        raise RecordError(
            f"{where}: the folder is {said['folder']!r:.200}, but its manifest belongs into "
            f"{folder!r}"
        )
    files = said["files"]
    if not isinstance(files, dict) or not 0 < len(files) <= _MOST_FILES:
        raise RecordError(f"{where}: files is no object with 1 to {_MOST_FILES:,} files")
    found = {}
    for name, about in files.items():
        if "/" in name or not is_inside(name):
            raise RecordError(f"{where}: {name!r:.100} is not the name of a file in its folder")
        about = _fields(about, f"{where}: {name}", "bytes sha256")
        if type(about["bytes"]) is not int or about["bytes"] < 0:
            raise RecordError(f"{where}: {name} has {about['bytes']!r:.40} bytes")
        found[name] = File(about["bytes"], checked(about["sha256"], DIGEST, f"{name}: sha256"))
    for name in ("seeds", "command"):
        if not isinstance(said[name], str) or len(said[name]) > _LONGEST_COMMAND:
            raise RecordError(f"{where}: {name} is no text, or too long")
    return Said(
        folder=folder,
        manifest=manifest,
        seeds=said["seeds"],
        command=said["command"],
        files=found,
    )


def _fields(document: Any, what: str, names: str) -> dict[str, Any]:
    """Return an object that has exactly the given entries."""
    if not isinstance(document, dict):
        raise RecordError(f"{what} is no JSON object")
    expected = names.split()
    if missing := [name for name in expected if name not in document]:
        raise RecordError(f"{what} lacks {listed(missing)}")
    if unknown := sorted(document.keys() - set(expected)):
        raise RecordError(f"{what} has {listed(unknown)}, which this version does not know")
    return document


def _listed(values: Any, what: str, most: int) -> tuple[Any, ...]:
    if not isinstance(values, list) or len(values) > most:
        raise RecordError(f"{what} is no list of at most {most:,}")
    return tuple(values)
