"""Commands that make the records of a board: leaderboard run and compact."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.options import Processes, given_path
from nasbench.cli.output import meter, note, say
from nasbench.cli.parsing import count_processes
from nasbench.errors import UnknownNameError, one_of
from nasbench.siblings import SIBLINGS

Out = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="Folder of compact records.", parser=given_path),
]


def run(
    out: Out,
    plan: Annotated[
        Path | None,
        typer.Argument(
            metavar="PLAN",
            help="Plan in TOML; default: that of the board that ships.",
            parser=given_path,
        ),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Take what full records there hold; repeat for more.",
            parser=given_path,
        ),
    ] = None,
    work: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Where searches are recorded meanwhile.", parser=given_path
        ),
    ] = Path("runs/board"),
    part: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Make this part of the plan only; repeat for more."),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Make this benchmark only; repeat for more."),
    ] = None,
    processes: Processes = None,
    no_search: Annotated[
        bool, typer.Option("--no-search", help="Take what full records hold, and run nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is missing, and run nothing.")
    ] = False,
) -> None:
    """Run what a board lacks, and write compact records.

    Stop it at any time: the same command goes on. Exit code 1: some rows cannot be made.
    """
    parts = SIBLINGS.load("board_plan")(plan or SIBLINGS.load("shipped_plan"))
    parts = _wanted(parts, part, benchmark)
    units = list(SIBLINGS.load("board_units")(parts, benchmark or ()))
    sources = runs or []
    if dry_run:
        counts = _say_missing(SIBLINGS.load("look")(units, out, (*sources, work)))
    else:
        with meter("Filling the board") as tell:
            counts = SIBLINGS.load("fill")(
                units,
                out,
                work,
                sources=sources,
                search=not no_search,
                processes=count_processes(processes),
                progress=tell,
                tell=note,
            )
    say(", ".join(f"{n} {state}" for state, n in counts.items() if n) + f": {out}")
    if counts["failed"]:
        raise typer.Exit(1)


def _say_missing(found: Any) -> Counter[str]:
    """Name the rows that are not there, and count all."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.state] += 1
        if one.state != "there":
            why = f": {one.why}" if one.why else f", {one.unit.seeds} seeds"
            say(f"{one.unit.name}: {one.state}{why}")
    return counts


def _wanted(parts: list[Any], names: list[str] | None, benchmarks: list[str] | None) -> list[Any]:
    """The parts with these names.

    Raises:
        UnknownNameError: There is no such part, or none of these has such a benchmark.
    """
    known = [part.name for part in parts]
    for name in names or ():
        if name not in known:
            raise UnknownNameError(f"the plan has no part {name!r}{one_of(name, known)}")
    chosen = [part for part in parts if not names or part.name in names]
    there = list(dict.fromkeys(id_ for part in chosen for id_ in part.benchmarks))
    for id_ in benchmarks or ():
        if id_ not in there:
            raise UnknownNameError(f"the plan has no benchmark {id_!r}{one_of(id_, there)}")
    return chosen


def compact(
    runs: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS",
            help="Folder of records, as 'nasbench run --out' makes.",
            parser=given_path,
        ),
    ],
    out: Out,
) -> None:
    """Write the compact forms of records: what boards read of them, a hundredth of the size."""
    made = SIBLINGS.load("compact")(runs, out, tell=note)
    size = sum(record.folder.stat().st_size for record in made)
    n = len(made)
    say(f"{n} compact record{'' if n == 1 else 's'}, {size:,} bytes: {out}")
