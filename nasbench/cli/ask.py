"""Commands that read: list, info, query, top, draw, explore, check."""

import json
from contextlib import suppress
from functools import partial
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasbench.cli.about import describe
from nasbench.cli.kinds import KINDS, why_not
from nasbench.cli.lists import print_list
from nasbench.cli.options import (
    Arch,
    Benchmark,
    Json,
    benchmark_ids,
    described_names,
    existing,
    given_path,
    space_names,
)
from nasbench.cli.output import note, print_rows, say, status
from nasbench.cli.parsing import parse_arch
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    UnknownNameError,
    listed,
    one_of,
)
from nasbench.siblings import SIBLINGS

if TYPE_CHECKING:
    from nasbench.space import SearchSpace

_SHORT = 32
"""Letters of the longest notation that a list shows; longer ones are written as numbers."""


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
    if kind == "algorithms":
        packages = ", ".join(SIBLINGS.load(kind).rooms)
        note(f"Also those of {packages}, as PACKAGE:CLASS, such as optuna:TPESampler")


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
    as_croissant: Annotated[
        bool,
        typer.Option("--croissant", help="Of a table: metadata for search engines, JSON-LD."),
    ] = False,
    as_card: Annotated[
        bool,
        typer.Option("--card", help="Of a table: README.md of a data set, for Hugging Face."),
    ] = False,
) -> None:
    """Describe a benchmark, algorithm, regressor or space.

    Of a benchmark: what it holds, where it comes from and what it is good for. Of an algorithm:
    its paper, its hyperparameters and its presets.
    """
    if as_json + as_croissant + as_card > 1:
        raise InvalidArgumentError("--json, --croissant and --card exclude each other")
    if as_croissant:
        from nasbench.benchmarks.catalogue import open_table
        from nasbench.tables.cards.croissant import croissant

        say(json.dumps(croissant(open_table(name)), indent=2))
        return
    if as_card:
        from nasbench.benchmarks.catalogue import open_table
        from nasbench.tables.cards.card import card

        say(card(open_table(name)).rstrip("\n"))
        return
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
    answer = opened.query(parse_arch(arch), epoch=epoch, schedule=schedule, seed=seed)
    if as_json:
        say(json.dumps({**answer, **answer.texts}))
        return
    if not answer:  # say why
        raise answer.source.missing(next(iter(opened.columns)), answer)
    width = max(map(len, [*answer, *answer.texts]))
    for name, value in answer.items():
        column = opened.column(name)
        unit = column.unit.replace("1", "")
        say(f"{name:{width}}  {_number(float(value), column)} {unit}".rstrip())
    for name, text in answer.texts.items():
        say(f"{name:{width}}  {text}")


def top(
    benchmark: Benchmark,
    n: Annotated[int, typer.Option("-n", "--number", min=1, metavar="N", help="How many.")] = 10,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="By what; default: the objective.")
    ] = None,
    epoch: Annotated[
        int | None, typer.Option(metavar="N", help="After this epoch; default: the last.")
    ] = None,
    schedule: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of trainings over N epochs; default: the longest."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the best architectures of a table by a column, as means over the seeds."""
    from nasbench.benchmarks.loading import load
    from nasbench.benchmarks.top import top

    opened = load(benchmark)
    best = top(opened, n, by=by, epoch=epoch, schedule=schedule)
    if as_json:
        say(json.dumps([_entry(entry, opened.space) for entry in best.entries], indent=1))
        return
    costs = list(dict.fromkeys(name for entry in best.entries for name in entry.costs))
    texts = [opened.space.to_text(entry.arch) for entry in best.entries]
    short = max(map(len, texts)) <= _SHORT
    rows = [
        (
            f"{entry.rank}{'=' if entry.tied else ''}",
            text if short else ",".join(map(str, entry.arch)),
            _mean(entry, best.column),
            str(len(entry.seeds) or ""),
            *(_short(entry.costs.get(name, nan), opened.column(name)) for name in costs),
        )
        for entry, text in zip(best.entries, texts, strict=True)
    ]
    names = [best.column.name, *costs]
    heads = [_head(name, opened.column(name).unit) for name in names]
    kind = "classes of equal networks" if best.by_class else "architectures"
    notes = [f"{best.n_ranked:,} {kind} are ranked; ± is the standard deviation over the seeds."]
    if best.n_without:
        notes.append(f"{best.n_without:,} have no value: a training diverged or is not recorded.")
    if not short:
        notes.append("Numbers are options; 'nasbench query' and 'draw' take them as they are.")
    end = "highest" if best.column.goal == "max" else "lowest"
    print_rows(
        ["#", "arch", heads[0], "seeds", *heads[1:]],
        rows,
        title=f"{opened.name}@{opened.version}: {end} {best.column.name}, mean of the seeds",
        notes=notes,
        name=1,
    )


