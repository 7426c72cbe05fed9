"""What is known of an algorithm without importing it: its source, if it is of the suite."""

from typing import Any

from leaderboard.site.looks import family, family_name
from nasbench.siblings import SIBLINGS


def about(algorithm: str) -> dict[str, Any]:
    """Family, description, paper and hyperparameters, as far as they are known.

    Args:
        algorithm: Its name in a manifest. Code that is not of the suite is never read: a manifest
            may name any module.
    """
    known: dict[str, Any] = {
        "name": algorithm,
        "family": family_name(family(algorithm)),
        "place": "",
        "description": [],
        "paper": [],
        "meanings": {},
        "presets": {},
    }
    place = SIBLINGS.load("algorithms").place(algorithm)
    if place is None:
        return known
    from nasbench.cli.docstrings import arguments, paragraphs
    from nasbench.cli.source import Source

    source = Source(place)
    presets = source.constant("presets")
    return known | {
        "place": source.place,
        "description": paragraphs(source.docstring),
        "paper": paragraphs(source.paper),
        "meanings": arguments(source.docstring),
        "presets": presets if isinstance(presets, dict) else {},
    }
