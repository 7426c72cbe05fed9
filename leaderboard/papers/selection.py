"""The boards that a figure or table is made of: chosen benchmarks and methods, one name each."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leaderboard import statistics
from leaderboard.admission import NotShown, find_readable
from leaderboard.boards import FAMILY, REMARK, Board, Row
from leaderboard.labels import labels
from leaderboard.scores import rank
from leaderboard.verdict.field import by_identity
from nasbench.errors import InvalidArgumentError, RecordError, UnknownNameError, one_of
from nasbench.runs.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Selection:
    """Boards with the chosen rows only, ranked anew among these.

    Attributes:
        boards: The boards; the same method has the same label on all.
        not_shown: The records that no board can show.
    """

    boards: tuple[Board, ...]
    not_shown: tuple[NotShown, ...]

    @property
    def algorithms(self) -> list[str]:
        """Names of the algorithms, in the order of the rows."""
        return list(dict.fromkeys(row.algorithm for board in self.boards for row in board.rows))

    @property
    def labels(self) -> list[str]:
        """Labels of the methods, in the order of the rows."""
        return list(dict.fromkeys(row.label for board in self.boards for row in board.rows))


def select(
    runs: str | Path,
    *,
    benchmarks: Sequence[str] = (),
    methods: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Selection:
    """Rank the records below a folder, and choose.

    Args:
        runs: Folder of records.
        benchmarks: Ids, or id@version, of the benchmarks wanted; default: all.
        methods: Labels or algorithms of the methods wanted; default: all.
        progress: Called with the number of newly scored records.

    Raises:
        RecordError: There are no records, or none can be shown.
        UnknownNameError: There are none of a benchmark or a method.
    """
    records, damaged = find_readable(runs)
    if benchmarks:
        names = [_names(record.manifest) for record in records]
        known = sorted({name for pair in names for name in pair})
        for benchmark in benchmarks:
            if benchmark not in known:
                raise UnknownNameError(
                    f"there are no records of a benchmark {benchmark!r} in {runs}"
                    f"{one_of(benchmark, sorted({pair[1] for pair in names}))}"
                )
        wanted = set(benchmarks)
        records = [r for r, pair in zip(records, names, strict=True) if wanted & set(pair)]
    ranking = rank(records, progress=progress)
    not_shown = (*damaged, *ranking.not_shown)
    if not ranking.boards:
        first = not_shown[0]
        raise RecordError(
            f"no record in {runs} can be shown; {first.folder.name}: {first.reason}. {first.remedy}"
        )
    boards = _renamed(ranking.boards)
    if methods:
        boards = _chosen(boards, methods)
    return Selection(tuple(boards), not_shown)


def _names(manifest: Manifest) -> tuple[str, str]:
    return f"{manifest.benchmark}@{manifest.version}", manifest.benchmark


def _renamed(boards: Sequence[Board]) -> list[Board]:
    """The boards with labels that tell all methods of all of them apart."""
    manifests: dict[Hashable, Manifest] = {}
    for board in boards:
        for key, row in by_identity(board).items():
            manifests.setdefault(key, row.records.manifest)
    names = dict(zip(manifests, labels(list(manifests.values())), strict=True))
    found = []
    for board in boards:
        mine = {row.label: names[key] for key, row in by_identity(board).items()}
        rows = [replace(row, label=mine.get(row.label, row.label)) for row in board.rows]
        found.append(replace(board, rows=tuple(rows)))
    return found


def _chosen(boards: Sequence[Board], methods: Sequence[str]) -> list[Board]:
    """The boards with rows of some methods only."""
    rows = [row for board in boards for row in board.rows]
    known = dict.fromkeys(name for row in rows for name in (row.label, row.algorithm))
    for method in methods:
        if method not in known:
            raise UnknownNameError(f"no method is called {method!r} here{one_of(method, known)}")
    found = []
    for board in boards:
        kept = [row for row in board.rows if {row.label, row.algorithm} & set(methods)]
        if kept:
            found.append(replace(board, rows=tuple(kept if board.unranked else _ranked(kept))))
    return found


def _ranked(rows: Sequence[Row]) -> list[Row]:
    """Rows of a board, compared with the first of them."""
    found = []
    for place, row in enumerate(rows):
        gap, common = statistics.difference(_by_seed(row), _by_seed(rows[0]))
        tied = place > 0 and not gap.low > 0
        found.append(replace(row, rank=place + 1, gap=gap, common_seeds=common, tied=tied))
    return found


def _by_seed(row: Row) -> dict[int, float]:
    return {seed: s.regret for seed, s in zip(row.seeds, row.searches, strict=True)}


def short_titles(boards: Sequence[Board]) -> list[str]:
    """Short titles: the benchmark alone where that and the version is all that differs."""
    short = [f"{board.question.benchmark}@{board.question.version}" for board in boards]
    if len(set(short)) == len(short) and len({what_else(board) for board in boards}) == 1:
        return short
    return [board.title for board in boards]


def what_else(board: Board) -> str:
    """Title of a board without its benchmark."""
    return board.title.partition(", ")[2]


def in_common(boards: Sequence[Board]) -> str:
    """What the titles of all boards say beside the benchmark; empty if they differ."""
    said = {what_else(board) for board in boards}
    return said.pop() if len(said) == 1 else ""


def marked(boards: Sequence[Board]) -> dict[str, str]:
    """Labels of all methods, each with the marks that it has on any of the boards."""
    marks: dict[str, str] = {}
    for board in boards:
        for row in board.rows:
            marks[row.label] = marks.get(row.label, "") + row.mark
    return {
        label: label + "".join(mark for mark in (FAMILY, REMARK) if mark in found)
        for label, found in marks.items()
    }


def footnotes(boards: Sequence[Board]) -> list[str]:
    """Meanings of the marks on the boards, each once; of several boards with the benchmark."""
    lead = len(boards) > 1
    return list(
        dict.fromkeys(
            f"{board.question.benchmark}: {note}" if lead else note
            for board in boards
            for note in board.footnotes
        )
    )


def check_count(labels: Sequence[str], most: int, what: str) -> None:
    """Refuse more methods than a reader can tell apart.

    Raises:
        InvalidArgumentError: There are more.
    """
    if len(labels) > most:
        some = " ".join(f"--method {label!r}" for label in labels[:2])
        raise InvalidArgumentError(
            f"{len(labels)} methods are too many for {what}: choose at most {most}, as in {some}"
        )