def _entry(entry: Any, space: "SearchSpace") -> dict[str, Any]:
    return {
        **entry._asdict(),
        "text": space.to_text(entry.arch),
        "spread": None if isnan(entry.spread) else entry.spread,
    }


def _mean(entry: Any, column: Any) -> str:
    percent = column.unit == "%"
    mean = f"{entry.value:.2f}" if percent else _short(entry.value, column)
    spread = f"{entry.spread:.2f}" if percent else f"{entry.spread:.2g}"
    return mean if isnan(entry.spread) else f"{mean} ± {spread}"


def _short(value: float, column: Any) -> str:
    if isnan(value):
        return ""
    if column.unit == "1" and value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return _number(value, column) if column.unit == "1" else f"{value:.4g}"


def _number(value: float, column: Any) -> str:
    return f"{value:,.0f}" if column.unit == "1" and value.is_integer() else f"{value:.7g}"


def _head(name: str, unit: str) -> str:
    unit = unit.replace("1", "")
    words = name.removesuffix(f"_{unit}").replace("_", " ")
    return f"{words} ({unit})" if unit and words != "seconds" else words


def draw(
    arch: Arch,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Its space; default: the one that knows the notation.",
            autocompletion=space_names,
        ),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="ID", help="A benchmark of its space.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to write; default: standard output.", parser=given_path
        ),
    ] = None,
) -> None:
    """Draw an architecture as SVG.

    The picture shows the graph of the space, or the decisions in a row where a space has none.
    """
    from nasbench.drawing.svg import draw, write

    if out is not None and out.suffix != ".svg":
        raise InvalidArgumentError(f"--out {out}: pictures are SVG, so the name must end in .svg")
    known, cell = _known(arch, space, benchmark)
    if out is None:
        say(draw(known, cell).rstrip())
    else:
        write(out, draw(known, cell))
        say(str(out))


def explore(
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BENCHMARK]...",
            help="Ids or paths; default: all of nb201, nb101, darts and seqmix.",
            autocompletion=benchmark_ids,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write the pages.", parser=given_path)
    ] = Path("explorer"),
) -> None:
    """Write a page for each space, on which cells are chosen, drawn and compared, offline."""
    for benchmark in benchmarks or []:
        existing(benchmark)
    left_out: list[str] = []
    with status("Writing the pages"):
        pages = SIBLINGS.load("explorer")(benchmarks or (), out, tell=left_out.append)
    for line in left_out:
        note(line)
    for page in pages:
        say(f"Page: {page.resolve()}")


def _known(arch: str, space: str | None, benchmark: str | None) -> tuple["SearchSpace", Any]:
    """The space of a text, and the architecture."""
    if space is not None and benchmark is not None:
        raise InvalidArgumentError("--space and --benchmark both name a space: give one of them")
    if benchmark is not None:
        from nasbench.benchmarks.loading import load

        return _read(arch, load(benchmark).space)
    if space is not None:
        return _read(arch, SIBLINGS.load("spaces").load(space)())
    found: list[tuple[SearchSpace, Any]] = []
    is_notation = arch.strip().isdigit()  # without a space, an index says nothing

    def read(name: str) -> None:
        known: SearchSpace = spaces.load(name)()
        found.append((known, known.from_text(arch)) if is_notation else _read(arch, known))

    for name in (spaces := SIBLINGS.load("spaces")):
        with suppress(IllegalArchError):
            read(name)

    for name in spaces.plugins():
        why_not(partial(read, name))  # one that fails reads nothing
    if len(found) != 1:
        names = listed(known.name for known, _ in found) if found else listed(spaces.names())
        fits = "several spaces" if found else "no space"
        raise IllegalArchError(f"{arch!r:.200} is an architecture of {fits}: add --space, {names}")
    return found[0]


def _read(arch: str, space: "SearchSpace") -> tuple["SearchSpace", Any]:
    return space, space.read(parse_arch(arch))


def check(benchmark: Benchmark) -> None:
    """Verify the files of a table or surrogate.

    Of a table: schema, architectures, ranges of the numbers and content hash.
    """
    from nasbench.benchmarks.catalogue import find, is_surrogate, require_file
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
    from nasbench.tables.described_space import is_described
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
    if is_described(opened.space):
        note(
            f"the package that defines the space {metadata.space!r} is not installed: its rules "
            "and which networks are equal were not checked"
        )
    say(f"{metadata.id}@{metadata.version}: {size}, content hash {metadata.content_hash}: ok")
