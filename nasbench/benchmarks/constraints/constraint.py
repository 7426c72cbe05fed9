"""Conditions on numbers of architectures that no training produced."""

import math
import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of, shown
from nasbench.tables.table import Table

_FORM = re.compile(r"\s*([^<>=]*[^<>=\s])\s*([<>=]+)\s*([^<>=\s]+)\s*")


class Constraint(NamedTuple):
    """A bound of a column.

    Attributes:
        column: A column of architectures.
        operator: Whether the bound is the largest or the smallest possible value.
        bound: The bound, a finite number.
    """

    column: str
    operator: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a constraint such as ``"parameters<=500000"``.

        Raises:
            InvalidArgumentError: It is of another form, or the bound is no finite number.
        """
        form = "is not of the form 'COLUMN<=NUMBER' or 'COLUMN>=NUMBER'"
        if not isinstance(text, str):
            raise InvalidArgumentError(f"constraint {shown(text)} {form}")
        found = _FORM.fullmatch(text)
        if found is None:
            quotes = "; a shell needs quotes around < and >" if text.isidentifier() else ""
            raise InvalidArgumentError(f"constraint {shown(text)} {form}{quotes}")
        column, operator, number = found.groups()
        if operator not in ("<=", ">="):
            nearest = [f"'{column}{o}{number}'" for o in ("<=", ">=") if o[0] in operator]
            guess = f"; did you mean {nearest[0]}?" if len(nearest) == 1 else ""
            raise InvalidArgumentError(f"constraint {shown(text)} {form}{guess}")
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise InvalidArgumentError(
                f"constraint {shown(text)}: {shown(number)} is no finite number"
            )
        return cls(column, "<=" if operator == "<=" else ">=", bound)

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{repr(self.bound).removesuffix('.0')}"

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values meet the constraint; NaN, a missing one, does not."""
        met: NDArray[np.bool_] = (
            values <= self.bound if self.operator == "<=" else values >= self.bound
        )
        return met


def check_constraints(
    table: Table, constraints: Sequence[str], possible: Collection[str]
) -> tuple[Constraint, ...]:
    """Return the constraints of a search, in an order that does not depend on the given one.

    Args:
        table: The table.
        constraints: Constraints as texts.
        possible: Columns of architectures that hold numbers.

    Raises:
        InvalidArgumentError: ``constraints`` is a text; one is malformed; a column comes out of a
            training, or has two bounds of the same kind.
        UnknownNameError: The table lacks a column.
    """
    if isinstance(constraints, str) or not isinstance(constraints, Collection):
        raise InvalidArgumentError(
            f"constraints = {shown(constraints)} must be a list, such as ['parameters<=500000']"
        )
    parsed = sorted(map(Constraint.parse, constraints))
    for one, other in pairwise(parsed):
        if one[:2] == other[:2]:
            raise InvalidArgumentError(
                f"constraints = {list(constraints)!r} bound {one.column!r} twice with "
                f"{one.operator}"
            )
    for column, *_ in parsed:
        if column in table.columns:
            raise InvalidArgumentError(
                f"{column!r} comes out of a training and cannot be constrained before one"
                f"{one_of('', possible)}"
            )
        if column not in possible:
            raise UnknownNameError(
                f"{table.metadata.id!r} has no column {column!r} to be constrained"
                f"{one_of(column, possible)}"
            )
    return tuple(parsed)
