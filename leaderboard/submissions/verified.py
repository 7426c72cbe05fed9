"""``verified.json``: which records of a board were checked, and how far.

Whoever keeps a board writes one for each submission (``nasbench leaderboard verify --out``) into a
folder of their own; a submission that brings one is refused. It is a JSON object:

- ``made_by``: ``"nasbench leaderboard verify"``. ``format``: 1.
- ``level``: one of :data:`leaderboard.submissions.LEVELS`; every record passed that much.
- ``entry``: ``name`` of the entry and ``sha256`` of its ``entry.json``.
- ``checked_with``: versions of ``nasbench``, ``python``, ``numpy`` and ``pyarrow``.
- ``choice``: number by which seeds were chosen to be run again, so that the same can be chosen
  again; null if none were.
- ``records``: a list of objects. ``folder``, ``algorithm``, ``code`` (fingerprint), ``benchmark``
  (``id@version``), ``content_hash`` (of the benchmark's numbers), ``seeds``; ``manifest``: SHA-256
  of the manifest; ``rows``: SHA-256 of the decoded columns; ``compact``: that of the rows of the
  compact form, or empty; ``rerun``: seeds that were run again and gave the identical record;
  ``relabelled``: null, or an object with ``seeds``, the mean ``difference`` in loss between
  hidden instances and the record (positive is worse), its interval ``low`` to ``high``, and the
  ``level`` of that.
- ``remarks``: what is no fault, but worth knowing.

A board marks a row if its manifest and its trials are those of a mark, and ``entry.json`` too where
the record lies in a submission, so that no mark outlives what its sender declared::

    marks = read_marks("verified")
    mark = marks.get(seal(row.records, row.content_hash))  # None: not checked
"""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

from leaderboard.compact.record import AnyRecord, CompactRecord
from leaderboard.entries.entry import entry_digest
from leaderboard.submissions import LEVELS
from leaderboard.submissions.report import Report
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic

FORMAT = 2
"""Version of the schema."""
_MAKER = "nasbench leaderboard verify"

Seal: TypeAlias = tuple[str, str, str]
"""Hashes of a manifest, of the numbers beside it, and of ``entry.json`` above it or empty for none,
all computed from what is there."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That a record was checked.

    Attributes:
        level: How far, one of :data:`leaderboard.submissions.LEVELS`.
        entry: Name of the entry.
        entry_digest: SHA-256 of its ``entry.json``.
        seeds: Seeds of the record.
        manifest: SHA-256 of its manifest.
        rows: SHA-256 of its decoded columns.
        compact: SHA-256 of the rows of its compact form; empty if it has none.
        rerun: Seeds that were run again; empty for none.
        suite: Version of nasbench that checked it.
    """

    level: str
    entry: str
    entry_digest: str
    seeds: str
    manifest: str
    rows: str
    compact: str
    rerun: str
    suite: str


def write_mark(report: Report, path: str | Path) -> None:
    """Write the mark of a submission that passed.

    Args:
        report: What the verification found.
        path: The file; another mark is replaced.

    Raises:
        RecordError: The submission did not pass.
        InvalidArgumentError: Something else is there, or the file cannot be written.
    """
    path = Path(path)
    if not report.is_sound or report.entry is None:
        raise RecordError(f"{report.source} has faults and gets no mark")
    check_place(path)
    document = {
        "made_by": _MAKER,
        "format": FORMAT,
        "level": report.level,
        "entry": {"name": report.entry.about.name, "sha256": report.entry_digest},
        "checked_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("nasbench", "numpy", "pyarrow")},
        },
        "choice": report.choice,
        "records": [asdict(finding) for finding in report.findings],
        "remarks": report.remarks,
    }
    with atomic(path) as temporary:
        text = json.dumps(document, indent=1, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")


def check_place(path: Path) -> None:
    """Refuse to replace a file that is no mark.

    Raises:
        InvalidArgumentError: One is there.
    """
    if path.is_dir():
        raise InvalidArgumentError(f"{path} is a folder: name a file, such as verified.json")
    if path.exists():
        try:
            _read(path)
        except RecordError as error:
            raise InvalidArgumentError(
                f"{path} is no mark of a submission, and is never replaced: choose another file"
            ) from error


def seal(record: AnyRecord, rows: str) -> Seal:
    """Return what a mark must say of a record.

    Args:
        record: The record.
        rows: SHA-256 of its decoded columns. What a compact record says of those of the full one is
            not used, since anybody can write it.
    """
    numbers = record.numbers if isinstance(record, CompactRecord) else rows
    return record.manifest.digest, numbers, entry_digest(record.folder)


def read_marks(folder: str | Path) -> dict[Seal, Mark]:
    """Return the marks in a folder, by the :func:`seal` of the records that were checked.

    A record and its compact form have two seals each, in the submission and outside of any. Of
    several marks of one seal the strongest counts.

    Args:
        folder: Folder of files ``*.json``, or one file.

    Raises:
        RecordError: A file is no mark.
    """
    folder = Path(folder)
    found: dict[Seal, Mark] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else [folder]:
        document = _read(path)
        try:
            marks = [
                Mark(
                    level=document["level"],
                    entry=document["entry"]["name"],
                    entry_digest=document["entry"]["sha256"],
                    seeds=record["seeds"],
                    manifest=record["manifest"],
                    rows=record["rows"],
                    compact=record["compact"],
                    rerun=record["rerun"],
                    suite=document["checked_with"]["nasbench"],
                )
                for record in document["records"]
            ]
            if not all(isinstance(value, str) for mark in marks for value in _values(mark)):
                raise TypeError("a value is no text")
        except (KeyError, TypeError) as error:
            raise RecordError(f"{path} is an incomplete mark: {error!r}") from error
        for mark in marks:
            numbers = filter(None, (mark.rows, mark.compact))
            for key in product([mark.manifest], numbers, [mark.entry_digest, ""]):
                old = found.get(key)
                if old is None or LEVELS.index(old.level) < LEVELS.index(mark.level):
                    found[key] = mark
    return found


def _values(mark: Mark) -> tuple[Any, ...]:
    return tuple(asdict(mark).values())


def _read(path: Path) -> dict[str, Any]:
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is no mark of a submission: {error}") from error
    if (
        not isinstance(document, dict)
        or document.get("made_by") != _MAKER
        or document.get("format") != FORMAT
        or document.get("level") not in LEVELS
    ):
        raise RecordError(f"{path} is no mark of a submission")
    return document
