"""A board with all that its pages draw, computed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leaderboard import curves
from leaderboard.boards import Board, Row
from leaderboard.curves import Curve
from leaderboard.searches import Axis
from leaderboard.site.looks import Look, looks
from leaderboard.site.places import slugs
from leaderboard.submissions.verified import Mark, Seal, seal
from leaderboard.targets import Attainment, Runtimes
from leaderboard.verdict.seeds import SeedVerdict, judge_seeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A board as its pages show it.

    Attributes:
        board: The board.
        slug: Name of its page.
        table: Name of the page of its benchmark.
        curves: Mean regret by axis and label.
        reached: Runtime distributions by axis and label, without intervals.
        attained: Hit rates and running times.
        seeds: Critical differences over seeds; None where none are judged.
        looks: Look of each row by its label.
        marks: How far each row was verified, by label; rows that were not are missing.
    """

    board: Board
    slug: str
    table: str
    curves: Mapping[Axis, Mapping[str, Curve]]
    reached: Mapping[Axis, Mapping[str, Curve]]
    attained: Sequence[Attainment]
    seeds: SeedVerdict | None
    looks: Mapping[str, Look]
    marks: Mapping[str, Mark]

    @property
    def benchmark(self) -> str:
        """Id and version of the benchmark."""
        return f"{self.board.question.benchmark}@{self.board.question.version}"

    def rows(self, algorithm: str) -> list[Row]:
        """The rows of an algorithm."""
        return [row for row in self.board.rows if row.algorithm == algorithm]


def shown(boards: Sequence[Board], marks: Mapping[Seal, Mark]) -> list[Shown]:
    """Draw the curves of boards, and give each its place and looks.

    Args:
        boards: The boards.
        marks: Marks of verified records by their seal.
    """
    titles = slugs(board.title for board in boards)
    tables = slugs(f"{b.question.benchmark}@{b.question.version}" for b in boards)
    everywhere = looks((row.label, row.algorithm) for board in boards for row in board.rows)
    found = []
    for board in boards:
        drawn = curves.drawn(board)
        runtimes = Runtimes(board)
        own = {row.label: everywhere[row.label] for row in board.rows}
        if len({tuple(look.values()) for look in own.values()}) < len(own):
            own = looks((row.label, row.algorithm) for row in board.rows)
        found.append(
            Shown(
                board=board,
                slug=titles[board.title],
                table=tables[f"{board.question.benchmark}@{board.question.version}"],
                curves=drawn,
                reached={axis: reached for axis in drawn if (reached := runtimes.mean_ecdf(axis))},
                attained=runtimes.attainments(),
                seeds=judge_seeds(board),
                looks=own,
                marks={
                    row.label: mark
                    for row in board.rows
                    if (mark := marks.get(seal(row.records, row.content_hash)))
                },
            )
        )
    return found
