"""Which boards are tasks of one verdict."""

from collections.abc import Collection, Hashable, Iterator, Sequence

from leaderboard.boards import Board, count
from leaderboard.verdict.pairs import LEAST_TASKS


def comparable(boards: Sequence[Board]) -> list[tuple[str, list[Board]]]:
    """Boards that may be judged together, with a name for each set.

    Together go boards that ask the same of different benchmarks: limits of the same kinds (equally
    many trials or epochs; seconds mean something else on each benchmark), workers, replicate
    policy, objectives in any order (the default objective of each benchmark is the same one),
    constraints, and whether a surrogate answers, tests select or the searches knew something
    before.

    A set holds a benchmark, and a content, once: the board with the most rows, of these the one
    with the largest budget, of these the newest version. What is left makes further sets.
    """
    found: dict[Hashable, list[Board]] = {}
    for board in boards:
        found.setdefault(kind(board), []).append(board)
    return [(name_of(together), together) for alike in found.values() for together in _apart(alike)]


def _apart(boards: Sequence[Board]) -> Iterator[list[Board]]:
    """Sets of boards in each of which no two are of one benchmark."""
    rest = sorted(range(len(boards)), key=lambda i: _weight(boards[i]), reverse=True)
    while rest:
        chosen: list[int] = []
        for i in rest:
            if not any(same_benchmark(boards[i], boards[j]) for j in chosen):
                chosen.append(i)
        yield [boards[i] for i in sorted(chosen)]
        rest = [i for i in rest if i not in chosen]


def _weight(board: Board) -> tuple[int, float, int]:
    """Which board of a benchmark a set prefers."""
    question = board.question
    return len(board.rows), question.seconds or 0.0, question.version


def same_benchmark(one: Board, other: Board) -> bool:
    """Return whether two boards are of one benchmark, or of tables with the same content."""
    first, second = one.question, other.question
    return first.benchmark == second.benchmark or first.content_hash == second.content_hash


def kind(board: Board) -> Hashable:
    """What boards must have in common to be tasks of one verdict."""
    question = board.question
    return (
        question.trials,
        question.epochs,
        question.seconds is not None,
        board.fidelity,
        board.unranked,
        question.workers,
        str(question.replicate),
        _objectives(board),
        question.constraints,
        question.kinds,
        board.landscape.selected_on_test,
    )


def _objectives(board: Board) -> tuple[str, ...]:
    """The objectives in alphabetical order; none for the default of the benchmark."""
    names = board.question.objectives
    return () if names == (board.landscape.benchmark.default_objective,) else tuple(sorted(names))


def name_of(boards: Sequence[Board]) -> str:
    """What boards of one kind have in common, in words."""
    question = boards[0].question
    limits = {board.question.budget for board in boards}
    parts = [limits.pop() if len(limits) == 1 else "simulated seconds of each benchmark"]
    if boards[0].fidelity is not None:
        parts[0] += f" of {count(boards[0].fidelity, 'epoch')}"
    if boards[0].unranked:
        parts.append("trials of any length")
    if names := _objectives(boards[0]):
        parts.append(" and ".join(names))
    if question.constraints:
        parts.append(question.condition)
    if boards[0].landscape.selected_on_test:
        parts.append("selected on test")
    parts += question.kinds
    if question.workers > 1:
        parts.append(f"{question.workers} workers")
    if question.replicate != "draw":
        mean = question.replicate == "mean"
        parts.append("mean of trainings" if mean else f"training seed {question.replicate}")
    return ", ".join(parts)


def fullest(by_task: Sequence[Collection[Hashable]]) -> list[int]:
    """Return which tasks to keep, so that a verdict says most: places, ascending.

    One after the other, the task without which most methods are on all others is left out. Of all
    states on this way, that with the largest number of tasks times methods is returned, if possible
    one of two methods and :data:`LEAST_TASKS` tasks.

    Args:
        by_task: The methods of each task, at least one task.
    """

    def n_methods(places: Sequence[int]) -> int:
        return len(set.intersection(*(set(by_task[i]) for i in places)))

    def worth(places: Sequence[int]) -> tuple[bool, int, int, int]:
        n, m = len(places), n_methods(places)
        return m > 1, min(n, LEAST_TASKS), n * m, n

    kept = list(range(len(by_task)))
    found = [kept]
    while len(kept) > 2:
        dropped = max(
            kept, key=lambda i: (n_methods([j for j in kept if j != i]), -len(by_task[i]))
        )
        kept = [i for i in kept if i != dropped]
        found.append(kept)
    return max(found, key=worth)
