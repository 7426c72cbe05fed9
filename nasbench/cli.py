"""The command line: each command is a thin function over the Python API.

Heavy packages are imported inside the commands, so that help and queries are instant. Bad input
ends with one line on standard error and exit code 2.
"""

import json
import os
import re
import shlex
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer

from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError, one_of
from nasbench.registry import Registry
from nasbench.siblings import SIBLINGS

app = typer.Typer(
    name="nasbench",
    help="Benchmarks for neural architecture search: query, search and rank, offline.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
leaderboard = typer.Typer(help="Rank recorded runs.", no_args_is_help=True)
app.add_typer(leaderboard, name="leaderboard")

_SHOWN = ("regret", "final_value")
_MOST_SEEDS = 1_000_000
_MOST_DIGITS = 18
_SECONDS = {"s": 1, "m": 60, "h": 3600}

Processes = Annotated[int | None, typer.Option(help="Processes; default: one a core.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for records and page.")] = Path(
        "nasbench-quickstart"
    ),
    seeds: Annotated[int, typer.Option(help="Runs an algorithm and benchmark.")] = 100,
    trials: Annotated[int, typer.Option(help="Trials a run.")] = 500,
    processes: Processes = None,
) -> None:
    """Race three algorithms on two benchmarks and write a leaderboard page."""
    from nasbench.runs.quickstart import ALGORITHMS, BENCHMARKS, race

    n = len(ALGORITHMS) * len(BENCHMARKS) * seeds
    with _progress(f"{n} searches of {trials} trials", n) as advance:
        records = race(out / "runs", seeds, trials, _processes(processes), advance)
    for board in SIBLINGS.load("boards")(records):
        _print_board(board)
    with _status("Writing the page"):
        page = SIBLINGS.load("site")(out / "runs", out)
    _say(f"Page: {page.resolve()}")


@app.command("list")
def list_(
    kind: Annotated[
        str,
        typer.Argument(
            help="benchmarks, algorithms, spaces, networks, importers, regressors or plans."
        ),
    ] = "benchmarks",
    as_json: Json = False,
) -> None:
    """List what there is of a kind, one line each."""
    rows = _catalogue(kind)
    if as_json:
        _say(json.dumps(rows, indent=1))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, line in rows.items():
        table.add_row(_plain(name), _plain(line))
    _print(table)


@app.command()
def info(
    benchmark: Annotated[str, typer.Argument(help="Id, id@version or path.")], as_json: Json = False
) -> None:
    """Say what a benchmark holds, where it comes from and what it is good for."""
    facts, columns, more = _description(benchmark)
    if as_json:
        described = {name: column.encode() for name, column in columns.items()}
        _say(json.dumps({**facts, "columns": described, **more}, indent=1))
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, _plain(str(value)))
    for i, (name, column) in enumerate(columns.items()):
        text = " ".join(filter(None, [column.unit and f"[{column.unit}]", column.description]))
        table.add_row("" if i else "columns", _plain(f"{name} {text}"))
    _print(table)


@app.command()
def query(
    benchmark: Annotated[str, typer.Argument(help="Id, id@version or path.")],
    arch: Annotated[
        str, typer.Argument(help="Text form of the space, or comma-separated numbers.")
    ],
    epoch: Annotated[int | None, typer.Option(help="After which epoch.")] = None,
    schedule: Annotated[int | None, typer.Option(help="Planned length of the training.")] = None,
    seed: Annotated[int | None, typer.Option(help="A training seed; default: the mean.")] = None,
    as_json: Json = False,
) -> None:
    """Look up everything that is recorded of an architecture."""
    from nasbench.benchmarks.loading import load

    opened = load(benchmark)
    parsed: Any = arch
    options = [option for part in arch.split(",") if (option := part.strip())]
    if "," in arch and all(map(_is_number, options)):
        parsed = opened.space.check([int(option) for option in options])
    answer = opened.query(parsed, epoch=epoch, schedule=schedule, seed=seed)
    if as_json:
        _say(json.dumps(answer))
        return
    width = max(map(len, answer))
    for name, value in answer.items():
        column = opened.column(name)
        is_count = column.unit == "1" and float(value).is_integer()
        number = f"{value:,.0f}" if is_count else f"{value:.7g}"
        _say(f"{name:{width}}  {number} {column.unit.replace('1', '')}".rstrip())


