"""A table before it is written: what importers, builds, merges and searches hand to the writer."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from nasbench.tables.schema import Column, Metadata


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a table, checked when :func:`nasbench.tables.writer.write_table` writes it.

    Attributes:
        metadata: What the table says of itself; the writer fills in the content hash.
        runs: One row per training, in any order: columns ``arch`` (lists of integers),
            ``schedule``, ``seed``, ``status``, and numbers or curves.
        archs: One row per architecture, in any order: column ``arch``, and numbers or texts. None
            if the table has no numbers without a training.
        columns: Meaning of the columns for which the naming rules do not say enough.
    """

    metadata: Metadata
    runs: pa.Table
    archs: pa.Table | None = None
    columns: Sequence[Column] = ()

    def __repr__(self) -> str:
        about = self.metadata
        return f"<Draft {about.id}@{about.version}: {len(self.runs):,} trainings of {about.space}>"
