"""Plug-ins: what other distributions add to the registries, by their entry points."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

NAMELESS = "a plug-in"
"""What stands for the name of a distribution that does not tell it."""


class Plugin(NamedTuple):
    """Something that another distribution adds to a registry.

    Attributes:
        place: ``"module:attribute"``.
        origin: Name and version of the distribution; of several, if they use the same name.
        problem: Why it cannot be used, as far as that is known before it is imported.
    """

    place: str
    origin: str
    problem: str = ""


def plugins(group: str) -> dict[str, Plugin]:
    """Return what the installed distributions add to an entry-point group, by name.

    Two distributions with the same name for different things have a problem, since their order is
    that of the folders on the Python path. A distribution whose list of entry points cannot be read
    hides no other; if it mentions the group, it stands under its own name, with the problem.
    """
    found: dict[str, Plugin] = {}
    for name, plugin in _points(group):
        first = found.setdefault(name, plugin)
        if plugin != first:
            found[name] = _both(name, first, plugin)
    return found


def _both(name: str, first: Plugin, other: Plugin) -> Plugin:
    origin = f"{first.origin} and {other.origin}"
    if first.place == other.place or first.problem:
        return first._replace(origin=origin)
    problem = (
        f"{origin} both add a {name!r}: uninstall one of them, or write {first.place!r} or "
        f"{other.place!r}"
    )
    return Plugin(first.place, origin, problem)


def _points(group: str) -> Iterator[tuple[str, Plugin]]:
    from importlib import metadata

    try:
        points: Iterable[Any] = metadata.entry_points(group=group)
    except Exception:  # one damaged file anywhere; its distribution is found below
        yield from _one_by_one(group)
        return
    for point in points:
        yield point.name, _plugin(point, _name(point.dist))


def _one_by_one(group: str) -> Iterator[tuple[str, Plugin]]:
    """What the distributions add whose entry points can be read, and the others."""
    from importlib.metadata import distributions

    seen: set[str] = set()
    for distribution in distributions():
        origin = _name(distribution)
        name = _folder(distribution) if origin == NAMELESS else origin.partition(" ")[0]
        if name in seen:
            continue
        seen.add(name)
        try:
            points = [point for point in distribution.entry_points if point.group == group]
        except Exception as error:  # whatever the reader of the file makes of its damage
            if _mentions(distribution, group):
                problem = f"{origin} has a damaged entry_points.txt: {error}"
                yield name, Plugin("", origin, problem)
            continue
        for point in points:
            yield point.name, _plugin(point, origin)


def _plugin(point: Any, origin: str) -> Plugin:
    place = point.value.partition("[")[0].strip()  # extras may follow
    module, colon, attribute = place.partition(":")
    problem = ""
    if not (colon and attribute.isidentifier() and all(map(str.isidentifier, module.split(".")))):
        problem = f"{origin} places it at {point.value!r}, which is not 'module:Class'"
    elif ":" in point.name:
        problem = f"{origin} gives it a name with a colon, which means a module: write {place!r}"
    return Plugin(place, origin, problem)


def _name(distribution: Any) -> str:
    """Name and version of a distribution, as far as it tells them."""
    try:
        name, version = distribution.name, distribution.version
    except Exception:  # without a readable METADATA
        return NAMELESS
    return " ".join(text for text in (name, version) if text) or NAMELESS


def _folder(distribution: Any) -> str:
    """Name of the folder of metadata of a distribution."""
    return getattr(getattr(distribution, "_path", None), "name", NAMELESS)


def _mentions(distribution: Any, group: str) -> bool:
    path: Any = getattr(distribution, "_path", None)
    try:
        return f"[{group}]".encode() in (path / "entry_points.txt").read_bytes()
    except (OSError, TypeError, AttributeError):
        return False
