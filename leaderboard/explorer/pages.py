"""Builds the pages of the explorer."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leaderboard.explorer.cells import cells, is_whole
from leaderboard.explorer.packing import packed_integers
from leaderboard.explorer.tables import Numbers
from leaderboard.explorer.wirings import Wirings, rewired
from nasbench.benchmarks.catalogue import catalogue
from nasbench.benchmarks.loading import AnyBenchmark, load
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.drawing.pictures import hues
from nasbench.drawing.scene import BOX_HEIGHT, DOT
from nasbench.errors import InvalidArgumentError, NasbenchError, NotRecordedError, first_line
from nasbench.registry import require
from nasbench.space import SearchSpace
from nasbench.storage.files import atomic, writable_folder

SPACES = ("nb201", "nb101", "darts", "seqmix")
"""Spaces that have a page without being asked for, if a benchmark of theirs is installed."""

MARK = '<meta name="generator" content="nasbench explorer">'
_FIRST = 2_000
_HERE = Path(__file__).parent


def build(
    benchmarks: Iterable[str | Path],
    out: str | Path,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a page for every space of some benchmarks.

    Args:
        benchmarks: Ids or paths; none: all installed benchmarks of :data:`SPACES`.
        out: Folder of the pages; created if missing.
        tell: Called with a line for each installed benchmark that cannot be opened, and is left
            out unless it was named.

    Returns:
        Paths of the pages.

    Raises:
        UnknownNameError: There is no such benchmark.
        NotRecordedError: None is installed.
        InvalidArgumentError: The folder cannot be written, or a page would replace another file.
        MissingExtraError: jinja2 is not installed.
    """
    out = Path(out)
    groups = grouped(benchmarks, tell=tell)
    paths = {name: out / file_name(name) for name in groups}
    for path in paths.values():
        _check_place(path)
    made = _pages(groups)
    writable_folder(out)
    for name, text in made:
        try:
            with atomic(paths[name]) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InvalidArgumentError(f"cannot write {paths[name]}: {error.strerror}") from error
    return list(paths.values())


def grouped(
    benchmarks: Iterable[str | Path], *, tell: Callable[[str], None] = lambda _: None
) -> dict[str, list[AnyBenchmark]]:
    """The benchmarks by space, as a page each; see :func:`build`."""
    given = list(benchmarks)
    opened: list[AnyBenchmark] = []
    for name in given or catalogue():
        try:
            benchmark = load(name)
            if not isinstance(benchmark, TableBenchmark):
                benchmark.predictor  # noqa: B018 (reading it checks it)
            opened.append(benchmark)
        except NasbenchError as error:
            if given:
                raise
            tell(f"Left out: {name}: {first_line(error)}")
    groups = by_space(b for b in opened if given or b.space.name in SPACES)
    if not groups:
        raise NotRecordedError(f"no benchmark of {', '.join(SPACES)} is installed: name one")
    return groups


def by_space(benchmarks: Iterable[AnyBenchmark]) -> dict[str, list[AnyBenchmark]]:
    """Opened benchmarks by the names of their spaces, in the order of pages."""
    groups: dict[str, list[AnyBenchmark]] = {}
    for benchmark in benchmarks:
        groups.setdefault(benchmark.space.name, []).append(benchmark)
    return {
        name: sorted(found, key=lambda b: (not b.name.startswith(name), b.name))
        for name, found in sorted(groups.items(), key=lambda group: _order(group[0]))
    }


