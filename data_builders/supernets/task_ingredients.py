"""What a supernet of a table of sequence models is made of."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from data_builders import NETWORKS
from data_builders.supernets.halves import Half, steps_of
from data_builders.supernets.shared_seqmix import SharedSeqMix
from data_builders.task_recipe import TaskRecipe, made_task
from data_builders.training.task_reference import sizes
from nasbench import splitmix
from nasbench.supernet import Batch


class TaskIngredients:
    """Shared layers and new sequences; see :mod:`data_builders.supernets.ingredients`.

    Args:
        values: The hyperparameters of the recipe, with the task as a mapping.
    """

    recipe_type = TaskRecipe

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.recipe = TaskRecipe(**{**values, "task": made_task(values["task"], "recipe, task")})
        self.width = self.recipe.width

    @property
    def code(self) -> tuple[type, ...]:
        return NETWORKS.load(self.recipe.network), type(self.recipe.task)

    def network(self, width: int, partial: int) -> SharedSeqMix:
        return SharedSeqMix(**{**sizes(self.recipe), "width": width}, partial=partial)

    def halves(self, seed: int, batch: int, dtype: torch.dtype, device: str) -> "TaskHalves":
        return TaskHalves(self.recipe, seed, batch, device)


class TaskHalves:
    """New sequences in every step, as in the trainings of the table; no two steps share any.

    Args:
        recipe: The recipe of the table.
        seed: Seed of the sequences.
        batch: Sequences of a batch.
        device: Where they lie.
    """

    def __init__(self, recipe: TaskRecipe, seed: int, batch: int, device: str) -> None:
        self._recipe, self._batch, self._device = recipe, batch, device
        self.steps = steps_of(recipe.train // 2, batch)
        self._seeds = {half: splitmix.key("supernet", half, seed) for half in ("weights", "gates")}

    def batches(self, half: Half, epoch: int) -> Iterator[Batch]:
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            yield self._made(self._seeds[half], step, self._batch)

    def judged(self) -> Batch:
        return self._made(self._seeds["gates"] ^ 1, 0, self._recipe.train // 2)

    def _made(self, seed: int, step: int, n: int) -> Batch:
        made = self._recipe.task.batch(seed, step, n)
        return Batch(*(torch.from_numpy(part).to(self._device) for part in made))
