"""From a recipe to its course."""

from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe
from data_builders.training.course import Course
from data_builders.training.image_course import ImageCourse
from data_builders.training.task_course import TaskCourse
from nasbench.errors import InvalidArgumentError


def course_of(recipe: Recipe) -> Course:
    """Return the course of a recipe, with its data loaded or made.

    Raises:
        UnknownNameError: There is no such data set.
        InvalidArgumentError: The data are not available, or do not suit the recipe.
        ArchiveError: A published data set is damaged, or differs from the published one.
    """
    if isinstance(recipe, ImageRecipe):
        return ImageCourse.of(recipe)
    if isinstance(recipe, TaskRecipe):
        return TaskCourse.of(recipe)
    raise InvalidArgumentError(f"{recipe!r} is neither a recipe of images nor one of a task")
