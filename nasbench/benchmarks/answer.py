"""What a query returns: numbers by name, with an explanation of what is missing."""

from collections.abc import Callable

from nasbench.errors import NotRecordedError


class Answer(dict[str, float]):
    """What :meth:`Benchmark.query` returns: a dict that explains what it does not hold."""

    __slots__ = ("_explain",)

    def __init__(
        self, values: dict[str, float], explain: Callable[[str], NotRecordedError]
    ) -> None:
        super().__init__(values)
        self._explain = explain

    def __missing__(self, name: str) -> float:
        raise self._explain(name)
