"""Arguments and options that several commands share, and what a shell completes them with."""

from pathlib import Path
from typing import Annotated

import typer

from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError
from nasbench.siblings import SIBLINGS
from nasbench.storage.files import expanded


def benchmark_ids() -> list[str]:
    """Ids of all benchmarks."""
    from nasbench.benchmarks.catalogue import catalogue

    try:
        return list(catalogue())
    except NasbenchError:  # a shell that asks is told nothing
        return []


def algorithm_names() -> list[str]:
    """Names of all algorithms."""
    return list(SIBLINGS.load("algorithms").names())


def regressor_names() -> list[str]:
    """Names of all regressors."""
    return list(SIBLINGS.load("regressors").names())


def plan_ids() -> list[str]:
    """Ids of the shipped plans."""
    return list(SIBLINGS.load("plans")())


def network_names() -> list[str]:
    """Names of all trainable networks."""
    return list(SIBLINGS.load("networks").names())


def space_names() -> list[str]:
    """Names of all search spaces."""
    return list(SIBLINGS.load("spaces").names())


def described_names() -> list[str]:
    """Names that ``nasbench info`` knows."""
    return [*benchmark_ids(), *algorithm_names(), *regressor_names(), *space_names()]


def given_path(text: str | Path) -> Path:
    """The path that an option or argument gives, with ``~`` as the user's folder.

    Raises:
        BadParameter: It is empty, which Python would read as the current folder; or it is a device
            or a pipe; or its letters are no text.
    """
    if not str(text):
        raise typer.BadParameter("the path is empty; the current folder is '.'")
    path = expanded(text)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise typer.BadParameter(f"{str(path)!r} is neither a file nor a folder")
    if any("\ud800" <= letter <= "\udfff" for letter in str(path)):
        raise typer.BadParameter(f"the path {str(path)!r} cannot be read as text")
    return path


def existing(benchmark: str) -> str:
    """A benchmark that can be found, before anything that needs an extra is imported."""
    from nasbench.benchmarks.catalogue import find

    try:
        find(benchmark)
    except UnknownNameError as error:
        if SIBLINGS.load("algorithms").place(benchmark):
            raise UnknownNameError(f"{error}; {benchmark!r} is an algorithm") from error
        raise
    return benchmark


def readable(plan: str) -> str:
    """A plan that can be read, before anything that needs an extra is imported."""
    SIBLINGS.load("plan")(plan)
    return plan


def registered(network: str | None) -> str | None:
    """A network that is known, before anything that needs an extra is imported."""
    if network is not None and ":" not in network:
        SIBLINGS.load("networks").check_registered(network)
    return network


Arch = Annotated[
    str,
    typer.Argument(metavar="ARCH", help="In the notation of the space, or numbers between commas."),
]
Benchmark = Annotated[
    str,
    typer.Argument(
        metavar="BENCHMARK",
        help="Id, id@version or path.",
        autocompletion=benchmark_ids,
        callback=existing,
    ),
]
Plan = Annotated[
    str,
    typer.Argument(
        metavar="PLAN",
        help="Id of a shipped plan, or a TOML file.",
        autocompletion=plan_ids,
        callback=readable,
    ),
]
Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="Id, id@version or path of a table.",
        autocompletion=benchmark_ids,
        callback=existing,
    ),
]
Regressor = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="A name of 'nasbench list regressors'.",
        autocompletion=regressor_names,
    ),
]
Preset = Annotated[
    str | None, typer.Option(metavar="NAME", help="Published settings; 'nasbench info' lists them.")
]
Train = Annotated[
    int | None,
    typer.Option(metavar="N", help="Architectures to learn from; default: four fifths."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Processes = Annotated[
    int | None, typer.Option(metavar="N", help="Parallel processes; default: one per CPU core.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a hyperparameter; repeat for more."),
]
Deadline = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Stop in time to end within this long: 90s, 9m or 2h."),
]
Work = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER", help="Unfinished work, which is resumed from here.", parser=given_path
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace another benchmark of this id and version.")
]
Home = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where to write the result; default: NASBENCH_HOME.",
        parser=given_path,
    ),
]


def home(out: Path | None) -> Path:
    """The folder for new benchmarks; what writes there makes it.

    Raises:
        InvalidArgumentError: It cannot be written.
    """
    from nasbench.benchmarks.catalogue import folders
    from nasbench.storage.files import check_writable

    folder = out or folders()[0]
    check_writable(folder)
    return folder


def refuse_shipped(id_: str) -> None:
    """A new benchmark must not take the id of one that ships with the package.

    Raises:
        SchemaError: It is not an id.
        InvalidArgumentError: It would.
    """
    from nasbench.benchmarks.catalogue import folders
    from nasbench.tables.schema import check_id

    check_id(id_, "a new benchmark")
    if any((folders()[-1] / name).exists() for name in (id_, f"{id_}.parquet")):
        raise InvalidArgumentError(f"{id_!r} ships with nasbench: choose another id")
