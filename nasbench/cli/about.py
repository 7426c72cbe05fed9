"""What there is to say of one benchmark, algorithm, regressor or space: ``nasbench info``."""

import inspect
import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from nasbench.cli.docstrings import arguments, paragraphs
from nasbench.cli.kinds import family_of, not_of, number, why_not
from nasbench.cli.source import Source
from nasbench.errors import (
    InvalidArgumentError,
    MissingExtraError,
    UnknownNameError,
    one_of,
)
from nasbench.registry import Registry, install
from nasbench.siblings import SIBLINGS

KINDS = {"algorithms": "algorithm", "regressors": "regressor", "spaces": "space"}
"""Registries of classes that can be described, and what one of their things is called."""


class Section(NamedTuple):
    """A list to print: titles of its columns, or none, and the rows."""

    titles: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class About(NamedTuple):
    """What there is to say of something, as data and as lists to print."""

    data: dict[str, Any]
    sections: list[Section]

    def with_fact(self, fact: str, value: str) -> Self:
        """The same with one fact more."""
        first, *more = self.sections
        facts = Section(first.titles, [*first.rows, (fact, value)])
        return self._replace(data={**self.data, fact: value}, sections=[facts, *more])


def describe(name: str) -> About:
    """Describe what has a name.

    Args:
        name: A benchmark by id, id@version or path; a registered algorithm, regressor or space, or
            a class of these as ``module:Class``.

    Raises:
        UnknownNameError: Nothing has this name.
        InvalidArgumentError: Several things have it.
    """
    from nasbench.benchmarks.catalogue import catalogue

    registries = {kind: SIBLINGS.load(kind) for kind in KINDS}
    if ":" in name and not Path(name).exists():
        return _class(name, _kind_of(found := registries["algorithms"].load(name)), found)
    if name.endswith(".parquet") or os.sep in name or "@" in name:
        return _benchmark(name)
    benchmarks = catalogue()
    ours = [kind for kind, registry in registries.items() if name in registry]
    if name in benchmarks and ours:
        place = registries[ours[0]][name]
        raise InvalidArgumentError(
            f"{name!r} is a benchmark and the {KINDS[ours[0]]} {place}: "
            f"write the version of the benchmark, as {name + '@1'!r}, or {place!r}"
        )
    added = [(k, plugin) for k, r in registries.items() if (plugin := r.plugins().get(name))]
    others = [f"the {KINDS[kind]} {registries[kind][name]}" for kind in ours[1:]]
    others += [f"the {KINDS[kind]} {plugin.place} of {plugin.origin}" for kind, plugin in added]
    if name in benchmarks:
        about = _benchmark(name)
    elif ours:
        about = _ours(name, ours[0], registries[ours[0]])
    elif added:
        about = _added(name, added[0][0], registries[added[0][0]])
        others = others[1:]
    else:
        names = [*benchmarks, *(n for registry in registries.values() for n in registry.names())]
        raise UnknownNameError(
            f"no benchmark, algorithm, regressor or space is called {name!r}{one_of(name, names)}"
        )
    return about.with_fact("also", " and ".join(others)) if others else about


def _ours(name: str, kind: str, registry: Registry) -> About:
    """A class of ours."""
    try:
        about = _class(name, kind, registry.load(name))
    except MissingExtraError:
        about = _source(name, kind, Source(registry[name]))
    shadowed = registry.shadowed()
    return about.with_fact("not", not_of(shadowed[name])) if name in shadowed else about


def _added(name: str, kind: str, registry: Registry) -> About:
    """A class of a plug-in, whose code may do anything."""
    plugin, found, made = registry.plugins()[name], registry.load(name), list[About]()
    if reason := why_not(lambda: made.append(_class(name, kind, found))):
        raise InvalidArgumentError(f"the {KINDS[kind]} {name!r} of {plugin.origin}: {reason}")
    return made[0].with_fact("from", plugin.origin)


def _benchmark(name: str) -> About:
    """Facts, columns and, for programs, how the numbers were made."""
    from nasbench.benchmarks.catalogue import find, is_surrogate, require_file
    from nasbench.benchmarks.facts import surrogate_facts, table_facts
    from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
    from nasbench.tables.described_space import is_described
    from nasbench.tables.table import Table

    path, more_sections = find(name), list[Section]()
    if is_surrogate(path):
        opened = SurrogateBenchmark(path)
        facts, columns = dict(surrogate_facts(opened)), opened.columns
        more = opened.description.encode()
    else:
        table = Table(require_file(path))
        facts, columns = dict(table_facts(table)), {**table.columns, **table.arch_columns}
        more = {"recipe": table.metadata.recipe, "decisions": table.metadata.decisions}
        if is_described(table.space):  # nothing else tells them
            more_sections = [_decisions(table.space)]
    described = {name: column.encode() for name, column in columns.items()}
    rows = [
        (name, column.unit, column.split, column.description) for name, column in columns.items()
    ]
    return About(
        {**facts, "columns": described, **more},
        [
            _facts({name: str(value) for name, value in facts.items()}),
            Section(("column", "unit", "split", "meaning"), rows),
            *more_sections,
        ],
    )


