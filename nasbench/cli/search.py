"""Commands that search and rank: quickstart, run, leaderboard."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import floor, isnan, log10
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.options import Benchmark, Preset, Processes, Settings, algorithm_names, given_path
from nasbench.cli.output import note, print_rows, progress, say, status
from nasbench.cli.parsing import (
    count_processes,
    parse_part,
    parse_replicate,
    parse_seeds,
    parse_settings,
)
from nasbench.errors import (
    AlgorithmError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
    first_line,
)
from nasbench.registry import as_module
from nasbench.siblings import SIBLINGS

_SMALL = 1e-3
_SHOWN = ("regret", "final_value")

Fresh = Annotated[bool, typer.Option("--fresh", help="Run recorded seeds again, and replace them.")]


def quickstart(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Where to write the records and the page.", parser=given_path
        ),
    ] = Path("nasbench-quickstart"),
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Searches per algorithm and benchmark.")
    ] = 100,
    trials: Annotated[int, typer.Option(metavar="N", help="Trials per search.")] = 500,
    processes: Processes = None,
    fresh: Fresh = False,
) -> None:
    """Race three algorithms on two benchmarks.

    Writes the records of all searches and a leaderboard page.
    """
    from nasbench.registry import require
    from nasbench.runs.quickstart import ALGORITHMS, BENCHMARKS, race

    require("jinja2", "the leaderboard page")  # before the work, not after it
    SIBLINGS.load("site_place")(out)
    n = len(ALGORITHMS) * len(BENCHMARKS) * seeds
    with progress(f"{n} searches of {trials} trials", n) as advance:
        records = race(
            out / "runs", seeds, trials, count_processes(processes), fresh=fresh, progress=advance
        )
    boards = SIBLINGS.load("boards")(records)
    for board in sorted(boards, key=lambda board: BENCHMARKS.index(board.question.benchmark)):
        _print_board(board)
    _write_page([out / "runs"], out)


def run(
    algorithm: Annotated[
        str,
        typer.Argument(
            metavar="ALGORITHM",
            help="A name of 'nasbench list algorithms', or module:Class.",
            autocompletion=algorithm_names,
        ),
    ],
    benchmark: Benchmark,
    seeds: Annotated[
        str,
        typer.Option(
            metavar="SEEDS", help="Seeds of the searches: FIRST:END, or numbers between commas."
        ),
    ] = "0:1",
    trials: Annotated[
        int | None, typer.Option(metavar="N", help="Budget: trials per search.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="N", help="Budget: simulated seconds per search.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Budget: epochs of training per search.")
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Simulated parallel workers.")] = 1,
    processes: Processes = None,
    fidelity: Annotated[
        list[int] | None,
        typer.Option(
            metavar="EPOCH", help="Epoch that may be asked for; repeat for more. Default: all."
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column to optimise; repeat for more."),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Column that is known before training; repeat for more."
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="M<=X",
            help="What an architecture has to meet to be seen by the search: a bound, <= or >=, of "
            "a column that is known before training; repeat for more.",
        ),
    ] = None,
    init: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Start with the N best of 3,000 architectures by the known columns; short for "
            "the algorithm warm_start with search=ALGORITHM and first=N.",
        ),
    ] = None,
    replicate: Annotated[
        str,
        typer.Option(metavar="HOW", help="Which training answers: draw, mean, or a training seed."),
    ] = "draw",
    preset: Preset = None,
    set_: Settings = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Run only the I-th of N parts of the seeds, 1/N to N/N; parts may write to one "
            "folder at a time.",
        ),
    ] = None,
    fresh: Fresh = False,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Where to write the records.", parser=given_path),
    ] = Path("runs"),
) -> None:
    """Run searches on a benchmark and record them.

    At least one budget is needed. A stopped command is resumed by the same command, unless the code
    of the algorithm was edited.
    """
    from nasbench.runs.budget import Budget
    from nasbench.runs.search import search

    if trials is seconds is epochs is None:
        raise InvalidArgumentError(
            "no budget is given: add --trials, --seconds or --epochs, for example --trials 500"
        )
    if algorithm.endswith(".py"):
        raise InvalidArgumentError(
            f"{algorithm} is a file: name a class in it{as_module(algorithm, 'CLASS')}"
        )
    settings = parse_settings(set_ or [])
    if init is not None:
        if init < 1:
            raise InvalidArgumentError(f"--init {init} must be at least 1")
        if not known:
            raise InvalidArgumentError(
                "--init takes the best architectures by the --known columns: name one, for example "
                "--known synflow"
            )
        inner = {"search": algorithm, "search_preset": preset, "search_settings": settings or None}
        algorithm, preset, settings = "warm_start", None, {**inner, "first": init}
    wanted = parse_seeds(seeds)
    if shard is not None:
        i, n = parse_part(shard)
        if n > len(wanted):
            raise InvalidArgumentError(
                f"--shard {shard} leaves parts empty: there are {len(wanted)} seeds"
            )
        wanted = wanted[len(wanted) * (i - 1) // n : len(wanted) * i // n]
    budget = Budget(trials, seconds, epochs)
    with progress(f"{algorithm} on {benchmark}", len(wanted)) as advance, _told(algorithm):
        runs = search(
            algorithm,
            benchmark,
            seeds=wanted,
            budget=budget,
            preset=preset,
            hyperparameters=settings,
            workers=workers,
            replicate=parse_replicate(replicate),
            fidelities=fidelity or None,
            objectives=objective or None,
            known=known or (),
            constraints=constraint or (),
            processes=count_processes(processes),
            out=out,
            fresh=fresh,
            progress=advance,
        )
    if empty := sum(not len(run) for run in runs):
        reason = f"{algorithm} asks for no training, or for none that fits into the budget"
        if seconds is epochs is None:
            reason = f"{algorithm} asks for no training"
        note(f"{empty} of {len(runs)} runs have no trial: {reason}")
    if empty < len(runs):
        try:
            outcome = SIBLINGS.load("outcome")(runs, benchmark)
        except NotRecordedError as error:
            note(str(error))
        else:
            _print_outcome(outcome, f"{algorithm} on {benchmark}")
    n, n_trials = len(runs), sum(map(len, runs))
    say(f"{n} run{'s' * (n != 1)}, {n_trials:,} trial{'s' * (n_trials != 1)}; records in {out}")


@contextmanager
def _told(algorithm: str) -> Iterator[None]:
    """Tell what an algorithm of the user's raises in one line; its file and line are noted."""
    try:
        yield
    except NasbenchError:
        raise
    except Exception as error:
        notes = getattr(error, "__notes__", [])
        if ":" not in algorithm or not notes:
            raise
        raise AlgorithmError(
            f"{algorithm} raised {type(error).__name__}: {first_line(error)} ({notes[0]})"
        ) from error


