"""What there is of every kind of thing, as data for ``nasbench list``."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from nasbench.cli.docstrings import summary
from nasbench.cli.source import Source
from nasbench.errors import NasbenchError, first_line, listed
from nasbench.plugins import Plugin
from nasbench.registry import Registry
from nasbench.siblings import SIBLINGS

Things: TypeAlias = dict[str, dict[str, Any]]
"""What is known of every thing of a kind, by its name."""


class Kind(NamedTuple):
    """A kind of thing that can be listed.

    Attributes:
        read: Gives all things of the kind.
        facts: What is printed in columns.
        texts: What is printed as text, one after the other.
    """

    read: Callable[[], Things]
    facts: tuple[str, ...]
    texts: tuple[str, ...] = ("summary",)

    def rows(self, things: Things) -> list[list[str]]:
        """For every thing its name, facts and text."""
        return [
            [
                name,
                *(_cell(f, thing[f]) if f in thing else "" for f in self.facts),
                self._told(thing),
            ]
            for name, thing in things.items()
        ]

    def _told(self, thing: Mapping[str, Any]) -> str:
        texts = [thing[name] for name in ("error", *self.texts) if thing.get(name)]
        if presets := thing.get("presets"):
            texts.append(f"Presets: {', '.join(presets)}.")
        if missing := thing.get("missing_extras"):
            texts.append(f"Needs an extra that is not installed: {listed(missing)}.")
        if origin := thing.get("origin"):
            texts.append(f"From {origin}.")
        if note := thing.get("shadowed"):
            texts.append(f"Not {note}.")
        return " ".join([f"{text.rstrip('.')}." for text in texts[:-1]] + texts[-1:])


def read_benchmarks() -> Things:
    """Tables and surrogates, the user's own first where ids are equal."""
    from nasbench.benchmarks.catalogue import catalogue

    things: Things = {}
    for path in (path for paths in catalogue().values() for path in paths):
        try:
            name, thing = _benchmark(path)
        except NasbenchError as error:
            name, thing = path.name, {"error": str(error), "file": str(path)}
        things.setdefault(name, thing)
    return things


def read_algorithms() -> Things:
    """Search algorithms; their family is the folder they lie in."""
    return _sources(
        "algorithms",
        lambda source: {
            "family": family_of(source.module),
            "summary": summary(source.docstring),
            "presets": source.keys("presets"),
        },
    )


def read_regressors() -> Things:
    """What a surrogate can be made of."""
    return _sources(
        "regressors",
        lambda source: {
            "family": source.constant("family"),
            "summary": summary(source.docstring),
            "presets": source.keys("presets"),
        },
    )


def read_networks() -> Things:
    """Trainable networks, with the space that they train."""
    return _sources(
        "networks",
        lambda source: {"space": source.constant("space"), "summary": summary(source.paper)},
    )


def read_spaces() -> Things:
    """Search spaces, with the number of their decisions and architectures."""

    def described(found: Any) -> dict[str, Any]:
        space = found()
        return {
            "decisions": len(space.decisions),
            "architectures": None if space.size is None else int(space.size),
            "summary": summary(sys.modules[found.__module__].__doc__),
            "notation": summary(found.__doc__),
        }

    return _loaded("spaces", described)


def read_importers() -> Things:
    """Importers, with the tables that they give."""
    return _loaded(
        "importers",
        lambda importer: {"tables": list(importer.ids), "summary": str(importer.summary)},
    )


def read_plans() -> Things:
    """Plans that come with the suite."""
    load = SIBLINGS.load("plan")
    things: Things = {}
    for name in SIBLINGS.load("plans")():
        plan = load(name)
        things[name] = {
            "network": plan.recipe.network,
            "dataset": plan.recipe.data,
            "epochs": plan.recipe.epochs,
            "seeds": list(plan.seeds),
            "architectures": plan.architectures,
            "description": plan.description,
        }
    return things


KINDS: Mapping[str, Kind] = {
    "benchmarks": Kind(
        read_benchmarks, ("space", "size", "epochs", "seeds", "objectives", "test"), ("title",)
    ),
    "algorithms": Kind(read_algorithms, ("family",)),
    "spaces": Kind(read_spaces, ("decisions", "architectures"), ("summary", "notation")),
    "networks": Kind(read_networks, ("space",)),
    "importers": Kind(read_importers, ("tables",)),
    "regressors": Kind(read_regressors, ("family",)),
    "plans": Kind(read_plans, ("network", "dataset", "epochs", "seeds"), ("description",)),
}


def family_of(module: str) -> str:
    """The folder of an algorithm; empty where it lies in none, or in another package."""
    package, *rest = module.split(".")
    return ".".join(rest[:-1]) if package == "algorithms" else ""