def pages(benchmarks: Iterable[AnyBenchmark], *, home: str = "") -> dict[str, str]:
    """The pages of opened benchmarks, by the names of their spaces.

    Args:
        benchmarks: Tables or surrogates; those of other spaces than :data:`SPACES` have no page.
        home: Address of the leaderboard that the pages belong to; empty for none.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    return dict(_pages(by_space(b for b in benchmarks if b.space.name in SPACES)))


def _pages(groups: dict[str, list[AnyBenchmark]]) -> Iterator[tuple[str, str]]:
    """The pages of some groups, each with the name of its space, made when it is asked for.

    Raises:
        MissingExtraError: jinja2 is not installed; raised at once.
    """
    environment = _environment()
    links = {name: file_name(name) for name in groups}
    return (
        (name, page(opened, environment=environment, links=links))
        for name, opened in groups.items()
    )


def _order(space: str) -> tuple[int, str]:
    return SPACES.index(space) if space in SPACES else len(SPACES), space


def file_name(space: str) -> str:
    """Name of the page of a space."""
    return f"explore-{space}.html"


def page(
    benchmarks: Sequence[AnyBenchmark],
    *,
    environment: Any = None,
    links: dict[str, str] | None = None,
    home: str = "",
) -> str:
    """The page of benchmarks of one space, with all its data.

    Args:
        benchmarks: At least one; all of the same space.
        environment: Templates; default: those of this folder.
        links: File of the page of every space, for links between pages.
        home: Address of the leaderboard that the page belongs to; empty for none.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    data = document(benchmarks)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    template = (environment or _environment()).get_template("explorer.html.j2")
    rendered: str = template.render(
        space=data["space"],
        n=len(data["tables"]),
        cells=data["n"],
        whole=data["whole"],
        size=data["size"],
        data=text,
        links=links or {},
        home=home,
        made_by=f"nasbench {version('nasbench')}",
    )
    return rendered


def document(benchmarks: Sequence[AnyBenchmark]) -> dict[str, Any]:
    """The data of a page: decisions, cells, pictures and numbers."""
    space = _whole(benchmarks[0])
    archs = cells(space, benchmarks)
    whole = is_whole(space)
    return {
        "space": space.name,
        "decisions": [
            {"name": d.name, "labels": d.labels, "kind": d.kind} for d in space.decisions
        ],
        "whole": whole,
        "n": len(archs),
        "size": _size(space.size),
        "archs": None if whole else packed_integers(archs, 8),
        "hues": hues(space),
        "box": [BOX_HEIGHT, DOT],
        **_pictures(space, [tuple(row) for row in archs.tolist()]),
        "tables": [Numbers(benchmark, archs).document() for benchmark in benchmarks],
    }


def _pictures(space: SearchSpace, archs: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """Scenes, wirings, and for each part the wiring of every cell."""
    wirings = Wirings(space)
    of = np.array([wirings.of(arch) for arch in archs], dtype=np.int64)
    parts = []
    for part, wires in enumerate(wirings.decisions(archs[0])):
        known = {}
        for arch, numbers in zip(archs, of.tolist(), strict=True) if wires else ():
            known[",".join(str(arch[j]) for j in wires)] = numbers[part]
        for arch in rewired(space, archs[0], wires) if wires else ():
            known[",".join(str(arch[j]) for j in wires)] = wirings.of(arch)[part]
        parts.append(
            {
                "title": wirings.titles[part],
                "wires": wires,
                "known": known,
                "of": packed_integers(of[:, part], 16),
            }
        )
    return {
        "parts": parts,
        "scenes": wirings.scenes,
        "wirings": [[w.scene, w.slots, w.labels] for w in wirings.wirings],
    }


def _size(n: int | None) -> str | None:
    return None if n is None else f"{n:,}" if n < 1e9 else f"{n:.2g}"


def _whole(benchmark: AnyBenchmark) -> SearchSpace:
    """The space of a benchmark, also where it records a part only."""
    return benchmark.table.space if isinstance(benchmark, TableBenchmark) else benchmark.space


def _check_place(path: Path) -> None:
    """Refuse to replace a file that is not such a page."""
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            is_ours = MARK in file.read(_FIRST)
    else:
        is_ours = not os.path.lexists(path)
    if not is_ours:
        raise InvalidArgumentError(
            f"{path} is not a page of the explorer, and is never replaced: move it away, or choose "
            "another folder"
        )


def _environment() -> Any:
    """Template environment; everything that templates print is escaped."""
    jinja2 = require("jinja2", "the explorer")
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE / "templates", _HERE.parent / "site/templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
