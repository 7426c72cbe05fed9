"""Commands that read: list, info, query, check."""

import json
from typing import Annotated

import typer

from nasbench.cli.about import describe
from nasbench.cli.kinds import KINDS
from nasbench.cli.lists import print_list
from nasbench.cli.options import Arch, Benchmark, Json, described_names
from nasbench.cli.output import say
from nasbench.cli.parsing import parse_arch
from nasbench.errors import UnknownNameError, one_of


def list_(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help=f"One of: {', '.join(KINDS)}.", autocompletion=lambda: list(KINDS)
        ),
    ] = "benchmarks",
    as_json: Json = False,
) -> None:
    """List benchmarks, algorithms, spaces, ..."""
    if kind not in KINDS:
        raise UnknownNameError(f"there is no list of {kind!r}{one_of(kind, KINDS)}")
    things = KINDS[kind].read()
    if as_json:
        say(json.dumps(things, indent=1))
        return
    print_list(KINDS[kind].rows(things), ("name", *KINDS[kind].facts, KINDS[kind].texts[0]))


def info(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A benchmark (id, id@version or path), algorithm, regressor or space.",
            autocompletion=described_names,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Describe a benchmark, algorithm, regressor or space.

    Of a benchmark: what it holds, where it comes from and what it is good for. Of an algorithm:
    its paper, its hyperparameters and its presets.
    """
    about = describe(name)
    if as_json:
        say(json.dumps(about.data, indent=1, default=str))
        return
    for number, section in enumerate(section for section in about.sections if section.rows):
        if number:
            say("")
        print_list(section.rows, section.titles)


def query(
    benchmark: Benchmark,
    arch: Arch,
    epoch: Annotated[
        int | None, typer.Option(metavar="N", help="After this epoch; default: the last.")
    ] = None,
    schedule: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of trainings over N epochs; default: the longest."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the training with this seed; default: the mean."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look up the recorded results of an architecture."""
    from nasbench.benchmarks.loading import load

    opened = load(benchmark)
    answer = opened.query(parse_arch(arch, opened.space), epoch=epoch, schedule=schedule, seed=seed)
    if as_json:
        say(json.dumps({**answer, **answer.texts}))
        return
    if not answer:  # say why
        raise answer.source.missing(next(iter(opened.columns)), answer)
    width = max(map(len, [*answer, *answer.texts]))
    for name, value in answer.items():
        column = opened.column(name)
        is_count = column.unit == "1" and float(value).is_integer()
        number = f"{value:,.0f}" if is_count else f"{value:.7g}"
        say(f"{name:{width}}  {number} {column.unit.replace('1', '')}".rstrip())
    for name, text in answer.texts.items():
        say(f"{name:{width}}  {text}")


def check(benchmark: Benchmark) -> None:
    """Verify the files of a table or surrogate.

    Of a table: schema, architectures, ranges of the numbers and content hash.
    """
    from nasbench.benchmarks.catalogue import find, is_surrogate, require_file
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
    from nasbench.tables.table import Table

    path = find(benchmark)
    if is_surrogate(path):
        surrogate = SurrogateBenchmark(path)
        surrogate.predictor  # noqa: B018 (reading it checks it)
        description = surrogate.description
        say(
            f"{description.id}@{description.version}: {len(description.files)} files, "
            f"content hash {description.content_hash}: ok"
        )
        return
    opened = Table(require_file(path))
    opened.check()
    metadata, n = opened.metadata, len(opened.seed)
    size = f"{n:,} runs" if n else f"{len(opened.written_archs):,} architectures"
    say(f"{metadata.id}@{metadata.version}: {size}, content hash {metadata.content_hash}: ok")
