"""Commands for papers: plot, table, protocol."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.options import given_path
from nasbench.cli.output import note, say, status
from nasbench.errors import InvalidArgumentError
from nasbench.siblings import SIBLINGS

FORMS = {".tex": "latex", ".md": "markdown", ".csv": "csv"}

Runs = Annotated[
    Path,
    typer.Argument(
        metavar="RUNS",
        help="Folder of records, as 'nasbench run --out' makes.",
        parser=given_path,
    ),
]
Benchmarks = Annotated[
    list[str] | None,
    typer.Option("--benchmark", metavar="ID", help="Take this benchmark only; repeat for more."),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method", metavar="NAME", help="Take this algorithm or label only; repeat for more."
    ),
]


def plot(
    runs: Runs,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The figure: .pdf, .svg or .png; .csv for its numbers.",
            parser=given_path,
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="regret, ecdf (targets reached), rank (along the budget), front (of two "
            "objectives) or cd (critical differences).",
        ),
    ] = "regret",
    benchmark: Benchmarks = None,
    method: Methods = None,
    axis: Annotated[
        str | None,
        typer.Option(
            metavar="AXIS", help="Of regret and ecdf: evaluations, epochs or simulated seconds."
        ),
    ] = None,
    summary: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="Of regret over seeds: mean, iqm or median."),
    ] = None,
    width: Annotated[
        str, typer.Option(metavar="WIDTH", help="one or two columns, or a number of inches.")
    ] = "one",
) -> None:
    """Draw a figure of recorded searches for a paper.

    One panel a board. Prints what its caption must say.
    """
    drawing = _with_notes(
        "plot",
        "Drawing",
        runs,
        out,
        kind=kind,
        benchmarks=benchmark or (),
        methods=method or (),
        axis=axis,
        summary=summary,
        width=width,
    )
    say(f"{out}: {drawing.caption}")


def table(
    runs: Runs,
    latex: Annotated[
        bool, typer.Option("--latex", help="Write LaTeX for the package booktabs.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write Markdown; default.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV with all digits.")] = False,
    benchmark: Benchmarks = None,
    method: Methods = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Column of the board; repeat for more. Default: regret."),
    ] = None,
    split: Annotated[
        bool, typer.Option("--split", help="Make a table for each board, not for like boards.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write it to a file: .tex, .md or .csv, which also says the form.",
            parser=given_path,
        ),
    ] = None,
    bib: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the papers of the algorithms as BibTeX.", parser=given_path
        ),
    ] = None,
) -> None:
    """Write recorded searches as tables for a paper."""
    asked = [f for f, on in (("latex", latex), ("markdown", markdown), ("csv", as_csv)) if on]
    if len(asked) > 1:
        raise InvalidArgumentError(f"--{asked[0]} and --{asked[1]}: a table has one form")
    implied = FORMS.get(out.suffix.lower()) if out is not None else None
    text = _with_notes(
        "paper_table",
        "Making the table",
        runs,
        form=asked[0] if asked else implied or "markdown",
        columns=column or ("regret",),
        benchmarks=benchmark or (),
        methods=method or (),
        split=split,
        out=out,
        bib=bib,
    )
    if out is None:
        say(text.rstrip("\n"))
    else:
        say(f"{out}\n{bib}" if bib is not None else str(out))


def protocol(
    runs: Runs,
    latex: Annotated[bool, typer.Option("--latex", help="Write LaTeX, with citations.")] = False,
    benchmark: Benchmarks = None,
    method: Methods = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write it to a file: .txt or .md, with --latex .tex.",
            parser=given_path,
        ),
    ] = None,
) -> None:
    """Say in a paragraph how recorded searches were run and scored."""
    text = _with_notes(
        "protocol",
        "Reading the records",
        runs,
        latex=latex,
        benchmarks=benchmark or (),
        methods=method or (),
        out=out,
    )
    say(text.rstrip("\n") if out is None else str(out))


def _with_notes(name: str, title: str, *arguments: Any, **options: Any) -> Any:
    """Call a part of the leaderboard, and tell which records it does not show."""
    not_shown: list[str] = []
    with status(title):
        made = SIBLINGS.load(name)(*arguments, **options, tell=not_shown.append)
    for line in not_shown:
        note(line)
    return made
