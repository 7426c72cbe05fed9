"""Commands that make benchmarks: build, fetch, merge, fit; and networks for other tools: export."""

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.options import (
    Arch,
    Deadline,
    Home,
    Plan,
    Preset,
    Processes,
    Regressor,
    Replace,
    Settings,
    Table,
    Train,
    Work,
    benchmark_ids,
    given_path,
    home,
    network_names,
    plan_ids,
    readable,
    refuse_shipped,
    registered,
)
from nasbench.cli.output import print_rows, progress, say, say_made, status, written
from nasbench.cli.parsing import (
    count_processes,
    parse_arch,
    parse_deadline,
    parse_part,
    parse_settings,
)
from nasbench.errors import InvalidArgumentError
from nasbench.siblings import SIBLINGS


def build(
    plan: Plan,
    out: Home = None,
    work: Work = Path("work"),
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Take finished shards from this other --work; repeat.",
            parser=given_path,
        ),
    ] = None,
    processes: Processes = None,
    trainer: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="reference: one network after another; batched: groups at once."
        ),
    ] = "reference",
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="loky (this machine), ray or dask.")
    ] = "loky",
    deadline: Deadline = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Train only the I-th of N parts, 1/N to N/N."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Zero-cost scores to join, a table of 'nasbench study scores'.",
            parser=given_path,
        ),
    ] = None,
    replace: Replace = False,
) -> None:
    """Train all architectures of a plan into a table.

    A stopped build is resumed by the same command.
    """
    from nasbench.tables.places import check_place, table_path

    until = None if deadline is None else time.time() + parse_deadline(deadline)
    part = (1, 1) if shard is None else parse_part(shard)
    workers = None if processes is None else count_processes(processes)
    SIBLINGS.load("backends").load(backend)
    made = SIBLINGS.load("build")(
        SIBLINGS.load("plan")(plan), work, {"trainer": trainer}, from_ or ()
    )
    scored = None if scores is None else made.scores(scores)
    path = table_path(home(out), made.plan.id, made.plan.version)
    made.take()
    if made.missing():
        check_place(path, f"the table of {made.plan.id}", replace=replace)
    mine = made.part(*part)
    total, todo = (sum(len(a.archs) for a in some) for some in (mine, made.missing(mine)))
    with progress(f"{todo} of {total} trainings", total) as advance:
        advance(total - todo)
        made.run(workers, advance, among=mine, until=until, backend=backend)
    if (missing := made.missing()) and (deadline or shard):
        again: dict[str, object] = {"--work": work, "--out": out, "--processes": processes}
        again["--scores"] = scores
        again["--trainer"] = None if trainer == "reference" else trainer
        again["--backend"] = None if backend == "loky" else backend
        if made.missing(mine):
            again |= {"--deadline": deadline, "--shard": shard}
        words = [str(word) for pair in again.items() if pair[1] is not None for word in pair]
        words += ["--replace"] if replace else []
        say(
            f"{made.plan.id}: {len(missing)} of {len(made.shards)} shards are missing; "
            f"go on with: {shlex.join(['nasbench', 'build', plan, *words])}"
        )
        return
    say(written(path, lambda: made.write(path, scored, replace=replace)))


def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A published image set, such as cifar10.")
    ],
) -> None:
    """Download a published image set into NASBENCH_DATA."""
    with status(f"Downloading {name}"):
        paths = SIBLINGS.load("fetch")(name)
    for path in paths:
        say(str(path))


