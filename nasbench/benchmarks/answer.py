"""The result of a query: numbers by name, and an explanation for missing names."""

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from nasbench.errors import NotRecordedError
from nasbench.space import Arch


class Source(Protocol):
    """Where an answer comes from, asked for what is not among its numbers."""

    def texts(self, arch: Arch) -> Mapping[str, str]:
        """Return the recorded texts of an architecture by name."""
        ...

    def missing(self, name: str, answer: "Answer") -> NotRecordedError:
        """Make the error for a name that an answer lacks."""
        ...


class Answer(dict[str, float]):
    """The result of :meth:`Benchmark.query`: number by name.

    A text of the architecture is read by its name too, but only when it is asked for, so that
    queries for numbers stay fast.

    Attributes:
        source: Where it comes from.
        arch: The architecture.

    Raises:
        NotRecordedError: A name is read that is neither a number nor a text.
    """

    __slots__ = ("arch", "source")

    arch: Arch
    source: Source

    @property
    def texts(self) -> Mapping[str, str]:
        """Recorded texts of the architecture by name."""
        return self.source.texts(self.arch)

    def __missing__(self, name: str) -> Any:
        text = self.texts.get(name)
        if text is None:
            raise self.source.missing(name, self)
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the numbers; the copy is a plain dict."""
        return dict, (dict(self),)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array read-only, before it is handed out, and return it."""
    array.flags.writeable = False
    return array
