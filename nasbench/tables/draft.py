"""A table before it is written, as importers, builds, merges and searches pass it to the writer."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from nasbench.column import Column
from nasbench.tables.schema import Metadata


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a table; :func:`nasbench.tables.writer.write_table` checks and writes it.

    Attributes:
        metadata: What the table says about itself; the writer fills in the content hash.
        runs: One row per training, in any order, with columns ``arch`` (lists of integers),
            ``schedule``, ``seed``, ``status``, and any numbers or curves (lists of numbers).
        archs: One row per architecture, in any order, with a column ``arch`` and any numbers or
            texts; None if the table has no numbers that need no training.
        columns: Meaning of those columns that the naming rules of :meth:`Column.of` do not describe
            fully.
    """

    metadata: Metadata
    runs: pa.Table
    archs: pa.Table | None = None
    columns: Sequence[Column] = ()

    def __repr__(self) -> str:
        about = self.metadata
        return f"<Draft {about.id}@{about.version}: {len(self.runs):,} trainings of {about.space}>"
