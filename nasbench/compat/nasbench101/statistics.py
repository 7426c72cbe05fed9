"""Statistics of all modules as a dict, whose values are made when they are first asked for."""

import copy
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, Final

from nasbench.compat.nasbench101.model_spec import UnknownModuleError
from nasbench.compat.nasbench101.records import Records
from nasbench.storage.locks import MemberLock

_MISSING: Final = object()
UNMADE: Final = object()
"""What ``dict`` itself holds in place of a value that nobody has asked for."""


class Statistics(dict[str, Any]):
    """A dict that answers like one filled from the table, and keeps what is changed in it.

    All 423,624 values of the original take gigabytes; here, only those that were asked for exist.
    A pickle of it alone is that of a plain dict, with all values.

    Args:
        records: Where values come from.
        kind: Method of ``records`` that makes the value at a position.
        keys: All keys; those of ``records`` by default.
        made: Keys with values that exist.
    """

    def __init__(
        self,
        records: Records,
        kind: str,
        keys: Iterable[str] | None = None,
        made: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(dict.fromkeys(records.positions if keys is None else keys, UNMADE))
        self.update(made or {})
        self._records, self._kind = records, kind
        self._lock = MemberLock()

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if value is not UNMADE:
            return value
        with self._lock:
            value = super().__getitem__(key)
            if value is UNMADE:
                value = getattr(self._records, self._kind)(self._records.positions[key])
                self[key] = value
        return value

    def __iter__(self) -> Iterator[str]:  # a dict that has its own is copied through __getitem__
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or ``default`` for another key."""
        return self[key] if super().__contains__(key) else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return a value, which becomes ``default`` for another key."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Remove a key and return its value, or ``default`` for another key."""
        if key not in self and default is not _MISSING:
            return default
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last key, and return it with its value."""
        for key in reversed(self):
            return key, self.pop(key)
        raise KeyError("no module is left")

    def values(self) -> Any:
        """Return a view of the values, which makes them when they are read."""
        return ValuesView(self)

    def items(self) -> Any:
        """Return a view of keys and values, which makes the values when they are read."""
        return ItemsView(self)

    def copy(self) -> dict[str, Any]:
        """Return a plain dict with all values."""
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def __eq__(self, other: object) -> bool:
        return dict(self) == other

    __hash__ = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} modules>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(Compact(self), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter(self.items())


class Compact:
    """Stands for statistics in a pickle or deep copy, without the values that are not made."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def __reduce__(self) -> tuple[Any, ...]:
        whole = self._statistics
        records, keys = whole._records, list(whole)
        made = {key: value for key, value in dict.items(whole) if value is not UNMADE}
        is_whole = keys == list(records.positions)
        return Statistics, (records, whole._kind, None if is_whole else keys, made)


def made(statistics: dict[str, Any], module: str) -> Any:
    """Return a value if it is made, else None.

    Raises:
        UnknownModuleError: No module has this name.
    """
    try:
        value = dict.__getitem__(statistics, module)
    except KeyError as error:
        raise no_module(module) from error
    return None if value is UNMADE else value


def no_module(name: str) -> UnknownModuleError:
    """Return the error about a name that no module has."""
    return UnknownModuleError(f"no module has the hash {name!r}")