@app.command()
def build(
    plan: Annotated[str, typer.Argument(help="Id of a shipped plan, or a TOML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table; default: NASBENCH_HOME.")
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder for the shards.")] = Path("work"),
    from_: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Another --work, to take finished shards from; repeat."),
    ] = None,
    processes: Processes = None,
    trainer: Annotated[
        str, typer.Option(help="reference: one network after another; batched: groups at once.")
    ] = "reference",
    backend: Annotated[str, typer.Option(help="loky (this machine), ray or dask.")] = "loky",
    deadline: Annotated[
        str | None, typer.Option(help="End with whole shards within 90s, 9m or 2h.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="i/n: train the i-th of n parts only, 1/n to n/n.")
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="Zero-cost scores to join: a table of python -m data_builders.builds.score_table."
        ),
    ] = None,
) -> None:
    """Train every architecture of a plan and write the table; goes on where it was stopped."""
    until = None if deadline is None else time.time() + parse_deadline(deadline)
    part = (1, 1) if shard is None else parse_part(shard)
    workers = None if processes is None else _processes(processes)
    SIBLINGS.load("backends").load(backend)
    made = SIBLINGS.load("build")(
        SIBLINGS.load("plan")(plan), work, {"trainer": trainer}, from_ or ()
    )
    scored = None if scores is None else made.scores(scores)
    path = _home(out) / f"{made.plan.id}.parquet"
    made.take()
    mine = made.part(*part)
    total, todo = (sum(len(a.archs) for a in some) for some in (mine, made.missing(mine)))
    with _progress(f"{todo} of {total} trainings", total) as advance:
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
        _say(
            f"{made.plan.id}: {len(missing)} of {len(made.shards)} shards are missing; "
            f"go on with: {shlex.join(['nasbench', 'build', plan, *words])}"
        )
        return
    metadata = made.write(path, scored)
    _say(f"{metadata.id}@{metadata.version}: {path}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A published image set, such as cifar10.")],
) -> None:
    """Download a published image set into NASBENCH_DATA and check it."""
    with _status(f"Downloading {name}"):
        paths = SIBLINGS.load("fetch")(name)
    for path in paths:
        _say(str(path))


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="One of: nasbench list importers.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of the archive.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", help="Only the table with this id; of 'table': its id.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables; default: NASBENCH_HOME.")
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder for what a stopped import has read.")] = Path(
        "work"
    ),
    space: Annotated[str | None, typer.Option(help="table: the search space.")] = None,
    arch: Annotated[str | None, typer.Option(help="table: column of architectures.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="table: METRIC@EPOCH=COLUMN[*FACTOR]; repeat, also for seeds."),
    ] = None,
    per_arch: Annotated[
        list[str] | None,
        typer.Option(help="table: NAME=COLUMN[*FACTOR], without training; repeat."),
    ] = None,
    seed: Annotated[str | None, typer.Option(help="table: column of training seeds.")] = None,
    curve: Annotated[
        bool | None,
        typer.Option(
            "--curve/--schedules",
            help="table: epochs are points of one training, or trainings of their own (default).",
        ),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="table: what was trained on.")] = None,
    title: Annotated[str | None, typer.Option(help="table: one line.")] = None,
    description: Annotated[str | None, typer.Option(help="table: what it is good for.")] = None,
    origin: Annotated[
        str | None, typer.Option("--source", help="table: where the numbers come from.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="table: licence of the numbers.")] = None,
    citation: Annotated[str | None, typer.Option(help="table: what to cite.")] = None,
) -> None:
    """Turn a published archive, or a file of your own numbers, into tables."""
    from nasbench.tables.writer import write_table

    given = {
        "space": space,
        "arch": arch,
        "metrics": metric,
        "per_arch": per_arch,
        "seed": seed,
        "curve": curve,
        "dataset": dataset,
        "title": title,
        "description": description,
        "source": origin,
        "licence": licence,
        "citation": citation,
    }
    given = {name: value for name, value in given.items() if value is not None}
    importer = _importer(source, id_, given)
    folder = _home(out)
    lines = []
    with _meter(f"Reading {source}") as progress:
        for table in importer.tables(files or [], work=work, progress=progress):
            if id_ in (None, table.metadata.id):
                path = folder / f"{table.metadata.id}.parquet"
                write_table(path, table)
                lines.append(f"{table.metadata.id}@{table.metadata.version}: {path}")
            del table  # the next is made beside it
    if not lines:
        raise UnknownNameError(f"there is no table {id_!r} in what was given")
    _say("\n".join(lines))


@app.command()
def merge(
    tables: Annotated[list[str], typer.Argument(help="Ids, ids@version or paths.")],
    out: Annotated[str, typer.Option(help="Id of the joined table.")],
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the table; default: NASBENCH_HOME.")
    ] = None,
) -> None:
    """Join tables of one space: trainings with trainings, and with numbers of architectures."""
    from nasbench.benchmarks.catalogue import open_table
    from nasbench.tables.merge import merge as join
    from nasbench.tables.writer import write_table

    _refuse_shipped(out)
    opened = [open_table(table) for table in tables]
    joined = join(opened, out)
    path = _home(folder) / f"{out}.parquet"
    if path.resolve() in {table.path.resolve() for table in opened}:
        raise InvalidArgumentError(f"{path} is one of the tables to join: choose another id")
    metadata = write_table(path, joined)
    _say(f"{metadata.id}@{metadata.version}: {path}")


