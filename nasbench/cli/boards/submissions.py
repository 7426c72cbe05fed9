"""Commands that send records to a board and check what was sent: leaderboard submit and verify."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.options import Json, given_path
from nasbench.cli.output import meter, note, print_rows, say
from nasbench.errors import InvalidArgumentError
from nasbench.siblings import SIBLINGS


def submit(
    runs: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS",
            help="Folder of records, as 'nasbench run --out' makes.",
            parser=given_path,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The folder to make.", parser=given_path)
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the entry.")],
    authors: Annotated[str, typer.Option(metavar="NAMES", help="Authors, with ';' between them.")],
    paper: Annotated[str | None, typer.Option(metavar="URL", help="Address of the paper.")] = None,
    code: Annotated[str | None, typer.Option(metavar="URL", help="Address of the code.")] = None,
    commit: Annotated[
        str | None, typer.Option(metavar="HASH", help="Commit of that code; needed with --code.")
    ] = None,
    selected_on: Annotated[
        str,
        typer.Option(metavar="SPLIT", help="What anything was chosen by: validation or test."),
    ] = "validation",
    tuning_budget: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the choice of hyperparameters cost."),
    ] = None,
    trained_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Table or data set that the method learned from before; repeat for more.",
        ),
    ] = None,
    warm_start: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the searches start from.")
    ] = None,
    algorithm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take its records only; repeat for more."),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Take records on it only; repeat for more."),
    ] = None,
) -> None:
    """Make a submission: copies of records and entry.json.

    Incomplete records are refused, and the new folder is verified before it appears.
    """
    with meter("Verifying") as tell:
        report = SIBLINGS.load("submit")(
            runs,
            out,
            name=name,
            authors=[author.strip() for author in authors.split(";")],
            paper=paper,
            code=code,
            commit=commit,
            selected_on=selected_on,
            tuning_budget=tuning_budget,
            trained_on=trained_on or (),
            warm_start=warm_start,
            algorithms=algorithm or (),
            benchmarks=benchmark or (),
            progress=tell,
        )
    for remark in report.remarks:
        note(f"note: {remark}")
    n = len(report.findings)
    say(f"{n} record{'s' * (n != 1)}, {report.level}: {out}")


def verify(
    submission: Annotated[
        Path,
        typer.Argument(
            metavar="SUBMISSION",
            help="Folder or zip archive of a submission; or compact records.",
            parser=given_path,
        ),
    ],
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Seeds that every record must have; default: equally many."
        ),
    ] = None,
    rerun: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Run N seeds of every record again: runs the sender's algorithms.",
        ),
    ] = 0,
    relabelled: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Run N seeds on hidden instances: runs the sender's algorithms.",
        ),
    ] = 0,
    module: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Python file of an algorithm of the sender's; repeat for more.",
            parser=given_path,
        ),
    ] = None,
    choice: Annotated[
        int | None,
        typer.Option(metavar="K", help="Choose those seeds by this number; default: by chance."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a mark for boards if all passed.", parser=given_path
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a submission: every number again, from the benchmarks.

    Nothing of the sender's is run without --rerun or --relabelled. Exit code 1: a check failed.
    """
    if module and not (rerun or relabelled):
        raise InvalidArgumentError("--module is of use with --rerun or --relabelled only")
    if out is not None:
        if out.resolve().is_relative_to(submission.resolve()):
            raise InvalidArgumentError(
                f"{out} is inside the submission, which cannot bring its own mark: choose another "
                "place"
            )
        SIBLINGS.load("mark_place")(out)
        if SIBLINGS.load("is_compact")(submission):
            raise InvalidArgumentError("--out: compact records get no mark; verify full ones")
    with meter(f"Verifying {submission.name}") as tell:
        report = SIBLINGS.load("verify")(
            submission,
            seeds=seeds,
            again=rerun,
            relabelled=relabelled,
            modules=module or (),
            choice=choice,
            progress=tell,
            tell=note,
        )
    if out is not None and report.is_sound:
        SIBLINGS.load("mark")(report, out)
    if as_json:
        say(json.dumps(report.encode(), indent=1))
    else:
        _print(report)
    if out is not None:
        note(f"Mark: {out}" if report.is_sound else f"No mark, as a check failed: {out}")
    if not report.is_sound:
        raise typer.Exit(1)


def _print(report: Any) -> None:
    title = f"{report.source}: {report.level or 'has faults'}"
    if report.entry is not None:
        title = f"{report.entry.about.name} ({title})"
    print_rows(["check", "result"], report.rows(), title=title)
    for check, fault in report.listed():
        say(f"{check}: {fault}")
    for remark in report.remarks:
        say(f"note: {remark}")
    if report.choice is not None:
        say(f"note: seeds were chosen with --choice {report.choice}")