def leaderboard_build(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUNS",
            help="Folders of records, as 'nasbench run --out' makes; default: the board that "
            "ships.",
            parser=given_path,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write the page.", parser=given_path)
    ] = Path("site"),
    marks: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Marks of verified submissions, as 'nasbench leaderboard verify --out' makes.",
            parser=given_path,
        ),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Also keep a frozen copy, which later builds never change."
        ),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Show the board that ships beside RUNS.")
    ] = False,
    explorer: Annotated[
        bool,
        typer.Option("--explorer", help="Also write pages to explore the spaces, and link them."),
    ] = False,
) -> None:
    """Write pages that rank all recorded searches."""
    shown = {"shipped": shipped or not runs, "explorer": explorer}
    _write_page(runs or [], out, marks=marks, release=release, **shown)


def _write_page(runs: Sequence[Path], out: Path, **options: Any) -> None:
    """Write the pages; tell what they do not show, and where rows stand beside those that ship."""
    told: list[str] = []
    scored = 0

    try:
        with status("Reading the records") as show:

            def progress(n: int) -> None:
                nonlocal scored
                scored += n
                show(f"Writing the pages, {scored:,} records scored")

            page = SIBLINGS.load("site")(runs, out, progress=progress, tell=told.append, **options)
    finally:
        for line in told:
            note(line)
    say(f"Page: {page.resolve()}")


def _print_outcome(outcome: Any, title: str) -> None:
    """What the runs chose, and what to compare it with."""
    values = [line.value for line in outcome.lines]
    columns = [_column(outcome.title, outcome.unit, values)]
    if outcome.measure:
        regrets = [line.regret for line in outcome.lines]
        columns.append(_column(outcome.measure, outcome.unit.replace("%", "pp"), regrets))
    header, *rows = zip(["", *(line.name for line in outcome.lines)], *columns, strict=True)
    interval = any("[" in text for column in columns for text in column[1:])
    notes = [*outcome.notes, *["In brackets: 95 % interval over the runs."] * interval]
    print_rows(header, rows, title=title, notes=notes)


def _column(title: str, unit: str, found: Sequence[Any]) -> list[str]:
    """A title and means with their intervals; small ones share a power of ten in the title."""
    number = SIBLINGS.load("number")
    largest = max(abs(estimate.mean) for estimate in found)
    power = floor(log10(largest)) if 0 < largest < _SMALL else 0
    if power:
        unit = f"{number(10.0**power, 1).partition('×')[2]} {unit}".strip()  # noqa: RUF001
    texts = [f"{title} ({unit})" if unit else title]
    for estimate in found:
        values = [v / 10.0**power for v in (estimate.mean, estimate.low, estimate.high)]
        values = [value for value in values if not isnan(value)]
        whole = all(value == round(value) or abs(value) >= 1e4 for value in values)
        if unit in ("%", "pp"):
            each = [f"{value:.2f}" for value in values]
        else:
            each = [f"{value:,.0f}" if whole else number(value, 4) for value in values]
        texts.append(each[0] if len(each) < 3 else f"{each[0]} [{each[1]}, {each[2]}]")
    return texts


def _print_board(board: Any) -> None:
    """A ranking as text: the first column with its interval over seeds."""
    first, *rest = [c for c in SIBLINGS.load("columns")(board) if c.name in _SHOWN]
    titles = [f"{c.title} ({c.unit})" if c.unit else c.title for c in (first, *rest)]
    cells = [
        (
            "-" if board.unranked else f"{row.rank}{'=' if row.tied else ''}",
            f"{row.label}{row.mark}",
            first.texts[number],
            first.intervals[number],
            *(column.texts[number] for column in rest),
        )
        for number, row in enumerate(board.rows)
    ]
    header = ["#", "algorithm", titles[0], "95 % interval", *titles[1:]]
    notes = [text for text in (board.unranked, *board.footnotes) if text]
    if ties := [row for row in board.rows if row.tied]:
        lacking = any(row.gap.low != row.gap.low for row in ties)
        includes = "includes 0, or one seed gives none" if lacking else "includes 0"
        notes.insert(0, f"= tied with 1: the 95 % interval of their difference {includes}.")
    print_rows(header, cells, title=board.title, notes=notes, name=1)
