"""The errors that the suite raises on purpose.

A message says what was given, what is possible and, for names, the nearest guess. The command line
prints it as one line and exits with code 2.
"""

import difflib
import re
from collections.abc import Iterable
from itertools import chain

LONGEST = 2_000
"""Characters of a message; what it quotes may come from a file that anybody wrote."""
_LONGEST_NAME = 100


class NasbenchError(Exception):
    """Base class of all errors of the suite.

    Its text is printable whatever it quotes, and at most :data:`LONGEST` characters long.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) > LONGEST:
            half = LONGEST // 2 - 2
            text = f"{text[:half]} … {text[-half:]}"
        return printable(text)


class UnknownNameError(NasbenchError, LookupError):
    """There is no benchmark, algorithm, space, column or preset of this name."""


class IllegalArchError(NasbenchError, ValueError):
    """A tuple or text is not an architecture of the space."""


class NotRecordedError(NasbenchError, LookupError):
    """The question is valid, but the benchmark does not record the answer."""


class InvalidArgumentError(NasbenchError, ValueError):
    """An argument has an impossible value."""


class AlgorithmError(NasbenchError, RuntimeError):
    """An algorithm broke the contract of ``ask`` and ``tell``."""


class BudgetExhausted(NasbenchError, RuntimeError):
    """The budget of a run is spent: the trial that was asked for is not part of it."""


class MissingExtraError(NasbenchError, ImportError):
    """A feature needs an optional package that is not installed."""


class TableError(NasbenchError, ValueError):
    """A table file cannot be trusted; the subclasses say why."""


class UnreadableTableError(TableError):
    """A file is not a Parquet file, is truncated, or has damaged bytes."""


class SchemaError(TableError):
    """Columns, types or metadata of a table differ from the schema."""


class ContentHashError(TableError):
    """The numbers of a table do not match the hash in its metadata."""


class ValueRangeError(TableError):
    """A number is outside the possible range of its column."""


class RecordError(NasbenchError, ValueError):
    """A folder of run records is damaged or belongs to another search."""


class ArchiveError(NasbenchError, ValueError):
    """A published archive is damaged, is not the known one, or contains code."""


class SurrogateError(NasbenchError, ValueError):
    """Files of a fitted surrogate are damaged, or it must not be published."""


class BuildError(NasbenchError, RuntimeError):
    """A build folder is damaged or belongs to another recipe."""


def one_of(given: object, possible: Iterable[object], *, limit: int = 12) -> str:
    """Write the end of a message about an unknown name: the nearest guess and what is possible.

    Initials stand for a name of several words: ``rf`` for ``random_forest``.

    Args:
        given: What the user wrote.
        possible: All acceptable values.
        limit: Number of values to list at most.

    Returns:
        A text such as ``"; did you mean 'nb201-cifar10'? Possible: 'a', 'b'"``.
    """
    names = [str(name) for name in possible]
    text = (given if isinstance(given, str) else shown(given))[:_LONGEST_NAME]
    near = _nearest(text, names)
    guess = "." if near is None else f"; did you mean {near!r}?"
    return f"{guess} Possible: {listed(names, limit=limit)}"


def _nearest(text: str, names: list[str]) -> str | None:
    """The nearest guess: a slip of the pen, else an abbreviation, else what looks similar."""
    slips = difflib.get_close_matches(text, names, n=1, cutoff=0.75)
    abbreviated = (name for name in names if len(text) > 1 and _initials(name) == text.lower())
    similar = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    return next(chain(slips, abbreviated, similar), None)


def _initials(name: str) -> str:
    return "".join(word[:1] for word in re.split("[_ -]", name.lower()))


def listed(names: Iterable[object], *, limit: int = 12) -> str:
    """Write names in quotes, separated by commas; ``"none"`` if there are none.

    Args:
        names: The names.
        limit: Number of names to list at most; if there are more, the text says how many.
    """
    quoted = [repr(str(name)) for name in names]
    more = f", … ({len(quoted)} in all)" if len(quoted) > limit else ""
    return f"{', '.join(quoted[:limit]) or 'none'}{more}"


def printable(text: str) -> str:
    """Return a text with control characters, and others that terminals obey, as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    try:
        message = str(error).strip()
    except Exception:  # code of others
        message = ""
    return next(iter(message.splitlines()), type(error).__name__)


def shown(thing: object, limit: int = 100) -> str:
    """Write any object for a message, on one line; of what cannot be written, its type.

    That is so of integers with thousands of digits, lists nested thousands deep, and classes of
    others whose ``__repr__`` fails.

    Args:
        thing: The object.
        limit: Number of characters at most.
    """
    try:
        text = repr(thing)
    except Exception:
        text = f"<{type(thing).__name__}>"
    return (" ".join(text.split()) if "\n" in text else text)[:limit]