@app.command()
def fit(
    table: Annotated[str, typer.Argument(help="Id, id@version or path of a table.")],
    regressor: Annotated[str, typer.Option(help="One of: nasbench list regressors.")] = "ensemble",
    preset: Annotated[str | None, typer.Option(help="Published settings of the regressor.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE; repeat.")] = None,
    train: Annotated[
        int | None, typer.Option(help="Architectures to learn from; default: four fifths.")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Column to learn; repeat. Default: validation and test accuracies."),
    ] = None,
    components: Annotated[
        int, typer.Option(help="Numbers that all curves of an architecture are compressed to.")
    ] = 6,
    seed: Annotated[int, typer.Option(help="Seed of choice and fit.")] = 0,
    id_: Annotated[
        str | None, typer.Option("--id", help="Id of the surrogate; default: TABLE-surrogate.")
    ] = None,
    searches: Annotated[
        int, typer.Option(min=0, help="Seeds of the searches to compare with those of the table.")
    ] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the surrogate; default: NASBENCH_HOME.")
    ] = None,
) -> None:
    """Fit a surrogate to a table, judge it by what it has not seen, and publish it."""
    from nasbench.benchmarks.catalogue import open_table

    name = id_ or f"{open_table(table).metadata.id}-surrogate"
    _refuse_shipped(name)
    with _status(f"Reading {table}") as say:
        verdict = SIBLINGS.load("fit")(
            table,
            _home(out),
            regressor=regressor,
            preset=preset,
            hyperparameters=parse_settings(set_ or []),
            train=train,
            metrics=metric,
            components=components,
            seed=seed,
            id=name,
            searches=searches,
            progress=say,
        )
    _print_rows(*verdict.rows())
    for line in verdict.lines():
        _say(line)
    about = verdict.description
    _say(f"{about.id}@{about.version}: {verdict.path}")


@app.command()
def check(benchmark: Annotated[str, typer.Argument(help="Id, id@version or path.")]) -> None:
    """Verify schema, architectures, ranges and hash of a table, or the files of a surrogate."""
    from nasbench.benchmarks.catalogue import find, is_surrogate
    from nasbench.benchmarks.surrogate_benchmark import SurrogateBenchmark
    from nasbench.tables.table import Table

    path = find(benchmark)
    if is_surrogate(path):
        surrogate = SurrogateBenchmark(path)
        surrogate.predictor  # noqa: B018 (reading it checks it)
        description = surrogate.description
        _say(
            f"{description.id}@{description.version}: {len(description.files)} files, "
            f"content hash {description.content_hash}: ok"
        )
        return
    opened = Table(path)
    opened.check()
    metadata = opened.metadata
    _say(
        f"{metadata.id}@{metadata.version}: {len(opened.seed):,} runs, "
        f"content hash {metadata.content_hash}: ok"
    )


