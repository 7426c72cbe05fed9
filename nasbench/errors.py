"""Errors that the suite raises on purpose.

Every message says what was given, what is possible and, where names are involved, the nearest
guess. The command line prints it as one line and exits with code 2.
"""

import difflib
from collections.abc import Iterable


class NasbenchError(Exception):
    """Base of all errors below."""


class UnknownNameError(NasbenchError, LookupError):
    """A benchmark, algorithm, space, column or preset that does not exist."""


class IllegalArchError(NasbenchError, ValueError):
    """An architecture, as tuple or as text, that is not in the space."""


class NotRecordedError(NasbenchError, LookupError):
    """A legal question whose answer the benchmark does not hold."""


class InvalidArgumentError(NasbenchError, ValueError):
    """An argument outside its possible values."""


class AlgorithmError(NasbenchError, RuntimeError):
    """An algorithm broke the contract of ``ask`` and ``tell``."""


class MissingExtraError(NasbenchError, ImportError):
    """A feature needs an optional dependency that is not installed."""


class TableError(NasbenchError, ValueError):
    """A table file that cannot be trusted; the subclasses say why."""


class UnreadableTableError(TableError):
    """Not a Parquet file, truncated, or bytes damaged."""


class SchemaError(TableError):
    """Columns, types or metadata differ from the schema."""


class ContentHashError(TableError):
    """The numbers differ from those that the hash in the metadata was made from."""


class ValueRangeError(TableError):
    """A number outside what its column can physically hold."""


class RecordError(NasbenchError, ValueError):
    """A folder of run records that is damaged or belongs to another search."""


class ArchiveError(NasbenchError, ValueError):
    """A published archive that is damaged, is another than the known one, or holds code."""


class SurrogateError(NasbenchError, ValueError):
    """A fitted surrogate whose files are damaged, or that must not be published."""


class BuildError(NasbenchError, RuntimeError):
    """A build folder that is damaged or belongs to another recipe."""


def one_of(given: object, possible: Iterable[object], *, limit: int = 12) -> str:
    """Tail of a message about an unknown name: the nearest guess, then what is possible.

    Args:
        given: What the user wrote.
        possible: Every acceptable value.
        limit: How many values to list before the list is cut.

    Returns:
        A text such as ``"; did you mean 'nb201-cifar10'? Possible: 'a', 'b'"``.
    """
    names = [str(name) for name in possible]
    close = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    guess = f"; did you mean {close[0]!r}?" if close else "."
    return f"{guess} Possible: {listed(names, limit=limit)}"


def listed(names: Iterable[object], *, limit: int = 12) -> str:
    """Names in quotes, separated by commas: the first ``limit`` of them, "none" without any."""
    quoted = [repr(str(name)) for name in names]
    more = f", … ({len(quoted)} in all)" if len(quoted) > limit else ""
    return f"{', '.join(quoted[:limit]) or 'none'}{more}"


def first_line(error: BaseException) -> str:
    """The first line of the message of a library's error; the name of its class without one."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