def number(value: int | None) -> str:
    """A count; ``"1.1e18"`` where nobody would read the digits, ``"unknown"`` for None."""
    if value is None:
        return "unknown"
    return f"{value:,}" if value < 10**12 else f"{value:.1e}".replace("e+", "e")


def ranges(values: Sequence[int]) -> str:
    """``"1-8"`` of the numbers from 1 to 8; of many others the first, the last and how many."""
    if len(values) > 2 and all(b - a == 1 for a, b in pairwise(values)):
        return f"{values[0]}-{values[-1]}"
    if len(values) > 4:
        return f"{len(values)} in {values[0]}-{values[-1]}"
    return ", ".join(map(str, values))


def _cell(fact: str, value: Any) -> str:
    """A fact as a short text."""
    if value is None:
        return "any" if fact == "seeds" else "unknown" if fact == "architectures" else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, str):
        return value
    if fact in ("seeds", "tables"):
        return str(len(value)) if value else ""
    return ranges(value) if fact == "epochs" else ", ".join(value)


def _sources(kind: str, describe: Callable[[Source], dict[str, Any]]) -> Things:
    """Things of a registry as their sources describe them; plug-ins are also imported."""
    from nasbench.runs.setup import load_algorithm

    registry: Registry = SIBLINGS.load(kind)
    load: Callable[[str], object] = load_algorithm if kind == "algorithms" else registry.load
    things: Things = {}
    for name, place in registry.items():
        source = Source(place)
        things[name] = describe(source) | {"missing_extras": source.missing}
    for name, plugin in registry.plugins().items():
        reason = why_not(partial(load, name))
        source = Source(plugin.place)
        things[name] = describe(source) | {"missing_extras": source.missing}
        things[name] |= _error(reason) | {"origin": plugin.origin}
    return _with_shadowed(things, registry)


def _loaded(kind: str, describe: Callable[[Any], dict[str, Any]]) -> Things:
    """Things of a registry, ours and those of plug-ins, as they describe themselves."""
    registry: Registry = SIBLINGS.load(kind)
    things: Things = {}
    for name in registry:
        try:
            things[name] = describe(registry.load(name))
        except NasbenchError as error:
            things[name] = _error(str(error))
    for name, plugin in registry.plugins().items():
        told: list[dict[str, Any]] = []
        reason = why_not(partial(_tell, registry, name, describe, told))
        things[name] = (told[0] if told else _error(reason)) | {"origin": plugin.origin}
    return _with_shadowed(things, registry)


def _tell(
    registry: Registry,
    name: str,
    describe: Callable[[Any], dict[str, Any]],
    told: list[dict[str, Any]],
) -> None:
    told.append(describe(registry.load(name)))


def why_not(use: Callable[[], object]) -> str:
    """Use code of a plug-in, which may do anything; why that failed, empty if it did not."""
    try:
        use()
    except NasbenchError as error:
        return str(error)
    except (Exception, SystemExit) as error:
        return f"it fails when it is described: {type(error).__name__}: {first_line(error)}"
    return ""


def _error(reason: str) -> dict[str, str]:
    return {"error": reason} if reason else {}


def _with_shadowed(things: Things, registry: Registry) -> Things:
    """Things of ours say which plug-ins have their names."""
    for name, plugin in registry.shadowed().items():
        things[name]["shadowed"] = not_of(plugin)
    return things


def not_of(plugin: Plugin) -> str:
    """That a thing of ours is not that of a plug-in with its name."""
    return f"that of {plugin.origin}, which is reached as {plugin.place!r} only"


def _benchmark(path: Path) -> tuple[str, dict[str, Any]]:
    """Id and version of a benchmark, and what is known of it."""
    from nasbench.benchmarks.catalogue import is_surrogate, require_file
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
    from nasbench.benchmarks.table_benchmark import TableBenchmark
    from nasbench.tables.table import Table

    opened: Any
    if is_surrogate(path):
        opened, kind, seeds = SurrogateBenchmark(path), "surrogate", None
    else:
        table = Table(require_file(path))
        if not table.schedules:  # numbers of architectures, which nobody can search
            return f"{table.metadata.id}@{table.metadata.version}", {
                "kind": "numbers of architectures",
                "space": table.metadata.space,
                "size": len(table.written_archs),
                "epochs": [],
                "seeds": [],
                "objectives": [],
                "test": False,
                "title": table.metadata.title,
                "file": str(path),
            }
        opened, kind = TableBenchmark(table), "table"
        seeds = list(opened.seeds)
    return f"{opened.name}@{opened.version}", {
        "kind": kind,
        "space": opened.space.name,
        "size": opened.space.size,
        "epochs": list(opened.fidelities),
        "seeds": seeds,
        "objectives": list(opened.objectives),
        "test": any(column.split == "test" for column in opened.columns.values()),
        "title": opened.description.title,
        "file": str(path),
    }