@app.command()
def run(
    algorithm: Annotated[str, typer.Argument(help="Registered name, or module:Class.")],
    benchmark: Annotated[str, typer.Argument(help="Id, id@version or path.")],
    seeds: Annotated[
        str, typer.Option(help="first:end, or single seeds, comma-separated.")
    ] = "0:1",
    trials: Annotated[int | None, typer.Option(help="Budget: trials started.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Budget: simulated seconds.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Budget: epochs trained.")] = None,
    workers: Annotated[int, typer.Option(help="Simulated parallel workers.")] = 1,
    processes: Processes = None,
    fidelity: Annotated[
        list[int] | None, typer.Option(help="Epoch that may be asked for; repeat.")
    ] = None,
    objective: Annotated[list[str] | None, typer.Option(help="Column to optimise; repeat.")] = None,
    known: Annotated[
        list[str] | None, typer.Option(help="Column known before training; repeat.")
    ] = None,
    replicate: Annotated[str, typer.Option(help="draw, mean, or a training seed.")] = "draw",
    preset: Annotated[str | None, typer.Option(help="Published settings of the algorithm.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE; repeat.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the records.")] = Path("runs"),
) -> None:
    """Search a benchmark with many seeds and record every trial; goes on where it was stopped."""
    from nasbench.runs.budget import Budget
    from nasbench.runs.search import search

    wanted = parse_seeds(seeds)
    policy: Any = int(replicate) if _is_number(replicate) else replicate
    budget = Budget(trials, seconds, epochs)
    with _progress(f"{algorithm} on {benchmark}", len(wanted)) as advance:
        runs = search(
            algorithm,
            benchmark,
            seeds=wanted,
            budget=budget,
            preset=preset,
            hyperparameters=parse_settings(set_ or []),
            workers=workers,
            replicate=policy,
            fidelities=fidelity or None,
            objectives=objective or None,
            known=known or (),
            processes=_processes(processes),
            out=out,
            progress=advance,
        )
    finals = [
        float(best) for run in runs if len(run) and (best := run.losses[:, 0].min()) < float("inf")
    ]
    mean = sum(finals) / len(finals) if finals else float("nan")
    n_trials = sum(map(len, runs))
    _say(
        f"{len(runs)} runs, {n_trials:,} trials; mean of the lowest losses {mean:.4g}; "
        f"records in {out}"
    )


@leaderboard.command("build")
def leaderboard_build(
    runs: Annotated[Path, typer.Argument(help="Folder of records, as 'nasbench run --out' makes.")],
    out: Annotated[Path, typer.Option(help="Folder for the page.")] = Path("site"),
) -> None:
    """Write the ranking of all recorded runs as a static page."""
    with _status("Ranking"):
        page = SIBLINGS.load("site")(runs, out)
    _say(f"Page: {page.resolve()}")


def parse_seeds(text: str) -> list[int]:
    """Seeds of ``"0:100"`` (the end is not included), ``"7"`` or ``"0:10,20"``.

    Raises:
        InvalidArgumentError: Anything else.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, colon, end = part.strip().partition(":")
        if not (_is_number(first) and (_is_number(end) if colon else not end)):
            raise InvalidArgumentError(
                f"seeds {text!r} are not of the form '0:100', '7' or '0:10,20'"
            )
        chosen = range(int(first), int(end) if colon else int(first) + 1)
        if len(seeds) + len(chosen) > _MOST_SEEDS:
            raise InvalidArgumentError(f"seeds {text!r} are more than {_MOST_SEEDS:,}")
        seeds += chosen
    if not seeds:
        raise InvalidArgumentError(f"seeds {text!r} are empty: the end of a range is not included")
    return seeds


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Hyperparameters of ``["population=50", "mutation=each"]``; values as in TOML, or plain text.

    Raises:
        InvalidArgumentError: Not of the form NAME=VALUE.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InvalidArgumentError(f"--set {setting!r} is not of the form NAME=VALUE")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
    return values


def parse_deadline(text: str) -> float:
    """Seconds of ``"90s"``, ``"9m"`` or ``"1.5h"``.

    Raises:
        InvalidArgumentError: Anything else.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", number):
        raise InvalidArgumentError(f"deadline {text!r} is not of the form '90s', '9m' or '1.5h'")
    return float(number) * _SECONDS[unit]


