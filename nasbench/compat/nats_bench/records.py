"""The tables of one search space of NATS-Bench, addressed by official index."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from nasbench.compat.nats_bench.trainings import (
    SECONDS,
    SETS,
    TRAIN,
    DatasetTrainings,
    NoAnswerError,
)
from nasbench.errors import SchemaError, one_of
from nasbench.tables.table import Table

TABLES = {name: name for name in SETS} | {"ImageNet16-120": "imagenet16"}
"""Training set -> end of the id of its table."""


@dataclass(frozen=True, slots=True)
class Family:
    """One of the two search spaces of NATS-Bench.

    Attributes:
        name: Name in the original.
        prefix: Beginning of the ids of its tables.
        archive: Name of the published archive.
        space: Registered name of the space.
        recipes: Number of epochs of every ``hp``.
    """

    name: str
    prefix: str
    archive: str
    space: str
    recipes: Mapping[str, int]


TOPOLOGY = Family(
    "topology",
    "nats-tss",
    "NATS-tss-v1_0-3ffb9",
    "nb201",
    {"12": 12, "200": 200},
)
SIZE = Family(
    "size",
    "nats-sss",
    "NATS-sss-v1_0-50262",
    "nats_size",
    {"01": 1, "12": 12, "90": 90},
)


class Records:
    """All tables of one search space.

    Args:
        family: The search space.
        tables: Table by training set; at least one.

    Attributes:
        family: The search space.

    Raises:
        SchemaError: A table is of another space or lacks columns that answers need.
    """

    def __init__(self, family: Family, tables: Mapping[str, Table]) -> None:
        self.family = family
        self._tables = dict(tables)
        for dataset, table in self._tables.items():
            _check(table, dataset, family)
        self._space = next(iter(self._tables.values())).space
        self._ranks = np.array(self._space.official_order)
        self._trainings: dict[tuple[str, str], DatasetTrainings] = {}

    def __len__(self) -> int:
        return len(self._ranks)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the paths; the copy opens the tables again."""
        return _reopen, (self.family, {name: t.path for name, t in self._tables.items()})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @cached_property
    def archs(self) -> list[str]:
        """Text of every architecture, by official index."""
        archs = np.stack(np.unravel_index(self._ranks, self._space.options), axis=1)
        return [self._space.to_text(tuple(arch)) for arch in archs.tolist()]

    @cached_property
    def positions(self) -> dict[str, int]:
        """Official index by text."""
        return {text: index for index, text in enumerate(self.archs)}

    @cached_property
    def recorded(self) -> tuple[int, ...]:
        """Official indices of the architectures with trainings, ascending."""
        owners = [table.ranks for table in self._tables.values()]
        return tuple(np.flatnonzero(np.isin(self._ranks, np.concatenate(owners))).tolist())

    def trainings(self, dataset: str, hp: str) -> DatasetTrainings:
        """Return all trainings on one data set under one recipe.

        Raises:
            NoAnswerError: There is no such data set or recipe, or its table was not imported.
        """
        found = self._trainings.get((dataset, hp))
        if found is None:
            if dataset not in SETS:
                raise NoAnswerError(f"there is no training set {dataset!r}{one_of(dataset, SETS)}")
            if hp not in self.family.recipes:
                raise NoAnswerError(
                    f"there is no hp = {hp!r}{one_of(hp, self.family.recipes)}, a text"
                )
            if dataset not in self._tables:
                raise NoAnswerError(
                    f"the table {self.family.prefix}-{TABLES[dataset]} was not found beside those "
                    f"of {', '.join(map(repr, self._tables))}"
                )
            found = self._trainings[dataset, hp] = DatasetTrainings(
                self._tables[dataset], dataset, hp, self.family.recipes[hp], self._ranks
            )
        return found

    def of(self, index: int, hp: str) -> dict[str, DatasetTrainings]:
        """Return the trainings under a recipe, by data set that an architecture was trained on."""
        every = {dataset: self.trainings(dataset, hp) for dataset in self._tables}
        return {dataset: found for dataset, found in every.items() if found.rows(index)}

    def recipes(self, index: int) -> list[str]:
        """Return the recipes under which an architecture was trained."""
        return [hp for hp in self.family.recipes if self.of(index, hp)]


def _check(table: Table, dataset: str, family: Family) -> None:
    if table.metadata.space != family.space:
        raise SchemaError(
            f"{table.path} is a table of {table.metadata.space!r}, not of {family.space!r}, the "
            f"{family.name} space"
        )
    splits = SETS[dataset].values()
    needed = [
        "seconds",
        *(f"published_{number}" for number in ("parameters", "macs", "latency")),
        *(f"{split}_{metric}" for split in (TRAIN, *splits) for metric in ("loss", "accuracy")),
        *(SECONDS[split] for split in splits),
    ]
    if missing := [name for name in needed if name not in table.columns]:
        raise SchemaError(
            f"{table.path} has no column {', '.join(missing)}: it was not made by "
            "'nasbench import nats'"
        )


def _reopen(family: Family, paths: Mapping[str, Any]) -> Records:
    return Records(family, {name: Table(path) for name, path in paths.items()})
