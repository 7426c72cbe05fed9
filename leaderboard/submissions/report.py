"""What a verification found: a list of checks, each passed, failed or not reached."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leaderboard.entries.entry import Entry
from leaderboard.submissions import LEVELS
from nasbench.errors import first_line

CHECKS = {
    "files": "files: no link, nothing foreign, sizes and hashes as stated",
    "entry": "entry.json: complete, texts harmless",
    "records": "records: whole, and what entry.json says of them",
    "benchmarks": "benchmarks: installed, with the same content",
    "seeds": "seeds: 0 to n - 1, as many in every record",
    "protocol": "set-up: possible on the benchmark",
    "epochs": "epochs: among the fidelities",
    "resumptions": "resumptions: of trials that had ended, once",
    "budget": "budget: not exceeded",
    "clock": "clock: trials in order, no worker busy twice",
    "known numbers": "known numbers: paid for",
    "architectures": "architectures: recorded",
    "constraints": "constraints: met by all architectures",
    "training seeds": "training seeds: those that the run seed draws",
    "losses": "losses: those of the benchmark",
    "times": "times: those of the benchmark",
    "optimum": "optimum: no loss below all recorded ones",
    "selection": "selection: on test only where declared",
    "repeats": "repeats: no run twice, unless all are equal",
    "rerun": "rerun: the same code makes the same records",
    "relabelled": "hidden instances: as good as the records",
}
"""Checks by name, in their order."""
LISTED = 10
"""Faults that are listed for each check; of others the number is told."""


@dataclass(slots=True)
class Finding:
    """What is known of a checked record, for its mark.

    Attributes:
        folder: Its folder in the submission.
        benchmark: ``id@version``.
        content_hash: Hash of the benchmark's numbers.
        algorithm: Name of the algorithm.
        code: Fingerprint of its code.
        manifest: SHA-256 of its manifest.
        seeds: Seeds in the syntax of the command line.
        rows: SHA-256 of the decoded columns, as :attr:`leaderboard.boards.Row.content_hash`.
        compact: SHA-256 of the rows of its compact form; empty if it has none.
        rerun: Seeds that were run again, likewise; empty for none.
        relabelled: Result on hidden instances, or None.
    """

    folder: str
    benchmark: str
    content_hash: str
    algorithm: str
    code: str
    manifest: str
    seeds: str
    rows: str
    compact: str = ""
    rerun: str = ""
    relabelled: dict[str, Any] | None = None


@dataclass(slots=True)
class Report:
    """What a verification found.

    Attributes:
        source: Name of the submission's folder or file.
        entry: The entry; None if it cannot be read.
        entry_digest: SHA-256 of ``entry.json``.
        choice: Number by which seeds were chosen to be run again; None if none were.
        faults: Faults by name of the check; empty for one that passed.
        remarks: What is no fault, but worth knowing.
        findings: The checked records.
        checks: The checks that are possible, by name.
        only: What alone is checked of the records; empty for all.
    """

    source: str
    entry: Entry | None = None
    entry_digest: str = ""
    choice: int | None = None
    faults: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    checks: Mapping[str, str] = field(default_factory=lambda: CHECKS)
    only: str = ""

    def add(self, check: str, faults: Iterable[str] = ()) -> bool:
        """Add the faults that a check found; returns whether it found none."""
        new = list(faults)
        self.faults.setdefault(check, []).extend(new)
        return not new

    def excuse(self, check: str, note: str) -> None:
        """Turn the faults of a check into remarks.

        Args:
            check: Name of the check.
            note: A remark, with ``{}`` in place of the fault.
        """
        if faults := self.faults.get(check):
            self.remarks += [note.format(fault) for fault in faults]
            self.faults[check] = []

    @property
    def is_sound(self) -> bool:
        """Whether no check failed."""
        return not any(self.faults.values())

    @property
    def level(self) -> str:
        """How far it was checked, one of :data:`LEVELS`; empty if there is a fault."""
        if not self.is_sound:
            return ""
        reached = [LEVELS[0]]
        for check, level in zip(("rerun", "relabelled"), LEVELS[1:], strict=True):
            if check not in self.faults:
                break
            reached.append(level)
        return f"{self.only} {reached[-1]}".strip()

    def rows(self) -> list[tuple[str, str]]:
        """Return title and verdict of every check, in their order."""
        found = []
        for name, title in self.checks.items():
            if name in self.faults:
                n = len(self.faults[name])
                found.append((title, "passed" if not n else f"{n} fault{'s' * (n > 1)}"))
            elif name not in ("rerun", "relabelled"):
                found.append((title, "not reached"))
        return found

    def listed(self) -> list[tuple[str, str]]:
        """Return check and text of the faults, at most :data:`LISTED` of each check."""
        found = []
        for name in self.checks:
            faults = self.faults.get(name, [])
            found += [(name, fault) for fault in faults[:LISTED]]
            if more := len(faults[LISTED:]):
                found.append((name, f"and {more:,} more"))
        return found

    def encode(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "submission": self.source,
            "name": None if self.entry is None else self.entry.about.name,
            "sound": self.is_sound,
            "level": self.level or None,
            "checks": [
                {
                    "name": name,
                    "passed": None if name not in self.faults else not self.faults[name],
                    "faults": self.faults.get(name, []),
                }
                for name in self.checks
            ],
            "remarks": self.remarks,
            "choice": self.choice,
        }


def told(error: BaseException, *folders: object) -> str:
    """Return the first line of a message without the folders of this machine."""
    text = first_line(error)
    for folder in folders:
        text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    return text