def parse_part(text: str) -> tuple[int, int]:
    """``(2, 8)`` of ``"2/8"``, the second of eight parts.

    Raises:
        InvalidArgumentError: Anything else, or no part from the first to the last.
    """
    i, slash, n = text.partition("/")
    if not (slash and _is_number(i) and _is_number(n) and 1 <= int(i) <= int(n)):
        raise InvalidArgumentError(
            f"shard {text!r} is not of the form 'i/n' with i from 1 to n, as '1/8' to '8/8'"
        )
    return int(i), int(n)


def main() -> None:
    """Run the command line; bad input gives one line and exit code 2."""
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False)
    except NasbenchError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on where it was stopped", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            _say(message())
            sys.exit(0)
        _fail(_usage(error, message()))
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: Any, message: str) -> str:
    """One line of a usage error: what was given, what is wrong, and where help is."""
    path = getattr(getattr(error, "ctx", None), "command_path", "nasbench")
    options = getattr(getattr(error, "param", None), "opts", ())
    given = (f"{a} {b}: " for a, b in pairwise(sys.argv) if a in options)
    line = next(given, "") + " ".join(message.split())
    return f"{line.rstrip('.')}. See '{path} --help'" if line else f"see '{path} --help'"


def _fail(message: str, code: int = 2) -> None:
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    sys.exit(code)


def _catalogue(kind: str) -> dict[str, str]:
    """Name -> one line, for everything of a kind."""
    if kind == "benchmarks":
        from nasbench.benchmarks.catalogue import catalogue

        return dict(_benchmark_line(path) for paths in catalogue().values() for path in paths)
    if kind == "plans":
        plans = SIBLINGS.load("plans")()
        return {name: SIBLINGS.load("plan")(name).description for name in plans}
    kinds = ("algorithms", "spaces", "networks", "importers", "regressors")
    if kind not in kinds:
        raise UnknownNameError(
            f"there is no list of {kind!r}{one_of(kind, ('benchmarks', *kinds, 'plans'))}"
        )
    registry = SIBLINGS.load(kind)
    return {name: _summary(registry, name) for name in registry}


