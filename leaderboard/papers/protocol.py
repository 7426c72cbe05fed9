"""How the searches were run and scored, as a paragraph: every word follows from the records."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from leaderboard import statistics
from leaderboard.boards import OUTSIDE, Board, Row
from leaderboard.command import ranges
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import Landscape
from leaderboard.papers.latex import cite, escape
from leaderboard.papers.outputs import MADE_BY, check_place, write
from leaderboard.papers.selection import Selection, select
from leaderboard.papers.verdicts import extent
from leaderboard.site.formatting import settings_text
from leaderboard.verdict.field import field
from leaderboard.verdict.pairs import ALPHA, LEAST_TASKS
from leaderboard.verdict.tasks import comparable
from nasbench.errors import InvalidArgumentError, listed, printable

_HASH = 12


def protocol(
    runs: str | Path,
    *,
    latex: bool = False,
    benchmarks: Sequence[str] = (),
    methods: Sequence[str] = (),
    out: str | Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    r"""State how recorded searches were run and scored.

    Args:
        runs: Folder of records.
        latex: Whether to write LaTeX, with ``\cite`` of the papers of the algorithms.
        benchmarks: Ids of the benchmarks wanted; default: all.
        methods: Labels or algorithms of the methods wanted; default: all.
        out: File to write, too: ``.tex`` for LaTeX, else ``.txt`` or ``.md``.
        progress: Called with the number of newly scored records.
        tell: Called with a line for each record that is not shown.

    Returns:
        One paragraph for each set of boards that ask the same.

    Raises:
        InvalidArgumentError: The file is not ours or cannot be written.
        RecordError: There are no records, or none can be shown.
        UnknownNameError: There are none of a benchmark or a method.
    """
    if out is not None:
        ending = check_place(Path(out), (".tex",) if latex else (".txt", ".md"))
    selection = select(runs, benchmarks=benchmarks, methods=methods, progress=progress)
    text = "\n\n".join(paragraphs(selection, latex=latex)) + "\n"
    if out is not None:
        comment = f"<!-- {MADE_BY} -->" if ending == ".md" else f"% {MADE_BY}"
        write(Path(out), f"{comment}\n{text}".encode())
    for left in selection.not_shown:
        tell(f"Not shown: {left.folder}: {left.reason}. {left.remedy}")
    return text


def paragraphs(selection: Selection, *, latex: bool = False) -> list[str]:
    """One paragraph for each set of boards that ask the same of different benchmarks."""
    return [_paragraph(boards, latex=latex) for _, boards in comparable(selection.boards)]


def _paragraph(boards: Sequence[Board], *, latex: bool) -> str:
    def plain(text: str) -> str:
        return escape(text) if latex else printable(text)

    named = [_named(row, latex=latex) for row in _methods(boards)]
    sentences = [
        plain(f"We compare {_number(len(named), 'method')}:"),
        f"{_joined(named)}.",
        plain(_budgets(boards)),
        *(plain(_benchmark(board)) for board in boards),
        plain(_seeds(boards)),
        plain(_statistics(boards)),
        *(plain(text) for text in _settings(boards)),
        *(plain(text) for text in _sources(boards)),
        plain(_versions(boards)),
    ]
    return " ".join(sentences)


def _methods(boards: Sequence[Board]) -> list[Row]:
    """A row of every method, in the order of the boards."""
    found: dict[str, Row] = {}
    for board in boards:
        for row in board.rows:
            found.setdefault(row.label, row)
    return list(found.values())


def _named(row: Row, *, latex: bool) -> str:
    return escape(row.label) + cite(row.algorithm) if latex else printable(row.label)


def _budgets(boards: Sequence[Board]) -> str:
    """Budgets, workers, replicate policy and what the searches could ask for."""
    budgets = dict.fromkeys(board.question.budget for board in boards)
    question = boards[0].question
    text = "Each search runs on recorded trainings under a simulated clock"
    if boards[0].landscape.population.surrogate:
        text = "Each search runs on the predictions of a surrogate under a simulated clock"
    limits = (
        next(iter(budgets))
        if len(budgets) == 1
        else "; ".join(f"{b.question.budget} on {b.question.benchmark}" for b in boards)
    )
    text += f", with {_number(question.workers, 'worker')} and a budget of {limits}"
    answers = dict.fromkeys(_replicate(board) for board in boards)
    text += f"; a trial is answered by {' or '.join(answers)}."
    if OUTSIDE in question.kinds:
        text += " Trials are proposed by programs outside of the suite, whose code is not recorded."
    text += _known(boards)
    return f"{text} {boards[0].unranked}".rstrip()


def _known(boards: Sequence[Board]) -> str:
    """What the searches knew before any training, by method where that differs."""
    by_known: dict[tuple[str, ...], list[str]] = {}
    for row in _methods(boards):
        by_known.setdefault(row.records.manifest.known, []).append(row.label)
    if len(by_known) == 1:
        (known,) = by_known
        return f" Before any training the searches knew {_joined(known)}." if known else ""
    said = "; ".join(
        f"{_joined(labels)} knew {_joined(known)}" for known, labels in by_known.items()
    )
    return f" Before any training {said}."


def _benchmark(board: Board) -> str:
    """Id, version, content, objectives."""
    question, landscape = board.question, board.landscape
    about = landscape.benchmark.description
    n = f"{len(landscape.archs):,}"
    extent = {
        "whole": f"all {n} architectures",
        "recorded": f"the {n} recorded architectures",
        "sampled": f"{n} sampled architectures",
    }[landscape.population.extent]
    if question.constraints:
        extent += f" with {question.condition}, the only ones that searches see"
    return (
        f"On {question.benchmark}, version {question.version} (space {about.space}, dataset "
        f"{about.dataset}, content hash {question.content_hash[:_HASH]}), searches see "
        f"{_joined(question.objectives)}; {_judged(board)}, against {extent}."
    )


def _judged(board: Board) -> str:
    """What the choice of a search is judged by."""
    landscape = board.landscape
    means = (
        "as predicted by the surrogate for the mean over trainings"
        if landscape.population.surrogate
        else "as a mean over the recorded trainings"
    )
    if isinstance(landscape, FrontLandscape):
        columns = _joined([column.name for column in landscape.reported.columns])
        return (
            "they choose the trials that no other trial dominates, which are judged by the "
            f"hypervolume of {columns}, {means}"
        )
    column = landscape.reported.column.name
    if landscape.reported is landscape.observed:
        text = f"their choice is judged by the same column that selected it, {means}"
    else:
        text = f"their choice is judged by {column}, {means}"
    return f"{text}, which is selection on test" if landscape.selected_on_test else text


def _replicate(board: Board) -> str:
    """The training that answers a trial."""
    policy, landscape = board.question.replicate, board.landscape
    kind = "predicted" if landscape.population.surrogate else "recorded"
    if policy == "draw":
        if not landscape.is_drawn:
            return f"the {kind} mean, which is all that there is"
        return f"one {kind} training, drawn at random"
    return f"the mean of the {kind} trainings" if policy == "mean" else f"training seed {policy}"


def _sources(boards: Sequence[Board]) -> list[str]:
    """Where the benchmarks come from, each source once."""
    cited = [board.landscape.benchmark.description.citation for board in boards]
    parts = dict.fromkeys(part.strip().rstrip(".") for text in cited for part in text.split(";"))
    named = [part for part in parts if part]
    return [f"Sources of the benchmarks: {'; '.join(named)}."] if named else []


def _seeds(boards: Sequence[Board]) -> str:
    """Seeds of all methods, or of each where they differ."""
    rows = [(board, row) for board in boards for row in board.rows]
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for board, row in rows:
        by_seeds.setdefault(row.seeds, []).append(f"{row.label} on {board.question.benchmark}")
    if len(by_seeds) == 1:
        (seeds,) = by_seeds
        return (
            f"There are {_number(len(seeds), 'search')} per method and benchmark, with the same "
            f"seeds for all ({_spoken(seeds)})."
        )
    said = "; ".join(
        f"{len(seeds):,} ({_spoken(seeds)}): {listed(who, limit=4)}"
        for seeds, who in by_seeds.items()
    )
    return f"Numbers of seeds differ: {said.replace(chr(39), '')}."


def _spoken(seeds: Sequence[int]) -> str:
    """Seeds such as ``"0 to 99"``; the end of a range is included."""
    parts = []
    for part in ranges(seeds).split(","):
        first, colon, end = part.partition(":")
        parts.append(f"{first} to {int(end) - 1}" if colon else first)
    return ", ".join(parts)


def _statistics(boards: Sequence[Board]) -> str:
    level = f"{100 * statistics.LEVEL:g} %"
    text = (
        f"We report means over seeds with {level} percentile bootstrap intervals of "
        f"{statistics.DRAWS:,} resamples, and shares of searches with Wilson's interval; two "
        "methods count as separated if the interval of their difference, taken seed by seed where "
        "seeds are shared, excludes 0."
    )
    if any(board.random_regret is not None for board in boards):
        exact = all(
            board.landscape.is_exact for board in boards if isinstance(board.landscape, Landscape)
        )
        text += f" The expectation of random search is {'exact' if exact else 'estimated'}."
    return text + _tests(boards)


def _tests(boards: Sequence[Board]) -> str:
    """The tests over benchmarks, and what they compare; empty where none are made."""
    try:
        compared = field(boards, every_task=False)
    except InvalidArgumentError:
        return ""
    if len(compared.tasks) < LEAST_TASKS:
        return ""
    return (
        f" Over {len(compared.tasks)} benchmarks, average ranks of means are compared by "
        "Friedman's test with the correction of Iman and Davenport, and pairs by Wilcoxon's "
        f"signed-rank test with Holm's correction, at the level {ALPHA:g}: {extent(compared)}."
    )


def _settings(boards: Sequence[Board]) -> list[str]:
    """Hyperparameters of every method that has any."""
    said = [f"{row.label}: {text}" for row in _methods(boards) if (text := settings_text(row))]
    return [f"Settings: {'; '.join(said)}."] if said else []


def _versions(boards: Sequence[Board]) -> str:
    """The suite that ran the searches, and the one that scored them."""
    made = {v for board in boards for row in board.rows for v in row.records.suite_versions()}
    ran = f"The searches were run by nasbench {_joined(sorted(made))} and" if made else "They were"
    return f"{ran} scored by nasbench {version('nasbench')}."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(n: int, name: str) -> str:
    return f"{n:,} {name}{'' if n == 1 else 'es' if name.endswith('ch') else 's'}"
