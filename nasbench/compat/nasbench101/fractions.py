"""Accuracies of a table as the fractions in the file that it was made of, to the last digit."""

from typing import Any

from nasbench.tables.table import Table


def published(table: Table, name: str, epochs: int) -> tuple[Any, float]:
    """Return a curve of a table, and the number to divide it by to get that of the file.

    A percentage gives back a fraction of single precision, which is what the published files hold.
    Of fractions of double precision that it does not give back, the table keeps the fractions too.

    Args:
        table: A table made by the importer ``nb101``.
        name: Column of seconds or of an accuracy.
        epochs: Length of the trainings.
    """
    fractions = f"published_{name}"
    if fractions in table.columns:
        return table.curves(fractions, epochs), 1.0
    return table.curves(name, epochs), 100.0 if name.endswith("_accuracy") else 1.0