def _description(benchmark: str) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Facts, columns and, for programs, how the numbers were made."""
    from nasbench.benchmarks.catalogue import find, is_surrogate
    from nasbench.benchmarks.facts import surrogate_facts, table_facts
    from nasbench.benchmarks.surrogate_benchmark import SurrogateBenchmark
    from nasbench.tables.table import Table

    path = find(benchmark)
    if is_surrogate(path):
        opened = SurrogateBenchmark(path)
        return dict(surrogate_facts(opened)), opened.columns, opened.description.encode()
    table = Table(path)
    columns = {**table.columns, **table.arch_columns}
    return dict(table_facts(table)), columns, {"recipe": table.metadata.recipe}


def _benchmark_line(path: Path) -> tuple[str, str]:
    """Id and title of a benchmark, or the name of its file and what is wrong with it."""
    from nasbench.benchmarks.catalogue import is_surrogate
    from nasbench.benchmarks.surrogate_folder import Description
    from nasbench.tables.table import Table

    try:
        metadata = Description.read(path) if is_surrogate(path) else Table(path).metadata
    except NasbenchError as error:
        return path.name, str(error)
    return f"{metadata.id}@{metadata.version}", metadata.title


def _summary(registry: Registry, name: str) -> str:
    """First line of the documentation of a registered thing; of its presets, their names."""
    try:
        thing = registry.load(name)
    except NasbenchError as error:
        return str(error)
    line = next(iter((thing.__doc__ or "").strip().splitlines()), "")
    presets = ", ".join(getattr(thing, "presets", ()))
    return f"{line} Presets: {presets}." if presets else line


def _print_board(board: Any) -> None:
    """A ranking as text: the first column with its interval over seeds."""
    from rich.table import Table

    columns = [c for c in SIBLINGS.load("columns")(board) if c.name in _SHOWN]
    table = Table(title=board.title, title_justify="left", title_style="bold", box=None)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("algorithm", style="bold", no_wrap=True)
    for column in columns:
        unit = f" ({column.unit})" if column.unit else ""
        table.add_column(fill(f"{column.title}{unit}", 12), justify="right", no_wrap=True)
        if column is columns[0]:
            table.add_column("95 %\ninterval", no_wrap=True)
    for number, row in enumerate(board.rows):
        first, *rest = (_plain(column.texts[number]) for column in columns)
        interval = _plain(columns[0].intervals[number])
        table.add_row(
            f"{row.rank}{'=' if row.tied else ''}", f"{row.label}{row.mark}", first, interval, *rest
        )
    _print(table)
    if board.footnote:
        _say(board.footnote)
    _say("")


def _print_rows(header: list[str], rows: list[list[str]]) -> None:
    """A table of texts, the first column a name."""
    from rich.table import Table

    table = Table(box=None)
    for number, title in enumerate(header):
        text = fill(title, 12) if number else title
        table.add_column(_plain(text), justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(_plain, row))
    _print(table)
    _say("")


def _importer(source: str, id_: str | None, given: dict[str, Any]) -> Any:
    """The importer of a source; the generic one is made of options."""
    importer = SIBLINGS.load("importers").load(source)
    if source == "table":
        needed = {"--id": id_, "--space": given.get("space"), "--arch": given.get("arch")}
        if missing := [name for name, value in needed.items() if value is None]:
            raise InvalidArgumentError(f"import table needs {', '.join(missing)}")
        _refuse_shipped(str(id_))
        return importer(id=id_, **given)
    if given:
        options = {"metrics": "metric"}
        names = ", ".join(f"--{options.get(name, name).replace('_', '-')}" for name in given)
        raise InvalidArgumentError(
            f"{names}: only 'nasbench import table' is told these; {source} knows them"
        )
    if id_ is not None and id_ not in importer.ids:
        raise UnknownNameError(f"{source} holds no table {id_!r}{one_of(id_, importer.ids)}")
    return importer()


def _refuse_shipped(id_: str) -> None:
    """A benchmark of one's own must not take the name of one that ships with the package."""
    from nasbench.benchmarks.catalogue import folders

    if any((folders()[-1] / name).exists() for name in (id_, f"{id_}.parquet")):
        raise InvalidArgumentError(f"{id_!r} ships with nasbench: choose another id")


def _home(out: Path | None) -> Path:
    from nasbench.benchmarks.catalogue import folders
    from nasbench.files import writable_folder

    return writable_folder(out or folders()[0])


def _processes(wanted: int | None) -> int:
    """As many as wanted, or one a core."""
    if wanted is not None:
        if wanted < 1:
            raise InvalidArgumentError(f"processes = {wanted} must be a positive integer")
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _print(renderable: Any) -> None:
    from rich.console import Console

    Console().print(renderable)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar of known length; gives the function that advances it by some steps."""
    with _meter(title) as show:
        done = 0

        def advance(n: int) -> None:
            nonlocal done
            done += n
            show(done, total)

        yield advance


@contextmanager
def _meter(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; gives the function that is told how much of how much."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None)

    def show(done: int, total: int) -> None:
        bar.start()  # now that the arguments were found to be right
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def _status(title: str) -> Iterator[Callable[[str], None]]:
    """Something that moves, and a function that says what is done now."""
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield status.update


__all__ = ["app", "main", "parse_seeds", "parse_settings"]
