"""The importer of anybody's numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from data_builders.importer import Importer, Option, Progress, silent
from data_builders.importers.table.assignments import parse_metrics, parse_per_arch
from data_builders.importers.table.cells import Cells
from data_builders.importers.table.measurements import by_class, check_percentages, join, read
from data_builders.importers.table.per_arch import make_per_arch
from data_builders.importers.table.plan import Plan
from data_builders.importers.table.rows import format_of
from data_builders.importers.table.sentinels import Sentinels
from data_builders.importers.table.trainings import RunsBuilder, no_runs
from nasbench.column import Column
from nasbench.errors import InvalidArgumentError, SchemaError, one_of
from nasbench.space import SearchSpace
from nasbench.storage.files import file_digest, json_digest
from nasbench.tables.columns import load_space, read_archs, to_numpy
from nasbench.tables.draft import Draft
from nasbench.tables.merge import is_complete
from nasbench.tables.schema import Metadata

KEYED_BY: tuple[Literal["arch", "class"], ...] = ("arch", "class")


class TableImporter(Importer):
    """One table from one file of rows.

    A row holds an architecture and numbers of it: of a training, of several (schedules, seeds), or
    such that need no training.

    Args:
        id: Of the table.
        space: Registered name of the search space.
        arch: Column of the architectures: text in the notation of the space, lists of options, or
            options separated by commas.
        metrics: ``"METRIC@EPOCH=COLUMN"`` or ``"METRIC@EPOCH=COLUMN*FACTOR"``; the same metric and
            epoch several times are the training seeds 0, 1, ….
        per_arch: ``"NAME=COLUMN"``, with a factor too: what needs no training.
        seed: Column of training seeds, where each has a row.
        key: ``"arch"``: every architecture as written has trainings of its own. ``"class"``: equal
            networks share them, so that every spelling answers. Default: what the space says.
        missing: ``"VALUE"`` or ``"COLUMN=VALUE"``: what stands for a number that is not recorded.
        diverged: The same for a number that a failed training gave.
        curve: Whether the epochs are points of one training; else each is the end of a training of
            that length.
        version: Of the table.
        dataset: What the networks were trained on.
        title: One line.
        description: What the numbers are good for, and what not.
        source: Where they come from.
        licence: Of the numbers.
        citation: What to cite.

    Raises:
        InvalidArgumentError: An argument that cannot be, whatever the file holds.
    """

    name = "table"
    summary = "your own numbers in a CSV, JSON lines or Parquet file: one table of any space"
    ids: ClassVar[tuple[str, ...]] = ()
    options = (
        Option("id", "--id", "Id of the new table.", metavar="ID", is_required=True),
        Option(
            "space",
            "--space",
            "Search space, a name of 'nasbench list spaces'.",
            metavar="NAME",
            is_required=True,
        ),
        Option(
            "arch", "--arch", "Column of the architectures.", metavar="COLUMN", is_required=True
        ),
        Option(
            "metrics",
            "--metric",
            "Column of a metric after an epoch; repeat, also for the seeds of a metric.",
            kind="texts",
            metavar="METRIC@EPOCH=COLUMN[*FACTOR]",
        ),
        Option(
            "per_arch",
            "--per-arch",
            "Column of a number that needs no training; repeat for more.",
            kind="texts",
            metavar="NAME=COLUMN[*FACTOR]",
        ),
        Option(
            "seed", "--seed", "Column of training seeds, where each has a row.", metavar="COLUMN"
        ),
        Option(
            "key",
            "--key",
            "Whether every spelling of an architecture has its own trainings (arch) or equal "
            "networks share them (class); default: as the space is published.",
            metavar="arch|class",
        ),
        Option(
            "missing",
            "--missing",
            "What a cell holds where nothing is recorded, as -1 or nan; repeat.",
            kind="texts",
            metavar="[COLUMN=]VALUE",
        ),
        Option(
            "diverged",
            "--diverged",
            "What a cell holds where a training failed, as 999; repeat.",
            kind="texts",
            metavar="[COLUMN=]VALUE",
        ),
        Option(
            "curve",
            "--curve/--schedules",
            "Whether epochs are points of one training; by default, each is the end of a training "
            "of its own.",
            kind="switch",
        ),
        Option(
            "version",
            "--version",
            "Version of the table, from 1; raised when numbers change.",
            kind="number",
            metavar="N",
        ),
        Option("dataset", "--dataset", "What the networks were trained on.", metavar="TEXT"),
        Option("title", "--title", "One line about the table.", metavar="TEXT"),
        Option(
            "description",
            "--description",
            "What the numbers are good for, and what not.",
            metavar="TEXT",
        ),
        Option("source", "--source", "Where the numbers come from.", metavar="TEXT"),
        Option("licence", "--licence", "Licence of the numbers.", metavar="TEXT"),
        Option("citation", "--citation", "What to cite.", metavar="TEXT"),
    )

    def __init__(
        self,
        *,
        id: str,
        space: str,
        arch: str,
        metrics: Sequence[str] = (),
        per_arch: Sequence[str] = (),
        seed: str | None = None,
        key: str | None = None,
        missing: Sequence[str] = (),
        diverged: Sequence[str] = (),
        curve: bool = False,
        version: int = 1,
        dataset: str = "",
        title: str = "",
        description: str = "",
        source: str = "",
        licence: str = "",
        citation: str = "",
    ) -> None:
        given = {
            "metrics": metrics,
            "per_arch": per_arch,
            "missing": missing,
            "diverged": diverged,
        }
        for option, texts in given.items():
            if isinstance(texts, str):
                raise InvalidArgumentError(f"{option} = {texts!r} must be a list")
        self._plan = Plan(parse_metrics(metrics), curve=curve)
        self._per_arch = parse_per_arch(per_arch)
        self._arch, self._seed, self._curve = arch, seed, curve
        self._sentinels = Sentinels(missing, diverged)
        try:
            self._space = load_space(space, "import table")
        except SchemaError as error:
            raise InvalidArgumentError(str(error)) from error
        self._metadata = Metadata(
            id=id,
            version=version,
            space=space,
            key=_key(key, self._space),
            dataset=dataset,
            epochs=self._plan.schedules,
            default_objective=self._plan.objective,
            title=title,
            description=description,
            source=source,
            licence=licence,
            citation=citation,
        )
        self._recipe = {
            "arch": arch,
            "seed": seed,
            "curve": curve,
            **{option: list(texts) for option, texts in given.items()},
        }
        self.ids = (id,)  # type: ignore[misc]
        try:
            self._metadata.check("import table")
        except SchemaError as error:
            raise InvalidArgumentError(str(error)) from error
        self._check()

    def _check(self) -> None:
        """Whether the arguments fit together."""
        if not self._plan.metrics and not self._per_arch:
            raise InvalidArgumentError("neither metrics nor per_arch are given: nothing to read")
        if not self._plan.metrics and (self._seed is not None or self._curve):
            raise InvalidArgumentError("seed and curve say how to read metrics, but none is given")
        if self._seed is not None and max(self._plan.seeds.values()) > 1:
            raise InvalidArgumentError(
                f"seeds are rows (seed = {self._seed!r}) or columns (a metric and epoch several "
                "times), not both"
            )
        for column in self._columns:
            if not isinstance(column, str) or not column:
                raise InvalidArgumentError(f"{column!r} is no name of a column")
        if self._arch == self._seed:
            raise InvalidArgumentError(f"column {self._arch!r} is given as arch and as seed")
        self._plan.check_seeds()
        self._sentinels.check(self._columns)

    @property
    def _columns(self) -> list[str]:
        """Columns of the file that are read, each once."""
        assigned = [assignment.column for assignment in (*self._plan.columns, *self._per_arch)]
        seed = [] if self._seed is None else [self._seed]
        return list(dict.fromkeys([self._arch, *seed, *assigned]))

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """The one table, from the one file."""
        if len(files) != 1:
            raise InvalidArgumentError(f"{len(files)} files are given, 1 is needed")
        path = files[0]
        kind = format_of(path)
        cells = Cells(path, kind, self._space, self._sentinels)
        content, per_arch = read(
            kind.read(path, self._columns, progress),
            cells,
            arch=self._arch,
            seed=self._seed,
            metrics=self._plan.columns,
            per_arch=self._per_arch,
        )
        if self._metadata.key == "class":
            content = by_class(content, self._space)
        runs, archs = no_runs(self._space), None
        if self._plan.metrics:
            check_percentages(content, cells)
            joined = join(content, cells, self._space, self._metadata.key)
            runs = RunsBuilder(self._plan, joined, cells.where).rows(self._space)
        if self._per_arch:
            archs = make_per_arch(
                self._per_arch, per_arch, content.ranks, cells, self._space, self._metadata.key
            )
        columns = tuple(self._meanings(path.name))
        yield Draft(metadata=self._describe(path, runs), runs=runs, archs=archs, columns=columns)

    def _meanings(self, file: str) -> Iterator[Column]:
        """Where each column of the table comes from."""
        for name, assigned in self._plan.metrics.items():
            given = [f"{a.text} (epoch {e})" for e in sorted(assigned) for a in assigned[e]]
            shown = given if len(given) <= 4 else [given[0], "…", given[-1]]
            column = Column.of(name, f"{', '.join(shown)} of {file}")
            yield replace(column, epochs=self._plan.fewer_epochs(name))
        for assignment in self._per_arch:
            yield Column.of(assignment.name, f"{assignment.text} of {file}")

    def _describe(self, path: Path, runs: pa.Table) -> Metadata:
        metadata, plan = self._metadata, self._plan
        recipe = {"file": path.name, "sha256": file_digest(path), **self._recipe}
        digest = json_digest(recipe)
        ranks = self._space.rank_many(read_archs(runs["arch"], self._space, "runs"))
        if plan.metrics:
            n_archs = len(np.unique(ranks))
            told = f"{len(runs):,} trainings of {n_archs:,} architectures, from {path.name}."
        else:
            told = f"Numbers of architectures that need no training, from {path.name}."
        notes = [metadata.description or told]
        if plan.metrics and plan.objective is None:
            notes.append(
                "No validation metric is recorded: a search is told its objective by name, and one "
                "on test images selects on test."
            )
        if plan.fewer_epochs("seconds"):
            notes.append(
                "Seconds are not recorded at every epoch that a search may ask for, so no search "
                "is charged for them."
            )
        return replace(
            metadata,
            complete=is_complete(ranks, to_numpy(runs["schedule"]), self._space, metadata.key),
            title=metadata.title or f"{metadata.dataset or metadata.space}, from {path.name}",
            description=" ".join(notes),
            seeds=self._describe_seeds(path.name),
            recipe=recipe | {"digest": digest},
            source=metadata.source or f"{path.name} (sha256 {recipe['sha256']})",
        )

    def _describe_seeds(self, file: str) -> str:
        if not self._plan.metrics:
            return ""
        if self._seed is not None:
            return f"column {self._seed!r} of {file}"
        if max(self._plan.seeds.values()) > 1:
            return (
                "numbers, from 0, of the columns of a metric in the order in which they were given"
            )
        return "every training has the number 0; which seed it had is not recorded"


def _key(given: str | None, space: SearchSpace) -> Literal["arch", "class"]:
    """Return what the table is keyed by: as given, or as tables of the space are."""
    if given is None:
        return space.table_key
    for key in KEYED_BY:
        if given == key:
            return key
    raise InvalidArgumentError(f"key = {given!r}{one_of(given, KEYED_BY)}")
