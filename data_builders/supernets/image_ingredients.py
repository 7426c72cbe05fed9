"""What a supernet of a table of images is made of."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import torch

from data_builders import NETWORKS
from data_builders.images.datasets import Split, load_split
from data_builders.recipe import ImageRecipe
from data_builders.supernets.halves import Half, steps_of
from data_builders.supernets.shared201 import Shared201
from data_builders.training.reference import Tensors, epoch_images, tensors
from nasbench import splitmix
from nasbench.supernet import Batch


class ImageIngredients:
    """Shared cells and halves of images; see :mod:`data_builders.supernets.ingredients`.

    Args:
        values: The hyperparameters of the recipe.
    """

    recipe_type = ImageRecipe

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.recipe = ImageRecipe(**values)
        self.width = self.recipe.channels

    @property
    def code(self) -> tuple[type, ...]:
        return (NETWORKS.load(self.recipe.network),)

    def network(self, width: int, partial: int) -> Shared201:
        return Shared201(
            NETWORKS.load(self.recipe.network),
            channels=width,
            cells=self.recipe.cells,
            image_channels=self._split.train.x.shape[3],
            n_classes=self._split.n_classes,
            partial=partial,
        )

    def halves(self, seed: int, batch: int, dtype: torch.dtype, device: str) -> "ImageHalves":
        return ImageHalves(self.recipe, self._split, seed, batch, dtype, device)

    @cached_property
    def _split(self) -> Split:
        return load_split(self.recipe)


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
        self.steps = steps_of(n, batch)
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


def _taken(images: Tensors, places: torch.Tensor) -> Tensors:
    places = places.to(images.x.device)
    return Tensors(images.x[places], images.y[places])