def _class(name: str, kind: str, found: Any) -> About:
    """A class that can be imported."""
    from nasbench.algorithm import NOT_HYPERPARAMETERS, parameters

    module = sys.modules[found.__module__]
    documented: dict[str, str] = {}
    for base in reversed(found.__mro__):
        if not base.__module__.startswith("nasbench."):  # the contract says nothing of this class
            documented |= arguments(base.__doc__)
    if kind == "spaces":
        return _space(name, found(), _texts(found.__doc__, module.__doc__))
    defaults = {
        parameter.name: parameter.default
        for parameter in parameters(found).values()
        if parameter.name not in NOT_HYPERPARAMETERS
    }
    facts = _texts(found.__doc__, module.__doc__)
    if kind == "algorithms":
        facts["family"] = family_of(found.__module__)
        facts |= _uses(found.multi_objective, documented, parameters(found))
    else:
        facts["family"] = found.family
    facts["class"] = f"{found.__module__}:{found.__qualname__}"
    return _configurable(name, kind, facts, documented, defaults, found.presets)


def _source(name: str, kind: str, source: Source) -> About:
    """A class that cannot be imported, as far as its source tells."""
    from nasbench.algorithm import NOT_HYPERPARAMETERS

    documented = arguments(source.docstring)
    facts = _texts(source.docstring, source.paper)
    if kind == "algorithms":
        facts["family"] = family_of(source.module)
        facts |= _uses(bool(source.constant("multi_objective")), documented, documented)
    else:
        facts["family"] = source.constant("family") or ""
    facts["class"] = source.place
    facts["not installed"] = install(source.missing)
    hyperparameters = (name for name in documented if name not in NOT_HYPERPARAMETERS)
    defaults = dict.fromkeys(hyperparameters, inspect.Parameter.empty)
    presets = source.constant("presets") or {}
    return _configurable(name, kind, facts, documented, defaults, presets)


def _configurable(
    name: str,
    kind: str,
    facts: dict[str, str],
    documented: Mapping[str, str],
    defaults: Mapping[str, Any],
    presets: Mapping[str, Mapping[str, Any]],
) -> About:
    """Facts of a class, its hyperparameters and presets."""
    facts = {KINDS[kind]: name} | facts
    described = {
        name: ({} if default is inspect.Parameter.empty else {"default": default})
        | {"description": documented.get(name, "")}
        for name, default in defaults.items()
    }
    rows = [
        (name, _literal(about["default"]) if "default" in about else "", about["description"])
        for name, about in described.items()
    ]
    settings = [
        (name, ", ".join(f"{key}={_literal(value)}" for key, value in values.items()))
        for name, values in presets.items()
    ]
    return About(
        {**facts, "hyperparameters": described, "presets": dict(presets)},
        [
            _facts(facts),
            Section(("hyperparameter", "default", "meaning"), rows),
            Section(("preset", "settings"), settings),
        ],
    )


def _space(name: str, space: Any, texts: dict[str, str]) -> About:
    """Decisions and size of a search space."""
    facts = {"space": name} | texts
    facts["architectures"] = number(space.size)
    facts["example"] = space.to_text(space.sample(random.Random(0)))
    facts["class"] = f"{type(space).__module__}:{type(space).__qualname__}"
    decisions = [{"name": d.name, "kind": d.kind, "options": d.labels} for d in space.decisions]
    return About(
        facts | {"architectures": space.size, "decisions": decisions},
        [_facts(facts), _decisions(space)],
    )


def _decisions(space: Any) -> Section:
    """The decisions of a space, options that are those of another one told by its name."""
    first: dict[tuple[str, ...], str] = {}
    rows = []
    for name, labels, kind in ((d.name, d.labels, d.kind) for d in space.decisions):
        told = f"as {first[labels]}" if labels in first else ", ".join(labels)
        first.setdefault(labels, name)
        rows.append((name, kind, str(len(labels)), told))
    return Section(("decision", "kind", "options", "labels"), rows)


def _texts(docstring: str | None, paper: str | None) -> dict[str, str]:
    """The documentation of a class and of its module."""
    first, *others = paragraphs(docstring) or [""]
    return {"summary": first, "description": " ".join(others), "paper": " ".join(paragraphs(paper))}


def _uses(
    multi_objective: bool, documented: Mapping[str, str], parameters: Mapping[str, object]
) -> dict[str, str]:
    """What an algorithm makes of the things that it is told."""
    known = documented.get("known", "used") if "known" in parameters else "not used"
    return {
        "fidelities": documented.get("fidelities", ""),
        "objectives": "all" if multi_objective else "the first only",
        "known numbers": known,
    }


def _facts(facts: Mapping[str, str]) -> Section:
    return Section((), [(name, value) for name, value in facts.items() if value])


def _kind_of(found: Any) -> str:
    """The registry in which a class could be registered."""
    from nasbench.algorithm import Algorithm
    from nasbench.regressor import Regressor
    from nasbench.space import SearchSpace

    bases = {"algorithms": Algorithm, "regressors": Regressor, "spaces": SearchSpace}
    for kind, base in bases.items():
        if isinstance(found, type) and issubclass(found, base):
            return kind
    raise InvalidArgumentError(f"{found!r} is not an algorithm, a regressor or a search space")


def _literal(value: object) -> str:
    """A value as ``--set`` takes it, but for None, which TOML does not have."""
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_literal(item)}' for key, item in value.items())}}}"
    if isinstance(value, float):
        text = f"{value:.6g}"
        return f"{text}.0" if text.lstrip("-").isdigit() else text
    return str(value)
