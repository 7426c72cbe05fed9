"""A record of a submission, read and with its benchmark."""

from dataclasses import dataclass

from leaderboard.entries import RUNS
from leaderboard.entries.entry import Said
from leaderboard.submissions.report import Finding
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.runs.records import Records
from nasbench.runs.run import Run


@dataclass(frozen=True, slots=True)
class Sent:
    """A record of a submission.

    Attributes:
        said: What ``entry.json`` says of it.
        records: The record.
        runs: Its runs, by ascending seed.
        benchmark: The installed benchmark, with the objectives of the record.
        finding: What its mark will say.
    """

    said: Said
    records: Records
    runs: list[Run]
    benchmark: AnyBenchmark
    finding: Finding

    @property
    def where(self) -> str:
        """Name of the record, for messages."""
        return self.said.folder.removeprefix(f"{RUNS}/")