def merge(
    tables: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE", help="Ids, ids@version or paths.", autocompletion=benchmark_ids
        ),
    ],
    out: Annotated[str, typer.Option(metavar="ID", help="Id of the joined table.")],
    folder: Home = None,
    version: Annotated[
        int, typer.Option(metavar="N", help="Version of the joined table, from 1.")
    ] = 1,
    replace: Replace = False,
) -> None:
    """Join tables of the same space into one.

    Trainings are joined with trainings, numbers of architectures with both. Values that disagree
    are an error.
    """
    from nasbench.benchmarks.catalogue import open_table
    from nasbench.tables.merge import merge as join
    from nasbench.tables.places import table_path
    from nasbench.tables.schema import check_id
    from nasbench.tables.writer import write_table

    check_id(out, "merge")
    refuse_shipped(out)
    opened = [open_table(table) for table in tables]
    joined = join(opened, out, version=version)
    path = table_path(home(folder), out, version)
    if path.resolve() in {table.path.resolve() for table in opened}:
        raise InvalidArgumentError(f"{path} is one of the tables to join: choose another id")
    say(written(path, lambda: write_table(path, joined, replace=replace)))


def fit(
    table: Table,
    regressor: Regressor = "ensemble",
    preset: Preset = None,
    set_: Settings = None,
    train: Train = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column to learn; repeat for more. Default: the table's objective, and "
            "validation and test accuracies.",
        ),
    ] = None,
    components: Annotated[
        int,
        typer.Option(
            metavar="N", help="Numbers that the curves of an architecture are compressed to."
        ),
    ] = 6,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the choice of architectures and of the fit.")
    ] = 0,
    id_: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Id of the surrogate; default: TABLE-surrogate."),
    ] = None,
    searches: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Seeds of the searches that test the surrogate; 0: no test."
        ),
    ] = 20,
    out: Home = None,
    replace: Replace = False,
) -> None:
    """Fit a surrogate benchmark to a table and judge it.

    It is judged on architectures that it has not seen and by searches on it. It is published only
    if it predicts better than the nearest neighbours and leads at most 5 % of the searches astray.
    """
    from nasbench.benchmarks.catalogue import open_table

    name = f"{open_table(table).metadata.id}-surrogate" if id_ is None else id_
    refuse_shipped(name)
    folder = home(out)
    with status(f"Reading {table}") as tell:
        verdict = SIBLINGS.load("fit")(
            table,
            folder,
            regressor=regressor,
            preset=preset,
            hyperparameters=parse_settings(set_ or []),
            train=train,
            metrics=metric,
            components=components,
            seed=seed,
            id=name,
            searches=searches,
            replace=replace,
            progress=tell,
        )
    print_rows(*verdict.rows())
    for line in filter(None, (verdict.description.left_out, *verdict.lines())):
        say(line)
    say_made(verdict.description, verdict.path)


def export(
    arch: Arch,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A name of 'nasbench list networks'.",
            autocompletion=network_names,
            callback=registered,
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="PLAN",
            help="Instead of --network: take network and sizes of a plan, such as lite201-digits.",
            autocompletion=plan_ids,
            callback=lambda plan: plan and readable(plan),
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Set a size, such as channels=32; repeat for more."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Training seed whose initial values to take.")
    ] = 0,
    onnx: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write ONNX, FILE.onnx.", parser=given_path),
    ] = None,
    pt2: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a program of PyTorch, FILE.pt2, for torch.export.load.",
            parser=given_path,
        ),
    ] = None,
    state_dict: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the weights alone, as NumPy arrays, FILE.npz.",
            parser=given_path,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another network that was exported.")
    ] = False,
) -> None:
    """Write the network of an architecture for other tools.

    The weights are not trained: tables store results, no weights. They are those with which a
    training of this seed begins. The network is in evaluation mode and takes batches of any size.
    """
    files = {"onnx": onnx, "pt2": pt2, "state_dict": state_dict}
    blueprint = SIBLINGS.load("blueprint").of(network, plan=plan, sizes=parse_settings(set_ or []))
    with status("Exporting the network"):
        done = SIBLINGS.load("export")(
            blueprint,
            blueprint.space.read(parse_arch(arch)),
            {name: path for name, path in files.items() if path is not None},
            seed=seed,
            replace=replace,
        )
    for file in done:
        say(f"{file.path}: {file.model}{'' if file.made else ' (already there)'}")
