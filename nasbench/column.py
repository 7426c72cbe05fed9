"""The meaning of a column of numbers: unit, split, direction, possible range."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import index
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import SchemaError
from nasbench.storage.documents import parse_json

SPLITS = ("train", "valid", "valtest", "test")
_TEXTS = ("unit", "goal", "split", "description")
GOALS = ("max", "min", "")
RANGES: Mapping[str, tuple[float, float]] = {
    "%": (0.0, 100.0),
    "s": (0.0, float("inf")),
    "ms": (0.0, float("inf")),
    "1": (0.0, float("inf")),
    "nat": (float("-inf"), float("inf")),
    "": (float("-inf"), float("inf")),
}


@dataclass(frozen=True, slots=True)
class Column:
    """Meaning of a column of numbers or text.

    Attributes:
        name: ``<split>_<metric>`` for a result of a training, otherwise
            ``<metric>[_<device>][_<unit>]``.
        unit: ``"%"``, ``"s"``, ``"ms"``, ``"nat"``, ``"1"`` for a count, or ``""`` for anything
            else.
        goal: ``"max"``, ``"min"`` or ``""``.
        split: Images that the number was measured on: ``"train"``, ``"valid"``, ``"valtest"``,
            ``"test"``, or ``""`` for none.
        description: Anything else a reader must know.
        epochs: Recorded epochs by schedule, only for schedules in which they are fewer than those
            of the table.
    """

    name: str
    unit: str = ""
    goal: Literal["max", "min", ""] = ""
    split: str = ""
    description: str = ""
    epochs: Mapping[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, description: str = "") -> Self:
        """Return the column that the naming rules give for ``name``."""
        split = next((s for s in SPLITS if name.startswith(f"{s}_")), "")
        metric = name[len(split) + 1 :] if split else name
        goal: Literal["max", "min", ""]
        if metric == "accuracy":
            unit, goal = "%", "max"
        elif metric == "loss":
            unit, goal = "nat", "min"
        elif metric == "seconds" or name.endswith("_seconds"):
            unit, goal, split = "s", "min", ""
        elif re.search(r"latency.*_ms$", name):
            unit, goal = "ms", "min"
        elif name in ("parameters", "macs"):
            unit, goal = "1", "min"
        else:
            unit, goal = "", ""
        return cls(name, unit, goal, split, description)

    def recorded(self, schedule: int, epochs: list[int]) -> list[int]:
        """Return the epochs of a schedule at which the column has values.

        Args:
            schedule: The schedule.
            epochs: The epochs that the table records in it.
        """
        return self.epochs.get(schedule, epochs)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest possible value."""
        return RANGES.get(self.unit, RANGES[""])

    def clip(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return predicted values, the impossible ones moved to the end of the range."""
        return np.clip(values, *self.range)

    def encode(self) -> dict[str, str]:
        """Return the column as field metadata of a Parquet file."""
        texts = {key: text for key in _TEXTS if (text := getattr(self, key))}
        if self.epochs:
            texts["epochs"] = json.dumps(self.epochs, sort_keys=True)
        return texts

    @classmethod
    def decode(cls, name: str, metadata: Mapping[bytes, bytes] | None) -> Self:
        """Read a column; the inverse of :meth:`encode`.

        Raises:
            SchemaError: The metadata is not text, has an unknown goal, or its epochs are not lists.
        """
        try:
            texts = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
            epochs = decode_epochs(parse_json(texts.pop("epochs"))) if "epochs" in texts else {}
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise SchemaError(f"the metadata of column {name!r} is damaged: {error}") from error
        if texts.get("goal", "") not in GOALS:
            raise SchemaError(f"column {name!r} has the goal {texts['goal']!r}, not one of {GOALS}")
        given = {key: text for key, text in texts.items() if key in _TEXTS}
        return cls(name=name, epochs=epochs, **given)  # type: ignore[arg-type]


def decode_epochs(document: Any) -> dict[int, list[int]]:
    """Return epochs by schedule; in JSON the schedules are texts.

    Raises:
        TypeError: An epoch is no integer.
        ValueError: A schedule is none.
        AttributeError: The document is no object.
    """
    return {int(schedule): list(map(index, epochs)) for schedule, epochs in document.items()}
