"""From what a table says of its trainings back to the recipe and the calibration."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from data_builders.costs.calibration import Calibration
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe, made_task
from nasbench.errors import InvalidArgumentError, NasbenchError, first_line


def recorded(recipe: Mapping[str, Any], name: str) -> tuple[Recipe, Calibration]:
    """Return the recipe of a table's trainings and the calibration of its seconds.

    Args:
        recipe: What the table's metadata say.
        name: Name of the table, for messages.

    Raises:
        InvalidArgumentError: The table was not trained by this suite, or says too little.
    """
    kind: Any = TaskRecipe if "task" in recipe else ImageRecipe
    names = [field.name for field in fields(kind)]
    if missing := [key for key in (*names, "calibration") if key not in recipe]:
        raise InvalidArgumentError(
            f"{name!r} was not trained by this suite, and has no supernet: its recipe does not say "
            f"{', '.join(missing[:3])}"
        )
    values = {key: recipe[key] for key in names}
    try:
        if kind is TaskRecipe:
            values["task"] = made_task(values["task"], name)
        return kind(**values), Calibration.decode(recipe["calibration"])
    except (NasbenchError, ValueError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(f"the recipe of {name!r}: {first_line(error)}") from error
