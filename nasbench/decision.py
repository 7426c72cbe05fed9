"""One decision of a search space, and its options."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a space.

    Attributes:
        name: What is decided, such as ``"edge 0->1"``.
        labels: Name of every option; the option with number ``k`` is ``labels[k]``.
        kind: ``"categorical"``, ``"ordinal"`` (the order of the options has a meaning) or
            ``"numeric"``.
        values: The options as numbers if ``kind`` is ``"numeric"``; otherwise empty.
    """

    name: str
    labels: tuple[str, ...]
    kind: Literal["categorical", "ordinal", "numeric"] = "categorical"
    values: tuple[float, ...] = ()
