"""The result of a query: numbers by name, and an explanation for missing names."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from nasbench.errors import NotRecordedError


class Answer(dict[str, float]):
    """The result of :meth:`Benchmark.query`.

    Args:
        values: Number by name.
        explain: Makes the error for a name that is missing.

    Raises:
        NotRecordedError: A name is read that is not among the values.
    """

    __slots__ = ("_explain",)

    def __init__(
        self, values: dict[str, float], explain: Callable[[str], NotRecordedError]
    ) -> None:
        super().__init__(values)
        self._explain = explain

    def __missing__(self, name: str) -> float:
        raise self._explain(name)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array read-only, before it is handed out, and return it."""
    array.flags.writeable = False
    return array
