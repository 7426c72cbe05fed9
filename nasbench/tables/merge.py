"""Joining tables of one space: accuracies with latencies, scores or other accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nasbench.column import Column
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace
from nasbench.storage.files import json_digest
from nasbench.tables.described_space import is_described
from nasbench.tables.draft import Draft
from nasbench.tables.joined_rows import JoinedRuns, join_archs
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table

_MAX_LISTED = 100_000
_TEXTS = ("description", "seeds", "elsewhere", "source", "licence", "citation")


def merge(tables: Sequence[Table], id: str, *, version: int = 1, title: str | None = None) -> Draft:
    """Join tables: each may hold what others lack, but none may contradict another.

    A number is lacking where it is NaN or null. If a table keyed by class has one row of numbers
    per class, numbers of architectures in the other tables become numbers of their class; those of
    classes without trainings are left out.

    Args:
        tables: Two or more tables of one space; those with trainings must agree on data set and
            key. The first table with a default objective determines it.
        id: Id of the joined table.
        version: Version of the joined table.
        title: One line; default: the names of the tables.

    Returns:
        The joined table, not yet written.

    Raises:
        InvalidArgumentError: The tables differ in space, key or data set, a column has different
            meanings, values differ, or a training would lack a required number.
        TableError: A table is damaged.
    """
    named = _named(tables)
    trained = {name: table for name, table in named.items() if table.schedules}
    key = next(iter(trained.values()), tables[0]).metadata.key
    _check_kinship(named, trained)
    columns = _meanings(named)
    for table in tables:
        table.check()
    space = tables[0].space
    if key == "class" and is_described(space):
        raise InvalidArgumentError(
            f"{space.name!r} is not installed, and only the package that defines it knows which "
            "networks are equal: install it to join tables that are keyed by class"
        )
    objectives = [table.metadata.default_objective for table in tables]
    objective = next((name for name in objectives if name is not None), None)
    joined = JoinedRuns(trained, space)
    runs = joined.rows(objective)
    archs = join_archs(named, space, joined.keys if _is_by_class(named, joined.keys) else None)
    recipe = {
        name: {"content_hash": t.metadata.content_hash, "recipe": t.metadata.recipe}
        for name, t in named.items()
    }
    digest = json_digest(recipe)
    return Draft(
        metadata=Metadata(
            id=id,
            version=version,
            space=space.name,
            key=key,
            dataset=_dataset(named, trained),
            epochs=joined.epochs,
            complete=_is_complete(trained, joined, space, key),
            default_objective=objective,
            title=" joined with ".join(named) if title is None else title,
            recipe=recipe | {"digest": digest},
            software=_software(named),
            decisions=next((t.metadata.decisions for t in tables if t.metadata.decisions), []),
            **{field: _joined_field(field, named) for field in _TEXTS},
        ),
        runs=runs,
        archs=archs,
        columns=tuple(replace(c, epochs=joined.fewer_epochs(c.name)) for c in columns),
    )


def _named(tables: Sequence[Table]) -> dict[str, Table]:
    """Return the tables by ``id@version``.

    Raises:
        InvalidArgumentError: There are fewer than two, or two have the same id and version.
    """
    if len(tables) < 2:
        raise InvalidArgumentError(f"{len(tables)} tables are given, but a merge needs at least 2")
    named: dict[str, Table] = {}
    for table in tables:
        name = f"{table.metadata.id}@{table.metadata.version}"
        if name in named:
            raise InvalidArgumentError(
                f"{named[name].path} and {table.path} are both {name}: only tables of different "
                "ids or versions can be joined"
            )
        named[name] = table
    return named


def _check_kinship(named: Mapping[str, Table], trained: Mapping[str, Table]) -> None:
    """Check that the tables describe the same networks.

    Raises:
        InvalidArgumentError: They differ in space, data set or key.
    """
    _check_same("space", {name: table.metadata.space for name, table in named.items()})
    _check_same("dataset", {name: table.metadata.dataset for name, table in trained.items()})
    keys = {
        name: table.metadata.key
        for name, table in named.items()  # numbers of architectures as written fit any key
        if table.schedules or not trained or table.metadata.key == "class"
    }
    _check_same("key", keys)


def _check_same(what: str, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        first = next(iter(values))
        if value != values[first]:
            raise InvalidArgumentError(
                f"{first} has {what} {values[first]!r}, {name} has {value!r}: they cannot be joined"
            )


def _meanings(named: Mapping[str, Table]) -> list[Column]:
    """Return the meaning of every column.

    Raises:
        InvalidArgumentError: Tables disagree on one.
    """
    found: dict[str, dict[str, Column]] = {}
    owners: dict[str, dict[str, str]] = {}
    for table, content in named.items():
        of_runs, of_archs = content.columns, content.arch_columns
        for name, column in (of_runs | of_archs).items():
            found.setdefault(name, {})[table] = column
            owners.setdefault(name, {})[table] = "training" if name in of_runs else "architecture"
    for name, columns in found.items():
        _check_same(f"{name!r} for every", owners[name])
        for meaning in ("unit", "goal", "split"):
            values = {table: getattr(column, meaning) for table, column in columns.items()}
            _check_same(f"{name!r} with {meaning}", values)
    return [
        replace(
            next(iter(columns.values())),
            description=_joined_texts({t: column.description for t, column in columns.items()}),
        )
        for columns in found.values()
    ]


def _is_by_class(named: Mapping[str, Table], keys: NDArray[np.int64]) -> bool:
    """Return whether a table has numbers of classes, not of each of their members."""
    return any(
        table.metadata.key == "class"
        and len(table.written_ranks) > 0
        and bool(np.isin(table.written_ranks, keys).all())
        for table in named.values()
    )


def _is_complete(
    trained: Mapping[str, Table], joined: JoinedRuns, space: SearchSpace, key: str
) -> bool:
    """Whether a table that is complete holds each schedule, or the joined rows are complete."""
    whole = [table.schedules for table in trained.values() if table.metadata.complete]
    held = bool(whole) and {*joined.epochs} <= set().union(*whole)
    return held or is_complete(joined.ranks, joined.schedules, space, key)


def is_complete(
    ranks: NDArray[np.int64], schedules: NDArray[np.integer], space: SearchSpace, key: str
) -> bool:
    """Return whether every schedule has trainings of all architectures or classes.

    Args:
        ranks: Ranks of the architectures that own the ``n`` trainings, shape ``(n,)``.
        schedules: Their schedules, shape ``(n,)``.
        space: The search space; one that cannot be listed is never complete by class.
        key: ``"arch"`` or ``"class"``, what trainings are keyed by.
    """
    held = {len(np.unique(ranks[schedules == schedule])) for schedule in np.unique(schedules)}
    if key == "arch" or space.size is None or space.size > _MAX_LISTED:
        return key == "arch" and held == {space.size}
    classes = space.rank_many(space.canonical_many(np.array(list(space.archs()))))
    return held == {len(np.unique(classes))}


def _dataset(named: Mapping[str, Table], trained: Mapping[str, Table]) -> str:
    """Return the data set of the trainings; without trainings, the one that all tables agree on."""
    names = {table.metadata.dataset for table in (trained or named).values()} - {""}
    return names.pop() if len(names) == 1 else ""


def _software(named: Mapping[str, Table]) -> dict[str, str]:
    packages = sorted({package for table in named.values() for package in table.metadata.software})
    return {
        package: _joined_texts(
            {name: table.metadata.software.get(package, "") for name, table in named.items()}
        )
        for package in packages
    }


def _joined_field(field: str, named: Mapping[str, Table]) -> str:
    return _joined_texts({name: getattr(t.metadata, field) for name, t in named.items()})


def _joined_texts(texts: Mapping[str, str]) -> str:
    """Return a text that all tables share, or each text after the name of its table."""
    present = {name: text for name, text in texts.items() if text}
    if len(set(present.values())) <= 1:
        return next(iter(present.values()), "")
    return "; ".join(f"{name}: {text}" for name, text in present.items())
