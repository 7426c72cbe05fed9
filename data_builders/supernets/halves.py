"""The examples of a supernet: two halves of the training examples of a table.

One half trains the weights, the other judges gates. Which example is where, and the order in every
epoch, are functions of the seed. No validation or test example of the table is among them.
"""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

import torch

from data_builders.images.datasets import Split
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe
from data_builders.training.reference import Tensors, epoch_images, tensors
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError
from nasbench.supernet import Batch

Half: TypeAlias = Literal["weights", "gates"]


class Halves(Protocol):
    """The two halves.

    Attributes:
        steps: Batches of an epoch, in either.
    """

    @property
    def steps(self) -> int: ...

    def batches(self, half: Half, epoch: int) -> Iterator[Batch]:
        """Iterate over the batches of an epoch, augmented as in the trainings of the table."""

    def judged(self) -> Batch:
        """Return all examples of the half for gates, not augmented."""


class ImageHalves:
    """Halves of training images.

    Those of epochs are augmented as in the recipe, in either half; what is judged as a whole is
    not.

    Args:
        recipe: The recipe of the table.
        split: Its images.
        seed: Seed of halves and orders.
        batch: Images of a batch; those that fill no batch are left out of an epoch.
        dtype: Type of images.
        device: Where they lie.
    """

    def __init__(
        self,
        recipe: ImageRecipe,
        split: Split,
        seed: int,
        batch: int,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        images = tensors(split, dtype, device)["train"]
        n = len(images.y) // 2
        self.steps = _steps(n, batch)
        order = torch.tensor(splitmix.permutation(splitmix.key("halves", seed), len(images.y)))
        self._parts = {
            "weights": _taken(images, order[:n]),
            "gates": _taken(images, order[n : 2 * n]),
        }
        self._recipe, self._batch = recipe, batch
        self._seeds = {half: splitmix.key(half, seed) for half in self._parts}

    def batches(self, half: Half, epoch: int) -> Iterator[Batch]:
        images = epoch_images(self._parts[half], self._recipe, self._seeds[half], epoch)
        for i in range(0, self.steps * self._batch, self._batch):
            yield Batch(images.x[i : i + self._batch], images.y[i : i + self._batch])

    def judged(self) -> Batch:
        return Batch(self._parts["gates"].x, self._parts["gates"].y)


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
        self.steps = _steps(recipe.train // 2, batch)
        self._seeds = {half: splitmix.key("supernet", half, seed) for half in ("weights", "gates")}

    def batches(self, half: Half, epoch: int) -> Iterator[Batch]:
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            yield self._made(self._seeds[half], step, self._batch)

    def judged(self) -> Batch:
        return self._made(self._seeds["gates"] ^ 1, 0, self._recipe.train // 2)

    def _made(self, seed: int, step: int, n: int) -> Batch:
        made = self._recipe.task.batch(seed, step, n)
        return Batch(*(torch.from_numpy(part).to(self._device) for part in made))


def halves_of(
    recipe: Recipe,
    split: Split | None,
    seed: int,
    batch: int,
    dtype: torch.dtype,
    device: str,
) -> Halves:
    """Return the halves of a recipe's training examples.

    Args:
        recipe: The recipe.
        split: Images of a recipe of images.
        seed: Seed of halves and orders.
        batch: Examples of a batch.
        dtype: Type of images.
        device: Where the examples lie.

    Raises:
        InvalidArgumentError: A batch is larger than a half.
    """
    if isinstance(recipe, TaskRecipe):
        return TaskHalves(recipe, seed, batch, device)
    assert isinstance(recipe, ImageRecipe)
    assert split is not None
    return ImageHalves(recipe, split, seed, batch, dtype, device)


def _steps(n: int, batch: int) -> int:
    if not 1 <= batch <= n:
        raise InvalidArgumentError(
            f"batch_size = {batch} is not possible: half of the training examples are {n}"
        )
    return n // batch


def _taken(images: Tensors, places: torch.Tensor) -> Tensors:
    places = places.to(images.x.device)
    return Tensors(images.x[places], images.y[places])
