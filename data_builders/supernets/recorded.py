"""From what a table says of its trainings to the ingredients of supernets and the calibration."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from data_builders.costs.calibration import Calibration
from data_builders.supernets.ingredients import INGREDIENTS, Ingredients
from nasbench.errors import InvalidArgumentError, NasbenchError, first_line


def recorded(recipe: Mapping[str, Any], name: str) -> tuple[Ingredients, Calibration]:
    """Return the ingredients of supernets, and the calibration of their seconds.

    Args:
        recipe: What the table's metadata say.
        name: Name of the table, for messages.

    Raises:
        InvalidArgumentError: The table was not trained by this suite, or says too little, or its
            networks have no supernet.
    """
    if missing := [key for key in ("network", "calibration") if key not in recipe]:
        raise InvalidArgumentError(_says_too_little(name, missing))
    try:
        kind = INGREDIENTS.load_registered(recipe["network"])
    except NasbenchError as error:
        raise InvalidArgumentError(f"{name!r} has no supernet: {first_line(error)}") from error
    names = [field.name for field in fields(kind.recipe_type)]
    if missing := [key for key in names if key not in recipe]:
        raise InvalidArgumentError(_says_too_little(name, missing))
    try:
        ingredients = kind({key: recipe[key] for key in names})
        return ingredients, Calibration.decode(recipe["calibration"])
    except (NasbenchError, ValueError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(f"the recipe of {name!r}: {first_line(error)}") from error


def _says_too_little(name: str, missing: list[str]) -> str:
    return (
        f"{name!r} was not trained by this suite, and has no supernet: its recipe does not say "
        f"{', '.join(missing[:3])}"
    )
