"""Commands that judge tables, recipes and scores: ``nasbench study``."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.options import (
    Benchmark,
    Deadline,
    Json,
    Plan,
    Processes,
    Regressor,
    Replace,
    Settings,
    Table,
    Train,
    Work,
    benchmark_ids,
    existing,
    given_path,
)
from nasbench.cli.output import meter, note, say, say_made, status
from nasbench.cli.parsing import count_processes, parse_deadline, parse_seeds, parse_settings
from nasbench.siblings import SIBLINGS

Published = Annotated[
    str,
    typer.Option(
        metavar="TABLE",
        help="Published table to compare with.",
        autocompletion=benchmark_ids,
        callback=existing,
    ),
]
TableFile = Annotated[
    Path,
    typer.Option(metavar="FILE", help="The table to write, ID.parquet.", parser=given_path),
]
Classes = Annotated[int, typer.Option(metavar="N", help="Random classes to train, at least 8.")]
Seeds = Annotated[int, typer.Option(metavar="N", help="Training seeds of each class, at least 2.")]


def noise(benchmark: Benchmark, published: Published = "nb201-cifar10") -> None:
    """Measure how much of a table's order is noise.

    Prints how one training seed ranks the classes against another, how validation ranks them
    against test, and how this table ranks them against a published one of the same space.
    """
    with status(f"Reading {benchmark}"):
        table = SIBLINGS.load("noise")(*map(_open, (benchmark, published)))
    say(table)


def curves(
    benchmark: Benchmark,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An extrapolator; repeat for more; default: all."),
    ] = None,
    epoch: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            help="Last epoch to see; repeat for more; default: up to ten.",
        ),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(metavar="SEEDS", help="Seeds of samples: FIRST:END, or numbers with commas."),
    ] = "0:3",
    archs: Annotated[
        int, typer.Option(metavar="N", help="Architectures to predict, at least 2.")
    ] = 100,
    examples: Annotated[
        int, typer.Option(metavar="N", help="Others, whose whole curves methods may learn from.")
    ] = 100,
    as_json: Json = False,
) -> None:
    """Measure how the beginning of a learning curve predicts its end.

    Prints, for every extrapolator and number of epochs that it sees, Kendall's tau with the final
    validation accuracies and, where it predicts a value, the mean absolute error in points.
    """
    found = _open(benchmark)
    with meter("Extrapolating") as progress:
        rows = SIBLINGS.load("curve_study")(
            found,
            methods=method or (),
            epochs=epoch or (),
            seeds=parse_seeds(seeds),
            archs=archs,
            examples=examples,
            progress=progress,
        )
    if as_json:
        say(json.dumps(SIBLINGS.load("curve_data")(rows), indent=1))
    else:
        say(SIBLINGS.load("curve_table")(rows))


def pilot(
    plan: Plan,
    set_: Settings = None,
    classes: Classes = 64,
    seeds: Seeds = 4,
    processes: Processes = None,
    trainer: Annotated[
        str, typer.Option(metavar="NAME", help="reference, or batched on a GPU.")
    ] = "reference",
) -> None:
    """Try a recipe on a few classes before a build.

    Trains random classes with several seeds and compares the spread between classes with the
    spread between seeds. Prints a row of figures.
    """
    with status(f"Training {classes} classes with {seeds} seeds"):
        table = SIBLINGS.load("pilot")(
            plan,
            parse_settings(set_ or []),
            classes=classes,
            seeds=seeds,
            processes=count_processes(processes),
            trainer=trainer,
        )
    say(table)


def precision(
    plan: Plan,
    classes: Classes = 64,
    seeds: Seeds = 2,
    processes: Processes = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the groups: cpu or cuda; default: cuda if possible."),
    ] = None,
) -> None:
    """Compare trainings in bfloat16 with those in float32.

    Trains random classes twice with every seed, alone in float32 and in groups with bfloat16
    features, and prints whether the two differ by more than seeds do.
    """
    with status(f"Training {classes} classes with {seeds} seeds twice"):
        table = SIBLINGS.load("precision")(
            plan,
            classes=classes,
            seeds=seeds,
            processes=count_processes(processes),
            device=device,
        )
    say(table)


def scores(
    plan: Plan,
    out: TableFile,
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Initialisations to take the mean of.")
    ] = 1,
    processes: Processes = None,
    replace: Replace = False,
) -> None:
    """Compute the zero-cost scores of a plan's networks.

    Writes a table of all scores of every class, which 'nasbench build --scores' and 'nasbench
    merge' join to a table of trainings.
    """
    with meter("Scoring") as progress:
        metadata = SIBLINGS.load("scores")(
            plan,
            out,
            seeds=seeds,
            processes=count_processes(processes),
            replace=replace,
            progress=progress,
        )
    say_made(metadata, out)


def ranks(
    scores: Annotated[
        str,
        typer.Argument(
            metavar="SCORES",
            help="A table with zero-cost scores.",
            autocompletion=benchmark_ids,
            callback=existing,
        ),
    ],
    benchmark: Benchmark,
    published: Published = "nb201-cifar10",
) -> None:
    """Correlate zero-cost scores with accuracies.

    Prints, for every score, its rank correlation over the classes with the final validation
    accuracies of a benchmark and of a published one of the same space.
    """
    from nasbench.benchmarks.catalogue import open_table

    with status(f"Reading {scores}"):
        benchmarks = [_open(name) for name in (benchmark, published)]
        table = SIBLINGS.load("ranks")(open_table(scores), benchmarks)
    say(table)


def supernet(
    benchmark: Benchmark,
    method: Annotated[
        list[str],
        typer.Option(metavar="ALGORITHM", help="A method of weight sharing; repeat for more."),
    ],
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="Seeds: FIRST:END, or numbers between commas.")
    ] = "0:3",
    set_: Settings = None,
    classes: Annotated[
        int, typer.Option(min=8, metavar="N", help="Random classes to compare, at least 8.")
    ] = 300,
    points: Annotated[
        int, typer.Option(min=1, metavar="N", help="How often to look at every training.")
    ] = 4,
) -> None:
    """Compare accuracies with shared weights with those of a table.

    Trains the supernet of every method. Prints how it ranks random classes while it trains, what it
    would choose among random architectures, and how many options without weights its gates favour.
    The last row is what one training of each class says of its others.
    """
    found = _open(benchmark)
    wanted = parse_seeds(seeds)
    with status(f"Training {len(method) * len(wanted)} supernets"):
        table = SIBLINGS.load("supernet_study")(
            found, method, wanted, parse_settings(set_ or []), classes=classes, points=points
        )
    say(table)


def trajectories(
    plan: Plan,
    search: Annotated[
        list[str],
        typer.Option(
            metavar="ALGORITHM[@PRESET]=[RUNSx]TRIALS",
            help="Searches that propose architectures; repeat for more.",
        ),
    ],
    out: TableFile,
    set_: Settings = None,
    repeat: Annotated[
        int,
        typer.Option(metavar="N", help="How many of the first classes to train with all seeds."),
    ] = 0,
    work: Work = Path("work"),
    processes: Processes = None,
    deadline: Deadline = None,
    replace: Replace = False,
) -> None:
    """Make a table of what searches propose.

    For spaces that are too large to train completely: runs the searches, trains what they propose
    and writes the table. A stopped command is resumed by the same command.
    """
    with status("Searching, and training what is proposed"):
        metadata = SIBLINGS.load("trajectories")(
            plan,
            search,
            out,
            changes=parse_settings(set_ or []),
            repeat=repeat,
            work=work,
            processes=count_processes(processes),
            seconds=None if deadline is None else parse_deadline(deadline),
            replace=replace,
            progress=note,
        )
    if metadata is None:
        say("the time was not enough: the same command goes on")
    else:
        say_made(metadata, out)


def tune(
    table: Table,
    regressor: Regressor = "xgb",
    trials: Annotated[int, typer.Option(metavar="N", help="Settings to try.")] = 50,
    train: Train = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the fit and the search.")] = 0,
) -> None:
    """Search hyperparameters of a regressor for a table.

    Prints the best ones as a 'nasbench fit' command. The architectures that this command judges
    its surrogate by are never looked at.
    """
    with meter(f"Tuning {regressor}") as tell:
        found = SIBLINGS.load("tune")(
            table,
            regressor,
            trials=trials,
            train=train,
            seed=seed,
            progress=lambda number, _: tell(number, trials),
        )
    words = ["nasbench", "fit", table, "--regressor", regressor]
    for name, value in found.settings.items():
        words += ["--set", f"{name}={json.dumps(value)}"]
    words += [] if train is None else ["--train", str(train)]
    words += [] if seed == 0 else ["--seed", str(seed)]
    figures = f"Kendall tau {found.kendall:.4f} (defaults {found.default:.4f})"
    say(f"{figures} on the networks it was tuned on")
    say(shlex.join(words))


COMMANDS: tuple[Callable[..., None], ...] = (
    noise,
    curves,
    pilot,
    precision,
    scores,
    ranks,
    supernet,
    trajectories,
    tune,
)


def _open(name: str) -> Any:
    """A table as a benchmark."""
    from nasbench.benchmarks.catalogue import open_table
    from nasbench.benchmarks.table_benchmark import TableBenchmark

    return TableBenchmark(open_table(name))
