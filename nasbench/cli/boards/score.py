"""The command that scores one algorithm: score."""

import json
from typing import Annotated

import typer

from nasbench.cli.options import Preset, Settings
from nasbench.cli.output import say
from nasbench.cli.parsing import parse_settings
from nasbench.siblings import SIBLINGS


def score(
    algorithm: Annotated[
        str,
        typer.Argument(
            metavar="ALGORITHM", help="FILE.py, FILE.py:Class, module:Class or a registered name."
        ),
    ],
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Searches on each table of the suite.")
    ] = 100,
    seconds: Annotated[
        float, typer.Option(metavar="N", help="Time of each of the two processes.")
    ] = 60.0,
    memory: Annotated[
        int, typer.Option(metavar="MIB", help="Memory that the code may take in each process.")
    ] = 4096,
    preset: Preset = None,
    set_: Settings = None,
) -> None:
    """Score an algorithm, for programs that write algorithms.

    Prints one JSON object: scores between random search (0) and the optimum (1), also on hidden
    instances, or what is wrong with the code. Exit code 0 with a score, 1 with an error.
    """
    found = SIBLINGS.load("score")(
        algorithm,
        preset=preset,
        hyperparameters=parse_settings(set_ or []),
        seeds=seeds,
        seconds=seconds,
        memory=memory,
    )
    say(json.dumps(found, indent=2))
    if "error" in found:
        raise typer.Exit(1)
