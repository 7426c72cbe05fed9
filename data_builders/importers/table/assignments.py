"""Parse what a user says about the columns of a file: ``valid_accuracy@200=COLUMN*100``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nasbench.column import SPLITS
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.tables.schema import KEYS

COSTS = ("seconds", "validation_seconds")
LONGEST_SCHEDULE = 1_000_000
_EXAMPLES = ("valid_accuracy", "valid_loss", "test_accuracy", "test_loss", "train_loss", *COSTS)
NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_FACTOR = re.compile(rf"(.+)\*({NUMBER})")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_METRIC = re.compile(rf"({'|'.join(SPLITS)})_[A-Za-z0-9_]+|{'|'.join(COSTS)}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """The column of a file that holds a quantity.

    Attributes:
        name: Name of the quantity.
        column: Name of the column.
        factor: Factor to multiply the column by; None if none was given.
    """

    name: str
    column: str
    factor: float | None

    @property
    def text(self) -> str:
        """The column and its factor, for messages."""
        return f"{self.column!r}" + ("" if self.factor is None else f" times {self.factor:g}")


Metrics = Mapping[str, Mapping[int, Sequence[Assignment]]]
"""Columns of each metric at each epoch, in the order of their seeds."""


def parse_metrics(texts: Iterable[str]) -> dict[str, dict[int, list[Assignment]]]:
    """Parse metrics such as ``["valid_accuracy@200=COLUMN", "seconds@200=COLUMN*3600"]``.

    Raises:
        InvalidArgumentError: A text has another form, a metric has no split, or an epoch is
            impossible.
    """
    metrics: dict[str, dict[int, list[Assignment]]] = {}
    for text in texts:
        left, column, factor = _sides(text, "metric", "METRIC@EPOCH=COLUMN")
        name, at, epoch = left.partition("@")
        if not at or not re.fullmatch("[0-9]{1,9}", epoch):
            raise InvalidArgumentError(
                f"metric {text!r} is not of the form METRIC@EPOCH=COLUMN, as in "
                "valid_accuracy@200=COLUMN"
            )
        if not 1 <= int(epoch) <= LONGEST_SCHEDULE:
            raise InvalidArgumentError(
                f"metric {text!r}: epoch {epoch} is outside 1..{LONGEST_SCHEDULE}"
            )
        if not _METRIC.fullmatch(name):
            raise InvalidArgumentError(
                f"metric {text!r}: {name!r} is not a cost and does not begin with the images that "
                f"it was measured on ({', '.join(f'{split}_' for split in SPLITS)}); a number that "
                f"needs no training belongs to per_arch{one_of(name, _EXAMPLES)}"
            )
        metrics.setdefault(name, {}).setdefault(int(epoch), []).append(
            Assignment(name, column, factor)
        )
    return metrics


def parse_per_arch(texts: Iterable[str]) -> list[Assignment]:
    """Parse quantities such as ``["latency_pixel3_ms=COLUMN", "parameters=COLUMN*1e6"]``.

    Raises:
        InvalidArgumentError: A text has another form, or a name is given twice or reserved.
    """
    found: dict[str, Assignment] = {}
    for text in texts:
        name, column, factor = _sides(text, "per_arch", "NAME=COLUMN")
        if not _NAME.fullmatch(name):
            raise InvalidArgumentError(
                f"per_arch {text!r}: the name {name!r} must consist of letters, digits and '_' and "
                "begin with a letter"
            )
        if _METRIC.fullmatch(name):
            raise InvalidArgumentError(
                f"per_arch {text!r}: {name!r} is the result of a training: give it as the metric "
                f"{name}@EPOCH={column}"
            )
        if name in (*KEYS, "status") or name in found:
            taken = "given twice" if name in found else "the name of a key"
            raise InvalidArgumentError(f"per_arch {text!r}: {name!r} is {taken}")
        found[name] = Assignment(name, column, factor)
    return list(found.values())


def _sides(text: object, option: str, form: str) -> tuple[str, str, float | None]:
    """Return left side, column and factor of ``LEFT=COLUMN`` or ``LEFT=COLUMN*FACTOR``."""
    left, equals, column = text.partition("=") if isinstance(text, str) else ("", "", "")
    left, column = left.strip(), column.strip()
    if not equals or not left or not column:
        raise InvalidArgumentError(f"{option} {text!r} is not of the form {form}")
    scaled = _FACTOR.fullmatch(column)
    if scaled is None:
        return left, column, None
    factor = float(scaled[2])
    if factor in (0, float("inf"), float("-inf")):
        raise InvalidArgumentError(f"{option} {text!r}: {scaled[2]} is not a possible factor")
    return left, scaled[1].strip(), factor
