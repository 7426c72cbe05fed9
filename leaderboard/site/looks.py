"""Looks of rows: a colour for each family of algorithms, dashes and markers within it."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from nasbench.siblings import SIBLINGS

Look: TypeAlias = Mapping[str, str | int]

BASELINE, OTHER = "baseline", "other"
"""Families of algorithms outside the folders of the suite: its random search, and those of others.
"""

HUES = {
    "evolution": 0,
    "bayesian": 1,
    "local": 2,
    "predictor": 3,
    "multi_fidelity": 4,
    "reinforcement": 5,
    "tree_search": 6,
    "adapters": 7,
    BASELINE: 8,
    OTHER: 9,
    "distribution": 10,
    "multi_objective": 0,
    "constrained": 2,
    "zero_cost": 4,
    "oneshot.paths": 6,
    "oneshot.relaxed": 3,
    "oneshot.stochastic": 1,
}
"""Colour of each family. Families that share one seldom meet on a board: they need a supernet,
several objectives or numbers known before training."""

DASHES = ("solid", "dash", "dashdot", "longdash", "shortdash")
MARKERS = (
    *("", "circle", "square", "diamond", "triangle", "cross"),
    *("ring", "box", "lozenge", "wedge", "bar"),
)
CAPACITY = len(DASHES) * len(MARKERS)
"""Looks of one colour that differ."""


def family(algorithm: str) -> str:
    """Family of an algorithm: the folder in which its registered class lies; nothing is imported.

    Args:
        algorithm: Its name in a manifest.
    """
    place = SIBLINGS.load("algorithms").place(algorithm)
    if place is None:
        return OTHER
    package, *folders = place.partition(":")[0].split(".")
    if package != "algorithms":
        return OTHER
    return ".".join(folders[:-1]) or BASELINE


def family_name(name: str) -> str:
    """A family in words."""
    return name.replace("_", " ").replace("oneshot.", "one-shot, ")


def hue(family: str) -> int:
    """Number of the colour of a family."""
    return HUES.get(family, HUES[OTHER])


def looks(rows: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """Looks of labels; no two are the same as long as a colour has no more than :data:`CAPACITY`.

    Args:
        rows: Labels and algorithms, in the order in which looks are given.
    """
    found: dict[str, Look] = {}
    used: dict[int, int] = {}
    for label, algorithm in rows:
        if label not in found:
            colour = hue(family(algorithm))
            place = used.get(colour, 0)
            used[colour] = place + 1
            found[label] = {
                "hue": colour,
                "dash": DASHES[place % len(DASHES)],
                "marker": MARKERS[place // len(DASHES) % len(MARKERS)],
            }
    return found
