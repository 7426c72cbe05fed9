"""What a user says of the columns of a file: ``valid_accuracy@200=COLUMN*100``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nasbench.errors import InvalidArgumentError, one_of
from nasbench.tables.schema import KEYS, SPLITS

COSTS = ("seconds", "validation_seconds")
LONGEST_SCHEDULE = 1_000_000
_EXAMPLES = ("valid_accuracy", "valid_loss", "test_accuracy", "test_loss", "train_loss", *COSTS)
NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_FACTOR = re.compile(rf"(.+)\*({NUMBER})")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_METRIC = re.compile(rf"({'|'.join(SPLITS)})_[A-Za-z0-9_]+|{'|'.join(COSTS)}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which column of a file holds a quantity.

    Attributes:
        name: Of the quantity.
        column: Of the file.
        factor: What the column is multiplied by; None where none was given.
    """

    name: str
    column: str
    factor: float | None

    @property
    def text(self) -> str:
        """The column and its factor, for people."""
        return f"{self.column!r}" + ("" if self.factor is None else f" times {self.factor:g}")


Metrics = Mapping[str, Mapping[int, Sequence[Assignment]]]
"""Columns of each metric at each epoch, in the order of the seeds."""


def parse_metrics(texts: Iterable[str]) -> dict[str, dict[int, list[Assignment]]]:
    """Metrics of ``["valid_accuracy@200=COLUMN", "seconds@200=COLUMN*3600"]``.

    Raises:
        InvalidArgumentError: Another form, a metric without a split, or an impossible epoch.
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
                f"metric {text!r}: {name!r} is no cost and does not begin with the images that it "
                f"was measured on ({', '.join(f'{split}_' for split in SPLITS)}); what needs no "
                f"training is per_arch{one_of(name, _EXAMPLES)}"
            )
        metrics.setdefault(name, {}).setdefault(int(epoch), []).append(
            Assignment(name, column, factor)
        )
    return metrics


def parse_per_arch(texts: Iterable[str]) -> list[Assignment]:
    """Quantities of ``["latency_pixel3_ms=COLUMN", "parameters=COLUMN*1e6"]``.

    Raises:
        InvalidArgumentError: Another form, a name twice, or a name that is taken.
    """
    found: dict[str, Assignment] = {}
    for text in texts:
        name, column, factor = _sides(text, "per_arch", "NAME=COLUMN")
        if not _NAME.fullmatch(name):
            raise InvalidArgumentError(
                f"per_arch {text!r}: the name {name!r} must be made of letters, digits and '_', a "
                "letter first"
            )
        if _METRIC.fullmatch(name):
            raise InvalidArgumentError(
                f"per_arch {text!r}: {name!r} comes out of a training and is a metric: "
                f"{name}@EPOCH={column}"
            )
        if name in (*KEYS, "status") or name in found:
            taken = "given twice" if name in found else "the name of a key"
            raise InvalidArgumentError(f"per_arch {text!r}: {name!r} is {taken}")
        found[name] = Assignment(name, column, factor)
    return list(found.values())


def _sides(text: object, option: str, form: str) -> tuple[str, str, float | None]:
    """Left side, column and factor of ``LEFT=COLUMN`` or ``LEFT=COLUMN*FACTOR``."""
    left, equals, column = text.partition("=") if isinstance(text, str) else ("", "", "")
    left, column = left.strip(), column.strip()
    if not equals or not left or not column:
        raise InvalidArgumentError(f"{option} {text!r} is not of the form {form}")
    scaled = _FACTOR.fullmatch(column)
    if scaled is None:
        return left, column, None
    factor = float(scaled[2])
    if factor in (0, float("inf"), float("-inf")):
        raise InvalidArgumentError(f"{option} {text!r}: {scaled[2]} is no factor")
    return left, scaled[1].strip(), factor
